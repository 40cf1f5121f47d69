"""Changes in a stream of errors (1 a wrong decision, 0 a right one), as DDM and ADWIN see them.

Both read the stream once, in the order of the predictions, and depend on nothing else: read again
from the same begin they find the same changes at the same places.

DDM takes the stream's lowest error rate p with its deviation s as the level, warns when the rate
since the begin passes p + 2 s, and reports a change at p + 3 s; the change is dated to the warning.
It sees rises only. ADWIN keeps a window as long as no two parts of it differ by more than chance
(Hoeffding's bound, delta 0.002), and dates a change to where it cuts off the older part.

Papers: Gama, Medas, Castillo & Rodrigues (2004). Learning with drift detection. SBIA, 286-295.
Bifet, A. & Gavalda, R. (2007). Learning from time-changing data with adaptive windowing. SDM,
443-448. Both as implemented by river.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the error rate.

    Args:
        since: Place of the first error or success of the new level.
        before: Place of the first one of the old level.
        seen: Places read when it was found.
    """

    since: int
    before: int
    seen: int


def ddm_changes(errors: Sequence[int]) -> Iterator[Change]:
    """Yield the changes DDM reports, in order."""
    # A quarter of a second that only this analyzer needs.
    from river.drift.binary import DDM

    detector = DDM()
    begin, warned = 0, None
    for place, error in enumerate(errors):
        detector.update(error)
        if detector.drift_detected:
            yield Change(place if warned is None else warned, begin, place + 1)
            begin, warned = place + 1, None
        elif not detector.warning_detected:
            warned = None
        elif warned is None:
            warned = place


def adwin_changes(errors: Sequence[int]) -> Iterator[Change]:
    """Yield the changes ADWIN reports, in order."""
    from river.drift.adwin import ADWIN

    detector = ADWIN()
    begin = 0
    for place, error in enumerate(errors):
        detector.update(error)
        if detector.drift_detected:
            since = place + 1 - int(detector.width)
            yield Change(since, begin, place + 1)
            # river's detector starts afresh after a change, without what it had kept.
            begin = place + 1


DETECTORS: Mapping[str, Callable[[Sequence[int]], Iterator[Change]]] = {
    "ADWIN": adwin_changes,
    "DDM": ddm_changes,
}
"""How each detector reads a stream."""
