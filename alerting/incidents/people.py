"""What people did to an incident: folded from their changes, never overwritten by data.

- An acknowledgement holds until the incident ends, and lapses when it grows worse or reopens.
- A snooze ends by itself, at the latest after `LONGEST_SNOOZE`: nothing is silenced for ever.
- A person may close an incident whose alerts cannot end by themselves; new alerts reopen it, and
  so do its own that still alarm a day later, and a week after it was closed again.

What counts is when changes became known, not when they happened: a person who acknowledges a
warning cannot know of late data that show it was critical an hour before.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from mlmon.alerting.incidents.incident import ChangeKind, IncidentChange, in_order
from mlmon.alerting.incidents.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from mlmon.analyzers.base.finding import Severity

LONGEST_SNOOZE = timedelta(days=7)
CLOSED_ONCE, CLOSED_AGAIN = timedelta(days=1), timedelta(days=7)
"""So long a closing holds while an alert goes on alarming: at first, and once a person knows that
it does."""
_LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class Handling:
    """Who has an incident, and whether messages are held back.

    Args:
        acknowledged_by: Who took it, None where nobody has, or where it lapsed.
        acknowledged_at: When.
        first_acknowledged: When somebody took it first, lapsed or not.
        assignee: Whose it is.
        snoozed_until: Until when no message is sent; not cleared when that time has passed.
        snoozed_by: The change that snoozed it.
        seen: How severe it was when it was acknowledged or snoozed.
        closed_at: When a person closed it.
        closings: How often one did.
        feedback: What it was, by the last word of a person.
    """

    acknowledged_by: str | None = None
    acknowledged_at: datetime | None = None
    first_acknowledged: datetime | None = None
    assignee: str | None = None
    snoozed_until: datetime | None = None
    snoozed_by: str | None = None
    seen: Severity | None = None
    closed_at: datetime | None = None
    closings: int = 0
    feedback: Verdict | None = None

    @property
    def closing_holds(self) -> timedelta:
        """How long the last closing holds while an alert goes on alarming."""
        return CLOSED_AGAIN if self.closings > 1 else CLOSED_ONCE

    def muted(self, now: datetime) -> str | None:
        """Return why messages about it are held back; None where they are not."""
        if self.acknowledged_by is not None:
            return "acknowledged"
        if self.snoozed_until is not None and now < self.snoozed_until:
            return "snoozed"
        return None


_LAPSES = frozenset({ChangeKind.GREW, ChangeKind.REOPENED, ChangeKind.RESOLVED})
"""After these an acknowledgement and a snooze no longer hold."""


def handling(changes: Iterable[IncidentChange]) -> Handling:
    """Return who has an incident, from all of its changes, data's and people's, in any order."""
    state = Handling()
    for change in in_order(changes):
        state = after(state, change)
    return state


def after(state: Handling, change: IncidentChange) -> Handling:
    """Return the state after one more change."""
    kind, first = change.kind, state.first_acknowledged or change.at
    known: dict[str, object] = {}
    if kind is ChangeKind.ACKNOWLEDGED:
        known = {"acknowledged_by": change.by, "acknowledged_at": change.at}
        known |= {"first_acknowledged": first, "seen": change.severity}
    elif kind is ChangeKind.ASSIGNED:
        known = {"assignee": change.about}
    elif kind is ChangeKind.SNOOZED:
        known = {"snoozed_until": change.until, "snoozed_by": change.id, "seen": change.severity}
    elif kind is ChangeKind.SNOOZE_ENDED:
        known = {"snoozed_until": None, "snoozed_by": None}
        known |= {"seen": None} if state.acknowledged_by is None else {}
    elif kind is ChangeKind.CLOSED:
        known = {"closed_at": change.at, "closings": state.closings + 1}
    elif kind is ChangeKind.FEEDBACK and change.about is not None:
        known = {"feedback": Verdict(change.about)}
    elif kind in _LAPSES:
        known = dict.fromkeys(
            ("acknowledged_by", "acknowledged_at", "snoozed_until", "snoozed_by", "seen")
        )
        known |= {"closed_at": None} if kind is not ChangeKind.RESOLVED else {}
    return replace(state, **known)  # type: ignore[arg-type]


def clean_name(name: str) -> str:
    """Return a name that fits the audit trail: one line of printable characters."""
    printable = "".join(letter if letter.isprintable() else " " for letter in name)
    return " ".join(printable.split())[:_LONGEST_NAME]
