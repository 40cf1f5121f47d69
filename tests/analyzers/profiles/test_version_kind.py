"""Every model and version is profiled, however many there are."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from mlmon.analyzers.base.window import HOUR, MINUTE, Window, iso
from mlmon.analyzers.checks.score_shift.score_shift import ScoreShift
from mlmon.analyzers.compare.traffic import compared
from mlmon.analyzers.event_logs.logs import Logs
from mlmon.analyzers.profiles import version_kind
from mlmon.analyzers.profiles.store import ProfileStore
from mlmon.analyzers.profiles.version_kind import survey_versions
from mlmon.analyzers.run.engine import analyze
from mlmon.elastic.client.cluster import Cluster

pytestmark = pytest.mark.long

Events = list[dict[str, Any]]
MODELS = 200


@pytest.fixture
def many(predictions_of: Callable[..., Events]) -> Events:
    """An hour of 200 models, evenly; two events name no model or no version."""
    events = predictions_of(1, 3 * MODELS)
    for number, event in enumerate(events):
        event["ml.model.name"] = f"model {number % MODELS:03}"
    del events[0]["ml.model.name"]
    del events[1]["ml.model.version"]
    return events


def test_two_hundred_models_in_an_hour_are_all_profiled(
    cluster: Cluster,
    namespace: str,
    many: Events,
    start: datetime,
    ship: Callable[..., None],
) -> None:
    """No prediction is left out of the profiles, and nothing fails."""
    ship(many)
    window = Window(start, start + HOUR)
    done = analyze(cluster, namespace, window, now=window.end + MINUTE, analyzers=[ScoreShift()])
    assert (done.failures, done.notes) == ({}, [])
    stored = ProfileStore(cluster, namespace).stored("prediction", window)
    counted = {profile.profile_key.series: profile.stamp.watermark.documents for profile in stored}
    assert sum(counted.values()) == 3 * MODELS
    assert len(counted) == MODELS + 2


def test_pages_hold_what_one_answer_holds(
    cluster: Cluster,
    namespace: str,
    many: Events,
    start: datetime,
    ship: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Windows, names, versions, counts and times of arrival are the same by either way."""
    later = [event | {"@timestamp": event["@timestamp"].replace("T00", "T03")} for event in many]
    ship([*many[:60], *later])
    logs = Logs(cluster, namespace, start + 5 * HOUR, {})
    ways = []
    for most in (1_000, 10):
        monkeypatch.setattr(version_kind, "MOST_MODELS", most)
        monkeypatch.setattr(version_kind, "_PAGE", 7)
        found = survey_versions(
            logs, "ml.prediction", Window(start, start + 5 * HOUR), timedelta(hours=1)
        )
        ways.append(
            {(window, model): (of["doc_count"], of["ingested"]) for window, model, of in found}
        )
    assert ways[0] == ways[1]
    assert sum(number for number, _ in ways[0].values()) == 60 + 3 * MODELS
    assert {window.start for window, _ in ways[0]} == {start, start + 3 * HOUR}


def test_compare_counts_the_predictions_of_every_version(
    cluster: Cluster,
    namespace: str,
    predictions_of: Callable[..., Events],
    baseline: Any,
    start: datetime,
    ship: Callable[..., None],
) -> None:
    """One model of 1,050 versions, which share a baseline's name: none is left out."""
    from mlmon.analyzers.baselines.store import BaselineStore

    events = predictions_of(1, 600)
    name = events[0]["ml.model.name"]
    for number, event in enumerate(events):
        event["ml.model.version"] = baseline.model_version if number % 2 else f"v{number}"
    other = [event | {"ml.model.name": f"other {number}"} for number, event in enumerate(events)]
    BaselineStore(cluster, namespace).write([baseline])
    ship([*events, *other[:150]])
    window = Window(start, start + HOUR)
    analyze(cluster, namespace, window, now=window.end + MINUTE, analyzers=[ScoreShift()])
    assert name == baseline.model_name
    assert compared(cluster, namespace, window, None, (None, None)).traffic.predictions == 600


def test_what_a_bound_leaves_out_is_counted_and_named(
    cluster: Cluster, namespace: str, start: datetime, ship: Callable[..., None]
) -> None:
    """Fallbacks of more sources than a window names: the run says how many, and of which field."""
    from mlmon.analyzers.checks.fallback_rate import FallbackRate

    events = [
        {
            "@timestamp": iso(start + timedelta(seconds=number)),
            "event.dataset": "ml.fallback",
            "event.reason": "stale",
            "ml.feature_source.name": f"source {number % 53}",
        }
        for number in range(53 * 3)
    ]
    ship(events)
    window = Window(start, start + HOUR)
    done = analyze(cluster, namespace, window, now=window.end + MINUTE, analyzers=[FallbackRate()])
    (note,) = done.notes
    assert note.startswith("9 events of ml.fallback ")
    assert "ml.feature_source.name: more than 50 values" in note
