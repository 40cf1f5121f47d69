"""Latency buckets: the same in Python as in Elasticsearch, and never far from the truth."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlmon.analyzers.profiles.kinds.access import (
    FIRST_OCTAVE,
    LAST_OCTAVE,
    PARTS,
    in_milliseconds,
)
from mlmon.analyzers.statistics.percentiles import percentile, relative_middle
from tests.support.latency_buckets import bucket_of

durations = st.integers(0, 2 ** (LAST_OCTAVE + 3))
counted = st.integers(1 << FIRST_OCTAVE, (1 << (LAST_OCTAVE + 1)) - 1)


@given(counted)
def test_a_bucket_is_narrow(nanoseconds: int) -> None:
    """A duration lies in its bucket, which is at most 1/32 of its lower end wide."""
    lower = bucket_of(nanoseconds)
    width = (1 << (lower.bit_length() - 1)) // PARTS
    assert lower <= nanoseconds < lower + width
    assert width <= lower / PARTS
    assert bucket_of(lower) == lower


@given(st.lists(durations, min_size=1, max_size=200))
def test_no_duration_is_lost(values: list[int]) -> None:
    """As buckets in milliseconds, there are as many rows as durations, each within its bucket."""
    sample = in_milliseconds(Counter(map(bucket_of, values)))
    assert sample.n == len(values)
    for rank, value in enumerate(sorted(values), start=1):
        interval = percentile(sample, (rank - 0.5) / len(values))
        assert interval.contains(value / 1e6, rounding=1e-9)


@pytest.mark.parametrize("share", [0.5, 0.95, 0.99])
def test_percentiles_err_by_less_than_two_percent(share: float) -> None:
    """Regardless of the size of the latencies, the percentile is right to 1.6 %."""
    rng = np.random.default_rng(3)
    for scale in (1e4, 1e7, 1e10):
        values = (rng.lognormal(0, 1.5, 3_000) * scale).astype(int) + 1_024
        sample = in_milliseconds(Counter(bucket_of(int(value)) for value in values))
        exact = np.quantile(values, share, method="inverted_cdf") / 1e6
        assert relative_middle(percentile(sample, share)) == pytest.approx(exact, rel=0.016)


def test_no_requests() -> None:
    """A window without requests is an empty sample, not an error."""
    assert in_milliseconds(Counter()).n == 0
