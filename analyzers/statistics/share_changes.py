"""The one value or category that gained, or lost, most of its share: stuck, a default, vanished.

A distance sums up a whole distribution: where a twelfth of the rows leaves one category for the
others, or a quarter moves into one value from both sides, it stays small. The share of each value
by itself shows such a change with far fewer rows.

Of K values, each share is known on both sides within Clopper and Pearson's interval at the
confidence 1 - a / 2K. All of them hold together with a probability of at least 1 - a, so the
difference of the two shares of every value lies in

    [low now - high before, high now - low before]

and the value may be chosen afterwards. Only a share that at least doubled counts as gained, and one
that at least halved as lost: of large shares a few percent come and go.

Papers: Clopper, C. J. & Pearson, E. S. (1934). The use of confidence or fiducial limits illustrated
in the case of the binomial. Biometrika 26, 404-413. Bonferroni, C. E. (1936). Teoria statistica
delle classi e calcolo delle probabilità. Pubbl. R. Ist. Sup. Sci. Econ. Comm. Firenze 8, 3-62.

>>> change = greatest_gain([300, 350, 350], [10, 490, 500], alpha=0.001)
>>> change.place, round(change.value, 2), round(change.interval.low, 2)
(0, 0.29, 0.22)
>>> greatest_loss([300, 350, 350], [10, 490, 500], alpha=0.001).value
0.0
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mlmon.analyzers.statistics.clopper_pearson import clopper_pearson
from mlmon.analyzers.statistics.empty_sample import require_rows
from mlmon.analyzers.statistics.interval import Interval

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

TIMES = 2
"""A share must at least double or halve."""


@dataclass(frozen=True, slots=True)
class ShareChange:
    """The change of one value's share.

    Args:
        place: Which of the values it is; None where no share changed so much.
        value: By how much its share changed, at least 0.
        interval: What sampling leaves open, clipped to [0, 1].
        now: Its share of the sample.
        before: Its share of the reference.
    """

    place: int | None
    value: float
    interval: Interval
    now: float = 0.0
    before: float = 0.0


def greatest_gain(
    current: ArrayLike, reference: ArrayLike, alpha: float, rows: tuple[int, int] | None = None
) -> ShareChange:
    """The value whose share certainly gained most.

    Args:
        current: Rows of the sample with each value.
        reference: Rows of the reference with each value.
        alpha: Chance that any interval fails.
        rows: All rows of both sides, where the values given are not all.

    Raises:
        EmptySampleError: a sample has no rows.
    """
    return _greatest(current, reference, alpha, rows, gained=True)


def greatest_loss(
    current: ArrayLike, reference: ArrayLike, alpha: float, rows: tuple[int, int] | None = None
) -> ShareChange:
    """The value whose share certainly lost most; arguments as of `greatest_gain`."""
    return _greatest(current, reference, alpha, rows, gained=False)


def _greatest(
    current: ArrayLike,
    reference: ArrayLike,
    alpha: float,
    rows: tuple[int, int] | None,
    *,
    gained: bool,
) -> ShareChange:
    x, y = (np.asarray(counts, dtype=np.int64) for counts in (current, reference))
    n, m = rows or (int(x.sum()), int(y.sum()))
    require_rows(current=n, reference=m)
    nothing = ShareChange(None, 0.0, Interval(0.0, 0.0))
    if not x.size:
        return nothing
    confidence = 1 - alpha / (2 * x.size)
    now, before = clopper_pearson(x, n, confidence), clopper_pearson(y, m, confidence)
    # A loss is a gain with the sides exchanged.
    sides = (now, before, x / n, y / m) if gained else (before, now, y / m, x / n)
    (low, high), (other_low, other_high), share, other_share = sides
    candidates = share >= TIMES * other_share
    certain = np.where(candidates & (low >= TIMES * other_high), low - other_high, -1.0)
    if certain.max() > 0:
        place = int(np.argmax(certain))
        least = float(certain[place])
    elif candidates.any():
        place = int(np.argmax(np.where(candidates, share - other_share, -1.0)))
        least = 0.0
    else:
        return nothing
    value = float(share[place] - other_share[place])
    most = float(max(value, high[place] - other_low[place]))
    return ShareChange(
        place,
        value,
        Interval(min(least, value), most).clipped(0.0, 1.0),
        float(x[place] / n),
        float(y[place] / m),
    )
