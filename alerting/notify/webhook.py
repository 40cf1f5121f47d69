"""A webhook: one POST of JSON per message."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, ClassVar, Literal

import httpx
from pydantic import Field

from mlmon.alerting.notify.notifier import TIMEOUT_S, SendResult, Sent
from mlmon.alerting.notify.route import UrlRoute

if TYPE_CHECKING:
    from pydantic import SecretStr

    from mlmon.alerting.notify.message import Message


class WebhookRoute(UrlRoute):
    """A webhook as it is declared."""

    type: Literal["webhook"] = Field(description="kind of channel")

    def notifier(self) -> Webhook:
        """Return the channel."""
        return Webhook(self.secret_url())


_REFUSED = frozenset(
    {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
    }
)
"""What the message itself causes. A wrong token or path is tried until a person corrects it."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """Posts messages to a URL.

    Args:
        url: Where to; it may hold a token, so it appears in no error.
        token: Sent as a bearer token, if there is one.
    """

    url: SecretStr
    token: SecretStr | None = None
    digests: ClassVar[bool] = True

    def send(self, message: Message) -> SendResult:
        """Post a message with its id as `Idempotency-Key`."""
        headers = {"Idempotency-Key": message.id}
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token.get_secret_value()}"
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
        try:
            answer = httpx.post(
                self.url.get_secret_value(),
                json=body,
                headers=headers,
                timeout=TIMEOUT_S,
                trust_env=False,
            )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return SendResult(Sent.RETRY, type(error).__name__)
        if answer.is_success:
            return SendResult(Sent.DONE)
        refused = answer.status_code in _REFUSED
        return SendResult(Sent.REFUSED if refused else Sent.RETRY, f"HTTP {answer.status_code}")
