"""People of the cluster: who a user name and password, or an API key, belong to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlmon.elastic.access import credential_problem
from mlmon.elastic.client.client_errors import cluster_errors
from mlmon.elastic.client.official import ApiError
from mlmon.elastic.connect import open_configured
from mlmon.elastic.errors import AccessRefusedError

if TYPE_CHECKING:
    from mlmon.elastic.settings import Settings

_WRITE = "write"
_NO_SECURITY = frozenset({400, 404, 405, 500})
"""What answers where the endpoint has no handler: security is off."""


@dataclass(frozen=True, slots=True)
class Person:
    """Someone whose credentials the cluster knows.

    Args:
        name: The user's name; of an API key its owner's, and the key's.
        allowed: Whether the cluster lets them write to the index in question.
    """

    name: str
    allowed: bool


def has_users(settings: Settings) -> bool:
    """Return whether the cluster knows users: its security is on.

    Raises:
        ClusterError: It gave no answer.
    """
    client = open_configured(settings)
    try:
        client.security.authenticate()
    except ApiError as error:
        return error.meta.status not in _NO_SECURITY
    else:
        return True
    finally:
        client.close()


def person(settings: Settings, user: str, secret: str, index: str) -> Person | None:
    """Return whose credentials these are; None where the cluster does not know them.

    Args:
        settings: Which cluster.
        user: Name of a user; empty where the secret is an API key.
        secret: The user's password, or an API key in its encoded form.
        index: Where to write is what they ask for.

    Raises:
        ClusterError: The cluster gave no answer.
    """
    kinds = {"username": user, "password": secret} if user else {"api_key": secret}
    if any(credential_problem(text, kind) for kind, text in kinds.items()):
        return None
    client = open_configured(settings, (user, secret) if user else secret)
    try:
        with cluster_errors(client):
            known = client.security.authenticate()
            rights = client.security.has_privileges(
                index=[{"names": [index], "privileges": [_WRITE]}]
            )
    except AccessRefusedError:
        return None
    finally:
        client.close()
    name = str(known["username"])
    if "api_key" in known:
        name = f"{name} (API key {known['api_key'].get('name')})"
    return Person(name, bool(rights["has_all_requested"]))
