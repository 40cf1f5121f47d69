"""Mean and variance from sums that add up, with what rounding may have done to them.

    mean = S / n        variance = (Q - S^2 / n) / (n - 1)

for the sum S and the sum of squares Q, which Elasticsearch's extended_stats returns. The variance's
formula subtracts two nearly equal numbers where the mean is far from zero, and then few or no
digits remain. The interval says how many.

Bound. Let u = 2^-53. Compensated summation and one rounding per square leave Q wrong by at most
4 u Q and S by at most 4 u sum|x| <= 4 u sqrt(n Q) (Cauchy-Schwarz), hence S^2 / n by at most
9 u Q; the formula's own roundings add at most 3 u Q. Together 16 u Q / (n - 1). Squares below the
normal doubles are rounded to a multiple of 2^-1074 each, which adds at most n + 2 halves of it.

Papers: Chan, Golub & LeVeque (1983). Algorithms for computing the sample variance. Am. Statist. 37,
242-247. Kahan, W. (1965). Further remarks on reducing truncation errors. CACM 8, 40.

>>> sample = Moments(rows=4, total=10.0, sum_of_squares=30.0)
>>> sample.mean, round(sample.variance().middle, 4)
(2.5, 1.6667)
>>> (sample + sample).rows
8
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlmon.analyzers.statistics.empty_sample import EmptySampleError, require_rows
from mlmon.analyzers.statistics.interval import Interval

if TYPE_CHECKING:
    from mlmon.analyzers.statistics.buckets import Buckets

# 16 u: epsilon is 2 u.
ROUNDING = 8 * sys.float_info.epsilon
LEAST = math.ulp(0.0)


@dataclass(frozen=True, slots=True)
class Moments:
    """Rows, their sum and the sum of their squares.

    Raises:
        EmptySampleError: there are no rows.
    """

    rows: int
    total: float
    sum_of_squares: float

    def __post_init__(self) -> None:
        require_rows(moments=self.rows)

    @classmethod
    def of(cls, sample: Buckets) -> Moments:
        """The moments of a bucketed sample.

        Raises:
            EmptySampleError: it has no rows, or its sums were not taken or passed all doubles.
        """
        if sample.total is None or sample.sum_of_squares is None:
            raise EmptySampleError("the sample's sums are not known")
        return cls(sample.n, sample.total, sample.sum_of_squares)

    def __add__(self, other: Moments) -> Moments:
        return Moments(
            self.rows + other.rows,
            self.total + other.total,
            self.sum_of_squares + other.sum_of_squares,
        )

    @property
    def mean(self) -> float:
        """The arithmetic mean."""
        return self.total / self.rows

    def variance(self) -> Interval:
        """The unbiased variance; needs two rows.

        Raises:
            EmptySampleError: there is one row only.
        """
        require_rows(variance=self.rows - 1)
        spread = self.sum_of_squares - self.total * (self.total / self.rows)
        rounding = ROUNDING * self.sum_of_squares
        if 0 < self.sum_of_squares < self.rows * sys.float_info.min:
            rounding += (self.rows + 2) * LEAST
        degrees = self.rows - 1
        return Interval(
            max(0.0, spread - rounding) / degrees, max(0.0, spread + rounding) / degrees
        )

    def deviation(self) -> Interval:
        """The standard deviation."""
        variance = self.variance()
        return Interval(math.sqrt(variance.low), math.sqrt(variance.high))
