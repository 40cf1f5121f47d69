"""Search the events of the logs, and follow the new ones."""

from __future__ import annotations

import difflib
from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from mlmon.analyzers.base.window import iso, parse_time
from mlmon.elastic.client.stored_values import stored_values
from mlmon.elastic.errors import WrongValueError
from mlmon.elastic.indices.names import data_stream
from mlmon.logging_config.emit.levels import LOG_LEVELS
from mlmon.logging_config.schema.fields import DATASETS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from threading import Event

    from mlmon.elastic.client.cluster import Cluster
    from mlmon.elastic.json_object import Json


TEXTS = ("message", "error.message", "error.stack_trace")
INGESTED = "event.ingested"
_LABELS = "labels."
OVERLAP = timedelta(minutes=5)
"""The longest time from sending a line until a search finds it."""

EVERY_S = 1.0
_REMEMBERED = 100_000
_PAGE = 1_000


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events are shown.

    Args:
        since: Logged at it or later.
        until: Logged before it, None for no end.
        level: Of this level or worse.
        service: Of this service.
        dataset: Of this dataset, such as `ml.access`.
        text: Words that stand next to each other in the message or the error.
        fields: (field, value) pairs, all of which have to be there; a value `*` is any.
    """

    since: datetime
    until: datetime | None = None
    level: str | None = None
    service: str | None = None
    dataset: str | None = None
    text: str | None = None
    fields: tuple[tuple[str, str], ...] = ()

    def query(self) -> dict[str, Any]:
        """Return the query."""
        time = {"gte": iso(self.since)} | ({"lt": iso(self.until)} if self.until else {})
        filters: list[dict[str, Any]] = [{"range": {"@timestamp": time}}]
        if self.level is not None:
            filters.append(
                {"terms": {"log.level": list(LOG_LEVELS[LOG_LEVELS.index(self.level) :])}}
            )
        if self.service is not None:
            filters.append({"term": {"service.name": self.service}})
        if self.text is not None:
            matches = [{"match_phrase": {field: self.text}} for field in TEXTS]
            filters.append({"bool": {"should": matches, "minimum_should_match": 1}})
        filters += [_has(name, value) for name, value in self.fields]
        return {"bool": {"filter": filters}}

    def streams(self, namespace: str) -> str:
        """Return the data streams to search."""
        return data_stream(self.dataset or "ml.*", namespace)


def _has(name: str, value: str) -> dict[str, Any]:
    return {"exists": {"field": name}} if value == "*" else {"term": {name: {"value": value}}}


def field_argument(text: str) -> tuple[str, str]:
    """Read `field=value`; a name that is in no table of fields is one of the labels.

    Raises:
        WrongValueError: There is no `=`.
    """
    name, equals, value = text.partition("=")
    name = name.strip()
    if not equals or not name:
        raise WrongValueError(
            f"{text!r} is no field and value", "Write it as ml.model.version=7, or field=* for any."
        )
    return (name if _is_mapped(name) else f"{_LABELS}{name}"), value.strip()


def _is_mapped(name: str) -> bool:
    if name.startswith(_LABELS):
        return True
    return any(
        name == field.name or (field.is_family and _in_family(name, field.name))
        for fields in DATASETS.values()
        for field in fields
    )


def _in_family(name: str, family: str) -> bool:
    before, _, after = family.partition("*")
    return name.startswith(before) and name.endswith(after) and len(name) > len(family) - 1


def level_argument(text: str) -> str:
    """Read a level.

    Raises:
        WrongValueError: There is no such level.
    """
    if text not in LOG_LEVELS:
        raise WrongValueError(f"{text!r} is no level", f"Choose one of: {', '.join(LOG_LEVELS)}.")
    return text


def dataset_argument(text: str) -> str:
    """Read a dataset, with or without `ml.` in front.

    Raises:
        WrongValueError: There is no such dataset.
    """
    name = text if text in DATASETS else f"ml.{text}"
    if name not in DATASETS:
        raise WrongValueError(f"{text!r} is no dataset", f"Choose one of: {', '.join(DATASETS)}.")
    return name


def check_known(cluster: Cluster, namespace: str, event_filter: EventFilter) -> None:
    """Refuse a service or a label that no line of any time has, where nothing was found.

    Raises:
        WrongValueError: There is no such service, or neither a field nor a label of that name.
    """
    streams = data_stream("ml.*", namespace)
    services = stored_values(cluster, streams, "service.name")
    if not services:
        return
    if event_filter.service is not None and event_filter.service not in services:
        raise WrongValueError(
            f"No line of namespace {namespace} is of service {event_filter.service!r}",
            f"There are: {', '.join(services)}.",
        )
    for name, _ in event_filter.fields:
        if not name.startswith(_LABELS) or _is_stored(cluster, streams, name):
            continue
        label = name.removeprefix(_LABELS)
        names = {field.name for fields in DATASETS.values() for field in fields}
        near = difflib.get_close_matches(label, sorted(names), 1)
        raise WrongValueError(
            f"There is no field {label!r}, and no line of namespace {namespace} has such a label",
            f"Did you mean {near[0]}?" if near else "docs/fields.md lists the fields.",
        )


def _is_stored(cluster: Cluster, streams: str, name: str) -> bool:
    body = {
        "size": 0,
        "terminate_after": 1,
        "track_total_hits": 1,
        "query": {"exists": {"field": name}},
    }
    return bool(cluster.search(streams, body)["hits"]["total"]["value"])


def newest(
    cluster: Cluster, namespace: str, event_filter: EventFilter, limit: int
) -> tuple[list[Json], int]:
    """Return the newest events that pass a filter, in order of time, and how many pass it."""
    body = {
        "query": event_filter.query(),
        "size": limit,
        "sort": [{"@timestamp": "desc"}, {"event.sequence": "desc"}],
        "track_total_hits": True,
    }
    found = cluster.search(event_filter.streams(namespace), body)["hits"]
    return [hit["_source"] for hit in reversed(found["hits"])], found["total"]["value"]


def follow(
    cluster: Cluster, namespace: str, event_filter: EventFilter, since: datetime, stopping: Event
) -> Iterator[Json]:
    """Yield events that pass a filter as they become visible, each once, until stopped.

    They are found by the time they were sent, so that a late line is shown too.

    Args:
        cluster: Where they are.
        namespace: Environment.
        event_filter: Which.
        since: Sent at it or later.
        stopping: Set to end.
    """
    seen: OrderedDict[str, None] = OrderedDict()
    reached = since
    while not stopping.is_set():
        for event in _sent(cluster, namespace, event_filter, max(since, reached - OVERLAP)):
            key = str(event.get("event.id"))
            if key in seen:
                continue
            seen[key] = None
            if len(seen) > _REMEMBERED:
                seen.popitem(last=False)
            reached = max(reached, parse_time(event[INGESTED]))
            yield event
        stopping.wait(EVERY_S)


def _sent(
    cluster: Cluster, namespace: str, event_filter: EventFilter, since: datetime
) -> Iterator[Json]:
    query = replace(event_filter, until=None).query()
    query["bool"]["filter"].append({"range": {INGESTED: {"gte": iso(since)}}})
    body = {
        "query": query,
        "size": _PAGE,
        "sort": [{INGESTED: "asc"}, {"@timestamp": "asc"}, {"event.sequence": "asc"}],
    }
    for hit in cluster.scan(event_filter.streams(namespace), body):
        yield hit["_source"]
