"""Samples that break careless statistics."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.bucketed_samples import any_labeled, any_pairs, any_rows

if TYPE_CHECKING:
    import numpy as np
    from hypothesis import strategies as st
    from numpy.typing import NDArray

    from mlmon.analyzers.statistics.buckets import Buckets
    from mlmon.analyzers.statistics.labeled_scores import LabeledScores


@pytest.fixture(scope="session")
def labeled() -> st.SearchStrategy[tuple[NDArray[np.float64], NDArray[np.bool_], LabeledScores]]:
    """A strategy for (scores, labels, their buckets)."""
    return any_labeled()


@pytest.fixture(scope="session")
def rows() -> st.SearchStrategy[NDArray[np.float64]]:
    """A strategy for one column of raw values."""
    return any_rows()


@pytest.fixture(scope="session")
def pairs() -> st.SearchStrategy[tuple[NDArray[np.float64], NDArray[np.float64], Buckets, Buckets]]:
    """A strategy for (current, reference, current's buckets, reference's buckets)."""
    return any_pairs()
