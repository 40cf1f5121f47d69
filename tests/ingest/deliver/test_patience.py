"""Waiting: with jitter, within bounds, for as long as the cluster is away and no longer."""

from random import Random
from threading import Event

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlmon.elastic.errors import AccessRefusedError, ClusterUnreachableError
from mlmon.ingest.deliver import backoff
from mlmon.ingest.deliver.delivery import StoppedError
from mlmon.ingest.deliver.outage import patiently


@given(attempt=st.integers(1, 10_000), seed=st.integers())
def test_a_wait_lies_between_nothing_and_its_bound(attempt: int, seed: int) -> None:
    """Full jitter: any wait up to a bound that doubles, and stays at the longest."""
    longest = min(backoff.LONGEST_S, backoff.FIRST_S * 2 ** min(attempt - 1, 100))
    assert 0.0 <= backoff.wait_s(attempt, Random(seed)) <= longest


def test_waits_spread_over_their_whole_range() -> None:
    """Shippers that were turned away together do not come back together."""
    random = Random(1)
    waits = [backoff.wait_s(3, random) / (backoff.FIRST_S * 4) for _ in range(2_000)]
    assert min(waits) < 0.05
    assert max(waits) > 0.95


def test_a_cluster_that_comes_back_is_used() -> None:
    """However often it cannot be reached, the act is tried again, and what it waits for is said."""
    failures = iter(range(25))
    reports: list[str] = []

    def act() -> str:
        for _ in failures:
            raise ClusterUnreachableError("away")
        return "there"

    assert patiently(act, Event(), reports.append) == "there"
    assert reports == ["away"] * 25


def test_waiting_ends_when_the_run_is_to_stop() -> None:
    """A stop is not kept waiting by a cluster that is away."""
    stopping = Event()
    stopping.set()

    def act() -> None:
        raise ClusterUnreachableError("away")

    with pytest.raises(StoppedError):
        patiently(act, stopping, lambda _: None)


def test_what_waiting_does_not_cure_is_raised_at_once() -> None:
    """Wrong credentials stay wrong."""

    def act() -> None:
        raise AccessRefusedError("no")

    with pytest.raises(AccessRefusedError):
        patiently(act, Event(), lambda _: None)
