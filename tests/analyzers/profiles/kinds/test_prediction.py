"""Profiles made inside Elasticsearch count exactly what numpy counts on the raw rows."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest

from mlmon.analyzers.base.window import DAY, HOUR, Window
from mlmon.analyzers.baselines.baseline import Baseline
from mlmon.analyzers.event_logs import logs
from mlmon.analyzers.event_logs.logs import Logs
from mlmon.analyzers.profiles.by_service import OfService
from mlmon.analyzers.profiles.kind import kinds
from mlmon.analyzers.profiles.kinds import prediction
from mlmon.analyzers.profiles.kinds.prediction import (
    LoggedFields,
    PredictionKind,
    PredictionScope,
    logged_fields,
    parts,
)
from mlmon.analyzers.profiles.one_per_version import one_per_version
from mlmon.analyzers.profiles.quantities import merge
from mlmon.analyzers.statistics.buckets import Buckets
from mlmon.elastic.client.cluster import Cluster

Events = list[dict[str, Any]]


@pytest.fixture
def day(start: datetime) -> Window:
    """The test's day."""
    return Window(start, start + DAY)


def column(events: Events, field: str) -> np.ndarray[Any, Any]:
    """Return a field of events, NaN where it is absent."""
    return np.array([event.get(field, np.nan) for event in events], dtype=float)


def test_counts_are_those_of_numpy(
    day: Window,
    baseline: Baseline,
    predictions_of: Callable[..., Events],
    ship: Callable[[Events], None],
    update: Callable[..., int],
    read: Callable[..., list[Any]],
) -> None:
    """Buckets, categories, sources and missing values agree, values on the edges included."""
    edges = baseline.numeric["price"].edges

    def on_edges(_hour: int, rows: dict[str, Any]) -> None:
        rows["price"][:5] = [edges[0], edges[-1], np.nextafter(edges[0], 0), edges[50], 1e9]
        rows["country"][:4] = ["XX", "YY", "XX", None]

    events = predictions_of(3, 60, change=on_edges)
    ship(events)
    update("prediction", day, [baseline])
    profiles = read("prediction", day, [baseline])

    assert [profile.predictions for profile in profiles] == [60, 60, 60]
    for hour, profile in enumerate(profiles):
        of_hour = events[hour * 60 : (hour + 1) * 60]
        for name, of in baseline.numeric.items():
            values = column(of_hour, f"ml.features.numeric.{name}")
            expected = Buckets.from_values(values, of.edges)
            found = profile.numeric[name]
            assert found.counts == expected.counts
            assert found.minimum == expected.minimum
            assert found.maximum == expected.maximum
            assert found.total == pytest.approx(expected.total)
            assert found.sum_of_squares == pytest.approx(expected.sum_of_squares)
        countries = Counter(event.get("ml.features.categorical.country") for event in of_hour)
        country = profile.categorical["country"]
        assert country.counts == {name: countries[name] for name in ("DE", "FR", "US")}
        assert country.unseen == {"XX": 2, "YY": 1}
        decisions = Counter(event["ml.prediction.decision"] for event in of_hour)
        assert profile.approved == decisions["approved"]
        assert profile.threshold == of_hour[0].get("ml.prediction.threshold")
        assert country.n == 59
        assert profile.sources[OfService("api", "stats")].statuses == {"fresh": 60}
        assert profile.sources[OfService("api", "stats")].age_total == 60 * 600.0
        assert profile.rows == 60
        assert profile.service == "api"
    whole = merge(profiles)
    assert whole.score is not None
    assert baseline.score is not None
    scores = column(events, "ml.prediction.score")
    assert whole.score.counts == Buckets.from_values(scores, baseline.score.edges).counts
    assert whole.predictions == 180


def test_without_a_baseline_only_presence_is_counted(
    day: Window,
    predictions_of: Callable[..., Events],
    ship: Callable[[Events], None],
    update: Callable[..., int],
    read: Callable[..., list[Any]],
) -> None:
    """A version without baseline has its predictions, sources and present values counted."""
    ship(predictions_of(1, 30))
    update("prediction", day)
    (profile,) = read("prediction", day)
    assert profile.predictions == 30
    assert profile.score is None
    assert profile.present["ml.features.numeric.price"] == 30


def test_features_may_be_sampled(
    day: Window,
    baseline: Baseline,
    predictions_of: Callable[..., Events],
    ship: Callable[[Events], None],
    update: Callable[..., int],
    read: Callable[..., list[Any]],
) -> None:
    """A prediction logged without its features is not one whose features are missing."""
    events = predictions_of(1, 40)
    for event in events[:30]:
        for field in [name for name in event if name.startswith("ml.features.")]:
            del event[field]
    ship(events)
    update("prediction", day, [baseline])
    (profile,) = read("prediction", day, [baseline])
    assert profile.predictions == 40
    assert profile.rows == 10
    assert profile.numeric["price"].n == 10


def test_many_unseen_categories_hide_no_known_one(
    day: Window,
    baseline: Baseline,
    predictions_of: Callable[..., Events],
    ship: Callable[[Events], None],
    update: Callable[..., int],
    read: Callable[..., list[Any]],
) -> None:
    """Thirty new countries, each more frequent than a known one: all rows are counted rightly."""

    def crowd(_hour: int, rows: dict[str, Any]) -> None:
        rows["country"][:] = [f"X{n % 30:02}" for n in range(len(rows["country"]))]
        rows["country"][:3] = ["DE", "DE", "US"]

    ship(predictions_of(1, 93, change=crowd))
    update("prediction", day, [baseline])
    (profile,) = read("prediction", day, [baseline])
    country = profile.categorical["country"]
    assert country.counts == {"DE": 2, "US": 1}
    assert len(country.unseen) == 20
    assert country.n == 93
    assert country.outside == 90


@pytest.mark.parametrize("expected", [60_000, 10**9], ids=["foreseen", "refused"])
def test_an_answer_too_large_is_asked_for_in_parts(
    start: datetime,
    baseline: Baseline,
    predictions_of: Callable[..., Events],
    ship: Callable[[Events], None],
    monkeypatch: pytest.MonkeyPatch,
    expected: int,
    update: Callable[..., int],
    read: Callable[..., list[Any]],
) -> None:
    """More buckets than Elasticsearch returns are asked for in parts: foreseen, or once refused."""
    for module in (logs, prediction):
        monkeypatch.setattr(module, "MOST_BUCKETS", expected)
    ship(predictions_of(8, 5))
    wide = [(low + high) / 2 for low, high in zip(range(4_900), range(1, 4_901), strict=True)]
    huge = Buckets.from_values([1.0, 5.0], wide)
    large = Baseline(
        *baseline.model, 2, start, "t", score=huge, numeric={"price": huge, "rating": huge}
    )
    asked: list[Window] = []
    windows = Logs._windows

    def noted(self: Logs, dataset: str, part: Window, *inside: Any) -> Iterator[Any]:
        if "score" in inside[1]:
            asked.append(part)
        return windows(self, dataset, part, *inside)

    monkeypatch.setattr(Logs, "_windows", noted)
    period = Window(start, start + DAY)
    made = update("prediction", period, [large])
    assert made == 8
    assert len(asked) > 1
    assert any(part.length > 4 * HOUR for part in asked) == (expected > 60_000)
    profiles = read("prediction", period, [large])
    assert [profile.numeric["price"].n for profile in profiles] == [5] * 8


@pytest.mark.parametrize("most", [1, 150, 300])
def test_features_counted_separately_make_the_same_profile(
    day: Window,
    baseline: Baseline,
    predictions_of: Callable[..., Events],
    ship: Callable[[Events], None],
    monkeypatch: pytest.MonkeyPatch,
    cluster: Cluster,
    namespace: str,
    most: int,
) -> None:
    """By one request or by several, profiles are equal, extra fields and sources included."""
    ship([event | {"ml.features.numeric.extra": 1.0} for event in predictions_of(3, 40)])
    own = Logs(cluster, namespace, day.end, {baseline.model: baseline})
    kind, series = kinds()["prediction"], (*baseline.model, baseline.id)
    whole = list(kind.make(own, series, day))
    for module in (logs, prediction):
        monkeypatch.setattr(module, "MOST_BUCKETS", most)
    assert list(kind.make(own, series, day)) == whole
    assert len(whole) == 3
    assert len(whole[0].numeric) + len(whole[0].categorical) == len(baseline.features)


def test_seven_hundred_features_are_profiled(
    day: Window,
    start: datetime,
    ship: Callable[[Events], None],
    update: Callable[..., int],
    read: Callable[..., list[Any]],
) -> None:
    """An hour of so many features has more buckets than Elasticsearch returns in one answer."""
    names = [f"f{index:03}" for index in range(700)]
    values = np.random.default_rng(4).normal(size=(6, len(names)))
    edges = tuple(np.linspace(-2, 2, 100).tolist())
    of = {name: Buckets.from_values([0.0], edges) for name in names}
    baseline = Baseline("bids", "wide", 1, start, "t", score=of[names[0]], numeric=of)
    assert len(list(parts(PredictionScope(baseline), 65_536))) > 1
    ship(
        [
            {
                "@timestamp": start.isoformat(),
                "event.dataset": "ml.prediction",
                "event.id": f"w{row}",
                "ml.model.name": "bids",
                "ml.model.version": "wide",
                "ml.prediction.score": 0.5,
                **{
                    f"ml.features.numeric.{name}": value
                    for name, value in zip(names, values[row].tolist(), strict=True)
                },
            }
            for row in range(len(values))
        ]
    )
    assert update("prediction", day, [baseline]) == 1
    (profile,) = read("prediction", day, [baseline])
    assert profile.rows == profile.predictions == len(values)
    for name, column_values in zip(names, values.T, strict=True):
        expected = Buckets.from_values(column_values, edges)
        assert profile.numeric[name].counts == expected.counts


def test_names_are_read_from_the_mapping() -> None:
    """Features and sources are found in the mapping, with dots in their names and all."""
    mapping = {
        "properties": {
            "ml": {
                "properties": {
                    "features": {
                        "properties": {
                            "numeric": {"properties": {"a": {}, "b": {"properties": {"c": {}}}}},
                            "categorical": {"properties": {"k": {}}},
                            "missing": {"type": "keyword"},
                        }
                    },
                    "feature_source": {
                        "properties": {"stats": {"properties": {"status": {}, "age_s": {}}}}
                    },
                }
            }
        }
    }
    assert logged_fields([mapping, {}]) == LoggedFields(("a", "b.c"), ("k",), ("stats",))


def test_a_profile_is_read_as_written(
    steady_hours: Callable[..., list[Any]], baseline: Baseline
) -> None:
    """The stored body gives back the profile it was made of."""
    for profile in steady_hours(2):
        body = profile.body()
        known = {baseline.id: baseline}
        kind = PredictionKind()
        assert kind.read(profile.profile_key, profile.watermark, 1, body, known) == profile


def test_one_profile_per_version_is_counted(
    steady_hours: Callable[..., list[Any]], baseline: Baseline
) -> None:
    """Of an hour profiled over two baselines, the version's own is taken, and only that."""
    own = steady_hours(2)
    other = steady_hours(2, baseline=None)
    assert one_per_version([*other, *own], {baseline.model: baseline}) == own


def test_a_sum_is_the_profile_of_the_whole(
    steady_hours: Callable[..., list[Any]],
) -> None:
    """Adding hours in any grouping gives the same counts."""
    hours = steady_hours(4)
    whole = merge(hours)
    grouped = merge([merge(hours[:1]), merge(hours[1:])])
    assert grouped.numeric["price"].counts == whole.numeric["price"].counts
    assert grouped.categorical == whole.categorical
    assert grouped.sources == whole.sources
    assert whole.watermark.ingested == hours[-1].window.end
    assert whole.window.length == timedelta(hours=1)
