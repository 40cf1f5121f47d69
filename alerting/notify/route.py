"""Routes: which incidents go to which channel, declared as `[alerting.notify.<name>]`.

```toml
[alerting.notify.oncall]
type = "service"                     # any URL of apprise: Slack, PagerDuty, Opsgenie, Teams, …
url_file = "/run/secrets/pagerduty"  # or url_env, url_keyring; `url` only where it is no secret
severity = "critical"
services = ["autobid-*"]
```
"""

from __future__ import annotations

import os
from fnmatch import fnmatchcase
from pathlib import Path  # noqa: TC003 - pydantic reads it
from typing import TYPE_CHECKING, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from mlmon.alerting.notify.email import Email
from mlmon.alerting.notify.services import Services
from mlmon.alerting.notify.webhook import Webhook
from mlmon.elastic.errors import UserError
from mlmon.elastic.keyring import read_secret

if TYPE_CHECKING:
    from mlmon.alerting.notify.notifier import Notifier
    from mlmon.elastic.json_object import Json

_FIELDS = {
    "services": "service.name",
    "models": "ml.model.name",
    "environments": "service.environment",
    "layers": "incident.layer",
}


class Route(BaseModel):
    """One way to people, and what goes it."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    type: Literal["email", "webhook", "service"] = Field(description="kind of channel")
    url: SecretStr | None = Field(None, description="URL of the webhook, or an Apprise URL")
    url_file: Path | None = Field(None, description="file that holds the URL")
    url_env: str | None = Field(None, description="environment variable that holds the URL")
    url_keyring: str | None = Field(None, description="service of the keyring that holds the URL")
    severity: Literal["warning", "critical"] = Field("warning", description="least severity sent")
    services: tuple[str, ...] = Field((), description="patterns of services; none matches all")
    models: tuple[str, ...] = Field((), description="patterns of models; none matches all")
    environments: tuple[str, ...] = Field(
        (), description="patterns of environments; none matches all"
    )
    layers: tuple[str, ...] = Field((), description="layers of the likely cause; none matches all")
    to: tuple[str, ...] = Field((), description="addresses of e-mail recipients")
    sender: str = Field("mlmon@localhost", description="sender of e-mail")
    host: str = Field("localhost", description="SMTP server")
    port: int = Field(587, gt=0, lt=65_536, description="port of the SMTP server")
    security: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="encryption of the SMTP connection"
    )
    username: str | None = Field(None, description="user at the SMTP server")
    password_file: Path | None = Field(None, description="file that holds the SMTP password")

    @model_validator(mode="after")
    def _check(self) -> Self:
        given = [self.url, self.url_file, self.url_env, self.url_keyring]
        urls = sum(value is not None for value in given)
        if self.type == "email" and not self.to:
            raise ValueError('an e-mail route needs addresses: to = ["oncall@example.com"]')
        if self.type == "email" and urls:
            raise ValueError("an e-mail route has no url")
        if self.type != "email" and urls != 1:
            raise ValueError("a route needs one of url, url_file, url_env, url_keyring")
        return self

    def matches(self, incident: Json) -> bool:
        """Return whether an incident is sent this way, by what it is about and how bad it was."""
        if self.severity == "critical" and incident["incident.worst"] != "critical":
            return False
        return all(
            not patterns
            or any(fnmatchcase(str(incident.get(field) or ""), pattern) for pattern in patterns)
            for name, field in _FIELDS.items()
            if (patterns := getattr(self, name)) is not None
        )

    def notifier(self) -> Notifier:
        """Return the channel.

        Raises:
            UserError: A secret cannot be read.
        """
        if self.type == "email":
            password = self.password_file and SecretStr(_read(self.password_file))
            return Email(
                self.host,
                self.port,
                self.sender,
                self.to,
                self.security,
                self.username,
                password or None,
            )
        url = SecretStr(self._secret_url())
        return Webhook(url) if self.type == "webhook" else Services(url)

    def _secret_url(self) -> str:
        if self.url is not None:
            return self.url.get_secret_value()
        if self.url_file is not None:
            return _read(self.url_file)
        if self.url_env is not None:
            if value := os.environ.get(self.url_env, "").strip():
                return value
            raise UserError(f"{self.url_env} is not set", "Set it to the URL of the route.")
        return read_secret(str(self.url_keyring), "url")


def _read(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"The secret in {path} cannot be read: {type(error).__name__}", "Correct the path."
        ) from None
    if not text:
        raise UserError(f"{path} holds no secret", "Write the secret into it.")
    return text
