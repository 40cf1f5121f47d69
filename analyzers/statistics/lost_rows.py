"""What a statistic may be once lost rows are counted: intervals widened by the missing share.

Sequence numbers count how many rows of a window never arrived, not what they held. With n rows seen
and l lost, the share lost is w = l / (n + l), and the whole sample's distribution is
(1 - w) F + w H for an unknown H. Hence

- a rate of x in n lies in [x / (n + l), (x + l) / (n + l)], and one that lies in [r, s] among the
  rows seen (a confidence interval) in [(1 - w) r, (1 - w) s + w] among all;
- a distance D that is a norm of F - G and at most 1 (Kolmogorov-Smirnov, total variation) lies in
  [(1 - w) D - w, (1 - w) D + w], by the triangle inequality on (1 - w)(F - G) + w (H - G).

Both are sharp for some H, and hold whichever rows were lost and why.

Paper: Manski, C. F. (2003). Partial Identification of Probability Distributions, chapter 1.

>>> interval_with_lost(Interval.exactly(0.012), rows=1_000, lost=7)
Interval(low=0.011916583912611719, high=0.018867924528301886)
>>> distance_with_lost(Interval(0.05, 0.06), rows=990, lost=10).decided(0.1)
<Decision.BELOW: 'below'>
"""

from __future__ import annotations

from mlmon.analyzers.statistics.empty_sample import require_rows
from mlmon.analyzers.statistics.interval import Interval


def interval_with_lost(rate: Interval, rows: int, lost: float) -> Interval:
    """The interval that holds the rate of all rows, given one that holds that of the rows seen.

    Raises:
        EmptySampleError: there are neither.
    """
    require_rows(seen_or_lost=rows + lost)
    share = lost / (rows + lost)
    return Interval((1 - share) * rate.low, (1 - share) * rate.high + share).clipped(0.0, 1.0)


def distance_with_lost(distance: Interval, rows: int, lost: float) -> Interval:
    """The interval that holds the distance of all rows, seen and lost, to the reference.

    Raises:
        EmptySampleError: there are neither.
    """
    require_rows(seen_or_lost=rows + lost)
    share = lost / (rows + lost)
    low, high = (1 - share) * distance.low - share, (1 - share) * distance.high + share
    return Interval(low, high).clipped(0.0, 1.0)
