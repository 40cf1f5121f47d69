"""Slack, PagerDuty, Opsgenie, Teams and a hundred other services, by apprise's URLs."""

from __future__ import annotations

import logging
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from mlmon.alerting.notify.notifier import SendResult, Sent
from mlmon.alerting.notify.route import UrlRoute

if TYPE_CHECKING:
    from pydantic import SecretStr

    from mlmon.alerting.notify.message import Message


class ServiceRoute(UrlRoute):
    """A service that apprise knows, as it is declared."""

    type: Literal["service"] = Field(description="kind of channel")

    def notifier(self) -> Services:
        """Return the channel."""
        return Services(self.secret_url())


_TYPES = {"critical": "failure", "warning": "warning", "ok": "success"}


@dataclass(frozen=True, slots=True)
class Services:
    """Sends by apprise (https://github.com/caronc/apprise).

    Args:
        url: A URL of apprise, such as `slack://…` or `pagerduty://…`; it holds the secret.
    """

    url: SecretStr
    digests: ClassVar[bool] = True

    def send(self, message: Message) -> SendResult:
        """Send a message; apprise returns only whether it was accepted, so failures are retried."""
        with warnings.catch_warnings():
            # It imports what Python 3.13 no longer has, and has its own instead there.
            warnings.simplefilter("ignore", DeprecationWarning)
            import apprise

            target = apprise.Apprise()
            known = target.add(self.url.get_secret_value())
        # apprise logs what it sends, URLs with secrets included.
        logging.getLogger("apprise").setLevel(logging.CRITICAL)
        if not known:
            return SendResult(Sent.REFUSED, "apprise does not know this URL")
        taken = target.notify(
            title=message.title,
            body=message.text.partition("\n\n")[2],
            notify_type=apprise.NotifyType(_TYPES.get(message.severity, "info")),
        )
        return SendResult(Sent.DONE) if taken else SendResult(Sent.RETRY, "not taken")
