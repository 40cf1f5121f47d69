"""What a score stands for: the share of positives per score bucket, ascending with the score.

Labeled rows give each bucket's observed share. A higher score should not mean a lower share, so
neighbouring buckets that disagree with that are pooled into blocks (isotonic regression by pooling
adjacent violators: the ascending shares nearest to the observed ones in weighted squares). A bucket
without labeled rows takes the line between its neighbours.

What finitely many labels leave open is the Beta posterior of each block's share, from Jeffreys'
prior Beta(1/2, 1/2).

Papers: Ayer et al. (1955). An empirical distribution function for sampling with incomplete
information. Ann. Math. Statist. 26, 641-647. Zadrozny, B. & Elkan, C. (2002). Transforming
classifier scores into accurate multiclass probability estimates. KDD, 694-699. Brown, Cai &
DasGupta (2001). Interval estimation for a binomial proportion. Statist. Sci. 16, 101-133 (the
prior).

>>> from mlmon.analyzers.statistics.labeled_scores import LabeledScores
>>> rows = LabeledScores.from_rows([0.1, 0.3, 0.6], [False, True, False], (0.0, 0.2, 0.5, 1.0))
>>> CalibrationMap.of(rows).shares().tolist()
[0.0, 0.0, 0.5, 0.5, 0.5]
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mlmon.analyzers.statistics.empty_sample import require_rows

if TYPE_CHECKING:
    from mlmon.analyzers.statistics.buckets import Floats
    from mlmon.analyzers.statistics.labeled_scores import LabeledScores


@dataclass(frozen=True, slots=True, eq=False)
class CalibrationMap:
    """Blocks of buckets with one share each.

    `positives` and `rows` are counts per block; `weights` (blocks x buckets) map which blocks make
    up a bucket's share, each column summing to one.
    """

    positives: Floats
    rows: Floats
    weights: Floats

    @classmethod
    def of(cls, labeled: LabeledScores) -> CalibrationMap:
        """Learn the map from labeled rows.

        Raises:
            EmptySampleError: there are none.
        """
        require_rows(labeled=labeled.n)
        positives, rows = np.array(labeled.positives.counts), np.array(labeled.all().counts)
        known = np.flatnonzero(rows)
        # Its import takes 0.2 s of CPU, which a run without labels saves.
        from scipy import optimize

        fit = optimize.isotonic_regression(positives[known] / rows[known], weights=rows[known])
        first = fit.blocks[:-1]
        block = np.repeat(np.eye(first.size), np.diff(fit.blocks), axis=1)
        buckets = np.arange(rows.size)
        return cls(
            np.add.reduceat(positives[known], first).astype(np.float64),
            np.add.reduceat(rows[known], first).astype(np.float64),
            np.array([np.interp(buckets, known, row) for row in block]),
        )

    def shares(self) -> Floats:
        """The share of positives per bucket."""
        shares: Floats = (self.positives / self.rows) @ self.weights
        return shares

    def drawn(self, random: np.random.Generator, draws: int) -> Floats:
        """Shares as uncertain as the labels leave them (draws x buckets)."""
        negatives = self.rows - self.positives
        blocks = random.beta(self.positives + 0.5, negatives + 0.5, (draws, self.rows.size))
        shares: Floats = blocks @ self.weights
        np.minimum(shares, 1.0, out=shares)
        return shares
