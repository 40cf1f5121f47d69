"""One prediction's story, from any of its ids, on Elasticsearch."""

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mlmon.analyzers.base.finding import Finding, Severity
from mlmon.analyzers.run.findings_store import FindingStore
from mlmon.elastic.client.cluster import Cluster
from mlmon.logging_config import FeatureSource, Model, Service, context, open_log
from mlmon.logging_config.schema.fields import DATASETS
from mlmon.report.terminal.gathering import Gathered, gather
from mlmon.report.terminal.story import story

BEGIN = datetime(2026, 3, 2, 10, tzinfo=UTC)
MODEL = Model("autobid", "7")


@pytest.fixture
def logged(tmp_path: Path, ship: Callable[..., None]) -> list[dict[str, Any]]:
    """A model trained by a job, a prediction, its bid and outcome, and another prediction."""
    moment = BEGIN
    path = tmp_path / "api.jsonl"
    log = open_log(
        Service("api", environment="production"),
        path=path,
        clock=lambda: int(moment.timestamp() * 1e9),
    )
    with context(fresh=True, trace_id="1" * 32, job="train_model_job", run_id="run-9"):
        log.model_event(action="train", succeeded=True, model=MODEL)
        log.model_event(
            action="evaluate", succeeded=True, model=MODEL, evaluation={"roc_auc": 0.81}
        )
    moment = BEGIN + timedelta(hours=1)
    for number in ("a", "b"):
        with context(fresh=True, trace_id=number * 32, request_id=f"req-{number}"):
            log.prediction(
                prediction_id=f"p-{number}",
                model=MODEL,
                score=0.71,
                threshold=0.5,
                approved=True,
                features={"price": 10.5, "country": "DE", "rating": None},
                sources={"stats": FeatureSource("stale", age_s=7_260.0)},
            )
            log.bid(bid_id=f"b-{number}", prediction_id=f"p-{number}", value=12.0)
            log.access(method="POST", path="/p", status_code=200, duration_ns=23_400_000)
    moment = BEGIN + timedelta(hours=28)
    with context(fresh=True, trace_id="2" * 32):
        log.outcome(prediction_id="p-a", label=True, value=12.0)
    log.close()
    events = [json.loads(line) for line in path.read_text().splitlines()]
    ship([event | {"event.ingested": event["@timestamp"]} for event in events])
    return events


def test_every_id_leads_to_the_whole_story(
    cluster: Cluster, namespace: str, logged: list[dict[str, Any]]
) -> None:
    """Prediction, trace, request, bid and the outcome's own trace end in the same events."""
    assert len(logged) == 9
    for id_ in ("p-a", "a" * 32, "req-a", "b-a", "2" * 32):
        gathered = gather(cluster, namespace, id_)
        datasets = [event["event.dataset"] for event in gathered.events]
        assert datasets == ["ml.prediction", "ml.bid", "ml.access", "ml.outcome"]
        assert all(event["trace.id"] != "b" * 32 for event in gathered.events)
        assert [event["event.action"] for event in gathered.origin] == ["train", "evaluate"]


def test_what_the_story_shows(
    cluster: Cluster, namespace: str, logged: list[dict[str, Any]]
) -> None:
    """Where the model came from, features and sources, the decision, the outcome, and findings."""
    assert logged
    window = (BEGIN + timedelta(hours=1), BEGIN + timedelta(hours=2))
    wrong = Finding.of(
        analyzer="fallback_rate",
        metric="fallback.rate",
        subject="stats",
        start=window[0],
        end=window[1],
        severity=Severity.CRITICAL,
        reason="80 % of predictions use defaults.",
        service="api",
    )
    elsewhere = Finding.of(
        analyzer="fallback_rate",
        metric="fallback.rate",
        subject="stats",
        start=window[0] - timedelta(hours=9),
        end=window[1] - timedelta(hours=9),
        severity=Severity.CRITICAL,
        reason="Nine hours before.",
        service="api",
    )
    FindingStore(cluster, namespace).write([wrong, elsewhere], BEGIN)
    output = list(story(gather(cluster, namespace, "p-a")))
    texts = [entry.text for entry in output]
    assert texts[2] == "autobid 7 scored 0.710 ≥ 0.5: approved"
    details = "\n".join(output[2].details)
    for part in ("price 10.5", "country DE", "missing: rating", "stats stale, 2 h 1 min old"):
        assert part in details
    assert "by run run-9 of train_model_job" in "\n".join(output[1].details)
    assert texts[-1] == "outcome: success, worth 12, 1 d 3 h after a score of 71 %"
    assert texts[-2] == "fallback_rate fallback.rate: 80 % of predictions use defaults."
    assert output[-2].level == "critical"
    assert [entry.time for entry in output] == sorted(entry.time for entry in output)


def test_only_findings_about_the_events(
    cluster: Cluster, namespace: str, logged: list[dict[str, Any]]
) -> None:
    """Findings of other services, models, paths, sources, jobs and hours are not in the story."""
    assert logged
    metrics: list[tuple[str, str, dict[str, Any]]] = [
        ("service_health", "requests.server_error_rate", {"subject": "/p", "service": "api"}),
        ("service_health", "requests.server_error_rate", {"subject": "/q", "service": "api"}),
        ("service_health", "requests.server_error_rate", {"subject": "/p", "service": "shop"}),
        ("job_health", "job.failures", {"subject": "nightly", "service": "scheduler"}),
        ("job_health", "job.failures", {"subject": "nightly", "service": "api"}),
        ("job_health", "job.failures", {"subject": "nightly"}),
        ("fallback_rate", "fallback.rate", {"subject": "stats: stale", "service": "api"}),
        ("fallback_rate", "fallback.rate", {"subject": "prices: stale", "service": "api"}),
        (
            "feature_drift",
            "drift",
            {"subject": "price", "model_name": "autobid", "model_version": "7"},
        ),
        (
            "feature_drift",
            "drift",
            {"subject": "price", "model_name": "autobid", "model_version": "6"},
        ),
        (
            "feature_drift",
            "drift",
            {"subject": "price", "model_name": "prices", "model_version": "7"},
        ),
        ("data_quality", "unindexed.rate", {}),
        ("removed_analyzer", "rate", {"service": "api"}),
        ("removed_analyzer", "rate", {"service": "shop"}),
    ]
    FindingStore(cluster, namespace).write(
        [
            Finding.of(
                analyzer=analyzer,
                metric=metric,
                start=BEGIN + timedelta(hours=hour),
                end=BEGIN + timedelta(hours=hour + 1),
                severity=Severity.WARNING,
                reason=f"finding {number} of hour {hour}",
                **about,
            )
            for number, (analyzer, metric, about) in enumerate(metrics)
            for hour in (0, 1)
        ],
        BEGIN,
    )
    found = [finding.reason for finding in gather(cluster, namespace, "b-a").findings]
    assert sorted(found) == sorted(f"finding {number} of hour 1" for number in (0, 6, 8, 12))


def test_order_of_time(complete_events: list[dict[str, Any]]) -> None:
    """Events, their model's origin and findings stand in order of time, each event once."""
    times = ["2026-03-02T10:00:00.500Z", "2026-03-02T10:00:00Z", "2026-03-02T09:00:00Z"]
    prediction, access, job = (
        next(event for event in complete_events if event["event.dataset"] == dataset)
        | {"@timestamp": time}
        for dataset, time in zip(("ml.prediction", "ml.access", "ml.job"), times, strict=True)
    )
    finding = Finding.of(
        analyzer="service_health",
        metric="m",
        start=BEGIN - timedelta(hours=1),
        end=BEGIN - timedelta(minutes=30),
        severity=Severity.WARNING,
        reason="r",
    )
    gathered = Gathered((prediction, access, job), origin=(job,), findings=(finding,))
    output = [entry.time for entry in story(gathered)]
    assert output == [
        "2026-03-02 09:00:00",
        "2026-03-02 09:30:00",
        "2026-03-02 10:00:00",
        "2026-03-02 10:00:00.500",
    ]


def test_the_command_shows_it(
    cluster: Cluster, namespace: str, logged: list[dict[str, Any]]
) -> None:
    """`mlmon trace` prints the story, `mlmon logs` the lines; an unknown id is exit code 1."""
    assert logged
    environment = {
        **os.environ,
        "MLMON_ELASTICSEARCH_URL": cluster.url,
        "MLMON_NAMESPACE": namespace,
    }

    def mlmon(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "mlmon", *words]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    output = mlmon("trace", "p-a")
    assert output.returncode == 0
    assert "1 d 3 h after a score of 71 %" in output.stdout
    unknown = mlmon("trace", "no-such-id")
    assert unknown.returncode == 1
    assert "no-such-id" in unknown.stderr
    lines = mlmon("logs", "--since", "2026-03-02", "--dataset", "bid", "--json").stdout
    assert [json.loads(line)["ml.bid.id"] for line in lines.splitlines()] == ["b-a", "b-b"]


@pytest.fixture(scope="module")
def complete_events(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """An event of each dataset with all fields that its typed method takes."""
    path = tmp_path_factory.mktemp("complete") / "log.jsonl"
    log = open_log(Service("api", environment="production"), path=path)
    with context(fresh=True, trace_id="1" * 32, job="train", run_id="run-9"):
        log.prediction(
            prediction_id="p-a",
            model=MODEL,
            score=0.71,
            threshold=0.5,
            approved=True,
            features={"price": 10.5, "country": "DE", "rating": None, "vector": [0.5, 0.25]},
            sources={"stats": FeatureSource("stale", age_s=7_260.0)},
        )
        log.outcome(prediction_id="p-a", label=True, value=12.0, created=BEGIN)
        log.bid(bid_id="b", prediction_id="p-a", value=12.0, approved_by_model=False)
        error = ValueError("broken")
        log.access(
            method="POST", path="/p", status_code=500, duration_ns=5, error_code="x", error=error
        )
        log.fallback(source="stats", age_s=5.0, reason="stale")
        log.feature_store(source="stats", entity="job", total=2, covered=1, age_p50_s=1.0)
        log.job_started(name="train", run_id="run-9")
        log.job_ended(
            name="train", run_id="run-9", succeeded=False, duration_ns=5, records=3, error=error
        )
        log.model_event(action="evaluate", succeeded=True, model=MODEL, evaluation={"auc": 0.8})
        log.app("info", "hello", {"rows": 3})
    log.close()
    return [json.loads(line) for line in path.read_text().splitlines()]


WRONG = (None, "text", True, [1], {"a": 1}, math.nan, math.inf, 10**400, -1)


def test_any_event_may_lack_any_field(complete_events: list[dict[str, Any]]) -> None:
    """Each event gets a sentence where it lacks any field, or has it in a wrong type."""
    assert {event["event.dataset"] for event in complete_events} == set(DATASETS)
    for number, event in enumerate(complete_events):
        for name in event:
            lacking = {key: value for key, value in event.items() if key != name}
            for changed in (lacking, *(event | {name: wrong} for wrong in WRONG)):
                events = [*complete_events[:number], changed, *complete_events[number + 1 :]]
                sentences = list(
                    story(Gathered(tuple(events), origin=(changed | {"event.id": "o"},)))
                )
                assert len(sentences) == len(events) + 1
                assert all(isinstance(sentence.text, str) for sentence in sentences)


def test_a_prediction_without_a_score(tmp_path: Path) -> None:
    """The log writes no NaN and no text as a score; the story says so, also its outcome's."""
    log = open_log(Service("api", environment="production"), path=tmp_path / "log.jsonl")
    for id_, score in (("a", math.nan), ("b", "high")):
        wrong: Any = score
        log.prediction(prediction_id=id_, model=MODEL, score=wrong, threshold=0.5, approved=True)
        log.outcome(prediction_id=id_, label=False)
    log.close()
    lines = (tmp_path / "log.jsonl").read_text().splitlines()
    texts = [entry.text for entry in story(Gathered(tuple(map(json.loads, lines))))]
    assert texts[0] == texts[2] == "autobid 7: score missing, approved"
    assert texts[1].startswith("outcome: no success, ")
    assert texts[1].endswith(" after a prediction without a score")
