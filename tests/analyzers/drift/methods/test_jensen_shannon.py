"""The Jensen-Shannon interval holds scipy's distance, also when a rest was pooled."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial import distance

from mlmon.analyzers.drift.methods.jensen_shannon import jensen_shannon, of_numbers
from mlmon.analyzers.statistics.categories import CategoryCounts
from mlmon.analyzers.statistics.edges import even_edges
from mlmon.analyzers.statistics.empty_sample import EmptySampleError

counted = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 10**9), min_size=1).filter(
    lambda counts: sum(counts.values()) > 0
)


def scipys(current: dict[str, int], reference: dict[str, int]) -> float:
    """The squared distance, in bits: its root doubles the digits lost near zero."""
    table = [[sample.get(c, 0) for c in "abcdefgh"] for sample in (current, reference)]
    return float(np.nan_to_num(distance.jensenshannon(*np.array(table), base=2))) ** 2


def pooled(counts: dict[str, int], named: set[str]) -> CategoryCounts:
    """The rows of some categories counted separately, and of the others in one rest."""
    known = {name: rows for name, rows in counts.items() if name in named}
    return CategoryCounts(known, sum(counts.values()) - sum(known.values()))


@given(current=counted, reference=counted)
def test_scipy_agrees(current: dict[str, int], reference: dict[str, int]) -> None:
    """Fully counted categories give scipy's distance, without width but rounding."""
    interval = jensen_shannon(CategoryCounts(current), CategoryCounts(reference))
    assert interval.high**2 - interval.low**2 <= 3e-14
    assert interval.low**2 - 1e-12 <= scipys(current, reference) <= interval.high**2 + 1e-12


@given(
    current=counted,
    reference=counted,
    current_apart=st.sets(st.sampled_from("abcdefgh")),
    reference_apart=st.sets(st.sampled_from("abcdefgh")),
)
def test_a_pooled_rest_hides_no_more_than_the_interval(
    current: dict[str, int],
    reference: dict[str, int],
    current_apart: set[str],
    reference_apart: set[str],
) -> None:
    """Whichever categories each side counted separately, the true distance is inside."""
    interval = jensen_shannon(pooled(current, current_apart), pooled(reference, reference_apart))
    assert interval.low**2 - 1e-12 <= scipys(current, reference) <= interval.high**2 + 1e-12


@given(data=st.data())
def test_numbers_are_compared_over_ten_bins(pairs: Any, data: st.DataObject) -> None:
    """Of numbers it is scipy's distance of the counts in about ten bins of the reference."""
    _, _, f, g = data.draw(pairs)
    edges = even_edges(g, 10)
    p, q = f.coarsened(edges).counts, g.coarsened(edges).counts
    theirs = float(np.nan_to_num(distance.jensenshannon(p, q, base=2)))
    assert of_numbers([f], [g]).value == pytest.approx(theirs, abs=1e-6)


def test_the_ends_of_the_scale() -> None:
    """Equal shares have distance 0, nothing in common distance 1, no rows none."""
    assert jensen_shannon(CategoryCounts({"a": 2}), CategoryCounts({"a": 9})).contains(0.0)
    assert jensen_shannon(CategoryCounts({"a": 2}), CategoryCounts({"b": 9})).contains(1.0)
    with pytest.raises(EmptySampleError, match="current"):
        jensen_shannon(CategoryCounts({}), CategoryCounts({"b": 9}))
