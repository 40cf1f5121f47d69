"""The time axis above the strips: a few round moments and their places."""

from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil
from typing import Final

from mlmon.report.html.buckets import DAY, HOUR, MINUTE

MOST_TICKS: Final = 9
MONTH: Final = 28 * DAY
STEPS: Final = (
    *(minutes * MINUTE for minutes in (1, 5, 10, 15, 30)),
    *(hours * HOUR for hours in (1, 2, 3, 6, 12)),
    *(days * DAY for days in (1, 2, 3, 4, 7, 14, 28, 91, 364, 728, 1820)),
)


@dataclass(frozen=True, slots=True)
class Tick:
    """One label, and its place in per cent of the range."""

    label: str
    percent: float


def moments(since: float, until: float, most: int) -> tuple[list[float], str]:
    """Return at most `most` round moments of a range, in seconds, and the form to write them in."""
    step = next((step for step in STEPS if until - since < step * most), STEPS[-1])
    first = ceil(since / step) * step
    count = int((until - first) // step) + 1
    form = "%H:%M" if step < DAY else "%-d %b" if step < MONTH else "%b %Y"
    return [first + number * step for number in range(count)], form


def ticks(since: float, until: float) -> tuple[Tick, ...]:
    """Return at most `MOST_TICKS` ticks at round moments of a range."""
    length = max(until - since, 1.0)
    places, form = moments(since, until, MOST_TICKS)
    return tuple(
        Tick(
            datetime.fromtimestamp(one, UTC).strftime(form), round(100 * (one - since) / length, 2)
        )
        for one in places
    )
