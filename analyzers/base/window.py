"""Windows of time, half open, UTC, aligned to the epoch, so that every run cuts time alike."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
WEEK = timedelta(weeks=1)
FIRST = datetime(1, 1, 1, tzinfo=UTC)
LAST = datetime(9999, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC)
_FIRST, _LAST = ((moment - EPOCH) / timedelta(milliseconds=1) for moment in (FIRST, LAST))


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """The time from `start` (included) to `end` (excluded), both aware of their time zone."""

    start: datetime
    end: datetime

    @property
    def length(self) -> timedelta:
        """Its length."""
        return self.end - self.start

    @property
    def seconds(self) -> int:
        """Its length in whole seconds."""
        return int(self.length.total_seconds())

    @property
    def hours(self) -> float:
        """Its length in hours."""
        return self.length / HOUR

    def ends(self, step: timedelta) -> Iterator[datetime]:
        """Yield the multiples of `step` in (start, end]: the windows a run of this period judges.

        Periods that join without overlap therefore never judge a window twice nor leave one out.
        """
        end = floor(self.start, step) + step
        while end <= self.end:
            yield end
            end += step

    def split(self, length: timedelta) -> Iterator[Window]:
        """Yield consecutive parts of at most `length`, cut at its multiples."""
        start = self.start
        while start < self.end:
            end = min(floor(start, length) + length, self.end)
            yield Window(start, end)
            start = end

    def halves(self, step: timedelta) -> tuple[Window, Window] | None:
        """Return two parts cut at a multiple of `step`, None if there is no such place inside."""
        middle = floor(self.start + self.length / 2, step)
        if middle <= self.start:
            middle = floor(self.start, step) + step
        if middle >= self.end:
            return None
        return Window(self.start, middle), Window(middle, self.end)


def joined(windows: Iterable[Window]) -> list[Window]:
    """Return the least windows, in order, that cover the same time; ones that touch become one."""
    spans: list[Window] = []
    for window in sorted(windows):
        if spans and window.start <= spans[-1].end:
            spans[-1] = Window(spans[-1].start, max(spans[-1].end, window.end))
        else:
            spans.append(window)
    return spans


def without(windows: Iterable[Window], others: Iterable[Window]) -> list[Window]:
    """Return what is left of some windows, in order, where none of the others lies.

    >>> day = Window(EPOCH, EPOCH + DAY)
    >>> [window.hours for window in without([day], [Window(EPOCH + HOUR, EPOCH + 4 * HOUR)])]
    [1.0, 20.0]
    """
    left = joined(windows)
    for other in others:
        left = [
            part
            for window in left
            for part in (
                Window(window.start, min(window.end, other.start)),
                Window(max(window.start, other.end), window.end),
            )
            if part.start < part.end
        ]
    return left


def floor(moment: datetime, step: timedelta) -> datetime:
    """Return the greatest multiple of `step` since the epoch that is not after `moment`."""
    return EPOCH + (moment - EPOCH) // step * step


@lru_cache(maxsize=4_096)
def iso(moment: datetime) -> str:
    """Return a moment as `2026-11-22T14:00:00.000Z`, the way events and documents write it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@lru_cache(maxsize=4_096)
def parse_time(text: str) -> datetime:
    """Read what `iso` wrote, or any ISO-8601 time; without a time zone it is UTC."""
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def milliseconds(moment: datetime) -> int:
    """Return the milliseconds since the epoch, as Elasticsearch keys its windows."""
    return (moment - EPOCH) // timedelta(milliseconds=1)


def from_milliseconds(value: float) -> datetime:
    """Return the moment so many milliseconds after the epoch, at most the last one of year 9999.

    Elasticsearch's dates reach farther: microseconds that were read as milliseconds lie in the
    year 58,000.

    >>> from_milliseconds(1.77e15).year, from_milliseconds(-1.77e15).year
    (9999, 1)
    """
    if not _FIRST <= value <= _LAST:
        return LAST if value > 0 else FIRST
    return EPOCH + timedelta(milliseconds=value)
