"""Spells: the unbroken times in which one check was warning or critical.

A finding says what holds for one window; a person asks "since when?". A spell answers: it opens
with the first alarm of a series and closes when the series has been quiet for more than `PATIENCE`
windows, so that a value that hovers at its limit makes one spell and not twenty.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from analyzers.finding import Finding
from kibana.report.series import Series, SeriesKey
from kibana.report.severity import WARNING

PATIENCE = 2


@dataclass(frozen=True, slots=True)
class Spell:
    """One time of trouble of one check.

    Attributes:
        key: The check.
        since, until: Start of the first and end of the last window in alarm, in seconds.
        severity: The worst rank in it.
        windows: Windows in it that the check judged; `alarms` of them are warning or critical.
        worst: The finding that is worst: of the highest severity the farthest beyond its limit.
        ongoing: The check's last windows belong to it.
    """

    key: SeriesKey
    since: float
    until: float
    severity: int
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
    breaks = np.flatnonzero(np.diff(places) > PATIENCE + 1) + 1
    for group in np.split(places, breaks):
        yield _spell(series, group.tolist())


def _spell(series: Series, places: list[int]) -> Spell:
    """Describe the spell made of the alarms at these places of a series."""
    first, last = places[0], places[-1]
    worst = worst_place(series, places)
    finding = series.kept[worst]
    if finding is None:
        raise ValueError("an alarm was not kept")
    return Spell(
        key=series.key,
        since=float(series.start[first]),
        until=float(series.end[first : last + 1].max()),
        severity=int(series.severity[worst]),
        windows=last - first + 1,
        alarms=len(places),
        worst=finding,
        ongoing=last >= len(series) - 1 - PATIENCE,
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
