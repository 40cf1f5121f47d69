"""From alerts to incidents: pure, and the same for every order in which alerts became known.

Alerts are gone through in the order in which they were decided. Each joins an open incident that
explains it (see `causality.py`), else it opens one. An incident ends when its last member ends; a
member that comes within `REOPENING` of that opens it again, so that flapping is one incident.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from operator import itemgetter
from typing import TYPE_CHECKING

from mlmon.alerting.alerts.alert import Ending
from mlmon.alerting.incidents.causality import (
    REOPENING,
    may_cause,
    onset,
    related,
    same_condition,
)
from mlmon.alerting.incidents.incident import (
    ChangeKind,
    Incident,
    IncidentChange,
    causal_order,
    earliest_root,
    incident_id,
    shown_for,
)
from mlmon.alerting.incidents.sentences import ending_sentence
from mlmon.analyzers.base.alert_policy import LAYERS
from mlmon.analyzers.base.finding import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime, timedelta

    from mlmon.alerting.alerts.alert import Alert


class _Kind(IntEnum):
    """Events of an alert, in the order in which they count at one moment."""

    OPENS = 0
    GROWS = 1
    ENDS = 2


@dataclass(slots=True)
class _Open:
    """An incident while alerts are gone through."""

    founder: Alert
    members: dict[str, Alert] = field(default_factory=dict)
    active: dict[str, Severity] = field(default_factory=dict)
    opened: datetime | None = None
    worst: Severity = Severity.WARNING
    ended: datetime | None = None
    root: Alert = field(init=False)
    cause: Alert = field(init=False)
    changes: list[IncidentChange] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin with the founder as the likely cause."""
        self.root = self.cause = self.founder

    def note(self, kind: ChangeKind, at: datetime, text: str, about: str | None = None) -> None:
        """Add a change."""
        severity = max(self.active.values(), key=lambda severity: severity.rank, default=self.worst)
        change = IncidentChange(incident_id(self.founder), kind, at, severity, text, about=about)
        self.changes.append(change)


def correlate(alerts: Iterable[Alert]) -> list[Incident]:
    """Return the incidents of some alerts, in the order in which they opened.

    Args:
        alerts: Every alert that overlaps the time in question; withdrawn ones are passed over.
    """
    incidents: list[_Open] = []
    home: dict[str, _Open] = {}
    for at, kind, alert in _events(alerts):
        if kind is _Kind.OPENS:
            home[alert.id] = _take_in(incidents, alert, at)
        elif kind is _Kind.GROWS:
            _grow(home[alert.id], alert, at)
        else:
            _end(home[alert.id], alert, at)
    return [_closed(incident) for incident in incidents]


def _events(alerts: Iterable[Alert]) -> Iterator[tuple[datetime, _Kind, Alert]]:
    """Yield what alerts do, in order of time; of one moment, causes before effects."""
    events: list[tuple[tuple[object, ...], datetime, _Kind, Alert]] = []
    for alert in alerts:
        if alert.withdrawn:
            continue
        place = (LAYERS.index(alert.layer), onset(alert).latest, alert.identity.title, alert.id)
        moments = [(alert.opened, _Kind.OPENS)]
        if alert.severity_since > alert.opened:
            moments.append((alert.severity_since, _Kind.GROWS))
        if alert.ended is not None:
            moments.append((alert.ended, _Kind.ENDS))
        events += [((at, kind, *place), at, kind, alert) for at, kind in moments]
    for _, at, kind, alert in sorted(events, key=itemgetter(0)):
        yield at, kind, alert


def _take_in(incidents: list[_Open], alert: Alert, at: datetime) -> _Open:
    """Let an alert join the incident that explains it best, else open one."""
    severity = alert.severity_at(at)
    fitting = [
        (gap, number)
        for number, incident in enumerate(incidents)
        if incident.ended is None or at - incident.ended <= REOPENING
        if (gap := _gap(incident, alert)) is not None
    ]
    if not fitting:
        incident = _Open(alert, {alert.id: alert}, {alert.id: severity}, at, severity)
        incident.note(ChangeKind.OPENED, at, alert.opened_reason, alert.id)
        incidents.append(incident)
        return incident
    incident = incidents[min(fitting)[1]]
    reopened = incident.ended is not None
    before = max(incident.active.values(), key=lambda level: level.rank, default=incident.worst)
    incident.members[alert.id], incident.active[alert.id] = alert, severity
    if reopened:
        incident.ended = None
        incident.note(ChangeKind.REOPENED, at, alert.opened_reason, alert.id)
    else:
        incident.note(ChangeKind.JOINED, at, alert.opened_reason, alert.id)
    _raise(incident, severity, before, alert, at, seen=reopened)
    _name_cause(incident, alert, at)
    return incident


def _gap(incident: _Open, alert: Alert) -> timedelta | None:
    """Return how far an alert's onset lies from the members that explain it; None if none does."""
    gaps = [
        onset(member).gap(onset(alert))
        for member in incident.members.values()
        if may_cause(member, alert)
        or same_condition(member, alert)
        or (may_cause(alert, member) and not _explained_apart(incident, member, alert))
    ]
    return min(gaps, default=None)


def _explained_apart(incident: _Open, effect: Alert, alert: Alert) -> bool:
    """Whether an effect is explained by a cause that has nothing to do with an alert.

    Then the alert is another fault, which happens to have the same effect: a fall of traffic does
    not explain a feature that drifts, although both move what is earned.
    """
    if related(incident.cause.layer, alert.layer):
        return False
    return any(
        may_cause(member, effect) for member in incident.members.values() if member is not effect
    )


def _grow(incident: _Open, alert: Alert, at: datetime) -> None:
    before = max(incident.active.values(), key=lambda level: level.rank, default=incident.worst)
    incident.active[alert.id] = alert.severity
    if not _raise(incident, alert.severity, before, alert, at, seen=False):
        incident.note(ChangeKind.ALERT_GREW, at, alert.severity_reason, alert.id)


def _raise(
    incident: _Open, severity: Severity, before: Severity, alert: Alert, at: datetime, *, seen: bool
) -> bool:
    """Note that an incident grew worse than it has ever been, once per severity."""
    if severity.rank <= max(before.rank, incident.worst.rank):
        return False
    incident.worst = severity
    if not seen:
        text = alert.severity_reason if at == alert.severity_since else alert.opened_reason
        incident.note(ChangeKind.GREW, at, text, alert.id)
    return True


def _name_cause(incident: _Open, alert: Alert, at: datetime) -> None:
    """Find the likely cause again after one more member, which rarely asks to look at all."""
    members = [*incident.members.values()]
    if may_cause(alert, incident.root):
        incident.root = earliest_root(members)
    elif not any(may_cause(member, alert) for member in members if member is not alert):
        incident.root = min(incident.root, alert, key=causal_order)
    cause = shown_for(incident.root, members)
    if cause is incident.cause:
        return
    incident.cause = cause
    if at != incident.opened:
        incident.note(ChangeKind.CAUSE_CHANGED, at, f"Likely cause: {cause.title}.", cause.id)


def _end(incident: _Open, alert: Alert, at: datetime) -> None:
    incident.active.pop(alert.id, None)
    if not incident.active:
        incident.ended = at
        members = [*incident.members.values()]
        unseen = any(member.ending is Ending.ABSENCE for member in members)
        about = Ending.ABSENCE.value if unseen else None
        incident.note(ChangeKind.RESOLVED, at, ending_sentence(members), about)


def _closed(incident: _Open) -> Incident:
    """Return an incident as it stands at the end."""
    severities = list(incident.active.values()) or [incident.worst]
    assert incident.opened is not None  # noqa: S101 - each incident is opened as it is made
    return Incident(
        id=incident_id(incident.founder),
        members=tuple(incident.members.values()),
        cause=incident.cause,
        opened=incident.opened,
        severity=max(severities, key=lambda severity: severity.rank),
        worst=incident.worst,
        ended=incident.ended,
        changes=tuple(incident.changes),
    )
