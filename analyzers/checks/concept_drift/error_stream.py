"""Changes in a stream of errors (1 a wrong decision, 0 a right one), as DDM and ADWIN find them.

Both read the stream once, in the order of the predictions, and depend on nothing else: read again
from the same begin they find the same changes at the same places, and start afresh after each.

Both detectors are river's. DDM takes the stream's lowest error rate p with its deviation s as the
level and reports a change when the rate since the begin passes p + 3 s: rises only, and the later
the longer it has read. The paper looks from 30 decisions on, where the lowest rate may be luck and
hide a change for long; here it is from 300 on.
ADWIN keeps a window as long as no two parts of it differ by more than chance (delta 0.002), and
reports a change when it must cut.

A change happens before it is detected, and neither method dates it well (ADWIN cuts whole
buckets, DDM warns late). It is dated to the most likely change point of the errors read since the
begin: the cut whose two rates make them most likely.

Papers: Gama, Medas, Castillo & Rodrigues (2004). Learning with drift detection. SBIA, 286-295.
Bifet, A. & Gavalda, R. (2007). Learning from time-changing data with adaptive windowing. SDM,
443-448.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mlmon.analyzers.statistics.change_point import change_point

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from river.base import BinaryDriftDetector, DriftDetector


WARM_START = 300
"""DDM's level is the lowest rate of so many decisions or more."""


@dataclass(frozen=True, slots=True)
class ChangePoint:
    """A change of the error rate.

    Args:
        before: Place from which on the old rate was read.
        since: Place of the first decision of the new rate.
        seen: Places read when the change was found.
    """

    before: int
    since: int
    seen: int


def ddm_changes(errors: Sequence[int]) -> Iterator[ChangePoint]:
    """Yield the changes DDM reports, in order."""
    from river.drift.binary import DDM

    return _changes(DDM(warm_start=WARM_START), errors)


def adwin_changes(errors: Sequence[int]) -> Iterator[ChangePoint]:
    """Yield the changes ADWIN reports, in order."""
    from river.drift import ADWIN

    return _changes(ADWIN(), errors)


DETECTORS: Mapping[str, Callable[[Sequence[int]], Iterator[ChangePoint]]] = {
    "ADWIN": adwin_changes,
    "DDM": ddm_changes,
}
"""The detectors, as functions of a stream."""


def _changes(
    detector: DriftDetector | BinaryDriftDetector, errors: Sequence[int]
) -> Iterator[ChangePoint]:
    """Yield a detector's changes; river's detectors start again after each."""
    begin = 0
    for place, error in enumerate(errors, 1):
        detector.update(bool(error))
        if detector.drift_detected:
            since = change_point(errors[begin:place], np.ones(place - begin))
            yield ChangePoint(begin, begin + since, place)
            begin = place
