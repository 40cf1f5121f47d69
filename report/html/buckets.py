"""Down-sampling that hides nothing bad.

Each bucket of time keeps its worst finding, its extremes and its median.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from mlmon.analyzers.base.finding import Finding
from mlmon.dashboards.vega_lite.ticks import DAY_SECONDS, HOUR_SECONDS, MINUTE_SECONDS
from mlmon.report.html.series import CheckSeries, Floats
from mlmon.report.html.severity import UNKNOWN

# Widths people know from clocks and calendars; each divides a day or is a number of days.
WIDTHS: Final = (
    *(minutes * MINUTE_SECONDS for minutes in (1, 5, 10, 15, 30)),
    *(hours * HOUR_SECONDS for hours in (1, 2, 3, 4, 6, 8, 12)),
    *(days * DAY_SECONDS for days in (1, 2, 7, 14, 28, 91, 364)),
)


@dataclass(frozen=True, slots=True)
class TimeBucket:
    """What a series' windows within one stretch of time amount to. Times in seconds.

    Attributes:
        start, end: From the first window's start to the last one's end.
        count: Windows in it.
        typical: The median value; None where no window has one.
        least, greatest: The extremes of its values.
        low, high: The extremes of the intervals that the values lie in.
        warning, critical: The limits of the worst window that has a verdict.
        severity: The worst rank.
        at: The end of the worst window.
        value: The value of the worst window.
        worst: The finding of the worst window, where it is not ok and its sentence is shown.
        immature: Whether labels of some window with a value are still coming in.
    """

    start: float
    end: float
    count: int
    typical: float | None
    least: float | None
    greatest: float | None
    low: float | None
    high: float | None
    warning: float | None
    critical: float | None
    severity: int
    at: float
    value: float | None
    worst: Finding | None
    immature: bool = False


def bucket_width(seconds: float, most: int) -> int:
    """Return the smallest width in seconds that cuts a range into no more than `most` buckets."""
    return next((width for width in WIDTHS if seconds <= width * most), WIDTHS[-1])


def buckets(series: CheckSeries, width: int) -> Iterator[TimeBucket]:
    """Yield a series' buckets in time order; a bucket without a window is left out.

    Args:
        series: What to make small.
        width: Seconds; buckets are aligned to the epoch, a window belongs where it starts.
    """
    places = np.floor(series.start / width)
    edges = np.flatnonzero(np.diff(places)) + 1
    for group in np.split(np.arange(len(series)), edges):
        yield _bucket(series, group.tolist())


def with_sentences(buckets: Sequence[TimeBucket], most: int) -> list[TimeBucket]:
    """Return buckets of which only the `most` worst keep their finding, and so its sentence."""
    reasons = [place for place, bucket in enumerate(buckets) if bucket.worst]
    reasons.sort(key=lambda place: (-buckets[place].severity, -(buckets[place].value or 0.0)))
    silent = set(reasons[most:])
    return [
        replace(bucket, worst=None) if place in silent else bucket
        for place, bucket in enumerate(buckets)
    ]


def severities(series: CheckSeries, *, since: float, width: float, count: int) -> list[int | None]:
    """Return the worst severity in each of `count` stretches of `width` seconds.

    A window counts in every stretch it touches, so that hourly checks leave no holes in a finer
    strip. None stands where no window lies.
    """
    worst = np.full(count, -1, dtype=np.int8)
    first = np.clip(np.floor((series.start - since) / width), 0, count - 1).astype(int)
    last = np.clip(np.ceil((series.end - since) / width) - 1, 0, count - 1).astype(int)
    for begin, finish, severity in zip(
        first, np.maximum(first, last), series.severity, strict=True
    ):
        stretch = worst[begin : finish + 1]
        np.maximum(stretch, severity, out=stretch)
    return [int(one) if one >= 0 else None for one in worst]


def _bucket(series: CheckSeries, places: list[int]) -> TimeBucket:
    """Describe the windows at these places of a series."""
    first, last = places[0], places[-1] + 1
    worst = worst_place(series, places)
    judged = worst_place(
        series, [one for one in places if series.severity[one] != UNKNOWN] or [worst]
    )
    limits = judged if series.severity[judged] != UNKNOWN else None
    value = series.value[first:last]
    return TimeBucket(
        start=float(series.start[first]),
        end=float(series.end[first:last].max()),
        count=len(places),
        typical=_present(np.median(value[~np.isnan(value)])) if not np.isnan(value).all() else None,
        least=_extreme(value, least=True),
        greatest=_extreme(value, least=False),
        low=_extreme(series.low[first:last], least=True),
        high=_extreme(series.high[first:last], least=False),
        warning=None if limits is None else _present(series.warning[limits]),
        critical=None if limits is None else _present(series.critical[limits]),
        severity=int(series.severity[worst]),
        at=float(series.end[worst]),
        value=_present(series.value[worst]),
        worst=series.kept[worst],
        immature=bool((~np.isnan(series.maturity[first:last]) & ~np.isnan(value)).any()),
    )


def _extreme(values: Floats, *, least: bool) -> float | None:
    """Return the least or the greatest number; None where there is none."""
    numbers = values[~np.isnan(values)]
    if not numbers.size:
        return None
    return float(numbers.min() if least else numbers.max())


def _present(value: np.float64 | float) -> float | None:
    """Return a number, or None for NaN."""
    return None if np.isnan(value) else float(value)


def worst_place(series: CheckSeries, places: list[int]) -> int:
    """Return the worst of some places: the highest severity, then the farthest value."""
    return max(places, key=lambda place: (int(series.severity[place]), _excess(series, place)))


def _excess(series: CheckSeries, place: int) -> float:
    """Return how far a value lies on the bad side, for comparison within a series."""
    value = float(series.value[place])
    if np.isnan(value):
        return -np.inf
    # A critical limit below the warning one means that low values are the bad ones.
    falls = series.critical[place] < series.warning[place]
    return -value if falls else value
