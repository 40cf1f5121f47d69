"""Statistics are used while fresh; stale or missing ones give way to defaults."""

from datetime import UTC, datetime, timedelta

import pytest

from mlmon.autobid.profile_stats import DEFAULTS, STALE_AFTER, ProfileHistoricalStats, StatsStore

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
