"""Embeddings as documents hold them."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlmon.analyzers.baselines.stored_vectors import StoredVectors, store_vectors

numbers = st.floats(-(2.0**100), 2.0**100, width=32)


@given(st.integers(1, 5).flatmap(lambda d: st.lists(st.lists(numbers, min_size=d, max_size=d))))
def test_vectors_are_read_as_written(vectors: list[list[float]]) -> None:
    """Through JSON and back, every number of single precision is the same."""
    stored = store_vectors(vectors, 1_000)
    again = StoredVectors.from_body(json.loads(json.dumps(stored.to_body())))
    assert again == stored
    assert again.rows == len(vectors)
    assert again.vectors().tolist() == vectors


@given(st.lists(st.lists(st.none() | st.text() | st.booleans() | st.floats() | numbers)))
def test_anything_logged_is_counted(logged: list[list[object]]) -> None:
    """Any list is a vector of some dimension or broken, and what is kept is finite."""
    stored = store_vectors(logged, 3)
    assert stored.seen == stored.logged == len(logged)
    assert stored.broken + stored.dimensions.total() == len(logged)
    assert stored.rows <= 3
    assert np.isfinite(stored.vectors()).all()


@pytest.mark.parametrize(
    "broken",
    [[], None, 7.0, "text", [1.0, None], [1.0, float("nan")], [1e39, 0.0], [[1.0], [2.0]], ["a"]],
)
def test_what_is_broken(broken: object) -> None:
    """Nothing, texts, gaps, NaN, numbers beyond single precision and tables are no vectors."""
    stored = store_vectors([[1.0, 2.0], broken, [3.0, 4.0]], 10)
    assert (stored.broken, stored.rows, stored.dimension) == (1, 2, 2)


def test_the_dimension_of_most_is_kept() -> None:
    """Others are counted, and of equally many the smaller dimension is taken."""
    stored = store_vectors([[1.0], [1.0, 2.0], [3.0, 4.0]], 10, logged=50)
    assert stored.dimensions == {1: 1, 2: 2}
    assert stored.vectors().tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert (stored.logged, stored.seen) == (50, 3)
    assert store_vectors([[1.0], [1.0, 2.0]], 10).dimension == 1
