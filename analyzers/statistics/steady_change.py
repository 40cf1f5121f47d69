"""Does a series rise or fall steadily, and by which factor from its first value to its last?

Two questions, answered without a law of the values. Mann-Kendall's test (mann_kendall.py) says
whether they rise or fall more steadily than values in random order. Theil and Sen's slope is the
median of the slopes of all pairs, here of the logarithms, so that over k steps the factor is

    exp(k median of (log y_j - log y_i) / (j - i))

Sen's interval of that median comes from the distribution of Kendall's statistic. A single outlier
moves neither; a week's rhythm has no order over whole weeks.

Papers: Theil, H. (1950). A rank-invariant method of linear and polynomial regression analysis.
Proc. Kon. Ned. Akad. Wetensch. 53, 386-392. Sen, P. K. (1968). Estimates of the regression
coefficient based on Kendall's tau. JASA 63, 1379-1389. Mann, H. B. (1945). Nonparametric tests
against trend. Econometrica 13, 245-259.

>>> change = steady_change([0, 1, 2, 3, 4, 5], [50, 55, 60, 66, 73, 80])
>>> round(change.factor.value, 2), change.p_rising == 1 / 720
(1.6, True)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mlmon.analyzers.statistics.interval import Estimate, Interval
from mlmon.analyzers.statistics.mann_kendall import falling_p

if TYPE_CHECKING:
    from collections.abc import Sequence

CONFIDENCE = 0.99


@dataclass(frozen=True, slots=True)
class SteadyChange:
    """The trend of a series.

    Args:
        factor: The last value as a multiple of the first, along the trend.
        p_rising: The chance that values in random order rise as steadily, or more.
        p_falling: Likewise fall.
    """

    factor: Estimate
    p_rising: float
    p_falling: float


def steady_change(times: Sequence[float], values: Sequence[float]) -> SteadyChange:
    """Return the trend of positive values.

    Args:
        times: When each was taken, ascending.
        values: The values, all above 0.

    Raises:
        ValueError: There are fewer than three values, or one that is not positive.
    """
    if len(values) < 3 or min(values) <= 0:  # noqa: PLR2004 - two have a slope and no error
        raise ValueError("a trend needs three or more values, all of them above 0")
    from scipy import stats

    logs = np.log(np.asarray(values, dtype=np.float64))
    slope, _, low, high = stats.theilslopes(logs, np.asarray(times), alpha=CONFIDENCE)
    reach = times[-1] - times[0]
    ends = sorted(math.exp(reach * end) for end in (low, slope, high))
    factor = Estimate(math.exp(reach * slope), Interval(ends[0], ends[-1]))
    return SteadyChange(factor, falling_p([-value for value in values]), falling_p(values))
