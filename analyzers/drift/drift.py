"""How far a sample lies from its baseline, and how much of that neither chance nor buckets explain.

A verdict is taken from `low`: the distance's lower bound less what sampling alone exceeds once in a
thousand times. So an effect must be large, not only significant, and a small sample needs a larger
one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlmon.analyzers.base.finding import Severity
from mlmon.analyzers.base.limits import Limits

if TYPE_CHECKING:
    from mlmon.analyzers.statistics.interval import Interval

ALPHA = 0.001
"""Chance of a sampling error beyond the one that `low` leaves out."""

POWER = 0.9
"""Chance with which the sample required finds a drift of the critical limit."""

KS_LIMITS = Limits(0.10, 0.20, measures="distance")
"""Of a distance between distributions that lies between 0 and 1."""


@dataclass(frozen=True, slots=True)
class Drift:
    """The distance of a sample from its baseline.

    Args:
        value: The distance, the middle of the interval that buckets leave; its lower end where the
            interval has no upper one.
        low: Conservative end: neither sampling nor buckets explain so much.
        high: Upper bound.
        least: The distance's lower bound before sampling error.
        highest_low: The greatest `low` that finer buckets can show.
        p_value: Chance of such a distance between samples of one distribution.
        sample_count: Rows of the sample.
        baseline_count: Rows of the baseline.
        limits: Of the method that measured it.
    """

    value: float
    low: float
    high: float
    least: float
    highest_low: float
    p_value: float
    sample_count: int
    baseline_count: int
    limits: Limits = KS_LIMITS

    @property
    def left_open(self) -> tuple[float, ...]:
        """The limits of which the buckets do not show whether they are passed."""
        limits = (self.limits.warning, self.limits.critical)
        return tuple(limit for limit in limits if self.low < limit <= self.highest_low)

    @property
    def near_limit(self) -> bool:
        """Whether the sample passes the limit of a warning, and sampling may explain it."""
        return self.low < self.limits.warning <= self.least

    @property
    def severity(self) -> Severity:
        """The verdict of the conservative end; unknown where only the value passes the limit."""
        judged = self.limits.judge(self.low, self.high)
        undecided = not judged.alarming and self.value >= self.limits.warning
        return Severity.UNKNOWN if undecided else judged

    @property
    def most(self) -> float:
        """The distance's upper bound before sampling error, which buckets leave open."""
        return 2 * self.value - self.least

    def measured(self) -> dict[str, Any]:
        """Return the fields of a finding that it fills; an upper bound of infinity is None."""
        names = ("value", "low", "high", "p_value", "sample_count", "baseline_count")
        fields = {name: getattr(self, name) for name in names}
        return fields if math.isfinite(self.high) else fields | {"high": None}


def drift_of(
    distance: Interval,
    sampling_error: float,
    p_value: float,
    rows: tuple[int, int],
    limits: Limits = KS_LIMITS,
    most: float = 1.0,
) -> Drift:
    """Return the drift of a distance from which the sampling error is subtracted.

    Args:
        distance: What the buckets leave open.
        sampling_error: What sampling alone exceeds with probability `ALPHA`.
        p_value: Chance of the distance's lower end under no change.
        rows: Of the sample and of the baseline.
        limits: Of the method.
        most: The greatest distance there can be.
    """
    return Drift(
        value=distance.middle if math.isfinite(distance.high) else distance.low,
        low=max(0.0, distance.low - sampling_error),
        high=min(most, distance.high + sampling_error),
        least=distance.low,
        highest_low=distance.high - sampling_error,
        p_value=p_value,
        sample_count=rows[0],
        baseline_count=rows[1],
        limits=limits,
    )
