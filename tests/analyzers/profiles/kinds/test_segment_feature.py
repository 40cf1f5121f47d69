"""Features of segments are counted inside Elasticsearch as numpy counts them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np

from mlmon.analyzers.base.window import DAY, Window
from mlmon.analyzers.baselines.baseline import Baseline
from mlmon.analyzers.baselines.store import BaselineStore
from mlmon.analyzers.statistics.buckets import Buckets
from mlmon.elastic.client.cluster import Cluster

Events = list[dict[str, Any]]
COUNTRY, PRICE = "ml.features.categorical.country", "ml.features.numeric.price"


def test_counts_are_those_of_numpy(
    start: datetime,
    baseline: Baseline,
    predictions_of: Callable[..., Events],
    ship: Callable[..., None],
    update: Callable[..., int],
    read: Callable[..., list[Any]],
) -> None:
    """Each country's prices and missing ratings by the hour; a country without rows has none."""

    def only_two(hour: int, rows: dict[str, Any]) -> None:
        if hour == 2:
            rows["country"][:] = np.where(rows["country"] == "US", "DE", rows["country"])

    events = predictions_of(3, 60, change=only_two)
    ship(events)
    day = Window(start, start + DAY)
    assert update("segment_feature", day, [baseline]) == 3 * 3 - 1
    assert update("segment_feature", day, [baseline]) == 0
    profiles = read("segment_feature", day, [baseline])
    for profile in profiles:
        hour = (profile.window.start - start).seconds // 3600
        feature, value = profile.profile_key.series[3].split("=")
        assert feature == "country"
        mine = [event for event in events[hour * 60 : (hour + 1) * 60] if event[COUNTRY] == value]
        edges = baseline.segment_features[f"country={value}"].numeric["price"].edges
        prices = Buckets.from_values([event[PRICE] for event in mine], edges)
        assert profile.rows == profile.predictions == len(mine)
        assert profile.numeric["price"].counts == prices.counts
        rated = sum("ml.features.numeric.rating" in event for event in mine)
        assert profile.numeric["rating"].n == rated
        assert "country" not in profile.categorical


def test_without_segments_nothing_is_asked(
    start: datetime,
    baseline: Baseline,
    predictions_of: Callable[..., Events],
    ship: Callable[..., None],
    update: Callable[..., int],
) -> None:
    """A baseline that divides nothing costs nothing."""
    ship(predictions_of(1, 10))
    plain = replace(baseline, segments={}, segment_features={})
    assert update("segment_feature", Window(start, start + DAY), [plain]) == 0


def test_a_baseline_is_read_as_it_was_stored(
    cluster: Cluster, namespace: str, baseline: Baseline
) -> None:
    """The features of its segments come back; one without them has the id it always had."""
    store = BaselineStore(cluster, namespace)
    store.write([baseline])
    (stored,) = store.all()
    assert stored.segment_features == baseline.segment_features
    assert stored.id == baseline.id
    plain = replace(baseline, segment_features={})
    assert "segment_features" not in plain.to_document()["baseline.body"]
