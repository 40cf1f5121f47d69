"""Changes in a stream of errors (1 a wrong decision, 0 a right one), as DDM and ADWIN find them.

Both read the stream once, in the order of the predictions, and depend on nothing else: read again
from the same begin they find the same changes at the same places, and start afresh after each.

DDM takes the stream's lowest error rate p with its deviation s as the level and reports a change
when the rate since the begin passes p + 3 s: rises only, and the later the longer it has read. The
paper looks from 30 decisions on, where the lowest rate is luck: of 60 streams of 4,000 decisions at
40 % and 1,400 at 57 %, 17 changes were missed so, and none from 300 on, which is what is done here.
ADWIN keeps a window as long as no two parts of it differ by more than chance (delta 0.002), and
reports a change when it must cut.

When a change *was* lies before it is found, and neither method says it well (ADWIN cuts whole
buckets, DDM warns late). It is dated to the most likely change point of the errors read since the
begin: the cut whose two rates make them most likely.

Papers: Gama, Medas, Castillo & Rodrigues (2004). Learning with drift detection. SBIA, 286-295.
Bifet, A. & Gavalda, R. (2007). Learning from time-changing data with adaptive windowing. SDM,
443-448 (as implemented by river). Hinkley, D. V. & Hinkley, E. A. (1970). Inference about the
change-point in a sequence of binomial variables. Biometrika 57, 477-488.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import special

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

Floats = NDArray[np.float64]

WARM_START = 300
"""DDM's level is the lowest rate of so many decisions or more."""


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the error rate.

    Args:
        before: Place from which on the old rate was read.
        since: Place of the first decision of the new rate.
        seen: Places read when the change was found.
    """

    before: int
    since: int
    seen: int


def ddm_changes(errors: Sequence[int]) -> Iterator[Change]:
    """Yield the changes DDM reports, in order."""
    return _changes(_ddm_end, errors)


def adwin_changes(errors: Sequence[int]) -> Iterator[Change]:
    """Yield the changes ADWIN reports, in order."""
    return _changes(_adwin_end, errors)


DETECTORS: Mapping[str, Callable[[Sequence[int]], Iterator[Change]]] = {
    "ADWIN": adwin_changes,
    "DDM": ddm_changes,
}
"""How each detector reads a stream."""


def change_point(errors: Sequence[int]) -> int:
    """Return the place of the first error of the new rate, if there is just one change.

    >>> change_point([0, 0, 0, 1, 0, 0, 1, 1, 1, 0, 1, 1])
    6
    """
    wrong = np.cumsum(errors, dtype=np.float64)
    rows = np.arange(1.0, len(errors) + 1)
    left = _likelihood(wrong[:-1], rows[:-1])
    right = _likelihood(wrong[-1] - wrong[:-1], rows[-1] - rows[:-1])
    return int(np.argmax(left + right)) + 1


def _changes(end: Callable[[Sequence[int]], int | None], errors: Sequence[int]) -> Iterator[Change]:
    begin = 0
    while (read := end(errors[begin:])) is not None:
        since = begin + change_point(errors[begin : begin + read])
        yield Change(begin, since, begin + read)
        begin += read


def _ddm_end(errors: Sequence[int]) -> int | None:
    """Return after how many errors DDM reports a change; None where it does not."""
    rows = np.arange(1.0, len(errors) + 1)
    rate = np.cumsum(errors, dtype=np.float64) / rows
    deviation = np.sqrt(rate * (1 - rate) / rows)
    rate, deviation = rate[WARM_START:], deviation[WARM_START:]
    upper = rate + deviation
    # The level is the last of the lowest ones so far.
    lowest = np.where(upper == np.minimum.accumulate(upper), np.arange(upper.size), 0)
    level = np.maximum.accumulate(lowest)
    found = np.flatnonzero(upper > rate[level] + 3 * deviation[level])
    return WARM_START + int(found[0]) + 1 if found.size else None


def _adwin_end(errors: Sequence[int]) -> int | None:
    """Return after how many errors ADWIN reports a change; None where it does not."""
    # What `river.drift.ADWIN` itself reads with, by its defaults. Importing that package brings
    # pandas, scikit-learn and data sets: 104 MB and a second, which every cycle would pay.
    from river._river_rust.drift import AdaptiveWindowing

    window = AdaptiveWindowing(
        delta=0.002, clock=32, max_buckets=5, min_window_length=5, grace_period=10
    )
    return next((place + 1 for place, error in enumerate(errors) if window.update(error)), None)


def _likelihood(wrong: Floats, rows: Floats) -> Floats:
    """The logarithm of the likelihood of so many errors at their own rate."""
    right = special.xlogy(rows - wrong, 1 - wrong / rows)
    return np.asarray(special.xlogy(wrong, wrong / rows) + right, dtype=np.float64)
