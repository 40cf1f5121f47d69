"""The domain's events: their fields, ids, development's strictness, sampling and observers."""

import logging
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlmon.logging_config import (
    ConfigurationError,
    EventLog,
    FeatureSource,
    FieldTypeError,
    Model,
    Sampling,
    Service,
    context,
    open_log,
    publish_evaluation,
)
from mlmon.logging_config.sources.formatter import EventFormatter
from mlmon.logging_config.sources.stdlib import EventHandler
from mlmon.logging_config.sources.structlog_source import Destination, EventLogger

Events = Callable[[], list[dict[str, Any]]]
MODEL = Model("autobid", "7")


def predict(log: EventLog, **changed: Any) -> str:
    """Emit a prediction."""
    given: dict[str, Any] = {
        "prediction_id": "p1", "model": MODEL, "score": 0.71, "threshold": 0.5, "approved": True,
    }  # fmt: skip
    return log.prediction(**(given | changed))


def test_a_prediction(log: EventLog, events: Events) -> None:
    """A prediction's features are split by type, and those without a value are named."""
    updated = datetime(2026, 11, 1, 12, tzinfo=UTC)
    event_id = predict(
        log,
        features={"bid": 10.5, "hour": 3, "country": "DE", "vip": True, "x": None, "e": [0.5, 1.0]},
        sources={"stats": FeatureSource("stale", age_s=7200.0, last_updated_at=updated)},
    )
    (event,) = events()
    own = {name: value for name, value in event.items() if name.startswith("ml.")}
    assert own == {
        "ml.schema_version": 1,
        "ml.prediction.id": "p1",
        "ml.model.name": "autobid",
        "ml.model.version": "7",
        "ml.prediction.score": 0.71,
        "ml.prediction.decision": "approved",
        "ml.prediction.threshold": 0.5,
        "ml.features.numeric.bid": 10.5,
        "ml.features.numeric.hour": 3,
        "ml.features.categorical.country": "DE",
        "ml.features.categorical.vip": True,
        "ml.features.embedding.e": [0.5, 1.0],
        "ml.features.embedded": ["e"],
        "ml.features.missing": ["x"],
        "ml.feature_source.stats.status": "stale",
        "ml.feature_source.stats.age_s": 7200.0,
        "ml.feature_source.stats.last_updated_at": "2026-11-01T12:00:00.000000Z",
    }
    assert event["event.id"] == event_id == "entity-1"
    assert event["@timestamp"] == "2023-11-14T22:13:20.123456Z"


@pytest.mark.parametrize("zone", [UTC, None, timezone(timedelta(hours=5))])
def test_the_age_of_a_source_follows_from_its_refresh(
    log: EventLog, events: Events, zone: tzinfo | None
) -> None:
    """Where only the time of the refresh is given; one without a time zone is in UTC."""
    updated = datetime(2023, 11, 14, 20, 13, 20, tzinfo=UTC).astimezone(zone or UTC)
    sources = {
        "stats": FeatureSource("fresh", last_updated_at=updated.replace(tzinfo=zone)),
        "never": FeatureSource("missing"),
        "text": FeatureSource("fresh", last_updated_at="2023-11-14T20:13:20Z"),  # type: ignore[arg-type]
    }
    predict(log, sources=sources)
    (event,) = events()
    assert event["ml.feature_source.stats.age_s"] == pytest.approx(7200.123456)
    assert "ml.feature_source.never.age_s" not in event
    assert "ml.feature_source.text.age_s" not in event


@pytest.mark.parametrize(
    ("value", "field"),
    [
        (np.float32(0.25), "ml.features.numeric.f"),
        (np.int64(3), "ml.features.numeric.f"),
        (Decimal("0.1"), "ml.features.numeric.f"),
        (np.bool_(True), "ml.features.categorical.f"),  # noqa: FBT003 -- numpy takes no name
        (np.array([0.5, 1.0]), "ml.features.embedding.f"),
        ((0.5, 1.0), "ml.features.embedding.f"),
    ],
)
def test_features_of_other_libraries(log: EventLog, events: Events, value: Any, field: str) -> None:
    """Numbers, truths and arrays of numpy and of Python's library keep their kind and value."""
    predict(log, features={"f": value})
    (event,) = events()
    assert "ml.log.changes" not in event
    plain = value.tolist() if hasattr(value, "tolist") else value
    assert event[field] == (list(plain) if isinstance(plain, tuple) else type(event[field])(plain))


@pytest.mark.parametrize("value", [None, math.nan, np.float32("nan"), pd.NA])
def test_features_without_a_value(log: EventLog, events: Events, value: Any) -> None:
    """None, NaN and pandas' NA all count as missing."""
    predict(log, features={"f": value, "g": 1.0})
    (event,) = events()
    assert event["ml.features.missing"] == ["f"]
    assert event.get("ml.features.numeric.f") is None


def test_names_that_are_no_field_names(log: EventLog, events: Events) -> None:
    """A feature's name becomes one part of a field's name, in the list of missing ones too."""
    predict(log, features={"a.b": 1.0, "a b": 2.0, "": 3.0, "c.d": None})
    (event,) = events()
    assert event["ml.features.numeric.a_b"] == 1.0
    assert event["ml.features.numeric._"] == 3.0
    assert event["labels"]["ml_features_numeric_a_b"] == 2.0
    assert event["ml.features.missing"] == ["c_d"]


def test_every_helper(log: EventLog, events: Events) -> None:
    """Each helper writes its dataset, level and own fields; what is unknown is left out."""
    log.access(method="POST", path="/p", status_code=503, duration_ns=5, error_code="no_model")
    log.bid(bid_id="b", prediction_id="p", value=1.5, approved_by_model=True)
    log.outcome(prediction_id="p", label=False, created=datetime(2026, 1, 1, tzinfo=UTC))
    log.fallback(source="stats", age_s=9.5, reason="stale")
    log.feature_store(source="stats", entity="profile", total=600, covered=588, age_p90_s=3600.0)
    log.job_started(name="train", run_id="r")
    log.job_ended(name="train", run_id="r", succeeded=False, records=3, error=ValueError("bad"))
    log.model_event(action="evaluate", succeeded=True, model=MODEL, evaluation={"f1": 0.5})
    expected: list[tuple[str, str, dict[str, Any]]] = [
        ("ml.access", "error", {
            "http.request.method": "POST", "url.path": "/p", "http.response.status_code": 503,
            "event.duration": 5, "error.code": "no_model"}),
        ("ml.bid", "info", {
            "ml.bid.id": "b", "ml.prediction.id": "p", "ml.bid.value": 1.5,
            "ml.bid.approved_by_model": True}),
        ("ml.outcome", "info", {
            "ml.prediction.id": "p", "ml.outcome.label": False,
            "event.created": "2026-01-01T00:00:00.000000Z"}),
        ("ml.fallback", "warning", {
            "ml.feature_source.name": "stats", "ml.feature_source.age_s": 9.5,
            "event.reason": "stale"}),
        ("ml.store", "info", {
            "ml.feature_source.name": "stats", "ml.store.entity": "profile",
            "ml.store.total": 600, "ml.store.covered": 588, "ml.store.age_p90_s": 3600.0}),
        ("ml.job", "info", {
            "ml.job.name": "train", "ml.job.run_id": "r", "event.action": "started"}),
        ("ml.job", "error", {
            "ml.job.name": "train", "ml.job.run_id": "r", "event.action": "ended",
            "ml.job.records": 3, "event.outcome": "failure", "error.type": "ValueError",
            "error.message": "bad", "error.stack_trace": "ValueError: bad\n"}),
        ("ml.model", "info", {
            "event.action": "evaluate", "ml.model.name": "autobid", "ml.model.version": "7",
            "event.outcome": "success", "ml.evaluation.f1": 0.5}),
    ]  # fmt: skip
    for event, (dataset, level, own) in zip(events(), expected, strict=True):
        assert event["event.dataset"] == dataset
        assert event["log.level"] == level
        assert own.items() <= event.items()
        envelope = 13  # the twelve fields of the envelope and the trace id
        assert len(event) == len(own) + envelope


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"score": "high"}, "ml.prediction.score is a number, not str"),
        ({"score": math.nan}, "ml.prediction.score is a number, not nan"),
        ({"score": None}, "ml.prediction.score is a number, not None"),
        ({"model": None}, "AttributeError"),
        ({"scor": 0.5}, "scor"),
        ({"features": 3}, "not iterable|items"),
    ],
)
def test_strict(
    memory: Any, open_memory_log: Any, events: Events, changed: dict[str, Any], complaint: str
) -> None:
    """In development a wrong value raises, says which, and takes no number from the sequence."""
    log = open_memory_log(memory, strict=True)
    with pytest.raises(FieldTypeError, match=complaint):
        predict(log, **changed)
    predict(log)
    assert [event["event.sequence"] for event in events()] == [1]


def test_development_is_strict(tmp_path: Path) -> None:
    """The environment `development` is strict without being asked, others are not."""
    for environment, raises in (("development", True), ("production", False)):
        log = open_log(Service("s", environment=environment), path=tmp_path / environment)
        try:
            log.bid(bid_id="b", prediction_id="p", value="much")  # type: ignore[arg-type]
        except FieldTypeError:
            assert raises
        else:
            assert not raises


def test_production_records_and_marks(log: EventLog, events: Events) -> None:
    """In production a value of a wrong type becomes a label, and the line says so."""
    predict(log, score="high", threshold=None)
    (event,) = events()
    assert event["labels"] == {"ml_prediction_score": "high"}
    assert event["ml.log.changes"] == ["wrong_type:ml.prediction.score"]


def test_wrong_arguments_are_written(log: EventLog, events: Events) -> None:
    """A call that cannot make up its event is written with what it was given, and its error."""
    predict(log, model=None, scor=0.5)
    (event,) = events()
    assert event["event.dataset"] == "ml.prediction"
    assert event["log.level"] == "error"
    assert event["labels"]["scor"] == 0.5
    assert event["error.type"] == "TypeError"


def test_seeded_logs_agree(tmp_path: Path) -> None:
    """With entity id and clock given, two runs write the same bytes."""
    written = []
    for name in ("a", "b"):
        path = tmp_path / name
        log = open_log(Service("s"), path=path, clock=lambda: 5, entity_id="seed-1")
        predict(log)
        log.bid(bid_id="b", prediction_id="p")
        written.append(path.read_bytes())
    assert written[0] == written[1]


def test_an_entity_id_is_unique_for_each_start(tmp_path: Path) -> None:
    """A name given at each start of a job does not make the events of two runs one."""
    path = tmp_path / "job.jsonl"
    written = []
    for _ in range(2):
        with open_log(Service("s"), path=path, entity_id="nightly-job") as log:
            written.append(log.bid(bid_id="b", prediction_id="p"))
    assert len(set(written)) == 2
    assert all(event_id.startswith("nightly-job-") for event_id in written)


@pytest.mark.parametrize(
    ("emit", "message", "level"),
    [
        (predict, "prediction p1 approved (0.71 >= 0.5)", "info"),
        (
            lambda log: predict(log, score=0.156, threshold=0.4, approved=False),
            "prediction p1 rejected (0.156 < 0.4)",
            "info",
        ),
        (lambda log: predict(log, threshold=None), "prediction p1 approved (score 0.71)", "info"),
        (
            lambda log: log.access(
                method="POST",
                path="/ml/autobid/predict_success_proba",
                status_code=500,
                duration_ns=3_000_000_000,
                error_code="stats_database_timeout",
            ),
            "POST /ml/autobid/predict_success_proba 500 in 3.0 s (stats_database_timeout)",
            "error",
        ),
        (
            lambda log: log.access(
                method="GET", path="/x", status_code=200, duration_ns=12_345_678
            ),
            "GET /x 200 in 12.3 ms",
            "info",
        ),
        (
            lambda log: log.bid(
                bid_id="319", prediction_id="p", approved_by_model=False, score=0.156, threshold=0.4
            ),
            "bid 319 placed although the model rejected it (0.156 < 0.4)",
            "info",
        ),
        (
            lambda log: log.outcome(prediction_id="p", label=True, value=12.5),
            "outcome of prediction p: true, value 12.5",
            "info",
        ),
        (
            lambda log: log.fallback(source="statistics", age_s=7200.0, reason="stale"),
            "defaults used for statistics: stale, 2.0 h old",
            "warning",
        ),
        (
            lambda log: log.job_ended(
                name="train", run_id="r", succeeded=True, duration_ns=12 * 10**9, records=1200
            ),
            "job train succeeded in 12.0 s, 1,200 records",
            "info",
        ),
        (
            lambda log: log.job_ended(
                name="train", run_id="r", succeeded=False, error=ValueError("no data")
            ),
            "job train failed (ValueError)",
            "error",
        ),
        (
            lambda log: log.model_event(action="reload", succeeded=True, model=MODEL),
            "reload of model autobid 7 succeeded",
            "info",
        ),
    ],
)
def test_messages_are_sentences(
    log: EventLog, events: Events, emit: Callable[[EventLog], str], message: str, level: str
) -> None:
    """Each typed event's message says what happened."""
    emit(log)
    (event,) = events()
    assert (event["message"], event["log.level"]) == (message, level)
    assert "ml.log.changes" not in event


def test_messages_hold_no_secrets(log: EventLog, events: Events) -> None:
    """A secret in a field of a typed event is removed from its message, too."""
    log.access(method="GET", path="/reset/password=hunter2", status_code=200)
    log.fallback(source="https://u:hunter2@host", reason="token=hunter2")
    predict(log, prediction_id="eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-DEF_1")
    assert "hunter2" not in str(events())
    assert "eyJ" not in str(events())


RESERVED = [
    "ml.log.dropped", "ml.log.changes", "agent.id", "event.ingested", "event.id", "@timestamp",
    "event.sequence", "process.entity_id", "service.name", "ml.schema_version",
]  # fmt: skip


@pytest.mark.parametrize("name", RESERVED)
def test_reserved_fields_cannot_be_forged(log: EventLog, events: Events, name: str) -> None:
    """A field that the log or the shipper writes never gets a caller's value."""
    head, _, tail = name.rpartition(".")
    for fields in ({name: 10**6}, {head: {tail: 10**6}} if head else {name: 10**6}):
        log.app("info", "m", fields)
    with context(**{name: 10**6}):
        log.bid(bid_id="b", prediction_id="p")
    for event in events():
        assert event.get(name) != 10**6
        assert event["labels"][name.replace(".", "_")] == 10**6


@pytest.mark.parametrize("records", [2**63, -(2**63) - 1, 2**64, 10**30])
def test_integers_beyond_their_mapping(log: EventLog, events: Events, records: int) -> None:
    """An integer Elasticsearch's `long` cannot hold becomes a label; the last that fits stays."""
    log.job_ended(name="j", run_id="r", succeeded=True, records=records)
    log.job_ended(name="j", run_id="r", succeeded=True, records=2**63 - 1)
    beyond, fits = events()
    assert "ml.job.records" not in beyond
    assert beyond["labels"]["ml_job_records"] == records
    assert fits["ml.job.records"] == 2**63 - 1


@pytest.mark.parametrize(
    "value", [Decimal("1." + "3" * 5000), Decimal("1E-5000"), Decimal("-0." + "7" * 1200)]
)
def test_long_decimals(log: EventLog, events: Events, memory: Any, value: Decimal) -> None:
    """A decimal with more digits than parsers accept is written as the nearest double."""
    log.app("info", "m", {"value": value})
    (event,) = events()
    assert event["labels"]["value"] == float(value)
    assert event["ml.log.changes"] == ["rounded:value"]
    assert len(memory.lines[0]) < 1000


@pytest.mark.parametrize(
    "fields",
    [
        {f"key_{n}": ["x" * 256] * 64 for n in range(200)},
        {f"key_{n}": "\x01" * 1024 for n in range(3000)},
        {"k" * 200 + str(n): n for n in range(6_000)},
        {f"ml.features.numeric.{'f' * 240}{n}": 1.0 for n in range(6_000)},
        {"deep": {str(n): {str(m): "y" * 1000 for m in range(40)} for n in range(200)}},
        {"numbers": [10**300] * 16_000},
    ],
)
def test_large_events_are_cut_until_they_fit(
    log: EventLog, memory: Any, events: Events, fields: dict[str, Any]
) -> None:
    """A line never exceeds 1 MiB, and says that it was cut."""
    log.app("info", "\x02" * 40_000, fields)
    (event,) = events()
    assert len(memory.lines[0]) <= 2**20
    assert "too_long:*" in event["ml.log.changes"]
    assert event["trace.id"]


class HostileClass:
    """Raises when it is asked for its class."""

    @property  # type: ignore[misc]
    def __class__(self) -> type:  # type: ignore[override]
        raise RuntimeError


@pytest.mark.parametrize("kind", ["array", "hostile", "tuple"])
def test_odd_exceptions_and_stacks(log: EventLog, events: Events, kind: str) -> None:
    """Whatever is given as exc_info or stack_info, the event is written and nothing raises."""
    # Made here: pytest reads the values of its parameters.
    odds = {
        "array": np.array([1, 2]), "hostile": HostileClass(), "tuple": (1, HostileClass(), None),
    }  # fmt: skip
    odd: Any = odds[kind]
    logger = EventLogger(Destination(lambda: log), [], {})
    logger.info("one", exc_info=odd, stack_info=odd)
    record = logging.LogRecord("any", logging.INFO, __file__, 1, "two", (), None)
    record.exc_info, record.exc_text, record.stack_info = odd, odd, odd
    EventHandler(lambda: log).handle(record)
    EventFormatter(service="s").format(record)
    log.job_ended(name="j", run_id="r", succeeded=False, error=odd)
    with context(trace_id=odd, anything=odd):
        log.app("info", odd, {"value": odd})
    assert [event["event.sequence"] for event in events()] == [1, 2, 3, 4]


def test_sampling_keeps_traces_complete(memory: Any, open_memory_log: Any, events: Events) -> None:
    """A tenth of the traces keep their features, each trace always or never; scores always stay."""
    log = open_memory_log(memory, sampling=Sampling(features=0.1, embeddings=0.05))
    for _ in range(2):
        for number in range(2000):
            with context(trace_id=f"{number:032x}"):
                predict(log, features={"f": 1.0, "e": [1.0, 2.0]})
    first, again = events()[:2000], events()[2000:]
    sampled = [event["trace.id"] for event in first if "ml.features.numeric.f" in event]
    embedded = [event["trace.id"] for event in first if "ml.features.embedding.e" in event]
    assert sampled == [event["trace.id"] for event in again if "ml.features.numeric.f" in event]
    # Six standard deviations of the binomial distribution.
    assert abs(len(sampled) - 200) < 6 * math.sqrt(2000 * 0.1 * 0.9)
    assert set(embedded) < set(sampled)
    assert all(event["ml.prediction.score"] == 0.71 for event in first)
    assert all(event["ml.features.sample_rate"] == 0.1 for event in first)


def test_observers_receive_accepted_events(memory: Any, open_memory_log: Any) -> None:
    """An observer hears of each accepted event, of no refused one, and may fail without harm."""
    seen: list[str] = []

    def broken(dataset: str, _: object) -> None:
        raise RuntimeError(dataset)

    log = open_memory_log(memory, observers=(lambda dataset, _: seen.append(dataset), broken))
    predict(log)
    memory.rejects = True
    predict(log)
    memory.rejects = False
    assert seen == ["ml.prediction", "ml.app"]
    assert b"observer" in memory.lines[1]


def test_evaluations_are_published(tmp_path: Path, log: EventLog, events: Events) -> None:
    """A model's folder gives its metrics; one without the file is a failed evaluation."""
    folder = tmp_path / "3"
    folder.mkdir()
    (folder / "evaluation_metrics.json").write_text(
        '{"model": {"name": "autobid", "version": "3"}, "metrics": {"roc_auc": 0.8, "f1": 0.5}}'
    )
    publish_evaluation(folder, log=log)
    publish_evaluation(tmp_path / "4", log=log)
    good, bad = events()
    assert good["ml.evaluation.roc_auc"] == 0.8
    assert good["ml.model.version"] == "3"
    assert bad["event.outcome"] == "failure"
    assert bad["error.type"] == "FileNotFoundError"


@pytest.mark.parametrize(
    "broken",
    [
        lambda: Service(""),
        lambda: Service("a\nb"),
        lambda: open_log(Service("s"), entity_id="white space"),
        lambda: Sampling(features=1.5),
    ],
)
def test_misconfiguration(broken: Callable[[], object]) -> None:
    """What is set up wrongly is refused at once, with what to do."""
    with pytest.raises(ConfigurationError, match="Give"):
        broken()
