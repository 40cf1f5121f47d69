"""Sign-in of people: with the shared token and their name, or as users of the cluster."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from mlmon.elastic.errors import UserError
from mlmon.elastic.indices.names import INCIDENT_CHANGES, index_name
from mlmon.elastic.sign_in import has_users, person

if TYPE_CHECKING:
    from mlmon.elastic.settings import Settings
    from mlmon.report.serve.settings import ServeSettings


class People(Protocol):
    """A way to sign in.

    Attributes:
        asks_for: Labels of the two fields of the form.
        may_be_nameless: Whether the first field may be empty.
    """

    asks_for: tuple[str, str]
    may_be_nameless: bool

    def known(self, name: str, secret: str) -> str | None:
        """Return the name under which a person acts; None where they are not known.

        Raises:
            UserError: They are known and may not act, or it cannot be found out.
        """


@dataclass(frozen=True, slots=True)
class TokenPeople:
    """Whoever has the token; they give their name themselves."""

    token: str
    asks_for = "Your name", "Token"
    may_be_nameless = False

    def known(self, name: str, secret: str) -> str | None:
        """Return the name that was given with the right token."""
        right = secrets.compare_digest(secret.encode(), self.token.encode())
        return name if right and name else None


@dataclass(frozen=True, slots=True)
class ClusterPeople:
    """The cluster's users, and API keys, that may write incident changes."""

    settings: Settings
    namespace: str
    asks_for = "User (empty for an API key)", "Password or API key"
    may_be_nameless = True

    def known(self, name: str, secret: str) -> str | None:
        """Return the user's name as the cluster knows it."""
        index = index_name(INCIDENT_CHANGES, self.namespace)
        found = person(self.settings, name, secret, index)
        if found is not None and not found.allowed:
            raise UserError(
                f"{found.name} may not act on incidents",
                f"It needs the privilege to write to {index}, as the role mlmon_responder gives.",
            )
        return None if found is None else found.name


def people_of(serve: ServeSettings, settings: Settings) -> People | None:
    """Return how people sign in; None where they cannot.

    Raises:
        UserError: The token cannot be read, or the cluster knows no users.
    """
    token = serve.secret_token()
    if token is not None and serve.cluster_users:
        raise UserError(
            "A token and the cluster's users are both set for `mlmon serve`", "Keep one of them."
        )
    if token is not None:
        return TokenPeople(token)
    if not serve.cluster_users:
        return None
    if not has_users(settings):
        raise UserError(
            "The cluster knows no users: its security is off",
            "Set MLMON_SERVE_TOKEN_FILE instead of MLMON_SERVE_CLUSTER_USERS.",
        )
    return ClusterPeople(settings, settings.namespace)
