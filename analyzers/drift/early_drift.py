"""Drift of the last hours that leaves no doubt, before a day is full of it. Pure.

Hours differ, so drift is judged over a day. The last hours alarm early where

- each of them lies beyond the limit, by more than chance: one client's batch is not enough,
- together they differ from the training set, and from the same hours of seven or more days before,
  by more than the limit, each time with the conservative end: the time of day explains neither,
- they lie twice as far from those days as any of these does from the others (the farthest left
  out, which may have had a fault): where days vary, or weekends differ, it takes more, and
- each distance is certainly no chance (`base/certain.py`): by Kolmogorov's limit law for numbers,
  by McDiarmid's bound for categories.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeAlias

from mlmon.analyzers.base.certain import certain_below
from mlmon.analyzers.base.window import DAY, HOUR, Window
from mlmon.analyzers.drift.method import measured
from mlmon.analyzers.drift.methods.kolmogorov_smirnov import (
    critical_distance,
    ks_distance_of_parts,
)
from mlmon.analyzers.drift.methods.total_variation import (
    critical_total_variation,
    total_variation,
)
from mlmon.analyzers.references.growing_window import POOLED
from mlmon.analyzers.references.seasons import past_days
from mlmon.analyzers.statistics.buckets import Buckets
from mlmon.analyzers.statistics.buckets import merge as merge_numbers
from mlmon.analyzers.statistics.categories import CategoryCounts
from mlmon.analyzers.statistics.empty_sample import EmptySampleError
from mlmon.formatting import count, number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from mlmon.analyzers.baselines.baseline import Baseline
    from mlmon.analyzers.drift.drift import Drift
    from mlmon.analyzers.drift.method import DriftMethod
    from mlmon.analyzers.profiles.kinds.prediction import PredictionProfile

Part: TypeAlias = Buckets | CategoryCounts
"""Numbers over one set of edges, or categories."""
EARLY = (2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR)
"""Lengths of the early windows: at least two hours, so that one batch is not enough."""
FEWEST_DAYS = 7
"""Days before of which the same hours must be known: a weekend is among them."""
FARTHER = 2
"""So many times as far as any day before from the others."""


@dataclass(frozen=True, slots=True)
class EarlyDrift:
    """Drift of the last hours that leaves no doubt.

    Args:
        window: The shortest.
        drift: The distance from the training set.
        usual: The distance from the same hours of the days before.
        days: How many days these are.
    """

    window: Window
    drift: Drift
    usual: Drift
    days: int

    def sentence(self, title: str) -> str:
        """Return the part of a sentence that says why there is no doubt."""
        return (
            f"certain: {title} {number(self.usual.value)} from the same hours of the "
            f"{count(self.days, 'day')} before"
        )


class EarlySide:
    """A feature, or the score, of some hours: what is compared, and with what.

    Args:
        method: The drift test.
        reference: The training set's.
        of: Returns it of an hour, None where the hour has none.
        past: Returns it of each hour of a time further back, of any version: numbers of another one
            lie over edges of their own.
        series: How many are judged each hour, which share the budget of false alarms.
    """

    def __init__(
        self,
        method: DriftMethod,
        reference: Part,
        of: Callable[[PredictionProfile], Part | None],
        past: Callable[[Window], Sequence[Part]],
        series: int = 1,
    ) -> None:
        self._method = method
        self._reference = [reference]
        self._of = of
        self._past = past
        self._certain_below = certain_below(len(EARLY) * series)

    def drift(
        self, end: datetime, hours: Mapping[datetime, Sequence[PredictionProfile]]
    ) -> EarlyDrift | None:
        """Return the drift of the shortest window that leaves no doubt; None if none does.

        Args:
            end: The windows' end.
            hours: The profiles of each hour, by its begin.
        """
        found: list[Part] = []
        hours_found = 0
        for back in range(1, EARLY[-1] // HOUR + 1):
            sample = self._sum(hours.get(end - back * HOUR, ()))
            if not _rows(sample):
                if not found:
                    return None
            elif not self._beyond(sample):
                return None
            found += sample
            hours_found += bool(_rows(sample))
            if back * HOUR in EARLY and hours_found > 1:
                early = self._certain(Window(end - back * HOUR, end), _merged(found))
                if early is not None:
                    return early
        return None

    def _certain(self, window: Window, sample: Sequence[Part]) -> EarlyDrift | None:
        drift = self._certainly(sample, self._reference)
        if drift is None:
            return None
        known = [
            past
            for day in past_days(window, POOLED // DAY - 1)
            if _rows(past := _merged(self._past(day)))
        ]
        if len(known) < FEWEST_DAYS:
            return None
        usual = self._certainly(sample, _merged(chain.from_iterable(known)))
        if usual is None or usual.least < FARTHER * self._between(known):
            return None
        return EarlyDrift(window, drift, usual, len(known))

    def _between(self, days: Sequence[Sequence[Part]]) -> float:
        """Return how far a day lies from the others, the farthest left out: it had a fault."""
        found = sorted(
            drift.value
            for place, day in enumerate(days)
            if (drift := self._measured(day, _merged(_others(days, place))))
        )
        return found[-2] if len(found) > 1 else math.inf

    def _certainly(self, sample: Sequence[Part], other: Sequence[Part]) -> Drift | None:
        """Return the distance of two samples where it leaves no doubt, else None."""
        drift = self._measured(sample, other)
        if drift is None or drift.low < drift.limits.warning:
            return None
        return drift if _significant(sample, other, self._certain_below) else None

    def _beyond(self, sample: Sequence[Part]) -> bool:
        """Whether an hour lies beyond the limit, and chance does not explain that it does."""
        drift = self._measured(sample, self._reference)
        return drift is not None and drift.least >= drift.limits.warning and drift.low > 0

    def _measured(self, sample: Sequence[Part], other: Sequence[Part]) -> Drift | None:
        comparison: Any = self._method.categorical
        sides: tuple[Any, Any] = sample[0], other[0]
        if isinstance(sample[0], Buckets):
            comparison, sides = self._method.numeric, (sample, other)
        if comparison is None or _rows(sample) < comparison.fewest:
            return None
        try:
            drift = measured(self._method, comparison, *sides)
        except EmptySampleError:
            return None
        return None if isinstance(drift, str) else drift

    def _sum(self, profiles: Sequence[PredictionProfile]) -> list[Part]:
        return _merged(part for profile in profiles if (part := self._of(profile)) is not None)


def early_feature(
    feature: str,
    method: DriftMethod,
    baseline: Baseline,
    past: Callable[[Window], Sequence[PredictionProfile]],
) -> EarlySide:
    """Return a feature of some hours.

    Args:
        feature: Its name.
        method: Its drift test.
        baseline: The model version's.
        past: Returns the hours of a time further back, each once; called only where they decide.
    """
    known = baseline.categorical.get(feature)

    def of(hour: PredictionProfile) -> Part | None:
        if known is None:
            return hour.numeric.get(feature)
        found = hour.categorical.get(feature)
        return None if found is None else found.counted(known.counts)

    return EarlySide(
        method,
        baseline.numeric[feature] if known is None else known.counted,
        of,
        lambda day: [part for hour in past(day) if (part := of(hour)) is not None],
        len(baseline.features),
    )


def _merged(parts: Iterable[Part]) -> list[Part]:
    """Return the sum of categories, or of the numbers over each set of edges."""
    numbers: dict[tuple[float, ...], list[Buckets]] = {}
    counts: CategoryCounts | None = None
    for part in parts:
        if isinstance(part, Buckets):
            numbers.setdefault(part.edges, []).append(part)
        else:
            counts = part if counts is None else counts + part
    return [merge_numbers(of) for of in numbers.values()] if counts is None else [counts]


def _others(days: Sequence[Sequence[Part]], place: int) -> Iterator[Part]:
    """Yield the parts of all days but one."""
    return chain.from_iterable(day for number, day in enumerate(days) if number != place)


def _rows(parts: Sequence[Part]) -> int:
    return sum(part.n for part in parts)


def _significant(sample: Sequence[Part], other: Sequence[Part], alpha: float) -> bool:
    """Whether chance exceeds the distance of two samples with a probability of at most alpha."""
    one, two = sample[0], other[0]
    if isinstance(one, CategoryCounts) and isinstance(two, CategoryCounts):
        categories = max(2, len(one.counts.keys() | two.counts.keys()))
        least = total_variation(one, two).low
        return least >= critical_total_variation(categories, one.n, two.n, alpha)
    numbers = [[part for part in of if isinstance(part, Buckets)] for of in (sample, other)]
    least = ks_distance_of_parts(numbers[0], numbers[1]).low
    return least >= critical_distance(_rows(sample), _rows(other), alpha)
