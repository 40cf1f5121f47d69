"""A distribution against training's: shares add up, nothing moved looks like training."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlmon.analyzers.baselines.baseline import CategoryBaseline
from mlmon.analyzers.checks.feature_drift.side_by_side import (
    PARTS,
    categories_side_by_side,
    numbers_side_by_side,
)
from mlmon.analyzers.profiles.kinds.prediction import Categories
from mlmon.analyzers.statistics.buckets import Buckets

EDGES = tuple(float(edge) for edge in range(101))


@given(
    st.lists(st.floats(-5, 105), min_size=1, max_size=60),
    st.lists(st.floats(-5, 105), min_size=1, max_size=60),
)
def test_shares_are_those_of_the_rows(now: list[float], before: list[float]) -> None:
    """At most ten ranges that hold all rows of both sides; one sample against itself is equal."""
    current, reference = (Buckets.from_values(values, EDGES) for values in (now, before))
    parts = numbers_side_by_side(current, reference)
    assert len(parts) <= PARTS
    if parts:
        assert sum(part[1] for part in parts) == pytest.approx(1, abs=1e-3)
        assert sum(part[2] for part in parts) == pytest.approx(1, abs=1e-3)
    same = numbers_side_by_side(reference, reference)
    assert [part[1] for part in same] == [part[2] for part in same]


def test_ranges_are_tenths_of_training() -> None:
    """Over fine buckets each range holds a tenth of training's rows, as numpy's quantiles say."""
    rng = np.random.default_rng(3)
    before, now = rng.uniform(0, 100, 20_000), rng.uniform(50, 100, 5_000)
    parts = numbers_side_by_side(
        Buckets.from_values(now, EDGES), Buckets.from_values(before, EDGES)
    )
    assert len(parts) == PARTS
    assert [part[2] for part in parts] == pytest.approx([0.1] * PARTS, abs=0.011)
    edges = [float(part[0].split()[0]) for part in parts[1:]]
    assert edges == pytest.approx(np.quantile(before, np.linspace(0.1, 0.9, 9)), abs=1.1)
    below = [sum(part[1] for part in parts[: place + 1]) for place in range(PARTS - 1)]
    assert below == pytest.approx([(now < edge).mean() for edge in edges], abs=1e-3)


def test_categories_by_frequency_on_either_side() -> None:
    """A category that is new or gone has its bar; what is beyond nine is one bar."""
    current = Categories(Counter(a=50, b=30), Counter(new=15), other=5)
    reference = CategoryBaseline(Counter(a=60, b=20, gone=20))
    assert categories_side_by_side(current, reference) == (
        ("a", 0.5, 0.6),
        ("b", 0.3, 0.2),
        ("gone", 0.0, 0.2),
        ("new", 0.15, 0.0),
        ("(other)", 0.05, 0.0),
    )
    many = CategoryBaseline(Counter({f"c{number:02}": 1 for number in range(50)}))
    output = categories_side_by_side(Categories(Counter(c00=1)), many)
    assert len(output) == PARTS
    assert output[-1] == ("(other)", 0.0, 0.82)
