"""Why checks cannot be judged, and when about they can be. Pure.

A finding without a verdict gives its reason as a sentence. Nobody reads hundreds of them, so they
are counted by cause: too little traffic, no labels, and so on.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from mlmon.analyzers.base.window import DAY
from mlmon.formatting import about_when, count

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime, timedelta

GROWTH = 14 * DAY
"""Windows of small traffic grow up to so long."""


class Cause(StrEnum):
    """Why a check has no verdict, as it is written after the number of checks."""

    FAILED = "an analyzer failed"
    LOGS = "incomplete logs"
    NO_BASELINE = "no baseline or training data for it"
    NO_LABELS = "no labels"
    LABELS = "too few labels yet"
    HISTORY = "too little history"
    TRAFFIC = "too little traffic"
    OLD = "no finding of late"
    NEAR = "beyond a limit, not proven"
    OTHER = "other reasons"


_SENTENCES: tuple[tuple[Cause, str], ...] = (
    (Cause.OLD, r"^No finding of late"),
    (Cause.FAILED, r" failed from .* findings of that time are incomplete"),
    (Cause.NEAR, r"beyond the limit, not proven|cannot be told from (the limit|past weeks)"),
    (Cause.LOGS, r"the logs are incomplete|logs are gone|profiled over another"),
    (
        Cause.NO_BASELINE,
        r"no baseline|baseline has|[Tt]raining set|not measured offline|in training",
    ),
    (Cause.NO_LABELS, r"\b(no|No|without) (labels?|outcomes?)\b|has no label"),
    (
        Cause.HISTORY,
        (
            r"history|past days|known (since|before)|is known (for|of)|no week before"
            r"|no reference yet|to know (its|what)|for a baseline|steady decline|known in \d+ days"
        ),
    ),
    (Cause.LABELS, r"\blabels?\b|\boutcomes?\b|rarer (kind|class)|per class"),
    (Cause.TRAFFIC, r"(is|are) needed|too few|fewer than|[Nn]o (predictions|requests|scores)"),
)
_NEEDED = re.compile(r"([\d,]+) (?:is|are) needed")
_FULL_DAY = re.compile(r"full day|24 are needed")
_PAST_DAYS = re.compile(r"fewer than (\d+) past days")


def cause_of(reason: str) -> Cause:
    """Return why a check has no verdict, by the sentence that says so."""
    return next((cause for cause, pattern in _SENTENCES if re.search(pattern, reason)), Cause.OTHER)


@dataclass(frozen=True, slots=True)
class Unjudged:
    """The last finding of a check that has no verdict.

    Args:
        analyzer: Whose check it is.
        reason: Its sentence.
        length: How long its window was.
        sample: Events it measured, None where it does not say.
    """

    analyzer: str
    reason: str
    length: timedelta
    sample: int | None = None

    @property
    def cause(self) -> Cause:
        """Why there is no verdict."""
        return cause_of(self.reason)

    def due(self, begin: datetime) -> datetime | None:
        """Return when about there is a verdict if events go on as they came, None if unknown.

        Args:
            begin: When the first events came.
        """
        if _FULL_DAY.search(self.reason):
            return begin + DAY
        if past := _PAST_DAYS.search(self.reason):
            return begin + int(past[1]) * DAY
        needed = _NEEDED.search(self.reason)
        if self.cause is not Cause.TRAFFIC or not needed or not self.sample:
            return None
        grown = self.length * (int(needed[1].replace(",", "")) / self.sample)
        return begin + grown if self.length < grown <= GROWTH else None


@dataclass(slots=True)
class UnjudgedChecks:
    """Checks without a verdict, by cause.

    Args:
        begin: When the first events came, None where nobody knows.
    """

    begin: datetime | None = None
    by_cause: dict[Cause, list[Unjudged]] = field(default_factory=lambda: defaultdict(list))

    def add(self, check: Unjudged) -> None:
        """Count a check."""
        self.by_cause[check.cause].append(check)

    @property
    def total(self) -> int:
        """How many there are."""
        return sum(map(len, self.by_cause.values()))

    def due(self, now: datetime, causes: Iterable[Cause] = Cause) -> datetime | None:
        """Return when about the first of them has a verdict, None where none is foreseen."""
        if self.begin is None:
            return None
        checks = (check for cause in causes for check in self.by_cause.get(cause, ()))
        moments = (moment for check in checks if (moment := check.due(self.begin)))
        return min((moment for moment in moments if moment > now), default=None)

    def sentence(self, series: int, now: datetime) -> str:
        """Return the causes with their numbers: "23 of 227 checks cannot be judged: 14 …"."""
        ordered = sorted(self.by_cause.items(), key=lambda item: (-len(item[1]), item[0]))
        parts = []
        for cause, checks in ordered:
            due = self.due(now, [cause])
            until = f" until about {about_when(due, now)}" if due else ""
            parts.append(f"{len(checks):,} {cause}{until}")
        of = f"{self.total:,} of {count(series, 'check')}"
        return f"{of} cannot be judged: {', '.join(parts)}"
