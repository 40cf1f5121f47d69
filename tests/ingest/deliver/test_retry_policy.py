"""Waiting: with jitter, within bounds, for as long as the cluster is away and no longer."""

from random import Random
from threading import Event

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlmon.elastic.errors import AccessRefusedError, ClusterUnreachableError
from mlmon.ingest.deliver import retry_policy
from mlmon.ingest.deliver.retry_policy import RetryPolicy, StoppedError


@given(attempt=st.integers(1, 10_000), seed=st.integers())
def test_a_wait_lies_between_nothing_and_its_bound(attempt: int, seed: int) -> None:
    """Full jitter: any wait up to a bound that doubles, and stays at the longest."""
    longest = min(retry_policy.LONGEST_S, retry_policy.FIRST_S * 2 ** min(attempt - 1, 100))
    assert 0.0 <= RetryPolicy(Event(), Random(seed)).delay_s(attempt) <= longest


def test_waits_spread_over_their_full_range() -> None:
    """Shippers that were turned away together do not come back together."""
    policy = RetryPolicy(Event(), Random(1))
    waits = [policy.delay_s(3) / (retry_policy.FIRST_S * 4) for _ in range(2_000)]
    assert min(waits) < 0.05
    assert max(waits) > 0.95


def test_a_cluster_that_comes_back_is_used() -> None:
    """However often it cannot be reached, the action is repeated, and each reason is reported."""
    failures = iter(range(25))
    reports: list[str] = []

    def action() -> str:
        for _ in failures:
            raise ClusterUnreachableError("away")
        return "there"

    assert RetryPolicy(Event()).until_reachable(action, reports.append) == "there"
    assert reports == ["away"] * 25


def test_waiting_ends_at_shutdown() -> None:
    """Shutdown does not wait for a cluster that is away."""
    shutdown = Event()
    shutdown.set()

    def action() -> None:
        raise ClusterUnreachableError("away")

    with pytest.raises(StoppedError):
        RetryPolicy(shutdown).until_reachable(action, lambda _: None)


def test_what_waiting_does_not_cure_is_raised_at_once() -> None:
    """Wrong credentials stay wrong."""

    def action() -> None:
        raise AccessRefusedError("no")

    with pytest.raises(AccessRefusedError):
        RetryPolicy(Event()).until_reachable(action, lambda _: None)
