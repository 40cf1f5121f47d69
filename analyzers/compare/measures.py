"""Other measures of how far a feature moved, as other tools report and limit them; none is judged.

Population stability index with the chance of one so great, Wasserstein distance in standard
deviations of the reference, Jensen-Shannon distance (of numbers: that of their buckets, which is at
most that of the rows). Over unlike edges numbers have none of them. Pure.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlmon.analyzers.drift.drift import homogeneity
from mlmon.analyzers.statistics.buckets import Buckets, merge
from mlmon.analyzers.statistics.categories import CategoryCounts, table
from mlmon.analyzers.statistics.empty_sample import EmptySampleError
from mlmon.analyzers.statistics.jensen_shannon import jensen_shannon, jensen_shannon_of_buckets
from mlmon.analyzers.statistics.psi import StabilityIndex, psi, psi_of_buckets
from mlmon.analyzers.statistics.wasserstein import normed_wasserstein
from mlmon.formatting import number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlmon.analyzers.statistics.interval import Interval


@dataclass(frozen=True, slots=True)
class Measures:
    """What is known of them; None where it is not.

    Args:
        psi: Over ten bins of equal weight in the reference, or over the categories.
        jensen_shannon: In bits, from 0 to 1.
        wasserstein: Of numbers that vary in the reference.
        cramers_v: Of categories: as it is, less what chance adds, and with both sides weighing
            alike, whatever their sizes.
    """

    psi: StabilityIndex | None = None
    jensen_shannon: Interval | None = None
    wasserstein: Interval | None = None
    cramers_v: tuple[float, float, float] | None = None

    def to_json(self) -> dict[str, Any]:
        """Return them as a JSON value; an end that is not known is null."""
        return {
            "psi": self.psi.value if self.psi else None,
            "psi_p_value": self.psi.p_value if self.psi else None,
            "jensen_shannon": _ends(self.jensen_shannon),
            "wasserstein": _ends(self.wasserstein),
            "cramers_v": self.cramers_v,
        }

    def sentence(self) -> str:
        """Return what is known of them in words."""
        parts = []
        if self.psi:
            parts.append(f"PSI {number(self.psi.value)} (chance {number(self.psi.p_value)})")
        if self.jensen_shannon:
            parts.append(f"Jensen-Shannon {_said(self.jensen_shannon)}")
        if self.wasserstein:
            parts.append(f"Wasserstein {_said(self.wasserstein)} standard deviations")
        if self.cramers_v:
            plain, corrected, balanced = (number(each) for each in self.cramers_v)
            parts.append(f"Cramér's V {plain}, without chance {corrected}, balanced {balanced}")
        return ", ".join(parts) or "no other measure: its edges are unlike"


def of_numbers(current: Sequence[Buckets], reference: Sequence[Buckets]) -> Measures:
    """Measure numbers; both need rows."""
    if len({part.edges for part in (*current, *reference)}) > 1:
        return Measures()
    now, before = merge(current), merge(reference)
    try:
        moved = normed_wasserstein(now, before)
    except EmptySampleError:
        moved = None
    return Measures(psi_of_buckets(now, before), jensen_shannon_of_buckets(now, before), moved)


def of_categories(current: CategoryCounts, reference: CategoryCounts) -> Measures:
    """Measure categories; both need rows. Those that a side does not know are one."""
    now, before = current.certain(), reference.certain()
    distance = jensen_shannon(
        now.counts, before.counts, current_rest=now.rest, reference_rest=before.rest
    )
    test = homogeneity(current, reference)
    strengths = test.cramers_v, test.cramers_v_corrected, test.cramers_v_balanced
    rows = table(current, reference)
    index = psi([x for x, _ in rows], [y for _, y in rows])
    return Measures(index, distance, cramers_v=strengths)


def _ends(interval: Interval | None) -> list[float | None] | None:
    if interval is None:
        return None
    return [end if math.isfinite(end) else None for end in (interval.low, interval.high)]


def _said(interval: Interval) -> str:
    low, high = number(interval.low), number(interval.high)
    return low if low == high else f"{low} to {high}"
