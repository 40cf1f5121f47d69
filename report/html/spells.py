"""Spells: the unbroken times in which one check was warning or critical.

A finding says what holds for one window; a person asks "since when?". A spell answers: it opens
with the first alarm of a series and ends when the check has been ok for longer than `PATIENCE`
windows, so that a value that hovers at its limit makes one spell and not twenty. A window without a
verdict ends nothing, and neither does the time between two runs of a job.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from mlmon.analyzers.base.finding import Finding
from mlmon.analyzers.base.identity import FindingIdentity
from mlmon.report.html.series import Series
from mlmon.report.html.severity import OK, WARNING

PATIENCE = 2

Places = np.ndarray[tuple[int], np.dtype[np.intp]]


@dataclass(frozen=True, slots=True)
class Spell:
    """One time of trouble of one check.

    Attributes:
        key: The check.
        since, until: Start of the first and end of the last window in alarm, in seconds.
        severity: The worst rank in it.
        window: Length of its first window, in seconds: `since` is not known better than that.
        windows: Windows in it that the check judged; `alarms` of them are warning or critical.
        worst: The finding that is worst: of the highest severity the farthest beyond its limit.
        ongoing: The check has not been ok for long enough since.
    """

    key: FindingIdentity
    since: float
    until: float
    severity: int
    window: float
    windows: int
    alarms: int
    worst: Finding
    ongoing: bool


def spells(series: Iterable[Series]) -> tuple[Spell, ...]:
    """Return the spells of several series by their beginning."""
    found = (spell for one in series for spell in spells_of(one))
    return tuple(sorted(found, key=lambda spell: (spell.since, -spell.severity, spell.key)))


def spells_of(series: Series) -> Iterator[Spell]:
    """Yield the spells of one series in time order."""
    places = np.flatnonzero(series.severity >= WARNING)
    if not places.size:
        return
    well = np.flatnonzero(series.severity == OK)
    pauses = (_ended(series, well, one, two) for one, two in pairwise(places))
    breaks = [number for number, ended in enumerate(pauses, 1) if ended]
    for group in np.split(places, breaks):
        ongoing = not _ended(series, well, group[-1], None)
        yield _spell(series, group.tolist(), ongoing=ongoing)


def _ended(series: Series, well: Places, last: np.intp, following: np.intp | None) -> bool:
    """Say whether a check was ok for long after an alarm and before the one that follows it."""
    after = well[np.searchsorted(well, last) :]
    quiet = after if following is None else after[: np.searchsorted(after, following)]
    if not quiet.size:
        return False
    pause = PATIENCE * (series.end[last] - series.start[last])
    until = series.end[quiet[-1]] if following is None else series.start[following]
    return bool(until - series.end[last] > pause)


def _spell(series: Series, places: list[int], *, ongoing: bool) -> Spell:
    """Describe the spell made of the alarms at these places of a series."""
    first, last = places[0], places[-1]
    worst = worst_place(series, places)
    finding = series.kept[worst]
    if finding is None:
        raise ValueError("an alarm was not kept")
    return Spell(
        key=series.key,
        since=float(series.start[first]),
        until=float(series.end[last]),
        severity=int(series.severity[worst]),
        window=float(series.end[first] - series.start[first]),
        windows=last - first + 1,
        alarms=len(places),
        worst=finding,
        ongoing=ongoing,
    )


def worst_place(series: Series, places: list[int]) -> int:
    """Return the worst of some places: the highest severity, then the farthest value."""
    return max(places, key=lambda place: (int(series.severity[place]), _excess(series, place)))


def _excess(series: Series, place: int) -> float:
    """Return how far a value lies on the bad side, for comparison within a series."""
    value = float(series.value[place])
    if np.isnan(value):
        return -np.inf
    # A critical limit below the warning one means that low values are the bad ones.
    falls = series.critical[place] < series.warning[place]
    return -value if falls else value
