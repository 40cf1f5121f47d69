"""Each segment's scores compared with the same segment's in the training set."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mlmon.analyzers.base.limits import Limits
from mlmon.analyzers.baselines.segments import segment_name
from mlmon.analyzers.drift.methods.kolmogorov_smirnov import numeric_drift, rows_needed
from mlmon.analyzers.statistics.buckets import Buckets
from mlmon.formatting import number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlmon.analyzers.baselines.baseline import Baseline
    from mlmon.analyzers.drift.drift import Drift
    from mlmon.analyzers.profiles.kinds.segment import SegmentCount

SEGMENT_LIMITS = Limits(0.15, 0.30)


@dataclass(frozen=True, slots=True)
class SegmentShift:
    """One segment compared with the same segment of the training set.

    Args:
        segment: As `finding.segment` names it, such as `country=DE`.
        scores: Its scores of the day.
        reference: Those of the training set.
        drift: The distance between them.
        enough: Whether so many scores would show a critical distance nine times in ten.
    """

    segment: str
    scores: Buckets
    reference: Buckets
    drift: Drift
    enough: bool


def compare(
    counts: Mapping[str, Mapping[str, SegmentCount]], baseline: Baseline
) -> tuple[list[SegmentShift], list[str]]:
    """Compare each segment with the same of the training set.

    Returns:
        Those with predictions on both sides, and the names of those without.
    """
    compared, empty = [], []
    edges = baseline.segment_edges
    for feature, values in sorted(baseline.segments.items()):
        for value, known in sorted(values.items()):
            segment = segment_name(feature, value)
            found = counts.get(feature, {}).get(value)
            scores = Buckets(edges, found.scores) if found else Buckets.empty(edges)
            reference = Buckets(edges, known.scores)
            if not (scores.n and reference.n):
                empty.append(segment)
                continue
            needed = rows_needed(SEGMENT_LIMITS.critical, known.rows)
            enough = needed is not None and scores.n >= needed
            drift = replace(numeric_drift(scores, reference), limits=SEGMENT_LIMITS)
            compared.append(SegmentShift(segment, scores, reference, drift, enough))
    return compared, empty


def most_of_all(counts: Mapping[str, Mapping[str, SegmentCount]], baseline: Baseline) -> str | None:
    """Name the segment that moved farthest, None if none certainly moved.

    The number of segments that moved stands with its distance: if all moved it is no cause.
    """
    compared, _ = compare(counts, baseline)
    moved = [segment for segment in compared if segment.drift.low >= SEGMENT_LIMITS.warning]
    judged = len(moved) + sum(
        segment.enough for segment in compared if segment.drift.low < SEGMENT_LIMITS.warning
    )
    if not moved:
        return None
    farthest = max(moved, key=lambda segment: segment.drift.low)
    return (
        f"most for {farthest.segment} (distance {number(farthest.drift.value)}; "
        f"{len(moved)} of {judged} segments moved)"
    )
