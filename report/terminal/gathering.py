"""Find everything about one id: its events, related events, its model, its findings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlmon.analyzers.base.finding import Severity
from mlmon.analyzers.base.window import DAY, parse_time
from mlmon.analyzers.run.findings_store import FindingStore
from mlmon.elastic.indices.names import all_logs, data_stream

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mlmon.analyzers.base.finding import Finding
    from mlmon.elastic.client.cluster import Cluster
    from mlmon.elastic.json_object import Json

IDS = (
    "trace.id",
    "http.request.id",
    "ml.prediction.id",
    "ml.bid.id",
    "ml.job.run_id",
    "event.id",
)
"""Ids a person may have in hand."""

FOLLOWED = ("trace.id", "ml.prediction.id", "ml.job.run_id")
"""Ids by which one event leads to others."""

MOST_EVENTS = 1_000
_ROUNDS = 4


@dataclass(frozen=True, slots=True)
class Gathered:
    """What belongs together.

    Args:
        events: In order of time.
        origin: How the model versions that predicted came to be: training, evaluation, reload.
        findings: Warnings and critical findings at the time of the events, in order of time.
        cut: Whether there are more events than these.
    """

    events: tuple[Json, ...]
    origin: tuple[Json, ...] = ()
    findings: tuple[Finding, ...] = ()
    cut: bool = False


def gather(cluster: Cluster, namespace: str, id_: str) -> Gathered:
    """Return all that belongs to an id; nothing where no event has it."""
    streams = all_logs(namespace)
    found: dict[str, Json] = {}
    wanted = {(name, id_) for name in IDS}
    asked: set[tuple[str, str]] = set()
    for _ in range(_ROUNDS):
        fresh = wanted - asked
        if not fresh or len(found) >= MOST_EVENTS:
            break
        asked |= fresh
        for event in _having(cluster, streams, fresh):
            found[str(event.get("event.id", len(found)))] = event
        wanted = {
            (name, event[name])
            for event in found.values()
            for name in FOLLOWED
            if isinstance(event.get(name), str)
        }
    events = sorted(found.values(), key=_order)
    return Gathered(
        tuple(events[:MOST_EVENTS]),
        tuple(_origin(cluster, namespace, events)),
        tuple(_findings(cluster, namespace, events)) if events else (),
        cut=len(events) > MOST_EVENTS,
    )


def _order(event: Mapping[str, Any]) -> tuple[str, str, int]:
    return (
        str(event.get("@timestamp")),
        str(event.get("process.entity_id")),
        int(event.get("event.sequence", 0)),
    )


def _having(cluster: Cluster, streams: str, ids: Iterable[tuple[str, str]]) -> Iterator[Json]:
    by_name: dict[str, list[str]] = {}
    for name, value in sorted(ids):
        by_name.setdefault(name, []).append(value)
    should = [{"terms": {name: values}} for name, values in by_name.items()]
    body = {
        "query": {"bool": {"should": should, "minimum_should_match": 1}},
        "size": MOST_EVENTS + 1,
        "sort": [{"@timestamp": "asc"}],
        "track_total_hits": False,
    }
    for hit in cluster.search(streams, body)["hits"]["hits"]:
        yield hit["_source"]


def _origin(cluster: Cluster, namespace: str, events: Iterable[Json]) -> Iterator[Json]:
    """Yield the events of the models that predicted, before the first prediction."""
    predicted = [event for event in events if event.get("event.dataset") == "ml.prediction"]
    first: dict[tuple[str, str], str] = {}
    for event in predicted:
        if {"ml.model.name", "ml.model.version", "@timestamp"} <= event.keys():
            model = (str(event["ml.model.name"]), str(event["ml.model.version"]))
            first.setdefault(model, str(event["@timestamp"]))
    for (name, version), time in sorted(first.items()):
        filters = [
            {"term": {"ml.model.name": name}},
            {"term": {"ml.model.version": version}},
            {"terms": {"event.action": ["train", "evaluate"]}},
            {"range": {"@timestamp": {"lte": time}}},
        ]
        body = {"query": {"bool": {"filter": filters}}, "sort": [{"@timestamp": "asc"}], "size": 10}
        for hit in cluster.search(data_stream("ml.model", namespace), body)["hits"]["hits"]:
            yield hit["_source"]


def _findings(cluster: Cluster, namespace: str, events: list[Json]) -> Iterator[Finding]:
    """Yield the alarms whose window holds one of the events, of its service or model."""
    moments = [parse_time(event["@timestamp"]) for event in events]
    about = {
        *((None, event.get("service.name")) for event in events),
        *((event.get("ml.model.name"), event.get("ml.model.version")) for event in events),
    }
    known = FindingStore(cluster, namespace).search(
        since=min(moments), until=max(moments) + DAY, severity=Severity.WARNING
    )
    for finding in known:
        mine = (None, finding.service) in about or (
            finding.model_name,
            finding.model_version,
        ) in about
        if mine and any(finding.start <= moment < finding.end for moment in moments):
            yield finding
