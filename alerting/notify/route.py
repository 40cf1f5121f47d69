"""Routes: which incidents go to which channel, declared as `[alerting.notify.<name>]`.

```toml
[alerting.notify.oncall]
type = "apprise"                     # any URL of apprise: Slack, Teams, …
url_file = "/run/secrets/slack"      # or url_env, url_keyring; `url` only where it is no secret
severity = "critical"
services = ["autobid-*"]
```
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from fnmatch import fnmatchcase
from pathlib import Path  # noqa: TC003 - pydantic reads it
from typing import TYPE_CHECKING, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from mlmon.elastic.errors import UserError
from mlmon.elastic.keyring import read_secret

if TYPE_CHECKING:
    from mlmon.alerting.incidents.record import IncidentRecord
    from mlmon.alerting.notify.notifier import Notifier

_ATTRIBUTES = {
    "services": "service",
    "models": "model_name",
    "environments": "environment",
    "layers": "layer",
}


class Route(BaseModel, ABC):
    """One way to people, and what goes it; each channel adds its own settings."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    severity: Literal["warning", "critical"] = Field("warning", description="least severity sent")
    services: tuple[str, ...] = Field((), description="patterns of services; none matches all")
    models: tuple[str, ...] = Field((), description="patterns of models; none matches all")
    environments: tuple[str, ...] = Field(
        (), description="patterns of environments; none matches all"
    )
    layers: tuple[str, ...] = Field((), description="layers of the likely cause; none matches all")

    def matches(self, incident: IncidentRecord) -> bool:
        """Return whether an incident is sent this way, by what it is about and how bad it was."""
        if self.severity == "critical" and incident.worst != "critical":
            return False
        return all(
            not patterns
            or any(fnmatchcase(getattr(incident, attribute) or "", pattern) for pattern in patterns)
            for name, attribute in _ATTRIBUTES.items()
            if (patterns := getattr(self, name)) is not None
        )

    @abstractmethod
    def notifier(self) -> Notifier:
        """Return the channel.

        Raises:
            UserError: A secret cannot be read.
        """


class UrlRoute(Route):
    """A way to a URL, which is often a secret."""

    url: SecretStr | None = Field(None, description="URL of the webhook, or an Apprise URL")
    url_file: Path | None = Field(None, description="file that holds the URL")
    url_env: str | None = Field(None, description="environment variable that holds the URL")
    url_keyring: str | None = Field(None, description="service of the keyring that holds the URL")

    @model_validator(mode="after")
    def _check_url(self) -> Self:
        _check_one(self, ("url", "url_file", "url_env", "url_keyring"))
        return self

    def secret_url(self) -> SecretStr:
        """Return the URL.

        Raises:
            UserError: It cannot be read.
        """
        if self.url is not None:
            return self.url
        return read_secret_from("url", self.url_file, self.url_env, self.url_keyring)


class KeyRoute(Route):
    """A way to a service that a key opens, which is a secret."""

    key_file: Path | None = Field(None, description="file that holds the key")
    key_env: str | None = Field(None, description="environment variable that holds the key")
    key_keyring: str | None = Field(None, description="service of the keyring that holds the key")

    @model_validator(mode="after")
    def _check_key(self) -> Self:
        _check_one(self, ("key_file", "key_env", "key_keyring"))
        return self

    def secret_key(self) -> SecretStr:
        """Return the key.

        Raises:
            UserError: It cannot be read.
        """
        return read_secret_from("key", self.key_file, self.key_env, self.key_keyring)


def _check_one(route: Route, names: tuple[str, ...]) -> None:
    if sum(getattr(route, name) is not None for name in names) != 1:
        raise ValueError(f"a route of this type needs one of {', '.join(names)}")


def read_secret_from(
    name: str, path: Path | None, variable: str | None, keyring: str | None
) -> SecretStr:
    """Return a secret from a file, else the environment, else the keyring.

    Raises:
        UserError: It cannot be read or is empty.
    """
    if path is not None:
        return read_secret_file(path)
    if variable is not None:
        if value := os.environ.get(variable, "").strip():
            return SecretStr(value)
        raise UserError(f"{variable} is not set", f"Set it to the {name} of the route.")
    return SecretStr(read_secret(str(keyring), name))


def read_secret_file(path: Path) -> SecretStr:
    """Return the secret in a file, without the line break at its end.

    Raises:
        UserError: It cannot be read or is empty.
    """
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"The secret in {path} cannot be read: {type(error).__name__}", "Correct the path."
        ) from None
    if not text:
        raise UserError(f"{path} holds no secret", "Write the secret into it.")
    return SecretStr(text)
