"""A webhook: one POST of JSON per message."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, model_validator

from mlmon.alerting.notify.post import post_json
from mlmon.alerting.notify.route import UrlRoute
from mlmon.elastic.errors import UserError

if TYPE_CHECKING:
    from mlmon.alerting.notify.message import Message
    from mlmon.alerting.notify.notifier import SendResult


class WebhookRoute(UrlRoute):
    """A webhook as it is declared."""

    type: Literal["webhook"] = Field(description="kind of channel")

    @model_validator(mode="after")
    def _check_web(self) -> Self:
        if self.url is not None and not _is_web(self.url):
            raise ValueError(_NO_WEB)
        return self

    def notifier(self) -> Webhook:
        """Return the channel."""
        url = self.secret_url()
        if not _is_web(url):
            raise UserError(_NO_WEB, "Correct what url_file, url_env or url_keyring names.")
        return Webhook(url)


_NO_WEB = "the URL of a webhook begins with http:// or https:// and names a host"


def _is_web(url: SecretStr) -> bool:
    try:
        parts = urlsplit(url.get_secret_value())
        return parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:  # such as an IPv6 address without its bracket
        return False


@dataclass(frozen=True, slots=True)
class Webhook:
    """Posts messages to a URL.

    Args:
        url: Where to; it may hold a token, so it appears in no error.
    """

    url: SecretStr
    digests: ClassVar[bool] = True

    def send(self, message: Message) -> SendResult:
        """Post a message with its id as `Idempotency-Key`."""
        headers = {"Idempotency-Key": message.id}
        body = {
            "id": message.id,
            "incident": message.incident,
            "kind": message.kind,
            "severity": message.severity,
            "title": message.title,
            "text": message.text,
            "links": dict(message.links),
            "document": message.document,
        }
        return post_json(self.url.get_secret_value(), body, headers, proxies=False)
