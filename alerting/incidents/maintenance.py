"""Maintenance windows: times in which nobody is called about some services or models. Pure.

```toml
[[alerting.maintenance]]
name = "weekly retraining"
models = ["autobid*"]
every = "Sun 02:00"      # UTC; or start = "2026-12-01T22:00Z" for once
length = "3h"
```

What opens in a window is sent when the window ends, if it is still open then.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mlmon.analyzers.base.window import DAY, WEEK, floor
from mlmon.formatting import parse_duration

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlmon.alerting.incidents.record import IncidentRecord

MUTED: Final = "maintenance"
LONGEST: Final = 2 * DAY
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
        return self

    @property
    def lasts(self) -> timedelta:
        """Its length."""
        return parse_duration(self.length)

    def ends(self, moment: datetime) -> datetime | None:
        """Return when the window that a moment lies in ends; None where it lies in none."""
        if self.start is not None:
            begin: datetime = self.start
        else:
            weekday, clock = _parsed(str(self.every))
            period = DAY if weekday is None else WEEK
            offset = timedelta(hours=clock.hour, minutes=clock.minute)
            if weekday is not None:
                offset += (weekday - _EPOCH_WEEKDAY) % 7 * DAY
            begin = floor(moment - offset, period) + offset
        end = begin + self.lasts
        return end if begin <= moment < end else None

    def covers(self, incident: IncidentRecord) -> bool:
        """Return whether it is about an incident's service and model."""
        pairs = ((self.services, incident.service), (self.models, incident.model_name))
        return all(
            not patterns or any(fnmatchcase(name or "", pattern) for pattern in patterns)
            for patterns, name in pairs
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
