"""Checks of what has shipped the log: which program, and whether its events can be judged.

mlmon's shipper writes `agent.id` and no `agent.type`; Beats and the Elastic Agent write both, and
the documented configurations of the others write `agent.type` (`deploy/README.md`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from mlmon.elastic.client.cluster import Cluster
from mlmon.elastic.doctor.check import Check, CheckVerdict
from mlmon.elastic.indices.names import all_logs
from mlmon.formatting import count

RECENT = timedelta(days=7)
"""Events that are looked at."""
SAMPLE = 100
"""Newest events of each shipper whose document ids are compared with `event.id`."""
_MOST = 20
_OWN, _AGENT, _UNKNOWN = "mlmon", "Elastic Agent", "an unknown shipper"
_TITLES = {
    "filebeat": "Filebeat",
    "vector": "Vector",
    "fluent-bit": "Fluent Bit",
    "otel-collector": "the OpenTelemetry Collector",
    "logstash": "Logstash",
}
_TYPE, _AGENT_ID, _ELASTIC_AGENT = "agent.type", "agent.id", "elastic_agent.id"
_FIELDS = {
    "event.id": "ids",
    "event.sequence": "sequence numbers",
    "process.entity_id": "process ids",
    "event.ingested": "arrival stamps",
}


@dataclass(frozen=True, slots=True)
class ShippedEvents:
    """The recent events of one shipper.

    Attributes:
        shipper: Name of the program.
        events: How many there are.
        lacking: Events without a field, by field.
        sample: Newest events whose ids were compared.
        other_ids: Those of them whose document id is not `event.id`.
    """

    shipper: str
    events: int
    lacking: dict[str, int]
    sample: int
    other_ids: int

    def check(self) -> Check:
        """Return the line of `mlmon doctor`."""
        faults = [
            f"{lacking:,} without {_FIELDS[field]} ({field})"
            for field, lacking in self.lacking.items()
            if lacking
        ]
        if self.other_ids:
            faults.insert(
                0,
                f"{self.other_ids} of the newest {self.sample} are not stored under their event.id",
            )
        events = f"{self.shipper}: {count(self.events, 'event')} in {RECENT.days} days"
        if not faults:
            found = f"{events}; ids, sequence numbers and arrival stamps are usable"
            return Check("shipped by", CheckVerdict.OK, found)
        return Check(
            "shipped by", CheckVerdict.NOTE, f"{events}; {', '.join(faults)}", _advice(self)
        )


def shipper_checks(cluster: Cluster, namespace: str, now: datetime) -> Iterator[Check]:
    """Yield a check for each program that shipped events in the past days."""
    for shipped in shipped_events(cluster, namespace, now):
        yield shipped.check()


def shipped_events(cluster: Cluster, namespace: str, now: datetime) -> list[ShippedEvents]:
    """Return the recent events by shipper, the most frequent one first."""
    bounds = {"gte": _iso(now - RECENT), "lte": _iso(now)}
    # mlmon's own events are no service's.
    own = {"term": {"service.name": "mlmon"}}
    query = {"bool": {"filter": [{"range": {"@timestamp": bounds}}], "must_not": [own]}}
    typed, agent = _exists(_TYPE), _exists(_ELASTIC_AGENT)
    groups = {
        _AGENT: agent,
        _OWN: {"bool": {"filter": [_exists(_AGENT_ID)], "must_not": [typed, agent]}},
        _UNKNOWN: {"bool": {"must_not": [_exists(_AGENT_ID), typed, agent]}},
    }
    others = {
        "filter": {"bool": {"filter": [typed], "must_not": [agent]}},
        "aggs": {"types": {"terms": {"field": _TYPE, "size": _MOST}, "aggs": _details()}},
    }
    body = {
        "size": 0,
        "track_total_hits": False,
        "query": query,
        "aggs": {
            "groups": {"filters": {"filters": groups}, "aggs": _details()},
            "others": others,
        },
    }
    answer = cluster.search(all_logs(namespace), body).get("aggregations")
    if not answer:
        return []
    named = answer["groups"]["buckets"]
    found = [_read(name, bucket) for name, bucket in named.items() if bucket["doc_count"]]
    found += [
        _read(_TITLES.get(bucket["key"], bucket["key"]), bucket)
        for bucket in answer["others"]["types"]["buckets"]
    ]
    return sorted(found, key=lambda shipped: -shipped.events)


def _details() -> dict[str, Any]:
    newest = {
        "size": SAMPLE,
        "sort": [{"@timestamp": "desc"}],
        "_source": False,
        "docvalue_fields": ["event.id"],
    }
    lacking = {field: {"missing": {"field": field}} for field in _FIELDS}
    return {**lacking, "newest": {"top_hits": newest}}


def _read(name: str, bucket: dict[str, Any]) -> ShippedEvents:
    hits = bucket["newest"]["hits"]["hits"]
    other = sum(hit.get("fields", {}).get("event.id") != [hit["_id"]] for hit in hits)
    lacking = {field: bucket[field]["doc_count"] for field in _FIELDS}
    return ShippedEvents(name, bucket["doc_count"], lacking, len(hits), other)


def _advice(shipped: ShippedEvents) -> str:
    advice = []
    if shipped.other_ids or shipped.lacking["event.id"]:
        advice.append("a line that is sent again is stored twice")
    if shipped.lacking["event.sequence"] or shipped.lacking["process.entity_id"]:
        advice.append("lost lines cannot be counted")
    if shipped.lacking["event.ingested"]:
        advice.append("late lines and wrong clocks are not seen")
    return (
        f"{', '.join(advice).capitalize()}. Compare its configuration with the one in deploy/, "
        "or ship with `mlmon ship`."
    )


def _exists(field: str) -> dict[str, Any]:
    return {"exists": {"field": field}}


def _iso(when: datetime) -> str:
    return when.astimezone(UTC).isoformat()
