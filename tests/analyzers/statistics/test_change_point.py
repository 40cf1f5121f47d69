"""The change point of a rate, against a search by scipy's binomial likelihood."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mlmon.analyzers.statistics.change_point import change_point

PARTS = st.lists(
    st.integers(1, 40).flatmap(lambda trials: st.tuples(st.integers(0, trials), st.just(trials))),
    min_size=2,
    max_size=12,
)


def likelihood(events: list[int], trials: list[int], place: int) -> float:
    """Return the log-likelihood of two rates, by scipy's binomial distribution."""
    total = 0.0
    for part in (slice(None, place), slice(place, None)):
        rate = sum(events[part]) / sum(trials[part])
        total += float(np.sum(stats.binom.logpmf(events[part], trials[part], rate)))
    return total


@given(PARTS)
def test_no_other_place_is_more_likely(parts: list[tuple[int, int]]) -> None:
    """The place found has the greatest likelihood of all."""
    events, trials = [list(column) for column in zip(*parts, strict=True)]
    best = likelihood(events, trials, change_point(events, trials))
    others = [likelihood(events, trials, place) for place in range(1, len(parts))]
    assert best == pytest.approx(max(others))


@given(PARTS)
def test_a_rise_is_a_rise(parts: list[tuple[int, int]]) -> None:
    """Where rises only count, the rate after the place is higher, or there is none at all."""
    events, trials = [list(column) for column in zip(*parts, strict=True)]
    place = change_point(events, trials, rising=True)

    def rises(at: int) -> bool:
        return sum(events[at:]) / sum(trials[at:]) > sum(events[:at]) / sum(trials[:at])

    assert rises(place) if place else not any(map(rises, range(1, len(parts))))


def test_one_part_and_none() -> None:
    """One part has no change, and without trials there is no rate."""
    assert change_point([3], [5]) == 0
    with pytest.raises(ValueError, match="without trials"):
        change_point([], [])
