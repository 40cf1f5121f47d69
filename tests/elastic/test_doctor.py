"""`mlmon doctor` names what has stopped and what blocks writes, from what is stored."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from typer.testing import CliRunner

from mlmon.elastic.client.cluster import Cluster
from mlmon.elastic.client.documents import Document
from mlmon.elastic.commands import app
from mlmon.elastic.doctor.activity import activity_checks
from mlmon.elastic.doctor.check import Check, CheckVerdict
from mlmon.elastic.errors import DiskFullError
from mlmon.elastic.indices.names import (
    BASELINES,
    BOOKMARK,
    FINDINGS,
    SHIPPING,
    STATE,
    index_name,
    month_index,
)

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


@pytest.fixture
def checks(cluster: Cluster, namespace: str) -> Callable[[str], list[Check]]:
    """Run the checks of what keeps running, and return those of a name."""

    def named(name: str) -> list[Check]:
        return [c for c in activity_checks(cluster, namespace, NOW) if c.name == name]

    return named


def line(service: str, ago: timedelta) -> dict[str, Any]:
    """Return a line of a service's access log."""
    when = (NOW - ago).isoformat()
    return {"@timestamp": when, "event.dataset": "ml.access", "service.name": service}


def report(shipper: str, ago: timedelta, unread: int, **more: str) -> dict[str, Any]:
    """Return a shipper's report about its health."""
    return {
        "@timestamp": (NOW - ago).isoformat(),
        "event.dataset": SHIPPING,
        "agent.id": shipper,
        "ingest.lag.bytes": unread,
        **more,
    }


def test_a_silent_service_is_named(checks: Any, ship: Callable[..., None]) -> None:
    """A service without a line for an hour is named with its last one; others are not.

    mlmon's own lines do not count, and neither does a line of a clock that is ahead.
    """
    ship([line("api", 7 * HOUR), line("api", 9 * HOUR), line("worker", 20 * MINUTE)])
    ship([line("mlmon", 3 * HOUR), line("api", -HOUR)])
    (check,) = checks("service")
    assert check.verdict is CheckVerdict.NOTE
    assert "api has logged nothing for 7 h" in check.found
    assert "2026-03-02 05:00 UTC" in check.found
    assert check.advice


def test_a_namespace_without_recent_lines_is_named(checks: Any, ship: Callable[..., None]) -> None:
    """Where nothing came for a week there is one line with the time of the last."""
    ship([line("api", 30 * 24 * HOUR)])
    (check,) = checks("service")
    assert "no service has logged anything in the past 7 days" in check.found
    assert "2026-01-31 12:00 UTC" in check.found


def test_a_stopped_shipper_is_named(checks: Any, ship: Callable[..., None]) -> None:
    """The last report of each shipper counts; bytes that wait make it a problem."""
    ship([line("api", MINUTE), report("a-1", MINUTE, 0), report("b-2", 3 * HOUR, 0)])
    ship([report("c-3", 2 * HOUR, 12_000), report("c-3", 3 * HOUR, 0)])
    ship([report("b-2", 2 * HOUR, 99, **{"log.file.path": "/var/log/x"})])
    found = {check.found.partition(" ")[0]: check for check in checks("shipper")}
    assert {name: check.verdict for name, check in found.items()} == {
        "a-1": CheckVerdict.OK,
        "b-2": CheckVerdict.NOTE,
        "c-3": CheckVerdict.MISSING,
    }
    assert "stopped 2 h ago with 12 kB not shipped" in found["c-3"].found
    assert "stopped 3 h ago with everything shipped" in found["b-2"].found
    assert "mlmon ship --follow" in found["c-3"].advice


def test_a_stopped_run_is_named(
    checks: Any, cluster: Cluster, namespace: str, ship: Callable[..., None]
) -> None:
    """Never run, running, stopped, and a damaged document: each has its line."""
    ship([line("api", MINUTE)])
    index = index_name(STATE, namespace)

    def after(source: dict[str, Any] | None) -> Check:
        if source is not None:
            cluster.put([Document(index, BOOKMARK, source)])
        (check,) = checks("run")
        assert isinstance(check, Check)
        return check

    never = after(None)
    assert "has not run in namespace" in never.found
    assert "nothing is judged" not in never.advice
    running = after({"@timestamp": (NOW - 2 * MINUTE).isoformat()})
    assert (running.verdict, running.found) == (
        CheckVerdict.OK,
        "last cycle of `mlmon run` 2 min ago",
    )
    stopped = after({"@timestamp": (NOW - 7 * HOUR).isoformat()})
    assert stopped.verdict is CheckVerdict.NOTE
    assert "has not run for 7 h" in stopped.found
    assert "mlmon run" in stopped.advice
    assert after({"other": 1}).verdict is CheckVerdict.NOTE


def test_a_model_that_predicts_without_a_baseline_is_named(
    checks: Any, cluster: Cluster, namespace: str, ship: Callable[..., None]
) -> None:
    """It is named with its version and the command, until it has a baseline."""
    ship([line("api", MINUTE)])
    assert checks("baselines") == []
    models = [
        {"ml.model.name": "autobid", "ml.model.version": "7"},
        {"ml.model.name": "ranker", "ml.model.version": "7"},
    ]
    when = (NOW - MINUTE).isoformat()
    ship([{"@timestamp": when, "event.dataset": "ml.prediction"} | model for model in models])
    index = index_name(BASELINES, namespace)
    for model, lacking in zip(models, ("autobid 7, ranker 7", "ranker 7"), strict=True):
        (check,) = checks("baselines")
        assert check.verdict is CheckVerdict.NOTE
        assert check.found.endswith(f": {lacking}")
        assert "mlmon baseline create" in check.advice
        cluster.put([Document(index, model["ml.model.name"], {"@timestamp": when} | model)])
        cluster.refresh(index)
    (check,) = checks("baselines")
    assert check.verdict is CheckVerdict.OK


def test_an_index_at_flood_stage_is_named(
    cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`doctor` ends with 1 and says what to do, and a write fails with that cause.

    The block is the one that Elasticsearch sets at the flood stage.
    """
    monkeypatch.setenv("MLMON_ELASTICSEARCH_URL", cluster.url)
    monkeypatch.setenv("MLMON_NAMESPACE", namespace)
    monkeypatch.setattr("mlmon.elastic.client.documents._FIRST_PAUSE", 0.0)
    index = month_index(FINDINGS, namespace, NOW)
    document = Document(index, "a", {"@timestamp": NOW.isoformat()})
    cluster.put([document])
    block = {"index.blocks.read_only_allow_delete": True}
    cluster._client.indices.put_settings(index=index, settings=block)
    result = CliRunner().invoke(app, ["doctor", "--json"])
    (check,) = [c for c in json.loads(result.stdout)["checks"] if c["name"] == "disk"]
    assert (result.exit_code, check["verdict"]) == (1, "missing")
    assert "flood stage" in check["found"]
    assert index in check["found"]
    assert "mlmon prune" in check["advice"]
    with pytest.raises(DiskFullError, match="a disk is too full") as caught:
        cluster.put([document])
    assert "mlmon prune" in caught.value.hint
    cluster.delete_index(index)


# What each documented configuration adds to a line (deploy/README.md).
LEFT_BY: dict[str, dict[str, Any]] = {
    "mlmon": {"agent.id": "0f3c", "event.ingested": NOW.isoformat()},
    "Filebeat": {
        "agent": {"type": "filebeat", "id": "b1", "version": "9.1.0"},
        "event": {"ingested": NOW.isoformat()},
    },
    "Elastic Agent": {
        "agent": {"type": "filebeat", "id": "c1"},
        "elastic_agent": {"id": "c1", "version": "9.1.0"},
        "event": {"ingested": NOW.isoformat()},
    },
    "Vector": {"agent.type": "vector", "event": {"ingested": NOW.isoformat()}},
    "Fluent Bit": {
        "agent.type": "fluent-bit",
        "_mlmon_id": "x",
        "event": {"ingested": NOW.isoformat()},
    },
    "the OpenTelemetry Collector": {
        "agent.type": "otel-collector",
        "event": {"ingested": NOW.isoformat()},
    },
    "Logstash": {"agent.type": "logstash", "event.ingested": NOW.isoformat()},
    "an unknown shipper": {"event.ingested": NOW.isoformat()},
}


def shipped(number: int, shipper: str) -> dict[str, Any]:
    """Return a numbered line as a shipper leaves it."""
    numbers = {"event.id": f"p-{number}", "event.sequence": number, "process.entity_id": "p"}
    return {**line("api", MINUTE), **numbers, **LEFT_BY[shipper]}


def put(cluster: Cluster, namespace: str, events: dict[str, dict[str, Any]]) -> None:
    """Store events under document ids."""
    index = f"logs-ml.access-{namespace}"
    items = [
        json.dumps({"create": {"_index": index, "_id": id_}}) + "\n" + json.dumps(event) + "\n"
        for id_, event in events.items()
    ]
    answer = cluster.bulk("".join(items).encode())
    assert not answer["errors"], answer
    cluster.refresh(index)


def test_each_shipper_is_named_with_its_events(
    checks: Any, cluster: Cluster, namespace: str
) -> None:
    """By what its documented configuration leaves in a line, flat or nested; all of it usable."""
    numbers = iter(range(1, 1_000))
    events = {}
    for place, shipper in enumerate(LEFT_BY):
        for _ in range(place + 1):
            event = shipped(next(numbers), shipper)
            events[event["event.id"]] = event
    put(cluster, namespace, events)
    found = {check.found.partition(":")[0]: check for check in checks("shipped by")}
    assert found.keys() == LEFT_BY.keys()
    for place, shipper in enumerate(LEFT_BY):
        assert found[shipper].verdict is CheckVerdict.OK, found[shipper]
        assert f": {place + 1} event" in found[shipper].found


def test_a_shipper_whose_events_cannot_be_judged_is_named(
    checks: Any, cluster: Cluster, namespace: str
) -> None:
    """Other document ids, no numbers, no arrival stamps: how many of each, and what follows."""
    bare = {f"auto-{number}": shipped(number, "Vector") for number in range(1, 5)}
    del bare["auto-1"]["event.sequence"]
    for id_ in ("auto-1", "auto-2"):
        del bare[id_]["event"]
    put(cluster, namespace, bare)
    (check,) = checks("shipped by")
    assert check.verdict is CheckVerdict.NOTE
    assert "4 of the newest 4 are not stored under their event.id" in check.found
    assert "1 without sequence numbers (event.sequence)" in check.found
    assert "2 without arrival stamps (event.ingested)" in check.found
    assert "without ids" not in check.found
    assert check.advice.startswith(
        "A line that is sent again is stored twice, lost lines cannot be counted, "
        "late lines and wrong clocks are not seen. "
    )
