"""What a replay left behind: incidents, alerts, and when each message could have been sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlmon.alerting.incidents.incident import ChangeKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from mlmon.alerting.alerts.alert import Alert
    from mlmon.alerting.incidents.incident import IncidentChange
    from mlmon.alerting.incidents.record import IncidentRecord

BY_LABELS = frozenset({"labels", "concept", "performance", "business"})
"""Layers whose verdicts depend on labels that come later."""
_OPENING = frozenset({ChangeKind.OPENED, ChangeKind.REOPENED, ChangeKind.JOINED})


@dataclass(frozen=True, slots=True)
class SentMessage:
    """An incident opened, opened again, or took in an alert.

    Args:
        at: When it could be sent.
        alert: The alert it is about.
        text: Its sentence.
        is_sent: Whether it is sent; of an alert that joins an open incident none is.
    """

    at: datetime
    alert: Alert
    text: str
    is_sent: bool


@dataclass(frozen=True, slots=True)
class Observed:
    """Incidents as they stand after the last cycle, the withdrawn ones included.

    Args:
        incidents: The incidents.
        alerts: All alerts by their ids.
        changes: Changes of incidents by the incidents' ids.
        previous: The end of the step before each cycle, by the cycle's time.
    """

    incidents: Sequence[IncidentRecord]
    alerts: Mapping[str, Alert]
    changes: Mapping[str, Sequence[IncidentChange]]
    previous: Mapping[datetime, datetime]

    def messages(self, incident: IncidentRecord) -> Iterator[SentMessage]:
        """Yield the messages of an incident in order of time."""
        found = []
        for change in self.changes.get(incident.id, ()):
            alert = self.alerts.get(change.about or "")
            if change.kind in _OPENING and alert is not None:
                is_sent = change.kind is not ChangeKind.JOINED
                found.append(SentMessage(self._sent(change, alert), alert, change.text, is_sent))
        yield from sorted(found, key=lambda message: message.at)

    def published(self, incident: IncidentRecord) -> int:
        """Return how many messages an incident made, its end among them."""
        return sum(change.kind.published for change in self.changes.get(incident.id, ()))

    def _sent(self, change: IncidentChange, alert: Alert) -> datetime:
        """Return when a message of a change could be sent.

        `mlmon run` decides a window when it ends. A change dated before the step that the cycle
        judged became known by data that came late: it counts when the cycle ran. So does what
        labels decide: those of the whole step were known to it.
        """
        known = change.known or change.at
        late = change.at < self.previous.get(known, change.at)
        return known if late or alert.layer in BY_LABELS else change.at
