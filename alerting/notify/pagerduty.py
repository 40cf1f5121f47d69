"""PagerDuty by its Events API v2: one alert per incident, resolved by the key that opened it.

https://developer.pagerduty.com/docs/events-api-v2/trigger-events/. apprise's own channel opens an
incident for an end, too, and its key follows from the text, which differs between the two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from mlmon.alerting.notify.notifier import SendResult, Sent
from mlmon.alerting.notify.post import post_json
from mlmon.alerting.notify.route import KeyRoute

if TYPE_CHECKING:
    from pydantic import SecretStr

    from mlmon.alerting.notify.message import Message

API_URLS = {"us": "https://events.pagerduty.com", "eu": "https://events.eu.pagerduty.com"}
_SEVERITIES = {"critical": "critical", "warning": "warning", "ok": "info"}
_KEY_LENGTH, _SUMMARY_LENGTH = 255, 1_024


class PagerDutyRoute(KeyRoute):
    """A service in PagerDuty as it is declared; its key is the integration's routing key."""

    type: Literal["pagerduty"] = Field(description="kind of channel")
    api_url: str = Field(
        API_URLS["us"], description=f"URL of the API; in the EU {API_URLS['eu']} (PagerDuty)"
    )

    def notifier(self) -> PagerDuty:
        """Return the channel."""
        return PagerDuty(self.secret_key(), self.api_url)


@dataclass(frozen=True, slots=True)
class PagerDuty:
    """Triggers and resolves alerts.

    Args:
        key: Routing key of an integration of the type "Events API v2".
        api_url: URL of the API.
    """

    key: SecretStr
    api_url: str = API_URLS["us"]
    # Each alert is resolved by its own key.
    digests: ClassVar[bool] = False

    def send(self, message: Message) -> SendResult:
        """Trigger an alert, update it, or resolve it at its end; a test is both."""
        over = message.severity == "ok"
        if message.kind != "test":
            return self._event("resolve" if over else "trigger", message)
        triggered = self._event("trigger", message)
        return self._event("resolve", message) if triggered.sent is Sent.DONE else triggered

    def _event(self, action: str, message: Message) -> SendResult:
        body: dict[str, Any] = {
            "routing_key": self.key.get_secret_value(),
            "event_action": action,
            "dedup_key": message.thread[:_KEY_LENGTH],
        }
        if action == "trigger":
            body |= _about(message)
        return post_json(f"{self.api_url}/v2/enqueue", body)


def _about(message: Message) -> dict[str, Any]:
    document = message.document or {}
    service, model = document.get("service.name"), document.get("ml.model.name")
    payload = {
        "summary": message.title[:_SUMMARY_LENGTH],
        "source": service or model or "mlmon",
        "severity": _SEVERITIES[message.severity],
        "component": model,
        "class": message.kind,
        "custom_details": dict(message.facts),
    }
    return {
        "payload": {name: value for name, value in payload.items() if value is not None},
        "links": [{"href": url, "text": label} for label, url in message.links],
        "client": "mlmon",
    }
