"""A closed interval that certainly holds a value which buckets hide.

Against a limit it has three answers, not two: the value is certainly below, certainly at or above,
or the interval straddles the limit and finer buckets must decide.

>>> Interval(0.08, 0.12).decided(0.2)
<Decision.BELOW: 'below'>
>>> Interval(0.08, 0.12).decided(0.1)
<Decision.UNDECIDED: 'undecided'>
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Self


class Decision(StrEnum):
    """Position of a value against a limit."""

    BELOW = "below"
    AT_OR_ABOVE = "at_or_above"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Interval:
    """All numbers from `low` to `high`, both included.

    Raises:
        ValueError: an end is not a number, or the ends are the wrong way round.
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        if math.isnan(self.low) or math.isnan(self.high) or self.low > self.high:
            raise ValueError(f"not an interval: [{self.low}, {self.high}]")
        # NumPy's scalars would leak into documents.
        object.__setattr__(self, "low", float(self.low))
        object.__setattr__(self, "high", float(self.high))

    @classmethod
    def exactly(cls, value: float) -> Self:
        """The interval of one number."""
        return cls(value, value)

    @property
    def width(self) -> float:
        """The width: what the buckets hide."""
        return 0.0 if self.low == self.high else self.high - self.low

    @property
    def middle(self) -> float:
        """The one number that errs least: at most `width / 2` from the hidden value."""
        return self.low if self.low == self.high else self.low / 2 + self.high / 2

    def contains(self, value: float, *, rounding: float = 0.0) -> bool:
        """Whether `value` lies within the ends, or within `rounding` outside of them."""
        return self.low - rounding <= value <= self.high + rounding

    def clipped(self, low: float, high: float) -> Interval:
        """The interval moved into [low, high], for a value known to lie there."""
        return Interval(min(max(self.low, low), high), max(min(self.high, high), low))

    def widened(self, rounding: float) -> Interval:
        """The interval with both ends moved outwards, for ends that were rounded."""
        return Interval(self.low - rounding, self.high + rounding)

    def decided(self, limit: float) -> Decision:
        """Whether the hidden value is certainly below, or certainly at or above, the limit."""
        if self.low >= limit:
            return Decision.AT_OR_ABOVE
        return Decision.BELOW if self.high < limit else Decision.UNDECIDED


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value, and the interval it lies in at the confidence asked for."""

    value: float
    interval: Interval
