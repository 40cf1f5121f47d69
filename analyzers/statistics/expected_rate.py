"""The success rate that scores predict: do rows succeed less often?

A part of the traffic may have other scores today than it had, so its rate is not compared with its
earlier rate but with the one its scores stand for (indirect standardisation): with n_k rows in
score bucket k, whose reference rows succeed with the share c_k (calibration_map.py), the expected
rate is

    r = sum of n_k c_k / sum of n_k

It is known as well as the reference's labels determine the c_k: its interval holds the quantiles of
draws from their posterior, made with a fixed seed.

The p-value is the chance of so few successes or fewer where the scores still mean what they meant:
the binomial distribution function of n rows at r, averaged over the draws (posterior predictive).
Rows of unequal chances vary less than rows that all have the mean chance (Hoeffding), so below the
expected rate the p-value is too large rather than too small, at any number of rows.

Papers: Keiding, N. (1987). The method of expected number of deaths, 1786-1886-1986. Int. Statist.
Rev. 55, 1-20. Hoeffding, W. (1956). On the distribution of the number of successes in independent
trials. Ann. Math. Statist. 27, 713-721. Rubin, D. B. (1984). Bayesianly justifiable and relevant
frequency calculations for the applied statistician. Ann. Statist. 12, 1151-1172.

>>> from mlmon.analyzers.statistics.labeled_scores import LabeledScores
>>> edges = (0.0, 0.5, 1.0)
>>> known = [0.2] * 1_000 + [0.8] * 1_000
>>> labels = [False] * 900 + [True] * 100 + [True] * 700 + [False] * 300
>>> reference = LabeledScores.from_rows(known, labels, edges)
>>> expected = expected_rate(Buckets.from_values([0.2] * 50 + [0.8] * 50, edges), reference)
>>> round(expected.estimate.value, 2), round(expected.p_value(40, 100), 2)
(0.4, 0.54)
>>> expected.p_value(20, 100) < 1e-4
True
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from mlmon.analyzers.statistics.buckets import Buckets, Floats, require_same_edges
from mlmon.analyzers.statistics.calibration_map import CalibrationMap
from mlmon.analyzers.statistics.empty_sample import require_rows
from mlmon.analyzers.statistics.interval import Estimate, Interval

if TYPE_CHECKING:
    from mlmon.analyzers.statistics.labeled_scores import LabeledScores

DRAWS = 1_000
SEED = 20_240_118


@dataclass(frozen=True, slots=True, eq=False)
class ExpectedRate:
    """The rate expected by scores, and draws of its uncertainty (shape (draws,))."""

    estimate: Estimate
    drawn: Floats

    def p_value(self, successes: int, rows: int) -> float:
        """The chance of so few successes or fewer in so many rows, at the expected rate."""
        return float(np.mean(special.bdtr(successes, rows, self.drawn)))


def expected_rate(
    scores: Buckets, reference: LabeledScores, confidence: float = 0.95
) -> ExpectedRate:
    """What share of rows with these scores succeeds, by the labels of reference rows.

    Args:
        scores: the rows' scores.
        reference: rows whose labels are known, over the same edges.
        confidence: of the interval.

    Raises:
        EmptySampleError: there are no scores, or no labeled rows.
        ValueError: scores and reference were counted over different edges.
    """
    require_rows(scores=scores.n)
    require_same_edges(scores, reference.positives)
    weights = np.array(scores.counts) / scores.n
    shares, drawn_shares = _shares(reference)
    value, drawn = float(weights @ shares), drawn_shares @ weights
    low, high = np.quantile(drawn, ((1 - confidence) / 2, (1 + confidence) / 2)).tolist()
    return ExpectedRate(Estimate(value, Interval(min(low, value), max(high, value))), drawn)


@lru_cache(maxsize=64)
def _shares(reference: LabeledScores) -> tuple[Floats, Floats]:
    """The reference's shares per bucket, and draws of them: the same for every window."""
    calibration = CalibrationMap.of(reference)
    return calibration.shares(), calibration.drawn(np.random.default_rng(SEED), DRAWS)
