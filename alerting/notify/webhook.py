"""A webhook: one POST of JSON per message."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from mlmon.alerting.notify.post import post_json
from mlmon.alerting.notify.route import UrlRoute

if TYPE_CHECKING:
    from pydantic import SecretStr

    from mlmon.alerting.notify.message import Message
    from mlmon.alerting.notify.notifier import SendResult


class WebhookRoute(UrlRoute):
    """A webhook as it is declared."""

    type: Literal["webhook"] = Field(description="kind of channel")

    def notifier(self) -> Webhook:
        """Return the channel."""
        return Webhook(self.secret_url())


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
