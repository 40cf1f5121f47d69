"""Which versions were profiled last, asked of a real node."""

from dataclasses import replace
from datetime import UTC, datetime

from mlmon.analyzers.base.profile_key import ProfileKey, SourceWatermark
from mlmon.analyzers.base.window import HOUR, Window
from mlmon.analyzers.profiles.kinds.prediction import KIND, PredictionProfile
from mlmon.analyzers.profiles.last_windows import Last
from mlmon.analyzers.profiles.store import ProfileStore
from mlmon.elastic.client.cluster import Cluster

START = datetime(2026, 3, 31, 22, tzinfo=UTC)


def profile(start: datetime, hour: int, series: tuple[str, ...], count: int) -> PredictionProfile:
    """Make a profile of nothing but a count."""
    window = Window(start + hour * HOUR, start + (hour + 1) * HOUR)
    return PredictionProfile(ProfileKey(KIND, window, series), SourceWatermark(count))


def test_the_last_window_of_each_version_and_baseline(cluster: Cluster, namespace: str) -> None:
    """Of each series the last window counts, by its latest revision, as long as it is in time."""
    store, start = ProfileStore(cluster, namespace), START
    old, new, bare = ("bids", "1", "a"), ("bids", "2", "b"), ("bids", "2", "")
    stored = [
        *(profile(start, hour, old, 10 + hour) for hour in range(4)),
        *(profile(start, hour, new, 100) for hour in range(3, 6)),
        profile(start, 3, bare, 7),
    ]
    store.write([*stored, replace(stored[3], watermark=SourceWatermark(99), revision=2)], start)
    store.refresh()
    assert store.last(KIND, Window(start, start + 5 * HOUR)) == {
        old: Last(start + 3 * HOUR, 99),
        new: Last(start + 4 * HOUR, 100),
        bare: Last(start + 3 * HOUR, 7),
    }
    assert store.last("label", Window(start, start + 5 * HOUR)) == {}


def test_without_an_index_there_is_none(cluster: Cluster, namespace: str) -> None:
    """A namespace without profiles answers with nothing."""
    assert ProfileStore(cluster, namespace).last(KIND, Window(START, START + HOUR)) == {}
