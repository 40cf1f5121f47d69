"""Samples that break careless statistics."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.bucketed_samples import any_pairs

if TYPE_CHECKING:
    import numpy as np
    from hypothesis import strategies as st
    from numpy.typing import NDArray

    from mlmon.analyzers.statistics.buckets import Buckets


@pytest.fixture(scope="session")
def pairs() -> st.SearchStrategy[tuple[NDArray[np.float64], NDArray[np.float64], Buckets, Buckets]]:
    """A strategy for (current, reference, current's buckets, reference's buckets)."""
    return any_pairs()
