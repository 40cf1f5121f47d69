"""Which features moved the mean score of a day, and by how much each.

A feature's effect is the change of the expected score by that feature's shift alone
(statistics/composition_effect.py): its shares of the day, with the mean out-of-fold scores of the
training set. Effects are marginal. Features that moved together both carry what they share, so
the sum of the effects may be more or less than the change; the difference is what remains
unexplained: overlaps, interactions, and a model that scores the same rows otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mlmon.analyzers.statistics.composition_effect import Parts, composition_effect
from mlmon.analyzers.statistics.edges import even_edges
from mlmon.analyzers.statistics.interval import Estimate, Interval
from mlmon.formatting import percent, signed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from mlmon.analyzers.baselines.baseline import Baseline
    from mlmon.analyzers.baselines.score_sums import ScoreSums
    from mlmon.analyzers.profiles.kinds.prediction import Categories, PredictionProfile
    from mlmon.analyzers.statistics.buckets import Buckets

BINS = 20
"""A number is divided into so many parts: in finer ones the training set's means are noise."""

TAIL = 5
"""Of the training set's own buckets so many are kept at either end, where values go that drift."""

MOST_NAMED = 3
ENOUGH, WORTH_NAMING = 0.8, 0.1
"""Features are named until they make so much of the change, each at least so much of it."""


@dataclass(frozen=True, slots=True)
class Attribution:
    """The effects of a day's features on its mean score.

    Args:
        change: Mean score of the day less that of the training set, None where it has no scores.
        effects: By feature, the largest first.
    """

    change: float | None
    effects: dict[str, Estimate]

    @property
    def explained(self) -> float:
        """The sum of all effects."""
        return sum(effect.value for effect in self.effects.values())

    def sentence(self) -> str:
        """Describe what explains most of the change and what remains, without the full stop."""
        if not self.change or not self.effects:
            return ""
        named = [f"{name} {signed(self.effects[name].value)}" for name in self._main(self.change)]
        made = f"of which {' and '.join(named)} alone" if named else "by no feature's shift"
        share = self.explained / self.change
        remains = (
            f"{percent(1 - share)} of it remain unexplained"
            if share <= 1
            else f"all features together would make {signed(self.explained)}"
        )
        return f"the mean changed by {signed(self.change)}, {made}; {remains}"

    def _main(self, change: float) -> Iterator[str]:
        """Yield the features that made most of the change."""
        so_far = 0.0
        for name, effect in list(self.effects.items())[:MOST_NAMED]:
            share = effect.value / change
            if share >= WORTH_NAMING and so_far < ENOUGH:
                so_far += share
                yield name


def attribute(day: PredictionProfile, baseline: Baseline) -> Attribution:
    """Return the effects of a day's features; of none where the baseline has no scores.

    Args:
        day: The predictions, over the baseline's edges.
        baseline: The training set.
    """
    score = baseline.score
    if score is None or day.rows == 0:
        return Attribution(None, {})
    scores = Interval(score.minimum or 0.0, score.maximum or 1.0)
    effects = {
        name: composition_effect(current, reference, scores)
        for name, current, reference in _parts(day, baseline)
        if reference.n
    }
    ordered = sorted(effects.items(), key=lambda item: (-abs(item[1].value), item[0]))
    change = None
    if day.score and day.score.n and day.score.total is not None and score.total is not None:
        change = day.score.total / day.score.n - score.total / score.n
    return Attribution(change, dict(ordered))


def _parts(
    day: PredictionProfile, baseline: Baseline
) -> Iterator[tuple[str, NDArray[np.int64], Parts]]:
    for name, sums in sorted(baseline.score_sums.items()):
        if name in day.hidden:
            continue
        if name in baseline.numeric:
            yield name, *_of_number(day.numeric[name], day.rows, baseline.numeric[name], sums)
        else:
            yield name, *_of_categories(day.categorical[name], day.rows, sums)


def _of_number(
    sample: Buckets, rows: int, reference: Buckets, sums: ScoreSums
) -> tuple[NDArray[np.int64], Parts]:
    """Count over some of the reference's edges, those of its tails and its range among them."""
    edges = reference.edges
    kept = sorted({*edges[:TAIL], *even_edges(reference, BINS), *edges[-TAIL:]})
    missing = len(edges) + 1
    first = [0, *(np.searchsorted(edges, kept) + 1), missing]
    current = np.array([*sample.counts, max(0, rows - sample.n)], dtype=np.int64)
    return np.add.reduceat(current, first), _reference(sums, first, ordered=True)


def _of_categories(
    sample: Categories, rows: int, sums: ScoreSums
) -> tuple[NDArray[np.int64], Parts]:
    known = [sample.counts[name] for name in sums.categories]
    current = np.array([*known, sample.n - sum(known), max(0, rows - sample.n)], dtype=np.int64)
    return current, _reference(sums, range(len(sums.rows)), ordered=False)


def _reference(sums: ScoreSums, first: range | list[int], *, ordered: bool) -> Parts:
    places = list(first)
    return Parts(
        np.add.reduceat(np.array(sums.rows, dtype=np.int64), places),
        np.add.reduceat(np.array(sums.totals), places),
        np.add.reduceat(np.array(sums.squares), places),
        ordered=ordered,
    )
