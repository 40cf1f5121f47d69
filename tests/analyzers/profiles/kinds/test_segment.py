"""Segments are counted inside Elasticsearch as numpy counts them, all in one request a day."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import pytest

from mlmon.analyzers.base.window import DAY, HOUR, Window
from mlmon.analyzers.baselines.baseline import Baseline
from mlmon.analyzers.profiles.kinds.segment import segments_of
from mlmon.analyzers.statistics.buckets import Buckets
from mlmon.elastic.client.cluster import Cluster

Events = list[dict[str, Any]]


def test_counts_are_those_of_numpy(
    start: datetime,
    baseline: Baseline,
    predictions_of: Callable[..., Events],
    ship: Callable[..., None],
    update: Callable[..., int],
    read: Callable[..., list[Any]],
    cluster: Cluster,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Rows, approvals and score buckets of each country and hour; unknown countries are no segment.

    However many segments there are, a few hours take one survey and one request.
    """

    def unknown(_hour: int, rows: dict[str, Any]) -> None:
        rows["country"][:3] = ["XX", None, "XX"]

    events = predictions_of(3, 60, change=unknown)
    ship(events)
    day = Window(start, start + DAY)
    searches: list[str] = []
    search = type(cluster).search

    def noted(self: Cluster, index: str, body: Any) -> Any:
        searches.append(index)
        return search(self, index, body)

    monkeypatch.setattr(Cluster, "search", noted)
    assert update("segment", day, [baseline]) == 3
    assert len([index for index in searches if index.startswith("logs-")]) == 2
    profiles = read("segment", day, [baseline])
    for hour, profile in enumerate(profiles):
        assert set(profile.segments["country"]) <= {"DE", "FR", "US"}
        for name, found in profile.segments["country"].items():
            mine = [
                event
                for event in events[hour * 60 : (hour + 1) * 60]
                if event.get("ml.features.categorical.country") == name
            ]
            scores = np.array([event["ml.prediction.score"] for event in mine])
            assert found.rows == len(mine)
            assert found.approved == sum(
                event["ml.prediction.decision"] == "approved" for event in mine
            )
            assert found.scores == Buckets.from_values(scores, baseline.segment_edges).counts
    whole = segments_of(profiles)["country"]["DE"]
    assert whole.rows == sum(profile.segments["country"]["DE"].rows for profile in profiles)
    assert profiles[0].service == "api"


def test_without_segments_nothing_is_asked(
    start: datetime,
    baseline: Baseline,
    predictions_of: Callable[..., Events],
    ship: Callable[..., None],
    update: Callable[..., int],
) -> None:
    """A baseline that divides nothing costs nothing."""
    ship(predictions_of(1, 10))
    plain = replace(baseline, segments={})
    assert update("segment", Window(start, start + HOUR), [plain]) == 0
