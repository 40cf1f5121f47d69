"""The change point of a rate: where two rates, one before and one after, fit a sequence best.

Of all places to divide the sequence, the one with the greatest likelihood of so many events at the
rate of each part: sum of k ln(k / n) + (n - k) ln(1 - k / n) over both.

Papers: Hinkley, D. V. and Hinkley, E. A. (1970). Inference about the change-point in a sequence of
binomial variables. Biometrika 57, 477-488.

>>> change_point([0, 0, 0, 4, 5, 5], [5, 5, 5, 5, 5, 5])
3
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import special

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]


def change_point(events: ArrayLike, trials: ArrayLike, *, rising: bool = False) -> int:
    """Return the place of the first part of the new rate, if there is just one change.

    Args:
        events: Events of each part, in order.
        trials: Trials of each part, above zero.
        rising: Whether only places count after which the rate is higher; 0 where there is none.

    Raises:
        ValueError: There are no trials.
    """
    found, rows = (np.cumsum(column, dtype=np.float64) for column in (events, trials))
    if not rows.size or not rows[-1]:
        raise ValueError("a rate without trials does not change")
    if rows.size == 1:
        return 0
    before, after = found[:-1], found[-1] - found[:-1]
    of_before, of_after = rows[:-1], rows[-1] - rows[:-1]
    likelihood = _likelihood(before, of_before) + _likelihood(after, of_after)
    if not rising:
        return int(np.argmax(likelihood)) + 1
    higher = after / of_after > before / of_before
    likelihood[~higher] = -np.inf
    return int(np.argmax(likelihood)) + 1 if higher.any() else 0


def _likelihood(events: Floats, trials: Floats) -> Floats:
    """The logarithm of the likelihood of so many events at their own rate."""
    rest = special.xlogy(trials - events, 1 - events / trials)
    return np.asarray(special.xlogy(events, events / trials) + rest, dtype=np.float64)
