"""Maintenance windows: times in which nobody is called about some services or models. Pure.

```toml
[[alerting.maintenance]]
name = "weekly retraining"
models = ["autobid*"]
every = "Sun 02:00"      # UTC; or start = "2026-12-01T22:00Z" for once
length = "3h"
```

What opens in a window is sent when the window ends, if it is still open then. Windows that recur
are refused where they hold back the same incident for longer than one window may last.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta
from fnmatch import fnmatchcase
from itertools import product
from typing import TYPE_CHECKING, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mlmon.analyzers.base.window import DAY, HOUR, WEEK, floor
from mlmon.formatting import duration, parse_duration

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mlmon.alerting.incidents.record import IncidentRecord

MUTED: Final = "maintenance"
LONGEST: Final = 2 * DAY
PAUSE: Final = HOUR
"""Windows with less time between them count as one: nobody can be called in so little of it."""
_WILD: Final = frozenset("*?[")
_COMBINED: Final = 3
"""Of so many patterns at most a name is made that fits all of them."""
_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_EPOCH_WEEKDAY: Final = 3
"""1970-01-01, from which windows are counted, was a Thursday."""


class Maintenance(BaseModel):
    """One maintenance window, once or every week or day."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, description="its name, shown with what it covers")
    services: tuple[str, ...] = Field((), description="patterns; none matches all")
    models: tuple[str, ...] = Field((), description="patterns; none matches all")
    start: datetime | None = Field(None, description="of a window that comes once")
    every: str | None = Field(None, description='such as "Sun 02:00", or "02:00" for each day; UTC')
    length: str = Field(description="such as 90m or 3h; two days at most")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.start is None) == (self.every is None):
            raise ValueError("a maintenance window needs start or every, and not both")
        if not timedelta(0) < self.lasts <= LONGEST:
            raise ValueError(f"{self.length} is no length of a maintenance window: 2d at most")
        if self.start is not None and self.start.tzinfo is None:
            raise ValueError("start needs a time zone, such as Z")
        if self.every is not None:
            _parsed(self.every)
            check_recurring((self,))
        return self

    @property
    def lasts(self) -> timedelta:
        """Its length."""
        return parse_duration(self.length)

    def of_week(self) -> list[tuple[timedelta, timedelta]]:
        """Return begin and end of its windows in a week, from Monday on; none if it comes once."""
        if self.every is None:
            return []
        weekday, clock = _parsed(self.every)
        days = range(len(_DAYS)) if weekday is None else (weekday,)
        offset = timedelta(hours=clock.hour, minutes=clock.minute, seconds=clock.second)
        return [(day * DAY + offset, day * DAY + offset + self.lasts) for day in days]

    def ends(self, moment: datetime) -> datetime | None:
        """Return when the window that a moment lies in ends; None where it lies in none."""
        if self.start is not None:
            begin: datetime = self.start
        else:
            weekday, clock = _parsed(str(self.every))
            period = DAY if weekday is None else WEEK
            offset = timedelta(hours=clock.hour, minutes=clock.minute, seconds=clock.second)
            if weekday is not None:
                offset += (weekday - _EPOCH_WEEKDAY) % 7 * DAY
            begin = floor(moment - offset, period) + offset
        end = begin + self.lasts
        return end if begin <= moment < end else None

    def covers(self, incident: IncidentRecord) -> bool:
        """Return whether it is about an incident's service and model."""
        return _fits(incident.service or "", self.services) and _fits(
            incident.model_name or "", self.models
        )


def _parsed(every: str) -> tuple[int | None, time]:
    """Return the weekday, if one is named, and the time of day."""
    day, _, clock = every.rpartition(" ")
    if day and day not in _DAYS:
        raise ValueError(f"{day!r} is no weekday: one of {', '.join(_DAYS)}")
    try:
        return (_DAYS.index(day) if day else None), time.fromisoformat(clock)
    except ValueError:
        raise ValueError(f"{clock!r} is no time of day, such as 02:00") from None


def held_until(
    windows: Iterable[Maintenance], incident: IncidentRecord, moment: datetime
) -> datetime | None:
    """Return until when messages about an incident are held back; None where they are not.

    Args:
        windows: The maintenance windows.
        incident: The incident.
        moment: When this is; an incident counts if it opened in a window that lasts.
    """
    ends = [
        end
        for window in windows
        if window.covers(incident)
        and (end := window.ends(moment)) is not None
        and window.ends(incident.opened) == end
    ]
    return max(ends, default=None)


def check_recurring(windows: Sequence[Maintenance]) -> None:
    """Refuse windows that recur and hold back the same incident for too long, or for ever.

    Raises:
        ValueError: Together they last longer than `LONGEST`, with shorter pauses than `PAUSE`.
    """
    recurring = [window for window in windows if window.every is not None]
    by_service = _covering(recurring, "services")
    by_model = _covering(recurring, "models")
    for numbers in {one & other for one, other in product(by_service, by_model)}:
        together = [recurring[number] for number in sorted(numbers)]
        longest = _longest(span for window in together for span in window.of_week())
        if longest is None or longest > LONGEST:
            names = ", ".join(window.name for window in together)
            lasting = "for ever" if longest is None else f"for {duration(longest)} in a row"
            raise ValueError(
                f"maintenance {names}: no message would be sent {lasting}; "
                f"{duration(LONGEST)} at most, then a pause of {duration(PAUSE)} at least"
            )


def _covering(windows: Sequence[Maintenance], attribute: str) -> set[frozenset[int]]:
    """Return the sets of windows, by their numbers, that one service or model may be covered by."""
    declared = [getattr(window, attribute) for window in windows]
    return {
        frozenset(number for number, patterns in enumerate(declared) if _fits(name, patterns))
        for name in _names({pattern for patterns in declared for pattern in patterns})
    }


def _names(patterns: Iterable[str]) -> Iterator[str]:
    """Yield names that fit patterns: each of them, and several at once where that is possible.

    A pattern fits itself; what two of them are joined to fits both where one name can (`a*` and
    `*b` both fit `a**b`).
    """
    names = sorted(patterns)
    wild = [name for name in names if _WILD & {*name}]
    yield from ("", *names)
    for number in range(2, _COMBINED + 1):
        yield from map("".join, product(wild, repeat=number))


def _fits(name: str, patterns: Sequence[str]) -> bool:
    return not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)


def _longest(spans: Iterable[tuple[timedelta, timedelta]]) -> timedelta | None:
    """Return the longest time that weekly spans cover in a row; None where it never ends."""
    week = sorted(spans)
    longest = timedelta(0)
    begin, end = -WEEK, -PAUSE
    # What a week ends with may go on in the next: two weeks show that.
    for first, last in [*week, *((first + WEEK, last + WEEK) for first, last in week)]:
        if first - end >= PAUSE:
            begin, end = first, last
        end = max(end, last)
        longest = max(longest, end - begin)
    return None if longest > WEEK else longest
