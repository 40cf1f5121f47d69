"""The ROC AUC of a classifier that separates current vectors from reference vectors.

A logistic regression learns which sample a vector is from, and classifies vectors it was not
trained on (cross-fitting): AUC 0.5 is guessing, 1 separates without error. Its columns are the
coordinates and their squares, standardised, so that it sees shifts and changes of spread along
every coordinate, but not those of correlations alone. What it finds is a lower bound: a cleverer
classifier, or the same with more rows, may separate the samples better.

Each fold has an area of its own, over vectors that one regression scored; the value is their mean.
A fold's variance is DeLong's, and the mean's is their sum over the folds' number squared (folds
share training rows but no scored ones). With few rows, areas of equal samples lie below 0.5 more
than above: rows held back pull the mean of the others away from their own. That is conservative.

The regression is scikit-learn's, with a penalty of one per column (C = 1 / columns): the prior
under which the log-odds vary by about one in any dimension.

Papers: Lopez-Paz, D. & Oquab, M. (2017). Revisiting classifier two-sample tests. ICLR. DeLong,
DeLong & Clarke-Pearson (1988). Biometrics 44, 837-845. LeDell, Petersen & van der Laan (2015).
Computationally efficient confidence intervals for cross-validated AUC. Electron. J. Stat. 9.

>>> import numpy as np
>>> rng = np.random.default_rng(0)
>>> y = rng.normal(0, 1, (500, 4))
>>> same, moved = rng.normal(0, 1, (500, 4)), rng.normal(0.5, 1, (500, 4))
>>> domain_auc(same, y).interval.contains(0.5), domain_auc(moved, y).interval.low > 0.6
(True, True)
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from mlmon.analyzers.statistics.empty_sample import require_rows
from mlmon.analyzers.statistics.interval import Estimate, Interval

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlmon.analyzers.statistics.buckets import Floats

FOLDS = 5
MIN_VECTORS = 2 * FOLDS
"""Two rows of each sample in every fold have a variance."""


def domain_auc(current: Floats, reference: Floats, confidence: float = 0.999) -> Estimate:
    """Return how well two samples of vectors, shape (rows, dimension), can be separated.

    Rows are dealt to the folds in turn, so their order must be chance.

    Raises:
        EmptySampleError: A sample has fewer than `FEWEST` rows.
    """
    require_rows(
        current=len(current) - MIN_VECTORS + 1,
        reference=len(reference) - MIN_VECTORS + 1,
    )
    columns = np.concatenate([current, reference])
    is_current = np.arange(len(columns)) < len(current)
    folds = np.concatenate([np.arange(len(current)), np.arange(len(reference))]) % FOLDS
    areas, variances = [], []
    for fold in range(FOLDS):
        held = folds == fold
        scores = _scores(columns, is_current, held)
        area, variance = auc(scores[is_current[held]], scores[~is_current[held]])
        areas.append(area)
        variances.append(variance)
    value = float(np.mean(areas))
    reach = float(special.ndtri(0.5 + confidence / 2)) * math.sqrt(sum(variances)) / FOLDS
    return Estimate(value, Interval.exactly(value).widened(reach).clipped(0.0, 1.0))


def auc(positives: Floats, negatives: Floats) -> tuple[float, float]:
    """The area under the ROC curve of raw scores and its variance by DeLong."""
    below, above = _share_below(positives, negatives), 1 - _share_below(negatives, positives)
    variance = below.var(ddof=1) / len(positives) + above.var(ddof=1) / len(negatives)
    return float(below.mean()), float(variance)


def _share_below(scores: Floats, others: Floats) -> Floats:
    """The share of the others below each score, equal ones counting half."""
    ordered = np.sort(others)
    below, up_to = (np.searchsorted(ordered, scores, side) for side in ("left", "right"))
    return (below + up_to) / (2 * len(others))


def _scores(rows: Floats, is_current: NDArray[np.bool_], held: NDArray[np.bool_]) -> Floats:
    """The log-odds of the rows held back, by a regression on the others."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    standard = StandardScaler().fit(rows[~held]).transform(rows)
    columns = np.concatenate([standard, (standard**2 - 1) / math.sqrt(2)], axis=1)
    regression = LogisticRegression(C=1 / columns.shape[1], tol=1e-7, max_iter=1_000)
    scores: Floats = regression.fit(columns[~held], is_current[~held]).decision_function(
        columns[held]
    )
    return scores
