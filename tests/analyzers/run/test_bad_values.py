"""Values that no producer should write, on the real node: each is named, and nothing fails.

Elasticsearch takes more than our own log writes: numbers as text, lists, 1e308, other dates.
"""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest

from mlmon.analyzers.base.finding import Finding, Severity
from mlmon.analyzers.base.window import DAY, HOUR, Window, iso, parse_time
from mlmon.analyzers.baselines.baseline import Baseline
from mlmon.analyzers.baselines.store import BaselineStore
from mlmon.analyzers.checks import discover
from mlmon.analyzers.profiles.store import ProfileStore
from mlmon.analyzers.run.engine import Analysis, analyze
from mlmon.analyzers.run.findings_store import FindingStore
from mlmon.elastic.client.cluster import Cluster
from mlmon.elastic.client.documents import Document

pytestmark = pytest.mark.long

Events = list[dict[str, Any]]
Ship = Callable[[Events], None]
PRICE, RATING, COUNTRY = (
    "ml.features.numeric.price",
    "ml.features.numeric.rating",
    "ml.features.categorical.country",
)
EVENTS = ("job_health", "model_reload", "offline_metrics")
ANYTHING: tuple[Any, ...] = (
    *(None, "", 0, -0.0, -1, 1, 1.5, 1e308, -1e308, 5e-324, 2**62, -(2**62), 2**63 - 1, True),
    *("NaN", "Infinity", "1e5", "0.5", "true", "x" * 2_000, "\0", "日本", " ", "*", "fresh"),
    *([], [1, 2], ["a", "b"], [None], [[1]], {"x": 1}, "2026-03-02T05:00:00Z", "1970-01-01"),
)
DATES = {"@timestamp", "event.ingested"}


@pytest.fixture
def judged(cluster: Cluster, namespace: str, start: datetime) -> Callable[..., Analysis]:
    """Judge the last hour of the first day, by all analyzers or by some."""

    def judge(*names: str) -> Analysis:
        chosen = [analyzer for analyzer in discover() if not names or analyzer.name in names]
        period = Window(start + 23 * HOUR, start + DAY)
        return analyze(cluster, namespace, period, now=start + 40 * DAY, analyzers=chosen)

    return judge


@pytest.fixture
def found(cluster: Cluster, namespace: str) -> Callable[..., dict[Any, Finding]]:
    """Return an analyzer's findings by model version, metric and subject."""

    def find(analyzer: str) -> dict[Any, Finding]:
        every = FindingStore(cluster, namespace).search(analyzer=analyzer)
        return {
            (finding.model_version, finding.metric, finding.subject): finding for finding in every
        }

    return find


@pytest.fixture
def odd_predictions(predictions_of: Callable[..., Events]) -> Events:
    """A day of version 1 with odd values, and of version 2 without scores."""
    events = predictions_of(24, 80)
    for number, event in enumerate(events):
        event["ml.prediction.id"] = f"p{number}"
        event["ml.feature_source.stats.age_s"] = 1e308
        if number % 2:
            event["ml.model.version"] = "2"
            del event["ml.prediction.score"]
            # In the last hour, as a whole, they come to more values than there are predictions.
            event[RATING] = [4.0, 4.1, 4.2]
            event[COUNTRY] = "x" * 2_000
        elif number % 8 == 0:
            event[PRICE], event[COUNTRY] = -1e308, ""
        elif number % 8 == 2:
            event[PRICE], event[RATING], event[COUNTRY] = 1e308, -0.0, " DE"
    return events


def odd_outcomes(events: Events) -> Events:
    """Return outcomes of predictions: worth 1e308, as text, null, twice, and before their time."""
    outcomes = []
    for number, event in enumerate(events):
        shift = timedelta(hours=-1 if number % 16 == 4 else 1)
        at = iso(parse_time(event["@timestamp"]) + shift)
        outcome_event = {
            "@timestamp": at,
            "event.ingested": at,
            "event.dataset": "ml.outcome",
            "ml.prediction.id": event["ml.prediction.id"],
            "ml.outcome.label": "true" if number % 3 else False,
            "ml.outcome.value": 1e308,
        }
        outcomes.append(
            outcome_event | {"ml.outcome.label": None} if number % 16 == 6 else outcome_event
        )
        if number % 16 == 2:
            outcomes.append(outcome_event | {"ml.outcome.label": number % 3 == 0})
    return outcomes


def test_predictions_and_labels_of_odd_values(
    cluster: Cluster,
    namespace: str,
    baseline: Baseline,
    odd_predictions: Events,
    ship: Ship,
    judged: Callable[..., Analysis],
    found: Callable[..., dict[Any, Finding]],
) -> None:
    """One feature of odd values leaves the others' findings, and its own say what is odd."""
    ship([*odd_predictions, *odd_outcomes(odd_predictions)])
    BaselineStore(cluster, namespace).write([baseline, replace(baseline, model_version="2")])
    assert judged().failures == {}
    statistics = found("feature_statistics")
    assert "price are too large to be summed" in statistics["1", "mean.shift", "price"].reason
    assert statistics["1", "mean.shift", "rating"].value is not None
    # An eighth of all predictions of the day, either way.
    assert found("feature_drift")["1", "ks.distance", "price"].value == pytest.approx(
        0.12, abs=0.02
    )
    quality = found("data_quality")
    outside = quality["1", "out_of_range.rate", "price"]
    assert outside.value == 0.5
    assert "now -1e+308 to 1e+308" in outside.reason
    assert "'': 10, ' DE': 10" in quality["1", "unseen_category.rate", "country"].reason
    lists = quality["2", "missing.rate", "rating"]
    assert lists.severity is Severity.UNKNOWN
    assert "rating has 120 values in 40 predictions" in lists.reason
    long = quality["2", "missing.rate", "country"]
    assert long.severity is Severity.CRITICAL
    assert "40 are not indexed: too long" in long.reason
    ages = found("fallback_rate")[None, "source.age_hours", "stats"]
    assert "too large to be summed" in ages.reason
    value = found("business_value")[None, "approved.value", None]
    assert "values of successes are too large to be summed" in value.reason
    live = found("live_performance")
    assert live["1", "roc_auc", None].value is not None
    assert "has a score: log `ml.prediction.score`" in live["2", "roc_auc", None].reason
    assert ("1", "label.contradicted", "autobid") not in found("label_coverage")


@pytest.mark.parametrize("scores", [(2.5, -1.0), (1e308, -1e308)])
def test_scores_that_are_no_probabilities(
    cluster: Cluster,
    namespace: str,
    baseline: Baseline,
    predictions_of: Callable[..., Events],
    ship: Ship,
    judged: Callable[..., Analysis],
    found: Callable[..., dict[Any, Finding]],
    scores: tuple[float, float],
) -> None:
    """Losses and calibration say why they have no value; what needs the order only has one."""
    events = predictions_of(24, 40)
    for number, event in enumerate(events):
        event["ml.prediction.id"] = f"p{number}"
        if number % 5 < 2:
            event["ml.prediction.score"] = scores[number % 5]
    ship([*events, *odd_outcomes(events)])
    BaselineStore(cluster, namespace).write([baseline])
    names = ("live_performance", "concept_drift", "estimated_performance", "score_attribution")
    assert judged(*names).failures == {}
    live = found("live_performance")
    for metric in ("brier", "log_loss", "calibration.error"):
        assert "no probabilities" in live["1", metric, None].reason.replace("not", "no")
    assert live["1", "roc_auc", None].value is not None


def test_a_threshold_that_changes(
    cluster: Cluster,
    namespace: str,
    baseline: Baseline,
    predictions_of: Callable[..., Events],
    ship: Ship,
    judged: Callable[..., Analysis],
    found: Callable[..., dict[Any, Finding]],
) -> None:
    """Decisions are judged by the threshold of most, and the sentence says that there were two."""
    events = predictions_of(24, 40)
    for number, event in enumerate(events):
        event["ml.prediction.id"] = f"p{number}"
        if number >= 600:
            event["ml.prediction.threshold"] = 0.5
    ship([*events, *odd_outcomes(events)])
    BaselineStore(cluster, namespace).write([baseline])
    judged("live_performance")
    live = found("live_performance")
    text = "by the most frequent threshold 0.3 (also seen: 0.5)"
    assert text in live["1", "precision", None].reason
    assert text not in live["1", "roc_auc", None].reason


def test_runs_and_models_of_odd_values(
    runs_of: Callable[..., Events],
    model_events: Callable[..., Events],
    ship: Ship,
    judged: Callable[..., Analysis],
    found: Callable[..., dict[Any, Finding]],
) -> None:
    """Numbers as text, lists and other dates are what Elasticsearch takes them for."""
    events = runs_of("train", [(float(hour), True, 60.0) for hour in range(24)])
    for number, event in enumerate(events):
        event["@timestamp"] = event["@timestamp"].replace("Z", "+00:00")
        if "event.duration" in event:
            event["event.duration"] = str(event["event.duration"])
            event["ml.job.records"] = [500] if number % 4 else "500"
            event["event.outcome"] = [event["event.outcome"]]
    last = events[-1]
    last["event.duration"] = last["ml.job.records"] = -5
    odd = runs_of("odd", [(float(hour), True, 60.0) for hour in range(24)])
    for event in odd:
        if "event.outcome" in event:
            event["event.outcome"] = "unknown"
    models = [
        *model_events("train", 2.0, "7"),
        *model_events("evaluate", 2.0, "7"),
        *model_events("evaluate", 23.1, None, {"roc_auc": 0.7}),
        *model_events("reload", 23.2, "7"),
    ]
    for event in models:
        if "ml.model.version" in event:
            event["ml.model.version"] = [7]
    models[1]["ml.evaluation.roc_auc"] = "0.7"
    ship([*events, *odd, *models])
    assert judged(*EVENTS).failures == {}
    jobs = found("job_health")
    took = jobs[None, "duration.ratio", "train"]
    assert (took.value, took.severity) == (1.0, Severity.OK)
    assert "logged no number of records" in jobs[None, "records.ratio", "train"].reason
    assert jobs[None, "missed.runs", "train"].value == 0
    assert "(its outcome is 'unknown')" in jobs[None, "failed.runs", "odd"].reason
    reloads = found("model_reload")[None, "reload.failures", "autobid"]
    assert "autobid 7 was loaded" in reloads.reason


def test_baselines_and_profiles_that_are_broken(
    cluster: Cluster,
    namespace: str,
    baseline: Baseline,
    predictions_of: Callable[..., Events],
    accesses_of: Callable[..., Events],
    ship: Ship,
    judged: Callable[..., Analysis],
    found: Callable[..., dict[Any, Finding]],
) -> None:
    """They stop what is compared by them, by name; all else is judged, and fixed they are gone."""
    ship([*predictions_of(24, 40), *accesses_of(24, 20)])
    store = BaselineStore(cluster, namespace)
    document = baseline.to_document()
    older: dict[str, Any] = {"baseline.format": 3}
    broken: dict[str, Any] = {"ml.model.version": "2", "baseline.body": {"rows": 1}}
    cluster.put(
        Document(store.index, str(number), document | changes)
        for number, changes in enumerate([older, broken])
    )
    cluster.refresh(store.index)
    names = ("service_health", "feature_drift")
    analysis = judged(*names)
    assert analysis.failures == {}
    outcome_event = " ".join(sorted(analysis.notes))
    assert "autobid 1 is of format 3" in outcome_event
    assert "autobid 2 is broken (KeyError: 'score')" in outcome_event
    assert "mlmon baseline create" in outcome_event
    assert "There is no baseline" in found("feature_drift")["1", "ks.distance", None].reason
    assert found("service_health")[None, "http.5xx.rate", "/predict"].severity is Severity.OK

    store.write([baseline])
    pattern = f"mlmon-profiles-{namespace}-*"
    query = {"size": 1, "query": {"term": {"profile.kind": "access"}}}
    (hit,) = cluster.search(pattern, query)["hits"]["hits"]
    cluster.put([Document(hit["_index"], hit["_id"], hit["_source"] | {"profile.body": {}})])
    ProfileStore(cluster, namespace).refresh()
    failures = judged(*names).failures
    assert set(failures) == {"service_health"}
    assert f"profile {hit['_id']} of {hit['_source']['event.start']} is broken" in str(failures)
    assert found("feature_drift")["1", "ks.distance", "price"].severity is Severity.OK

    whole = {"profile.ingested": None, "profile.count": None}
    cluster.put([Document(hit["_index"], hit["_id"], hit["_source"] | whole)])
    ProfileStore(cluster, namespace).refresh()
    assert judged(*names).failures == {}


@pytest.fixture
def anything(
    predictions_of: Callable[..., Events],
    accesses_of: Callable[..., Events],
    runs_of: Callable[..., Events],
    model_events: Callable[..., Events],
) -> Callable[[int], Events]:
    """Make a day of all datasets in which a share of the lines have anything in some fields."""

    def make(seed: int) -> Events:
        chance = random.Random(seed)
        events = predictions_of(24, 30)
        for number, event in enumerate(events):
            event |= {"ml.prediction.id": f"p{number}", "process.entity_id": "p"}
            event |= {"event.sequence": number + 1, "ml.features.embedded": ["text"]}
            event["ml.features.embedding.text"] = [chance.gauss(0.0, 1.0) for _ in range(4)]
        events += odd_outcomes(events)
        events += [
            *accesses_of(24, 20),
            *runs_of("train", [(number, True, 60.0) for number in range(24)]),
        ]
        for hour in range(0, 24, 4):
            events += model_events("evaluate", hour, str(hour), {"roc_auc": 0.7})
            events += model_events("reload", hour + 0.1, str(hour))
        for event in events:
            if chance.random() < (0.1, 0.5)[seed % 2]:
                for _ in range(chance.choice((1, 2, 5))):
                    name = chance.choice([field for field in event if field != "event.dataset"])
                    value = chance.choice(ANYTHING)
                    # Elasticsearch cannot round the last date there is to hours.
                    if value != 2**63 - 1 or name not in DATES:
                        event[name] = value
        return events

    return make


@pytest.mark.parametrize("seed", [1, 2])
def test_anything_elasticsearch_takes(
    cluster: Cluster,
    namespace: str,
    baseline: Baseline,
    anything: Callable[[int], Events],
    judged: Callable[..., Analysis],
    seed: int,
) -> None:
    """No analyzer fails and all judge, whatever producers wrote in whatever field."""
    lines = []
    for number, event in enumerate(anything(seed)):
        stream = f"logs-{event['event.dataset']}-{namespace}"
        action = {"create": {"_index": stream, "_id": str(number)}}
        lines += [orjson.dumps(action), orjson.dumps(event)]
    answer = cluster.bulk(b"\n".join(lines) + b"\n", filter_path="items.*.status")
    stored = sum(item["create"]["status"] == 201 for item in answer["items"])
    assert stored > len(answer["items"]) / 2
    cluster.refresh(f"logs-*-{namespace}")
    BaselineStore(cluster, namespace).write([baseline])
    analysis = judged()
    assert analysis.failures == {}
    assert {name for name, count in analysis.written.items() if count.total} > {
        *("completeness", "concept_drift", "data_quality", "feature_drift", "label_coverage"),
        *("embedding_drift", "fallback_rate", "job_health", "live_performance", "service_health"),
    }
