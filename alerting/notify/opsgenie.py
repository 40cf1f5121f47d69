"""Opsgenie by its Alert API: one alert per incident, closed by the alias that opened it.

https://docs.opsgenie.com/docs/alert-api.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal
from urllib.parse import quote

from pydantic import Field

from mlmon.alerting.notify.notifier import SendResult, Sent
from mlmon.alerting.notify.post import post_json
from mlmon.alerting.notify.route import KeyRoute

if TYPE_CHECKING:
    from pydantic import SecretStr

    from mlmon.alerting.notify.message import Message

API_URLS = {"us": "https://api.opsgenie.com", "eu": "https://api.eu.opsgenie.com"}
_PRIORITIES = {"critical": "P1", "warning": "P3", "ok": "P5"}
_ALIAS_LENGTH, _MESSAGE_LENGTH, _DESCRIPTION_LENGTH, _NOTE_LENGTH = 512, 130, 15_000, 25_000


class OpsgenieRoute(KeyRoute):
    """Opsgenie as it is declared; its key is that of an API integration."""

    type: Literal["opsgenie"] = Field(description="kind of channel")
    api_url: str = Field(
        API_URLS["us"], description=f"URL of the API; in the EU {API_URLS['eu']} (Opsgenie)"
    )
    teams: tuple[str, ...] = Field(
        (), description="teams that are notified; none leaves it to the integration"
    )

    def notifier(self) -> Opsgenie:
        """Return the channel."""
        return Opsgenie(self.secret_key(), self.api_url, self.teams)


@dataclass(frozen=True, slots=True)
class Opsgenie:
    """Creates and closes alerts.

    Args:
        key: Key of an API integration.
        api_url: URL of the API.
        teams: Names of teams that are notified.
    """

    key: SecretStr
    api_url: str = API_URLS["us"]
    teams: tuple[str, ...] = ()
    # Each alert is closed by its own alias.
    digests: ClassVar[bool] = False

    def send(self, message: Message) -> SendResult:
        """Create an alert, raise its priority, or close it at its end; a test is created, closed.

        An alert that is open already keeps its priority when it is created again.
        """
        over, test = message.severity == "ok", message.kind == "test"
        if over and not test:
            return self._close(message)
        created = self._post("", self._created(message))
        if created.sent is not Sent.DONE or not (test or message.kind == "grew"):
            return created
        if test:
            return self._close(message)
        priority = {"priority": _PRIORITIES[message.severity]}
        return self._post(_of(message, "priority"), priority, method="PUT")

    def _close(self, message: Message) -> SendResult:
        note = message.text[:_NOTE_LENGTH]
        return self._post(_of(message, "close"), {"source": "mlmon", "note": note})

    def _created(self, message: Message) -> dict[str, Any]:
        document = message.document or {}
        found = {
            "message": message.title[:_MESSAGE_LENGTH],
            "alias": message.thread[:_ALIAS_LENGTH],
            "description": message.text[:_DESCRIPTION_LENGTH],
            "priority": _PRIORITIES[message.severity],
            "source": "mlmon",
            "entity": document.get("service.name") or document.get("ml.model.name"),
            "details": {**dict(message.facts), **dict(message.links)},
            "responders": [{"name": team, "type": "team"} for team in self.teams],
        }
        return {name: value for name, value in found.items() if value}

    def _post(self, path: str, body: dict[str, Any], method: str = "POST") -> SendResult:
        headers = {"Authorization": f"GenieKey {self.key.get_secret_value()}"}
        return post_json(f"{self.api_url}/v2/alerts{path}", body, headers, method)


def _of(message: Message, action: str) -> str:
    """Return the path of an action on an incident's alert."""
    return f"/{quote(message.thread[:_ALIAS_LENGTH], safe='')}/{action}?identifierType=alias"
