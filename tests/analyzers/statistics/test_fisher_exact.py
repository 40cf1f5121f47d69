"""Fisher's exact test agrees with scipy's, at any size."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mlmon.analyzers.statistics.fisher_exact import fisher_exact


def test_the_lady_tasting_tea() -> None:
    """Fisher's own experiment: three of four cups right on both sides, p = 34 / 70."""
    assert fisher_exact(3, 4, 1, 4) == pytest.approx(34 / 70)


@given(
    data=st.data(),
    rows=st.integers(1, 10**6),
    other_rows=st.integers(1, 10**6),
    mirrored=st.booleans(),
)
def test_any_table_is_scipys(
    data: st.DataObject, rows: int, other_rows: int, *, mirrored: bool
) -> None:
    """Few successes, or few failures, among up to a million rows: what scipy computes."""
    x = data.draw(st.integers(0, min(rows, 40)))
    y = data.draw(st.integers(0, min(other_rows, 40)))
    if mirrored:
        x, y = rows - x, other_rows - y
    theirs = stats.fisher_exact([[x, rows - x], [y, other_rows - y]]).pvalue
    assert fisher_exact(x, rows, y, other_rows) == pytest.approx(theirs, rel=1e-9)
