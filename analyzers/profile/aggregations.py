"""The parts that all profiling requests share."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from analyzers.profile.slot import Knowledge
from analyzers.window import from_milliseconds, milliseconds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from analyzers.window import Window

DATE = {"field": "@timestamp", "min_doc_count": 1}
"""Arguments of a date histogram that returns only windows with events."""

INGESTED = "event.ingested"


def period_query(period: Window, terms: Mapping[str, str]) -> dict[str, Any]:
    """Return a search body without hits for the events of a period that have the given values."""
    bounds = {"gte": milliseconds(period.start), "lt": milliseconds(period.end)}
    # Written in milliseconds: text would be read by the field's own format.
    time = {"range": {"@timestamp": {**bounds, "format": "epoch_millis"}}}
    filters = [time, *({"term": {name: value}} for name, value in terms.items())]
    return {"size": 0, "track_total_hits": False, "query": {"bool": {"filter": filters}}}


def ranges(edges: Sequence[float]) -> list[dict[str, float]]:
    """Return the `ranges` of a range aggregation over edges, with the two open ones."""
    between = [{"from": low, "to": high} for low, high in itertools.pairwise(edges)]
    return [{"to": edges[0]}, *between, {"from": edges[-1]}]


def known_since() -> dict[str, Any]:
    """Return the aggregation that says when the last event of a bucket was ingested."""
    return {"ingested": {"max": {"field": INGESTED}}}


def read_knowledge(bucket: Mapping[str, Any]) -> Knowledge:
    """Read what a bucket with `known_since` was made from."""
    ingested = bucket["ingested"]["value"]
    return Knowledge(bucket["doc_count"], None if ingested is None else from_milliseconds(ingested))
