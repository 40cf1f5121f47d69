"""Counts again what buckets leave open, over finer edges, until the verdict is certain; pure.

Two times are counted over one set of edges, whichever versions served: those of the baseline, then
finer ones within the buckets that may hide a distance beyond a limit, and so on. A training set is
known over the baseline's `finer` edges, so that traffic is counted over those, once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from mlmon.analyzers.compare.comparison import SCORES, ComparedSide
from mlmon.analyzers.drift.methods.kolmogorov_smirnov import drift_of_parts, undecided
from mlmon.analyzers.profiles.kinds.prediction import SCORE
from mlmon.analyzers.statistics.buckets import Buckets
from mlmon.analyzers.statistics.doubles import next_above
from mlmon.analyzers.statistics.edges import split_edges

if TYPE_CHECKING:
    from mlmon.analyzers.baselines.baseline import Baseline

Edges = tuple[float, ...]
RecountFunction = Callable[[str, Edges], Sequence[Buckets] | None]
"""Counts a feature's rows over edges, now and in the time before; None where that cannot be."""

MOST_ROUNDS = 16
"""Each leaves a sixteenth of the doubles in a bucket: after as many none holds two."""


def refined(
    current: ComparedSide,
    reference: ComparedSide,
    baseline: Baseline,
    count: RecountFunction,
    *,
    with_training: bool,
) -> tuple[ComparedSide, ComparedSide]:
    """Return both sides with the numbers counted again whose verdict was open.

    Args:
        current: This time.
        reference: The time before, or training.
        baseline: Whose edges are refined.
        count: Counts again.
        with_training: Whether the reference is the baseline's training set.
    """
    now, before = dict(current.numeric), dict(reference.numeric)
    for feature in now.keys() & before.keys():
        if not _open(now[feature], before[feature]):
            continue
        found = (
            _with_training(feature, baseline, count)
            if with_training
            else _decided(feature, baseline, count)
        )
        # Logs that are gone in part, or came in between, would count other rows.
        sides = (now[feature], before[feature])
        if found and all(buckets.n == _rows(of) for buckets, of in zip(found, sides, strict=True)):
            now[feature], before[feature] = ([buckets] for buckets in found)
    return replace(current, numeric=now), replace(reference, numeric=before)


def _open(now: Sequence[Buckets], before: Sequence[Buckets]) -> bool:
    return bool(_rows(now) and _rows(before) and drift_of_parts(now, before).left_open)


def _with_training(
    feature: str, baseline: Baseline, count: RecountFunction
) -> Sequence[Buckets] | None:
    known = baseline.finer.get(SCORE if feature == SCORES else feature)
    found = count(feature, known.edges) if known else None
    return [found[0], known] if found and known else None


def _decided(feature: str, baseline: Baseline, count: RecountFunction) -> Sequence[Buckets] | None:
    known = baseline.score if feature == SCORES else baseline.numeric.get(feature)
    found = count(feature, known.edges) if known else None
    for _ in range(MOST_ROUNDS):
        finer = _finer(*found) if found else ()
        if not found or not finer:
            return found
        found = count(feature, tuple(sorted({*found[0].edges, *finer})))
    return found


def _finer(now: Buckets, before: Buckets) -> set[float]:
    """Return more edges within the buckets that leave a limit open."""
    lows = [min(edges) for edges in zip(now.lowest(), before.lowest(), strict=True)]
    highs = [max(edges) for edges in zip(now.highest(), before.highest(), strict=True)]
    return {
        edge
        for k in undecided(now, before)
        for edge in split_edges(lows[k], float(next_above(highs[k])))
    }


def _rows(parts: Sequence[Buckets]) -> int:
    return sum(part.n for part in parts)
