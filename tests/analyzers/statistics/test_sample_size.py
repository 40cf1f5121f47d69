"""The effective rows of two samples, and the rows needed to reach them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlmon.analyzers.statistics.sample_size import effective_rows, rows_for


@given(share=st.floats(1e-6, 0.99), reference=st.integers(1, 10**9))
def test_the_rows_named_are_the_fewest(share: float, reference: int) -> None:
    """The rows named reach the effective rows wanted; one row fewer does not."""
    wanted = share * reference
    rows = rows_for(wanted, reference)
    assert rows is not None
    assert effective_rows(rows, reference) >= wanted * (1 - 1e-12)
    if rows > 1:
        assert effective_rows(rows - 1, reference) < wanted * (1 + 1e-12)


def test_a_reference_bounds_what_can_be_shown() -> None:
    """Two samples show less than the smaller of them alone."""
    assert effective_rows(10**12, 100) == pytest.approx(100)
    assert rows_for(100, 100) is None
