"""How the dates of events compare with their arrival, by the hour they arrived in.

Elasticsearch compares no two fields of a document without a script, so each hour is requested by
itself: an event that arrived in it and is dated a while after its end is ahead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from mlmon.analyzers.base.profile_key import ProfileKey
from mlmon.analyzers.base.window import (
    DAY,
    FIRST,
    HOUR,
    LAST,
    MINUTE,
    Window,
    from_milliseconds,
    iso,
    parse_time,
)
from mlmon.analyzers.event_logs.aggregations import (
    DATED,
    INGESTED,
    known_since,
    read_watermark,
    within,
)
from mlmon.analyzers.event_logs.logs import SURVEYED
from mlmon.analyzers.profiles.kind import ProfileKind
from mlmon.analyzers.profiles.profile import WindowProfile
from mlmon.analyzers.profiles.quantities import (
    AnswerBucket,
    ByTerm,
    Count,
    DeclarationScope,
    DocumentCount,
    Group,
    Quantity,
    Terms,
    Within,
    ask,
    quantity,
)

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from mlmon.analyzers.base.profile_key import SourceWatermark
    from mlmon.analyzers.event_logs.logs import Logs

ARRIVAL_STEP = HOUR
AHEAD = 10 * MINUTE
"""Clocks of two machines may differ by so much before it is worth a word."""
BEHIND = 3650 * DAY
"""No log that is worth shipping is so old: a clock that was reset shows 1970 or 2000."""
_DATASET = "ml.*"
# Elasticsearch cannot write the last moment a date can hold (`aggregations.py`).
_WRITABLE = {"range": {DATED: {"lt": 2**63 - 1, "format": "epoch_millis"}}}


def _is_ahead(scope: DeclarationScope) -> dict[str, Any]:
    return within(DATED, gt=_hour(scope).end + AHEAD)


def _is_behind(scope: DeclarationScope) -> dict[str, Any]:
    return within(DATED, lt=_hour(scope).start - BEHIND)


def _is_wrong(scope: DeclarationScope) -> dict[str, Any]:
    return {"bool": {"should": [_is_ahead(scope), _is_behind(scope)]}}


def _hour(scope: DeclarationScope) -> Window:
    if scope.window is None:
        raise ValueError("dates are compared with an hour of arrival")
    return scope.window


@dataclass(frozen=True)
class _Farthest(Quantity["datetime | None"]):
    """The first or last date of the bucket's events, as far as a year has four digits."""

    end: Literal["min", "max"]

    def ask(self, name: str, scope: DeclarationScope) -> dict[str, Any]:
        """Ask for the dates that Elasticsearch can write."""
        del scope
        date = {"date": {self.end: {"field": DATED}}}
        return {name: {"filter": _WRITABLE, "aggs": date}}

    def read(self, bucket: AnswerBucket, name: str, scope: DeclarationScope) -> datetime | None:
        """Return the date; the farthest there is where it cannot be written."""
        del scope
        milliseconds = bucket[name]["date"]["value"]
        if milliseconds is not None:
            return from_milliseconds(milliseconds)
        if not bucket["doc_count"]:
            return None
        return LAST if self.end == "max" else FIRST

    def empty(self) -> datetime | None:
        """Return None."""
        return None

    def encode(self, value: datetime | None) -> Any:
        """Return a text."""
        return iso(value) if value else None

    def decode(self, body: Any, scope: DeclarationScope) -> datetime | None:
        """Read a text."""
        del scope
        return parse_time(body) if body else None

    def merge(self, values: Sequence[datetime | None]) -> datetime | None:
        """Return the farthest."""
        known = (value for value in values if value is not None)
        return (min if self.end == "min" else max)(known, default=None)


@dataclass(frozen=True, slots=True)
class Dates:
    """The dates of one service's events.

    Args:
        events: How many arrived.
        ahead: Those dated more than `AHEAD` after the end of the hour they arrived in.
        latest: The latest date of these, None without any.
        behind: Those dated more than `BEHIND` before the begin of that hour.
        earliest: The earliest date of these, None without any.
        processes: Events with such dates by process, of the processes with the most.
    """

    events: int = quantity(DocumentCount())
    ahead: int = quantity(Count(_is_ahead))
    latest: datetime | None = quantity(Within(_is_ahead, _Farthest("max")))
    behind: int = quantity(Count(_is_behind))
    earliest: datetime | None = quantity(Within(_is_behind, _Farthest("min")))
    processes: Counter[str] = quantity(Within(_is_wrong, Terms("process.entity_id", 6)))


@dataclass(frozen=True, slots=True)
class ClockProfile(WindowProfile):
    """The dates of the events that arrived in one hour, by service ("" for none)."""

    services: Mapping[str, Dates] = quantity(
        ByTerm("service.name", Group(Dates), size=100, missing="")
    )


class ClockKind(ProfileKind[ClockProfile]):
    """Dates of events by the hour of their arrival."""

    name = "clock"
    dataset = _DATASET
    step = ARRIVAL_STEP
    profile = ClockProfile
    news = ((_DATASET, INGESTED),)

    def profile_keys(self, logs: Logs, period: Window) -> dict[ProfileKey, SourceWatermark]:
        """Return a profile key for each hour in which events arrived."""
        return {
            ProfileKey(self.name, hour): read_watermark(bucket)
            for part in period.split(SURVEYED)
            for hour, bucket in _hours(logs, part, known_since())
        }

    def make(self, logs: Logs, series: tuple[str, ...], part: Window) -> Iterator[ClockProfile]:
        """Yield a profile for each hour in which events arrived."""
        for hour in part.split(ARRIVAL_STEP):
            scope = DeclarationScope(window=hour)
            for _, bucket in _hours(logs, hour, ask(ClockProfile, scope)):
                yield self.profile_of(hour, series, bucket, scope)


def _hours(
    logs: Logs, period: Window, inside: dict[str, Any]
) -> Iterator[tuple[Window, dict[str, Any]]]:
    """Yield each hour of arrivals with its bucket."""
    query = within(INGESTED, gte=period.start, lt=period.end)
    hours = {"field": INGESTED, "fixed_interval": "1h", "min_doc_count": 1}
    body = {
        "size": 0,
        "track_total_hits": False,
        "query": {"bool": {"filter": [query]}},
        "aggs": {"windows": {"date_histogram": hours, "aggs": inside}},
    }
    for bucket in logs.search(_DATASET, body)["aggregations"]["windows"]["buckets"]:
        start = from_milliseconds(bucket["key"])
        yield Window(start, start + ARRIVAL_STEP), bucket
