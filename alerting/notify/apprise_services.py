"""Slack, Teams and a hundred other services, by apprise's URLs.

A URL of PagerDuty or Opsgenie goes to mlmon's own channel: apprise's cannot end what it began.
"""

from __future__ import annotations

import logging
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal
from urllib.parse import parse_qs, unquote, urlsplit

from pydantic import Field, SecretStr

from mlmon.alerting.notify import opsgenie, pagerduty
from mlmon.alerting.notify.notifier import SendResult, Sent
from mlmon.alerting.notify.route import UrlRoute
from mlmon.elastic.errors import UserError

if TYPE_CHECKING:
    from mlmon.alerting.notify.message import Message
    from mlmon.alerting.notify.notifier import Notifier


class AppriseRoute(UrlRoute):
    """A service that apprise knows, as it is declared."""

    type: Literal["apprise"] = Field(description="kind of channel")

    def notifier(self) -> Notifier:
        """Return the channel."""
        url = self.secret_url()
        parts = urlsplit(url.get_secret_value())
        region = parse_qs(parts.query).get("region", ["us"])[0]
        user, _, host = parts.netloc.rpartition("@")
        if parts.scheme == "pagerduty":
            api = pagerduty.API_URLS.get(region, pagerduty.API_URLS["us"])
            return pagerduty.PagerDuty(SecretStr(unquote(user)), api)
        if parts.scheme == "opsgenie":
            api = opsgenie.API_URLS.get(region, opsgenie.API_URLS["us"])
            targets = [unquote(target) for target in parts.path.split("/") if target]
            if any(not target.startswith("#") for target in targets):
                raise UserError(
                    "This Opsgenie URL names others than teams",
                    'Declare the route with type = "opsgenie", and its responders in Opsgenie.',
                )
            teams = tuple(target[1:] for target in targets)
            return opsgenie.Opsgenie(SecretStr(unquote(host)), api, teams)
        return AppriseService(url)


_TYPES = {"critical": "failure", "warning": "warning", "ok": "success"}


@dataclass(frozen=True, slots=True)
class AppriseService:
    """Sends by apprise (https://github.com/caronc/apprise).

    Args:
        url: A URL of apprise, such as `slack://…` or `msteams://…`; it holds the secret.
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
            # A person corrects it, and no message is lost.
            return SendResult(Sent.RETRY, "apprise does not know this URL")
        taken = target.notify(
            title=message.title,
            body=message.text.partition("\n\n")[2],
            notify_type=apprise.NotifyType(_TYPES.get(message.severity, "info")),
        )
        return SendResult(Sent.DONE) if taken else SendResult(Sent.RETRY, "not taken")
