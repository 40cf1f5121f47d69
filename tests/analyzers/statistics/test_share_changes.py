"""The value whose share changed most, and the certainty of its change."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlmon.analyzers.statistics.share_changes import greatest_gain, greatest_loss

SHARES = np.array([0.4, 0.3, 0.12, 0.1, 0.05, 0.03])


@pytest.mark.parametrize("rows", [100, 2_200])
def test_the_same_shares_hardly_ever_change(rows: int) -> None:
    """Of 2,000 pairs of samples of one law, none shows a certain change: 0.001 each at most."""
    rng = np.random.default_rng(3)
    found = [
        change(rng.multinomial(rows, SHARES), rng.multinomial(3_000, SHARES), 0.001).interval.low
        for _ in range(1_000)
        for change in (greatest_gain, greatest_loss)
    ]
    assert sum(low > 0 for low in found) <= 2


@pytest.mark.parametrize(("rows", "known"), [(300, 2_000), (2_200, 20_000)])
def test_the_interval_holds_the_true_change(rows: int, known: int) -> None:
    """A vanished category of 12 %: the interval holds 0.12 in all of 500 samples."""
    rng = np.random.default_rng(4)
    now = np.where(SHARES == 0.12, 0.0, SHARES) / 0.88
    for _ in range(500):
        change = greatest_loss(
            rng.multinomial(rows, now), rng.multinomial(known, SHARES), alpha=0.001
        )
        assert change.place == 2
        assert change.interval.contains(0.12)
        assert change.interval.low >= 0.03


def test_a_large_share_that_grows_a_little_is_no_gain() -> None:
    """From 40 to 50 % of a million rows is certain, but no share of its own."""
    change = greatest_gain([500_000, 500_000], [400_000, 600_000], alpha=0.001)
    assert change.place is None
    assert change.value == 0.0


@given(
    st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), min_size=1, max_size=8).filter(
        lambda rows: all(map(sum, zip(*rows, strict=True)))
    )
)
def test_a_loss_is_a_gain_the_other_way_round(rows: list[tuple[int, int]]) -> None:
    """With the samples exchanged, gain and loss are the same; value and ends lie in order."""
    now, before = (list(side) for side in zip(*rows, strict=True))
    gain, loss = greatest_gain(now, before, 0.001), greatest_loss(before, now, 0.001)
    assert (gain.place, gain.value, gain.interval) == (loss.place, loss.value, loss.interval)
    assert 0 <= gain.interval.low <= gain.value <= gain.interval.high <= 1
