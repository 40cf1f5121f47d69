"""The q-values are scipy's, and calling them keeps the false-discovery rate."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mlmon.analyzers.statistics.benjamini_hochberg import q_values


@given(p=st.lists(st.floats(0, 1) | st.sampled_from([0.0, 0.01, 1.0]), min_size=1))
def test_scipy_agrees(p: list[float]) -> None:
    """Each q-value is scipy.stats.false_discovery_control's, in the order given."""
    assert q_values(p) == pytest.approx(stats.false_discovery_control(p), rel=1e-12, abs=1e-300)


@given(p=st.lists(st.floats(0, 1), min_size=1))
def test_a_q_value_is_no_less_than_its_p_value(p: list[float]) -> None:
    """Correction never strengthens a test, and never leaves [0, 1]."""
    assert all(a <= q <= 1 for a, q in zip(p, q_values(p), strict=True))


def test_no_tests_have_no_q_values() -> None:
    """An empty family stays empty."""
    assert q_values([]) == ()


@pytest.mark.parametrize("wrong", [-0.1, 1.1, float("nan")])
def test_what_is_no_p_value_is_refused(wrong: float) -> None:
    """A number outside of [0, 1] would spoil the others' q-values; it is refused."""
    with pytest.raises(ValueError, match="p-value"):
        q_values([0.5, wrong])


def test_the_false_discovery_rate_is_kept() -> None:
    """Of what is called at q = 0.1 among 80 nulls and 20 shifts, at most 10 % are nulls."""
    random = np.random.default_rng(9)
    shares = []
    for _ in range(200):
        z = random.normal(size=100) + np.repeat([0.0, 3.0], [80, 20])
        called = np.array(q_values((2 * stats.norm.sf(np.abs(z))).tolist())) <= 0.1
        shares.append(called[:80].sum() / max(1, called.sum()))
    assert np.mean(shares) <= 0.1
