"""Find everything about one id: its events, related events, its model, its findings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlmon.analyzers.base.finding import Severity
from mlmon.analyzers.base.window import DAY
from mlmon.analyzers.checks import discover
from mlmon.analyzers.run.findings_store import FindingStore
from mlmon.dashboards.links.links import subject_field
from mlmon.elastic.indices.names import all_logs, data_stream
from mlmon.report.terminal.line import UNKNOWN_TIME, event_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

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
_SOURCE_NAME = "ml.feature_source.name"


@dataclass(frozen=True, slots=True)
class Gathered:
    """What belongs together.

    Args:
        events: In order of time.
        origin: How the model versions that predicted came to be: training, evaluation, reload.
        findings: Warnings and critical findings about the events, in order of their windows' ends.
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


def _order(event: Mapping[str, Any]) -> tuple[datetime, str, int]:
    sequence = event.get("event.sequence")
    return (
        event_time(event) or UNKNOWN_TIME,
        str(event.get("process.entity_id")),
        sequence if isinstance(sequence, int) else 0,
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
    """Yield the alarms about one of the events: of its time, service, model and subject."""
    moments = [moment for event in events if (moment := event_time(event))]
    if not moments:
        return
    known = FindingStore(cluster, namespace).search(
        since=min(moments), until=max(moments) + DAY, severity=Severity.WARNING
    )
    subjects = {analyzer.name: subject_field(analyzer) for analyzer in discover()}
    for finding in known:
        subject = subjects.get(finding.analyzer)
        if any(_concerns(finding, event, subject) for event in events):
            yield finding


def _concerns(finding: Finding, event: Mapping[str, Any], subject: str | None) -> bool:
    """Whether a finding is about an event.

    Args:
        finding: The finding.
        event: The event.
        subject: The field of events that a finding's subject is a value of; None where it is none.
    """
    moment = event_time(event)
    if moment is None or not finding.start <= moment < finding.end:
        return False
    about: list[tuple[str, str]] = [
        (field, value)
        for field, value in (
            ("service.name", finding.service),
            ("ml.model.name", finding.model_name),
            ("ml.model.version", finding.model_version),
        )
        if value is not None
    ]
    if any(str(event.get(field)) != value for field, value in about):
        return False
    if subject is None or finding.subject is None:
        return bool(about)
    # After the colon stands a part of the subject, such as the reason of a fallback.
    name = finding.subject.partition(": ")[0]
    return event.get(subject) == name or (
        subject == _SOURCE_NAME and f"ml.feature_source.{name}.status" in event
    )
