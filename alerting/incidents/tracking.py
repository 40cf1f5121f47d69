"""What is news about an incident: its recomputed history against its stored changes. Pure.

Changes are created once and never rewritten, and each published one is a message. Where nothing
arrives late, the recomputed history is the stored one and goes on. Late data may move, undo or
bring back what was stored; then the news is what leads from the stored state to the recomputed one:

- A start or an end that moved is a change without a message.
- A stored end that was none is `reopened`; an opening after a withdrawal is one again.
- An alert that has another id because its opening moved does not join a second time.

What people did adds to it. Only what was known counts as seen (`IncidentChange.known`):

- Who closed an incident by hand saw its alerts; one that joins or grows worse later reopens it,
  and so does one that still alarms a day after, or a week after it was closed again.
- Who acknowledged or snoozed a warning did not take it as critical.
- A snooze that is over while the incident is open says so.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from mlmon.alerting.incidents.incident import ChangeKind, Incident, IncidentChange, in_order
from mlmon.alerting.incidents.people import Handling, after, handling
from mlmon.formatting import moment

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from mlmon.alerting.alerts.alert import Alert
    from mlmon.analyzers.base.finding import Severity

_NEXT = timedelta(milliseconds=1)
"""Documents keep times to this."""
_LIFE = frozenset({ChangeKind.OPENED, ChangeKind.RESOLVED, ChangeKind.REOPENED})
_WITH_SEVERITY = frozenset({ChangeKind.OPENED, ChangeKind.REOPENED, ChangeKind.GREW})
"""Changes whose message says how severe it is."""
_SEEN_BY_CLOSING = frozenset(
    {ChangeKind.OPENED, ChangeKind.START_MOVED, ChangeKind.JOINED, ChangeKind.ALERT_GREW}
)
"""Changes that name what a person who closes an incident has in view, or came after it."""
_UNDOING = frozenset({ChangeKind.WITHDRAWN, ChangeKind.MERGED})
_OF_ALERTS = frozenset(
    {ChangeKind.OPENED, ChangeKind.START_MOVED, ChangeKind.REOPENED, ChangeKind.JOINED}
)
"""Changes that name an alert which is in the incident since."""


def known_at(stored: Iterable[IncidentChange], now: datetime) -> datetime:
    """Return when news become known: after everything that is stored, which was done without."""
    last = max((change.known or change.at for change in stored), default=None)
    return now if last is None else max(now, last + _NEXT)


def news(
    incident: Incident,
    stored: Sequence[IncidentChange],
    alerts: Mapping[str, Alert],
    now: datetime,
) -> list[IncidentChange]:
    """Return the changes to store, of which published ones are messages.

    Args:
        incident: The incident as it is recomputed, with the id it keeps.
        stored: Its stored changes, data's and people's.
        alerts: Alerts that the stored changes name, by id, as far as they are known.
        now: When this is.
    """
    known = known_at(stored, now)
    from_data = [change for change in in_order(stored) if change.by is None]
    found = _from_data(incident, from_data, alerts)
    numbered = _distinct(found, stored, known)
    changes = [*stored, *numbered]
    of_people = _about_acts(incident, in_order(changes), handling(changes), now)
    return [*numbered, *_distinct(of_people, changes, known)]


def withdrawal(
    change: IncidentChange, stored: Sequence[IncidentChange], now: datetime
) -> list[IncidentChange]:
    """Return the change that withdraws or merges an incident, none where that is stored.

    Args:
        change: The change, without the number that distinguishes it from earlier equal ones.
        stored: The incident's stored changes.
        now: When this is.
    """
    if _Stored.of(in_order(stored)).undone is not None:
        return []
    return _distinct([change], stored, known_at(stored, now))


@dataclass(slots=True)
class _Step:
    """A stored opening or end."""

    kind: ChangeKind
    at: datetime
    id: str

    @property
    def is_open(self) -> bool:
        """Whether the incident was open after it."""
        return self.kind is not ChangeKind.RESOLVED


@dataclass(slots=True)
class _Stored:
    """What is stored since the incident opened, or opened again after it was withdrawn.

    Args:
        steps: Openings and ends.
        severity: The worst severity that a message named; None before the first.
        undone: The change that withdrew or merged it, as long as it did not open again.
    """

    steps: list[_Step]
    severity: Severity | None = None
    undone: IncidentChange | None = None

    @classmethod
    def of(cls, changes: Iterable[IncidentChange]) -> _Stored:
        """Return the state after changes, given in the order in which they became known."""
        found = cls([])
        for change in changes:
            if change.kind in _UNDOING:
                found = cls([], undone=change)
            elif change.kind in _LIFE:
                found.steps.append(_Step(change.kind, change.at, change.id))
                found.undone = None
            elif change.kind is ChangeKind.START_MOVED and found.steps:
                found.steps[0].at = change.at
            elif change.kind is ChangeKind.END_MOVED:
                for step in [step for step in found.steps if not step.is_open][-1:]:
                    step.at = change.at
            if change.kind in _WITH_SEVERITY:
                found.see(change.severity)
        return found

    def see(self, severity: Severity) -> None:
        """Note a severity that a message names."""
        if self.severity is None or severity.rank > self.severity.rank:
            self.severity = severity


def _from_data(
    incident: Incident, stored: Sequence[IncidentChange], alerts: Mapping[str, Alert]
) -> list[IncidentChange]:
    """Return what data changed: the recomputed changes that are not stored, and corrections."""
    state, silent = _Stored.of(stored), _Silent(incident, stored, alerts)
    life = [change for change in incident.changes if change.kind in _LIFE]
    first_new, corrections = _continued(incident, life, state)
    pending = {change.id for change in life[first_new:]}
    found = []
    for change in incident.changes:
        if change.kind in _LIFE:
            known = silent.is_stored(change)
            if change.id in pending:
                found.append(change if state.undone is None else _again(change))
                state.undone = None
                if change.kind in _WITH_SEVERITY:
                    state.see(change.severity)
            elif change is life[0] and change.at != state.steps[0].at:
                found.append(_start_moved(incident, change, state.steps[0].at, known=known))
        elif change.kind is ChangeKind.GREW:
            if state.severity is None or change.severity.rank > state.severity.rank:
                found.append(change)
                state.see(change.severity)
        elif not silent.is_stored(change):
            found.append(change)
    found += corrections
    worse = state.severity is not None and incident.severity.rank > state.severity.rank
    if worse and incident.ended is None:
        found.append(_grown(incident))
    return found


def _continued(
    incident: Incident, life: Sequence[IncidentChange], state: _Stored
) -> tuple[int, list[IncidentChange]]:
    """Return from which opening or end on the recomputed ones are news, and corrections."""
    steps = state.steps
    if not steps:
        return 0, []
    common = 1
    known = {(step.kind, step.at) for step in steps[1:]}
    for number, change in enumerate(life[1:], 2):
        if (change.kind, change.at) in known:
            common = number
    is_open, was_open = life[common - 1].kind is not ChangeKind.RESOLVED, steps[-1].is_open
    if is_open is was_open:
        return common, []
    if common < len(life):
        # The next one leads to the stored state, at another time.
        change = life[common]
        moved = change.kind is ChangeKind.RESOLVED
        return common + 1, [_end_moved(change, steps[-1].at)] if moved else []
    last = steps[-1]
    if is_open:
        kind, at, severity = ChangeKind.REOPENED, last.at, incident.severity
        text = "Late data: it had not ended."
    else:
        kind, at, severity = ChangeKind.RESOLVED, life[-1].at, incident.worst
        text = "Late data: it had ended."
    return common, [_change(incident, kind, at, text, about=last.id, severity=severity)]


class _Silent:
    """Changes without a message: an alert that has another id now is stored under the former."""

    def __init__(
        self, incident: Incident, stored: Sequence[IncidentChange], alerts: Mapping[str, Alert]
    ) -> None:
        self._alerts = {**alerts, **{member.id: member for member in incident.members}}
        self._stored = {change.id for change in stored}
        now = {change.id for change in incident.changes}
        members = {member.id for member in incident.members}
        self._joined = {change.about for change in stored if change.kind in _OF_ALERTS}
        self._former = Counter(
            ("joined", alert.series)
            for name in self._joined
            if name not in members and (alert := self._alerts.get(name or ""))
        )
        self._former.update(
            (change.kind, alert.series)
            for change in stored
            if change.kind not in _OF_ALERTS and change.id not in now
            if (alert := self._alerts.get(change.about or ""))
        )

    def is_stored(self, change: IncidentChange) -> bool:
        """Return whether a recomputed change is stored, under this or a former id."""
        of_alert = change.kind in _OF_ALERTS
        if change.about in self._joined if of_alert else change.id in self._stored:
            return True
        alert = self._alerts.get(change.about or "")
        key = ("joined" if of_alert else change.kind, alert.series if alert else "")
        if self._former[key]:
            self._former[key] -= 1
            return True
        return False


def _about_acts(
    incident: Incident, changes: Sequence[IncidentChange], state: Handling, now: datetime
) -> list[IncidentChange]:
    """Return the changes that a person who acted before them has to see."""
    if incident.ended is not None or incident.withdrawn:
        return []
    found = []
    severity = incident.severity
    if state.closed_at is not None and (unseen := _unseen(incident, changes)):
        text, kind, about = _reason(incident, unseen), ChangeKind.REOPENED, unseen.about
        found.append(_change(incident, kind, unseen.at, text, about=about, severity=severity))
    elif state.closed_at is not None and (
        again := _still_alarming(incident, state.closed_at + state.closing_holds)
    ):
        at, about = state.closed_at + state.closing_holds, again.id
        text = f"Closed by hand {moment(state.closed_at)}, and it still alarms: "
        text += again.latest_reason
        kind = ChangeKind.REOPENED
        found.append(_change(incident, kind, at, text, about=about, severity=severity))
    elif state.seen is not None and severity.rank > state.seen.rank:
        found.append(_grown(incident))
    for change in found:
        state = after(state, change)
    until = state.snoozed_until
    others = state.acknowledged_by is not None or state.closed_at is not None
    if until is not None and until <= now and not others:
        text = f"The snooze is over, and it is still open: {incident.cause.latest_reason}"
        kind, about = ChangeKind.SNOOZE_ENDED, state.snoozed_by
        found.append(_change(incident, kind, until, text, about=about, severity=severity))
    return found


def _unseen(incident: Incident, changes: Iterable[IncidentChange]) -> IncidentChange | None:
    """Return the first change that made an open alert known, or worse, after the last closing."""
    members = {member.id for member in incident.open_members}
    found: IncidentChange | None = None
    for change in changes:
        if change.kind is ChangeKind.CLOSED:
            found = None
        elif found is None and change.kind in _SEEN_BY_CLOSING and change.about in members:
            found = change
    return found


def _still_alarming(incident: Incident, since: datetime) -> Alert | None:
    """Return the open alert that alarmed last, if that was after a moment."""
    last = max(incident.open_members, key=lambda member: (member.last_alarm, member.id))
    return last if last.last_alarm > since else None


def _reason(incident: Incident, change: IncidentChange) -> str:
    """Return the sentence of an alert's that a change is about."""
    (alert,) = (member for member in incident.members if member.id == change.about)
    return alert.opened_reason if change.at <= alert.opened else alert.severity_reason


def _grown(incident: Incident) -> IncidentChange:
    """Return the change that says how severe an open incident is, by its worst alert."""
    alert = min(
        (member for member in incident.open_members if member.severity is incident.severity),
        key=lambda member: (member.severity_since, member.id),
    )
    at, text, severity = alert.severity_since, alert.severity_reason, incident.severity
    return _change(incident, ChangeKind.GREW, at, text, about=alert.id, severity=severity)


def _again(change: IncidentChange) -> IncidentChange:
    """Return the opening of an incident that had been withdrawn, or merged."""
    text = f"Late data: it is back. {change.text}"
    return replace(change, kind=ChangeKind.REOPENED, text=text)


def _start_moved(
    incident: Incident, opening: IncidentChange, before: datetime, *, known: bool
) -> IncidentChange:
    """Return the change of an incident's start; it names the alert that was not known before."""
    text = (
        f"Late data: it began {moment(incident.start)} and was found {moment(opening.at)}, "
        f"not {moment(before)}."
    )
    about = None if known else opening.about
    kind, severity = ChangeKind.START_MOVED, opening.severity
    return _change(incident, kind, opening.at, text, about=about, severity=severity)


def _end_moved(end: IncidentChange, before: datetime) -> IncidentChange:
    text = f"Late data: it ended {moment(end.at)}, not {moment(before)}."
    return replace(end, kind=ChangeKind.END_MOVED, text=text)


def _change(
    incident: Incident,
    kind: ChangeKind,
    at: datetime,
    text: str,
    *,
    about: str | None,
    severity: Severity,
) -> IncidentChange:
    return IncidentChange(incident.id, kind, at, severity, text, about=about)


def _distinct(
    changes: Iterable[IncidentChange], stored: Iterable[IncidentChange], known: datetime
) -> list[IncidentChange]:
    """Return changes with a generation where an equal one is stored."""
    taken = {change.id for change in stored}
    found = []
    for change in changes:
        numbered = change
        while numbered.id in taken:
            numbered = replace(numbered, generation=numbered.generation + 1)
        taken.add(numbered.id)
        found.append(replace(numbered, known=known))
    return found
