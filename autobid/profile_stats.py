"""Statistics of a profile's past bids, computed ahead of time, and what replaces them when stale.

The statistics are only as good as they are new. Beyond `stale_after` the service predicts with
defaults, records it in the prediction (`FeatureSource`), and logs the fallback.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, NamedTuple, TypeAlias

import numpy as np

from mlmon.logging_config import EventLog, FeatureSource

STATS_SOURCE = "profile_historical_stats"
STALE_AFTER = timedelta(hours=4)

Freshness: TypeAlias = Literal["fresh", "stale", "missing"]


@dataclass(frozen=True, slots=True)
class ProfileHistoricalStats:
    """Statistics of one profile's bids in the last 30 days."""

    profile_id: str
    success_rate: float
    bids_30d: int
    last_updated_at: datetime


STATS_NUMERIC = ("profile_success_rate", "profile_bids_30d")
"""The features made from the statistics."""

DEFAULTS: dict[str, float] = {"profile_success_rate": 0.33, "profile_bids_30d": 25.0}
"""The means over all profiles: what is predicted with when the profile's own are of no use."""


class StatsAnswer(NamedTuple):
    """The features of one profile and how far they can be trusted."""

    features: dict[str, float]
    source: FeatureSource
    status: Freshness
    age_s: float | None


@dataclass(slots=True)
class StatsStore:
    """The newest statistics per profile, kept in memory."""

    stale_after: timedelta = STALE_AFTER
    _by_profile: dict[str, ProfileHistoricalStats] = field(default_factory=dict)

    def refresh(self, stats: Iterable[ProfileHistoricalStats]) -> int:
        """Take in newer statistics; returns how many profiles they were for."""
        newer = {stat.profile_id: stat for stat in stats}
        self._by_profile.update(newer)
        return len(newer)

    def measure(self, profiles: int, at: datetime, log: EventLog) -> None:
        """Log how many of the profiles there are have statistics, and how old these are."""
        ages = [(at - stats.last_updated_at).total_seconds() for stats in self._by_profile.values()]
        middle, high = np.quantile(ages, (0.5, 0.9)).tolist() if ages else (None, None)
        log.feature_store(
            source=STATS_SOURCE,
            entity="profile",
            total=profiles,
            covered=len(ages),
            age_p50_s=middle,
            age_p90_s=high,
        )

    def look_up(self, profile_id: str, at: datetime) -> StatsAnswer:
        """The statistics to predict with at a moment: the profile's own, or the defaults."""
        stats = self._by_profile.get(profile_id)
        if stats is None:
            return StatsAnswer(DEFAULTS, FeatureSource("missing"), "missing", None)
        age = at - stats.last_updated_at
        age_s = age.total_seconds()
        status: Freshness = "stale" if age > self.stale_after else "fresh"
        source = FeatureSource(status, age_s=age_s, last_updated_at=stats.last_updated_at)
        if status == "stale":
            return StatsAnswer(DEFAULTS, source, status, age_s)
        own = {
            "profile_success_rate": stats.success_rate,
            "profile_bids_30d": float(stats.bids_30d),
        }
        return StatsAnswer(own, source, status, age_s)
