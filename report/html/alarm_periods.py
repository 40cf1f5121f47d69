"""Alarm periods: a row of the table of findings for consecutive windows in alarm of a check.

A period opens with the first alarm of a series and ends when the check has been ok for longer than
`PATIENCE` windows, so that a value around its limit makes one row and not twenty. A window without
a verdict ends nothing, and neither does the time between two runs of a job. What is wrong now, and
why, is shown by incidents, not here.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from mlmon.analyzers.base.finding import Finding
from mlmon.analyzers.base.identity import FindingIdentity
from mlmon.report.html.series import CheckSeries
from mlmon.report.html.severity import OK, WARNING

PATIENCE = 2

Places = np.ndarray[tuple[int], np.dtype[np.intp]]


@dataclass(frozen=True, slots=True)
class AlarmPeriod:
    """Consecutive windows of one check that are warning or critical.

    Attributes:
        key: The check.
        since, until: Start of the first and end of the last window in alarm, in seconds.
        severity: The worst rank in it.
        windows: Windows in it that the check judged; `alarms` of them are warning or critical.
        worst: The finding that is worst: of the highest severity the farthest beyond its limit.
    """

    key: FindingIdentity
    since: float
    until: float
    severity: int
    windows: int
    alarms: int
    worst: Finding


def alarm_periods(series: Iterable[CheckSeries]) -> tuple[AlarmPeriod, ...]:
    """Return the alarm periods of several series by their beginning."""
    found = (period for one in series for period in periods_of(one))
    return tuple(sorted(found, key=lambda period: (period.since, -period.severity, period.key)))


def periods_of(series: CheckSeries) -> Iterator[AlarmPeriod]:
    """Yield the alarm periods of one series in time order."""
    places = np.flatnonzero(series.severity >= WARNING)
    if not places.size:
        return
    ok = np.flatnonzero(series.severity == OK)
    breaks = [
        number
        for number, (last, following) in enumerate(pairwise(places), 1)
        if _ended(series, ok, last, following)
    ]
    for group in np.split(places, breaks):
        yield _period(series, group.tolist())


def _ended(series: CheckSeries, ok: Places, last: np.intp, following: np.intp) -> bool:
    """Return whether a check was ok for long after an alarm and before the one that follows it."""
    between = ok[np.searchsorted(ok, last) : np.searchsorted(ok, following)]
    if not between.size:
        return False
    pause = PATIENCE * (series.end[last] - series.start[last])
    return bool(series.start[following] - series.end[last] > pause)


def _period(series: CheckSeries, places: list[int]) -> AlarmPeriod:
    """Describe the period made of the alarms at these places of a series."""
    first, last = places[0], places[-1]
    worst = worst_place(series, places)
    finding = series.kept[worst]
    if finding is None:
        raise ValueError("an alarm was not kept")
    return AlarmPeriod(
        key=series.key,
        since=float(series.start[first]),
        until=float(series.end[last]),
        severity=int(series.severity[worst]),
        windows=last - first + 1,
        alarms=len(places),
        worst=finding,
    )


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
