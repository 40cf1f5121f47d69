"""The Jensen-Shannon interval holds scipy's distance, also when a rest was pooled."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial import distance

from mlmon.analyzers.statistics.empty_sample import EmptySampleError
from mlmon.analyzers.statistics.jensen_shannon import jensen_shannon, jensen_shannon_of_buckets

counted = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 10**9), min_size=1).filter(
    lambda counts: sum(counts.values()) > 0
)


def scipys(current: dict[str, int], reference: dict[str, int]) -> float:
    """The squared distance, in bits: its root doubles the digits lost near zero."""
    table = [[sample.get(c, 0) for c in "abcdefgh"] for sample in (current, reference)]
    return float(np.nan_to_num(distance.jensenshannon(*np.array(table), base=2))) ** 2


@given(current=counted, reference=counted)
def test_scipy_agrees(current: dict[str, int], reference: dict[str, int]) -> None:
    """Fully counted categories give scipy's distance, without width but rounding."""
    interval = jensen_shannon(current, reference)
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
    """Whichever categories each side counted apart, the true distance is inside."""
    interval = jensen_shannon(
        {c: count for c, count in current.items() if c in current_apart},
        {c: count for c, count in reference.items() if c in reference_apart},
        current_rest=sum(count for c, count in current.items() if c not in current_apart),
        reference_rest=sum(count for c, count in reference.items() if c not in reference_apart),
    )
    assert interval.low**2 - 1e-12 <= scipys(current, reference) <= interval.high**2 + 1e-12


@given(data=st.data())
def test_buckets_give_the_bucketed_distance(pairs: Any, data: st.DataObject) -> None:
    """Of numbers it is scipy's distance of the counts per bucket."""
    _, _, f, g = data.draw(pairs)
    theirs = float(np.nan_to_num(distance.jensenshannon(f.counts, g.counts, base=2))) ** 2
    interval = jensen_shannon_of_buckets(f, g)
    assert interval.low**2 - 1e-12 <= theirs <= interval.high**2 + 1e-12


def test_the_ends_of_the_scale() -> None:
    """Equal shares have distance 0, nothing in common distance 1, no rows none."""
    assert jensen_shannon({"a": 2}, {"a": 9}).contains(0.0)
    assert jensen_shannon({"a": 2}, {"b": 9}).contains(1.0)
    with pytest.raises(EmptySampleError, match="current"):
        jensen_shannon({}, {"b": 9})
