"""The parts that all profiling requests share."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from mlmon.analyzers.base.profile_key import SourceWatermark
from mlmon.analyzers.base.window import (
    DAY,
    MINUTE,
    Window,
    floor,
    from_milliseconds,
    joined,
    milliseconds,
)
from mlmon.elastic.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime, timedelta

DATED = "@timestamp"

DATE = {"field": DATED, "min_doc_count": 1}
"""Arguments of a date histogram that returns only windows with events."""

INGESTED = "event.ingested"

UNNAMED = "(unnamed)"
"""Stands for a model or version that an event does not name."""

_UNWRITABLE = {"range": {INGESTED: {"gte": 2**63 - 1, "format": "epoch_millis"}}}
"""Events that claim to have been ingested at the last moment a date can hold. Elasticsearch cannot
write it: where an aggregation comes to it, 9.5.3 closes the connection instead of answering."""

TRUSTED_AHEAD = DAY
"""An event that was ingested so long before the day it is dated on comes from a clock that is wrong
by days; nobody knows when it happened."""


def period_query(period: Window, terms: Mapping[str, str], date: str = DATED) -> dict[str, Any]:
    """Return a search body without hits for the events of a period that have the given values.

    The value `UNNAMED` stands for events without one.

    Events dated days ahead of their ingestion are left out, whole days being compared, so that a
    period and its parts leave out the same: they were no traffic when they came, nor are they when
    their date comes. `clock_skew` reports them.

    Args:
        period: When they are dated.
        terms: Values they have, by field.
        date: The field that dates them.
    """
    named = {name: value for name, value in terms.items() if value != UNNAMED}
    filters = [dated(period, date), *({"term": {name: value}} for name, value in named.items())]
    absent = [{"exists": {"field": name}} for name in terms.keys() - named.keys()]
    wrong = [_dated_ahead(period, date), *absent, _UNWRITABLE]
    query = {"bool": {"filter": filters, "must_not": wrong}}
    return {"size": 0, "track_total_hits": False, "query": query}


def dated(period: Window, date: str = DATED) -> dict[str, Any]:
    """Return the query for the events that are dated within a period."""
    return within(date, gte=period.start, lt=period.end)


def within(field: str, **bounds: datetime) -> dict[str, Any]:
    """Return the query for a date within bounds, named as Elasticsearch does: `gte`, `lt`, ….

    They are written in milliseconds: text would be read by the field's own format.
    """
    limits = {name: milliseconds(moment) for name, moment in bounds.items()}
    return {"range": {field: {**limits, "format": "epoch_millis"}}}


def _dated_ahead(period: Window, date: str) -> dict[str, Any]:
    days = [
        {
            "bool": {
                "filter": [
                    dated(day, date),
                    within(INGESTED, lt=floor(day.start, DAY) - TRUSTED_AHEAD),
                ]
            }
        }
        for day in period.split(DAY)
    ]
    return {"bool": {"should": days}}


def windows_with(
    search: Callable[[dict[str, Any]], dict[str, Any]],
    query: dict[str, Any],
    date: str,
    step: timedelta,
) -> list[Window]:
    """Return the windows that hold documents of a query, joined and in order.

    Where they are more than an answer can hold, they are whole days.

    Args:
        search: Answers a search body.
        query: The query.
        date: The field that decides which window a document is in.
        step: Length of a window.
    """
    histogram = {**DATE, "field": date, "fixed_interval": f"{step // MINUTE}m"}
    body = {
        "size": 0,
        "track_total_hits": False,
        "query": query,
        "aggs": {"windows": {"date_histogram": histogram}},
    }
    try:
        answer = search(body)
    except ClusterError as error:
        if "too_many_buckets" not in error.message or step >= DAY:
            raise
        return windows_with(search, query, date, DAY)
    # An index that does not exist answers without aggregations.
    buckets = answer.get("aggregations", {"windows": {"buckets": []}})["windows"]["buckets"]
    starts = (from_milliseconds(bucket["key"]) for bucket in buckets)
    return joined(Window(start, start + step) for start in starts)


def ranges(edges: Sequence[float]) -> list[dict[str, float]]:
    """Return the `ranges` of a range aggregation over edges, with the two open ones."""
    between = [{"from": low, "to": high} for low, high in itertools.pairwise(edges)]
    return [{"to": edges[0]}, *between, {"from": edges[-1]}]


def buckets_of(aggregations: Mapping[str, Any]) -> int:
    """Return how many buckets the answer to some aggregations holds, at most.

    >>> buckets_of({"few": {"terms": {"field": "a", "size": 3}, "aggs": {"odd": {"filter": {}}}}})
    6
    """
    total = 0
    for aggregation in aggregations.values():
        terms, between = aggregation.get("terms"), aggregation.get("range")
        own = terms["size"] if terms else len(between["ranges"]) if between else 0
        own += int("filter" in aggregation)
        total += own * (1 + buckets_of(aggregation.get("aggs", {})))
    return total


def finite_sum(value: Any) -> float | None:
    """Return a sum as an aggregation returned it, None where it passes the greatest double.

    Elasticsearch then returns a text (`Infinity`, `NaN`); a sum over no document may be null.

    >>> finite_sum(2.5), finite_sum(None), finite_sum("Infinity")
    (2.5, 0.0, None)
    """
    return None if isinstance(value, str) else float(value or 0.0)


def known_since() -> dict[str, Any]:
    """Return the aggregation of when the last event of a bucket was ingested."""
    return {"ingested": {"max": {"field": INGESTED}}}


def read_watermark(bucket: Mapping[str, Any]) -> SourceWatermark:
    """Read what a bucket with `known_since` was made from."""
    ingested = bucket["ingested"]["value"]
    return SourceWatermark(
        bucket["doc_count"], None if ingested is None else from_milliseconds(ingested)
    )
