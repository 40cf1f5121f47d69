"""Sums of stored prediction profiles over any time, in the memory of a few of them; pure.

Bodies are added as they are stored, a hundred at once: a profile of each would cost more than
fetching it.
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

from mlmon.analyzers.base.profile_key import SourceWatermark
from mlmon.analyzers.profiles.kinds.predictions import PredictionProfile, from_bodies, total

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mlmon.analyzers.baselines.baseline import Baseline
    from mlmon.analyzers.profiles.store import Stored

AT_ONCE = 100


def prediction_totals(
    stored: Iterable[Stored], baselines: Mapping[str, Baseline]
) -> list[PredictionProfile]:
    """Return the sum of each series; those over a baseline that is not given are passed over.

    Args:
        stored: Profiles of predictions.
        baselines: Baselines by id.
    """
    waiting: dict[tuple[str, ...], list[Stored]] = {}
    sums: dict[tuple[str, ...], PredictionProfile] = {}
    for each in stored:
        series = each.profile_key.series
        if series[2] and series[2] not in baselines:
            continue
        parts = waiting.setdefault(series, [])
        parts.append(each)
        if len(parts) == AT_ONCE:
            sums[series] = _with(sums.get(series), waiting.pop(series), baselines)
    for series, parts in waiting.items():
        sums[series] = _with(sums.get(series), parts, baselines)
    return list(sums.values())


def _with(
    known: PredictionProfile | None, parts: Sequence[Stored], baselines: Mapping[str, Baseline]
) -> PredictionProfile:
    first = parts[0]
    watermark = reduce(SourceWatermark.__add__, (part.stamp.watermark for part in parts))
    bodies = [part.body for part in parts]
    baseline = baselines.get(first.profile_key.series[2])
    added = from_bodies(first.profile_key, watermark, first.stamp.revision, bodies, baseline)
    return added if known is None else total([known, added])
