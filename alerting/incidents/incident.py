"""An incident: alerts that one person handles once, and each change of its state."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from mlmon.alerting.incidents.causality import may_cause, onset, same_subject
from mlmon.analyzers.base.digest import digest
from mlmon.analyzers.base.window import Window, iso

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime, timedelta

    from mlmon.alerting.alerts.alert import Alert
    from mlmon.analyzers.base.finding import Severity


class IncidentStatus(StrEnum):
    """The state of an incident.

    Late data may show that there was none (`withdrawn`), or that it is part of another (`merged`).
    """

    OPEN = "open"
    RESOLVED = "resolved"
    WITHDRAWN = "withdrawn"
    MERGED = "merged"

    @property
    def stands(self) -> bool:
        """Whether it is, or was, an incident of its own."""
        return self not in {IncidentStatus.WITHDRAWN, IncidentStatus.MERGED}


class ChangeKind(StrEnum):
    """Kinds of changes, in the order in which they count at one moment; the last are people's."""

    OPENED = "opened"
    START_MOVED = "start_moved"
    REOPENED = "reopened"
    JOINED = "joined"
    ALERT_GREW = "alert_grew"
    GREW = "grew"
    CAUSE_CHANGED = "cause_changed"
    SNOOZE_ENDED = "snooze_ended"
    END_MOVED = "end_moved"
    RESOLVED = "resolved"
    WITHDRAWN = "withdrawn"
    MERGED = "merged"
    ACKNOWLEDGED = "acknowledged"
    ASSIGNED = "assigned"
    COMMENTED = "commented"
    SNOOZED = "snoozed"
    CLOSED = "closed"
    FEEDBACK = "feedback"

    @property
    def ends(self) -> bool:
        """Whether an incident is over after it."""
        return self in _ENDS

    @property
    def published(self) -> bool:
        """Whether a message is sent for it."""
        return self in _PUBLISHED


_ENDS = frozenset({ChangeKind.RESOLVED, ChangeKind.WITHDRAWN, ChangeKind.MERGED, ChangeKind.CLOSED})
_PUBLISHED = frozenset(
    {
        ChangeKind.OPENED,
        ChangeKind.GREW,
        ChangeKind.RESOLVED,
        ChangeKind.REOPENED,
        ChangeKind.WITHDRAWN,
        ChangeKind.MERGED,
        ChangeKind.SNOOZE_ENDED,
    }
)
_ORDER = {kind: number for number, kind in enumerate(ChangeKind)}


@dataclass(frozen=True, slots=True)
class IncidentChange:
    """One change of an incident's state.

    Args:
        incident: The incident's id.
        kind: What happened.
        at: When, in the data's time: the end of the window that decided it, or when a person did.
        severity: The incident's severity after it.
        text: One sentence.
        by: Who did it; None where data did.
        until: Until when a snooze lasts.
        about: What it names: an alert, another change, an incident, an assignee, a verdict;
            `absence` where it was closed without an all clear.
        generation: How many equal changes there were before, each undone by late data.
        known: When it became known, which decides what a person who acted had seen; None as long
            as it is not stored.
    """

    incident: str
    kind: ChangeKind
    at: datetime
    severity: Severity
    text: str
    by: str | None = None
    until: datetime | None = None
    about: str | None = None
    generation: int = 0
    known: datetime | None = field(default=None, compare=False)

    @property
    def id(self) -> str:
        """Equal for equal changes, so that writing one again changes nothing.

        What data changed is known without its sentence, which better data may word otherwise.
        """
        comment = self.text if self.by else None
        about = (self.incident, self.kind, iso(self.at), self.about, self.by, comment)
        return digest((*about, self.generation) if self.generation else about)


def in_order(changes: Iterable[IncidentChange]) -> list[IncidentChange]:
    """Return changes in the order in which they became known; those not stored come last."""
    return sorted(
        changes,
        key=lambda change: (
            change.known is None,
            change.known or change.at,
            change.at,
            _ORDER[change.kind],
            change.about or "",
        ),
    )


@dataclass(frozen=True, slots=True)
class Incident:
    """Alerts that belong together, as they stand after the last change.

    Args:
        id: Made of the alert that opened it, so that every run finds the same. An incident that is
            stored keeps its id when late data move its opening (`matching.py`).
        members: Its alerts in the order in which they joined.
        cause: The member that is its likely cause: `shown_for` its `earliest_root`.
        opened: When it was first decided that something is wrong.
        severity: The worst severity of the members that are open; of all once it is resolved.
        worst: The worst severity it has had.
        ended: When the last member ended; None while one is open.
        changes: What happened, in order.
        withdrawn: Whether late data show that there was none.
    """

    id: str
    members: tuple[Alert, ...]
    cause: Alert
    opened: datetime
    severity: Severity
    worst: Severity
    ended: datetime | None = None
    changes: tuple[IncidentChange, ...] = field(default=(), repr=False)
    withdrawn: bool = False

    @property
    def status(self) -> IncidentStatus:
        """Whether it is open."""
        if self.withdrawn:
            return IncidentStatus.WITHDRAWN
        return IncidentStatus.OPEN if self.ended is None else IncidentStatus.RESOLVED

    @property
    def start(self) -> datetime:
        """Its begin, as far as the data show: the earliest onset of a member."""
        return self._first.onset_start

    @property
    def onset_length(self) -> timedelta:
        """The precision of `start`: the length of the time in which it began."""
        return self._first.onset_end - self._first.onset_start

    @property
    def first_window(self) -> Window:
        """The first window that showed what began first."""
        return Window(self._first.first_start, self._first.first_end)

    @property
    def _first(self) -> Alert:
        """The member that began first."""
        return min(self.members, key=lambda member: (member.onset_start, member.onset_end))

    @property
    def title(self) -> str:
        """The problem, by its likely cause."""
        return self.cause.title

    @property
    def open_members(self) -> tuple[Alert, ...]:
        """The members that have not ended."""
        return tuple(member for member in self.members if member.ended is None)

    @property
    def service(self) -> str | None:
        """The service it is about: that of its cause, else of the first member that names one."""
        return _first(self.members, self.cause, "service")

    @property
    def environment(self) -> str | None:
        """The environment it is about."""
        return _first(self.members, self.cause, "environment")

    @property
    def model_name(self) -> str | None:
        """The model it is about."""
        return _first(self.members, self.cause, "model_name")

    @property
    def model_version(self) -> str | None:
        """The model's version."""
        return _first(self.members, self.cause, "model_version")


def _first(members: Sequence[Alert], cause: Alert, name: str) -> str | None:
    """Return the first value that the cause or a member has for an attribute."""
    values = (getattr(member, name) for member in (cause, *members))
    return next((value for value in values if value), None)


def earliest_root(members: Sequence[Alert]) -> Alert:
    """Return the earliest of the members that no other member may have caused.

    Of several that began together it is the one whose effect is largest (severity, then how far
    beyond its limits), then the first by name, so that a tie is stable.
    """
    roots = [
        member
        for member in members
        if not any(may_cause(other, member) for other in members if other is not member)
    ]
    return min(roots or members, key=causal_order)


def shown_for(root: Alert, members: Iterable[Alert]) -> Alert:
    """Return the most severe member about the subject of an incident's root, which may be itself.

    A job's failure is shown, not that it was late before.

    Args:
        root: The earliest of the members that no other may have caused.
        members: The members.
    """
    worse = [
        member
        for member in members
        if member.severity.rank > root.severity.rank and same_subject(member, root)
    ]
    return min(
        worse, key=lambda member: (-member.severity.rank, causal_order(member)), default=root
    )


def causal_order(alert: Alert) -> tuple[datetime, int, float, str]:
    """Return the order of alerts as candidates for a cause: earliest, then largest in effect."""
    return onset(alert).latest, -alert.severity.rank, -alert.excess, alert.identity.title


def incident_id(founder: Alert) -> str:
    """Return the id of the incident that an alert opens."""
    return digest(("incident", founder.id))
