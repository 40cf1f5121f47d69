"""Statistics are used while fresh; stale or missing ones give way to defaults."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mlmon.autobid.profile_stats import DEFAULTS, STALE_AFTER, ProfileHistoricalStats, StatsStore
from mlmon.logging_config import EventLog

THEN = datetime(2026, 11, 3, 12, tzinfo=UTC)


@pytest.fixture
def store() -> StatsStore:
    """A store that knows one profile, as of `THEN`."""
    filled = StatsStore()
    filled.refresh([ProfileHistoricalStats("p", 0.8, 12, THEN)])
    return filled


def test_fresh_statistics_are_used(store: StatsStore) -> None:
    """Up to the limit, the profile's own numbers are the features."""
    answer = store.look_up("p", THEN + STALE_AFTER)
    assert answer.features == {"profile_success_rate": 0.8, "profile_bids_30d": 12.0}
    assert answer.source.status == "fresh"
    assert answer.source.last_updated_at == THEN


def test_stale_statistics_fall_back(store: StatsStore) -> None:
    """Past the limit the defaults are used, and the source says stale and how old."""
    answer = store.look_up("p", THEN + STALE_AFTER + timedelta(seconds=1))
    assert answer.features == DEFAULTS
    assert answer.source.status == "stale"
    assert answer.source.age_s == STALE_AFTER.total_seconds() + 1


def test_an_unknown_profile_falls_back(store: StatsStore) -> None:
    """A profile without statistics gets the defaults, and the source says missing."""
    answer = store.look_up("nobody", THEN)
    assert answer.features == DEFAULTS
    assert answer.source.status == "missing"
    assert answer.source.age_s is None


def test_a_refresh_renews(store: StatsStore) -> None:
    """New statistics make a stale profile fresh again; the count is of profiles."""
    later = THEN + timedelta(days=2)
    assert store.refresh([ProfileHistoricalStats("p", 0.5, 14, later)]) == 1
    assert store.look_up("p", later).source.status == "fresh"


def test_what_the_store_covers_is_logged(
    store: StatsStore, log: EventLog, events: Callable[[str], list[dict[str, Any]]]
) -> None:
    """Of three profiles two have statistics, one of them ten hours old."""
    store.refresh([ProfileHistoricalStats("q", 0.5, 14, THEN + timedelta(hours=10))])
    store.measure(3, THEN + timedelta(hours=10), log)
    [event] = events("ml.store")
    assert (event["ml.store.total"], event["ml.store.covered"]) == (3, 2)
    assert event["ml.store.age_p50_s"] == 5 * 3600.0
    assert event["ml.store.age_p90_s"] == pytest.approx(9 * 3600.0)


def test_an_empty_store_covers_nobody(
    log: EventLog, events: Callable[[str], list[dict[str, Any]]]
) -> None:
    """Without statistics there is no age, and the line is written all the same."""
    StatsStore().measure(3, THEN, log)
    [event] = events("ml.store")
    assert event["ml.store.covered"] == 0
    assert "ml.store.age_p90_s" not in event
