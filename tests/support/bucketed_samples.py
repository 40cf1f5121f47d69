"""Samples that break careless statistics: heavy tails, ties, point masses, constants, outliers."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

from mlmon.analyzers.statistics.buckets import Buckets
from mlmon.analyzers.statistics.edges import quantile_edges
from mlmon.analyzers.statistics.labeled_scores import LabeledScores

if TYPE_CHECKING:
    from numpy.typing import NDArray

# A busy machine must not fail a proof; a night's run may ask for more samples.
EXAMPLES = int(os.environ.get("MLMON_TEST_EXAMPLES", "40"))
settings.register_profile("statistics", deadline=None, max_examples=EXAMPLES)
settings.load_profile("statistics")

_any_double = st.floats(allow_nan=False, allow_infinity=False)
_moderate = st.floats(-1e3, 1e3)
_tied = st.integers(-3, 3).map(float)


@st.composite
def any_rows(draw: st.DrawFn) -> NDArray[np.float64]:
    """One column of 1 to 60 rows of one of the kinds above."""
    element = draw(st.sampled_from([_any_double, _moderate, _tied, st.just(draw(_moderate))]))
    rows = draw(st.lists(element, min_size=1, max_size=40))
    rows += [draw(_moderate)] * draw(st.integers(0, 19))
    if draw(st.booleans()):
        rows.append(1e9)
    return np.array(rows)


@st.composite
def _edges(draw: st.DrawFn, reference: NDArray[np.float64]) -> tuple[float, ...]:
    """The reference's own quantiles, or any edges at all, some of them on values."""
    if draw(st.booleans()):
        return quantile_edges(reference, buckets=draw(st.integers(1, 12)))
    drawn = draw(st.lists(_any_double | _tied | st.sampled_from(reference.tolist()), min_size=1))
    return tuple(np.unique(drawn).tolist())


@st.composite
def any_pairs(
    draw: st.DrawFn,
) -> tuple[NDArray[np.float64], NDArray[np.float64], Buckets, Buckets]:
    """Rows of a current and a reference sample, and the buckets of both."""
    reference = draw(any_rows())
    current = draw(any_rows() | st.just(reference) | st.just(reference + 1))
    edges = draw(_edges(reference))
    return (
        current,
        reference,
        Buckets.from_values(current, edges),
        Buckets.from_values(reference, edges),
    )


@st.composite
def any_labeled(
    draw: st.DrawFn,
) -> tuple[NDArray[np.float64], NDArray[np.bool_], LabeledScores]:
    """Scores in [0, 1] with labels of both kinds, and their buckets over any edges."""
    score = draw(
        st.sampled_from(
            [
                st.floats(0, 1),
                st.integers(0, 5).map(lambda k: k / 5),
                st.floats(0, 1e-9) | st.floats(1 - 1e-9, 1),
                st.just(draw(st.floats(0, 1))),
            ]
        )
    )
    rows = draw(st.lists(st.tuples(score, st.booleans()), max_size=40))
    rows += [(draw(score), True), (draw(score), False)]
    scores = np.array([row[0] for row in rows])
    labels = np.array([row[1] for row in rows])
    edges = draw(_edges(scores) | st.lists(st.floats(0, 1), min_size=1).map(np.unique))
    return scores, labels, LabeledScores.from_rows(scores, labels, tuple(map(float, edges)))
