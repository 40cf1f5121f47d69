"""The sequence numbers of a process's lines: which arrived, which are missing, and how late.

Each line carries `event.sequence`, counted from 1 at the start of its process over all datasets, so
a number that no line carries is a line that was written and has not arrived. What a process itself
dropped because its queue was full has used up its numbers too; `ml.log.dropped` counts it.

An hour's profile counts each five minutes separately: a window of five minutes has to know its own
losses. Nearly always one aggregation does it. Repeats are searched for, number by number, only
where a line can be stored twice; missing numbers only where some are missing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, fields, replace
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from mlmon.analyzers.base.profile_key import ProfileKey, SourceWatermark
from mlmon.analyzers.base.window import (
    DAY,
    HOUR,
    MINUTE,
    Window,
    floor,
    from_milliseconds,
    milliseconds,
)
from mlmon.analyzers.event_logs.aggregations import (
    DATE,
    INGESTED,
    known_since,
    period_query,
    read_watermark,
)
from mlmon.analyzers.profiles.kind import ProfileKind
from mlmon.analyzers.profiles.profile import WindowProfile
from mlmon.analyzers.profiles.quantities import FirstTimes, Quantity, quantity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from mlmon.analyzers.event_logs.logs import Logs
    from mlmon.analyzers.profiles.quantities import DeclarationScope

KIND = "sequence"
DATASET = "ml.*"
SEQUENCE_STEP = HOUR
PART = 5 * MINUTE
LATE = 5 * MINUTE
"""A line is late that reached Elasticsearch so long after its five minutes had ended, or later."""

PROCESS, NUMBER, SERVICE = "process.entity_id", "event.sequence", "service.name"
ENVIRONMENT = "service.environment"
BUCKETS_PER_PAGE = 10_000
"""Most counts of an answer; a longer one is requested in parts."""

RANGE_BUCKETS = 1_000
GREATEST = 2**63 - 1
_FIVE_MINUTES = "5m"
_NUMBERED = {"exists": {"field": NUMBER}}, {"exists": {"field": PROCESS}}

MOST_LINES = 500_000
"""Number of sequence numbers searched for repeats at once."""

MOST_GROUP = 500
"""Ranges of so many processes at once."""

SETTLED = MINUTE / 2
"""Lines this young are left for the next time: some may be on their way that others overtook. So
are those that were written after a line which a shipper has still to send."""

MOST_PROCESSES = 500
"""The numbers before so many processes are requested at once."""

MOST_RANGES = 5
"""So many ranges of missing numbers are kept of a process and hour, and so many looked into."""

MOST_NARROWED = 5
"""In an hour, so many processes are searched for their missing numbers: those that lack most."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """The lines of a process in five minutes.

    Args:
        start: Begin of the five minutes.
        lowest: Lowest number on a line.
        highest: Highest number.
        lines: Documents stored.
        distinct: Numbers there are: less than `lines` where a line is stored more than once.
        dropped: Lines that the process reports as dropped by its full queue.
        timed: Documents of which it is known when they reached Elasticsearch.
        late: Of them, those that came `LATE` after the five minutes' end, or later.
        delay: Sum of the seconds from their writing to their arrival.
    """

    start: datetime
    lowest: int
    highest: int
    lines: int
    distinct: int
    dropped: int = 0
    timed: int = 0
    late: int = 0
    delay: float = 0.0


@dataclass(frozen=True, slots=True)
class Missing:
    """Numbers without a line: `count` of those from `first` to `last`."""

    first: int
    last: int
    count: int

    @property
    def empty(self) -> bool:
        """Whether none of the numbers has a line."""
        return self.count == self.last - self.first + 1


@dataclass(frozen=True, slots=True)
class ProcessLines:
    """The lines of a process in an hour.

    Args:
        process: `process.entity_id`.
        service: `service.name`, "" where the lines name none.
        stretches: Its five minutes with lines, in order of time.
        before: The highest number known, when this was made, below the hour's first; 0 for none.
        missing: Where the numbers between the hour's first and last have no line, as narrow as it
            was looked for: the first ranges only, in order.
        environment: `service.environment`, "" where the lines name none.
    """

    process: str
    service: str
    stretches: tuple[Stretch, ...]
    before: int = 0
    missing: tuple[Missing, ...] = ()
    environment: str = ""

    @property
    def lowest(self) -> int:
        """The lowest number of the hour."""
        return min(stretch.lowest for stretch in self.stretches)

    @property
    def highest(self) -> int:
        """The highest number of the hour."""
        return max(stretch.highest for stretch in self.stretches)

    @property
    def lines(self) -> int:
        """Documents stored."""
        return sum(stretch.lines for stretch in self.stretches)

    @property
    def absent(self) -> int:
        """Numbers between the hour's first and last that have no line in it."""
        return self.highest - self.lowest + 1 - sum(stretch.distinct for stretch in self.stretches)


# `astuple` copies each number deeply.
_after_start = attrgetter(*(field.name for field in fields(Stretch)[1:]))
_range = attrgetter(*(field.name for field in fields(Missing)))


class _Processes(Quantity["tuple[ProcessLines, ...]"]):
    """The lines of each process, in order of their ids."""

    def empty(self) -> tuple[ProcessLines, ...]:
        """No process."""
        return ()

    def encode(self, value: tuple[ProcessLines, ...]) -> Any:
        """Return them with their stretches and missing numbers as rows."""
        return [
            {
                "process": lines.process,
                "service": lines.service,
                "environment": lines.environment,
                "before": lines.before,
                "stretches": [
                    [milliseconds(stretch.start), *_after_start(stretch)]
                    for stretch in lines.stretches
                ],
                "missing": [[*_range(missing)] for missing in lines.missing],
            }
            for lines in value
        ]

    def decode(self, body: Any, scope: DeclarationScope) -> tuple[ProcessLines, ...]:
        """Read what `encode` wrote."""
        del scope
        return tuple(
            ProcessLines(
                **lines
                | {
                    "stretches": tuple(
                        Stretch(from_milliseconds(start), *row)
                        for start, *row in lines["stretches"]
                    ),
                    "missing": tuple(Missing(*row) for row in lines["missing"]),
                }
            )
            for lines in body
        )

    def merge(self, values: Sequence[tuple[ProcessLines, ...]]) -> tuple[ProcessLines, ...]:
        """Hours of numbered lines are followed one by one, not added."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class SequenceProfile(WindowProfile):
    """The lines of an hour, by process.

    Args:
        processes: In order of their ids.
        shipped: By service, when the first of its lines reached Elasticsearch.
    """

    processes: tuple[ProcessLines, ...] = quantity(_Processes())
    shipped: Mapping[str, datetime] = quantity(FirstTimes())


@dataclass(frozen=True, slots=True)
class ArrivedLines:
    """The lines of a process in five minutes that arrived within the same five minutes.

    Args:
        process: The process.
        service: Its service, "" for none.
        stretch: The lines; none counted as stored twice.
        first: When the first of them reached Elasticsearch, None where unknown.
        last: When the last of them did.
        environment: Where it runs, "" where the lines have none.
    """

    process: str
    service: str
    stretch: Stretch
    first: datetime | None
    last: datetime | None
    environment: str = ""


class SequenceKind(ProfileKind[SequenceProfile]):
    """Numbered lines of all datasets, by the hour."""

    name = KIND
    dataset = DATASET
    step = SEQUENCE_STEP
    profile = SequenceProfile
    # Windows of five minutes need the lines of their own hour.
    growing = True

    def profile_keys(self, logs: Logs, period: Window) -> dict[ProfileKey, SourceWatermark]:
        """Return a profile key for each hour with numbered lines."""
        surveyed = logs.survey(DATASET, _settled(logs, period), SEQUENCE_STEP, numbered_since())
        return {
            ProfileKey(KIND, window): read_watermark(bucket["numbered"])
            for window, bucket in surveyed
            if bucket["numbered"]["doc_count"]
        }

    def make(self, logs: Logs, series: tuple[str, ...], part: Window) -> Iterator[SequenceProfile]:
        """Yield a profile for each hour with numbered lines."""
        del series
        part = _settled(logs, part)
        profiles = gathered(_counts(logs, part))
        divided = divided_hours(logs.search(DATASET, indices_body(part)))
        known = (
            without_repeats(profile, _extra(logs, profile))
            if profile.window.start in divided or any(one.absent < 0 for one in profile.processes)
            else profile
            for profile in profiles
        )
        for profile in following(known, lambda lowest: _before(logs, part.start, lowest)):
            yield _narrowed(logs, profile)


def _settled(logs: Logs, period: Window) -> Window:
    """Return the part of a period of which no line is on its way."""
    end = min(period.end, logs.now - SETTLED, logs.arrived_until)
    return Window(period.start, max(period.start, end))


def _counts(logs: Logs, part: Window) -> Iterator[ArrivedLines]:
    """Yield a part's counts: of its halves where they do not fit into one answer."""
    answer = logs.search(DATASET, counts_body(part))
    if not is_full(answer):
        yield from counts(answer)
    elif (halves := part.halves(SEQUENCE_STEP)) is not None:
        for half in halves:
            yield from _counts(logs, half)
    else:
        while is_full(answer):
            yield from counts(answer)
            answer = logs.search(DATASET, counts_body(part, last_key(answer)))
        yield from counts(answer)


def _extra(logs: Logs, profile: SequenceProfile) -> dict[tuple[str, datetime], int]:
    """Return the lines of an hour that only repeat a number, by process and five minutes."""
    extra: dict[tuple[str, datetime], int] = {}
    for ranges in ranges_of(profile.processes):
        answer = logs.search(DATASET, repeated_body(profile.window, ranges))
        for process, start, lines in repeated(answer):
            extra[process, start] = extra.get((process, start), 0) + lines
    return extra


def _before(logs: Logs, start: datetime, lowest: Mapping[str, int]) -> dict[str, int]:
    """Return the highest number of each process below the given one: the latest, then any time."""
    found: dict[str, int] = {}
    for time in (Window(start - HOUR, start), Window(start - DAY, start), None):
        wanted = [process for process in sorted(lowest) if process not in found]
        for place in range(0, len(wanted), MOST_PROCESSES):
            some = {process: lowest[process] for process in wanted[place : place + MOST_PROCESSES]}
            found |= before(logs.search(DATASET, before_body(some, time)))
    return found


def _narrowed(logs: Logs, profile: SequenceProfile) -> SequenceProfile:
    """Return a profile with the missing numbers, where some are missing."""
    lacking = [process for process in profile.processes if process.absent > 0]
    most = sorted(lacking, key=lambda process: process.absent, reverse=True)[:MOST_NARROWED]
    if not most:
        return profile
    missing = {lines.process: tuple(_missing(logs, lines)) for lines in most}
    return replace(
        profile,
        processes=tuple(
            replace(process, missing=missing.get(process.process, ()))
            for process in profile.processes
        ),
    )


def _missing(logs: Logs, lines: ProcessLines) -> Sequence[Missing]:
    """Return the first ranges of missing numbers, looking once into those that hold some lines."""
    narrow: list[Missing] = []
    for range_ in _ranges(logs, lines.process, lines.lowest, lines.highest)[:MOST_RANGES]:
        narrow += (
            [range_] if range_.empty else _ranges(logs, lines.process, range_.first, range_.last)
        )
    return joined(narrow)[:MOST_RANGES]


def _ranges(logs: Logs, process: str, first: int, last: int) -> list[Missing]:
    answer = logs.search(DATASET, missing_body(process, first, last))
    return missing(answer, first, last)


def gathered(counts: Iterable[ArrivedLines]) -> list[SequenceProfile]:
    """Return a profile for each hour with counts, in order, that knows of no repeated line yet."""
    hours: dict[datetime, list[ArrivedLines]] = defaultdict(list)
    for count_ in counts:
        hours[floor(count_.stretch.start, SEQUENCE_STEP)].append(count_)
    return [_profile(start, found) for start, found in sorted(hours.items())]


def _profile(start: datetime, counts: Sequence[ArrivedLines]) -> SequenceProfile:
    by_process: dict[str, list[ArrivedLines]] = defaultdict(list)
    shipped: dict[str, datetime] = {}
    for count_ in counts:
        by_process[count_.process].append(count_)
        if count_.first is not None:
            shipped[count_.service] = min(count_.first, shipped.get(count_.service, count_.first))
    processes = tuple(_lines(process, found) for process, found in sorted(by_process.items()))
    known = (SourceWatermark(count_.stretch.lines, count_.last) for count_ in counts)
    profile_key = ProfileKey(KIND, Window(start, start + SEQUENCE_STEP))
    return SequenceProfile(profile_key, sum(known, SourceWatermark()), 1, processes, shipped)


def _lines(process: str, counts: Sequence[ArrivedLines]) -> ProcessLines:
    services: Counter[str] = Counter()
    environments: Counter[str] = Counter()
    stretches: dict[datetime, Stretch] = {}
    for count_ in counts:
        services[count_.service] += count_.stretch.lines if count_.service else 0
        environments[count_.environment] += count_.stretch.lines if count_.environment else 0
        start = count_.stretch.start
        known = stretches.get(start)
        stretches[start] = _together(known, count_.stretch) if known else count_.stretch
    in_order = tuple(stretch for _, stretch in sorted(stretches.items()))
    (service, _), (environment, _) = services.most_common(1)[0], environments.most_common(1)[0]
    return ProcessLines(process, service, in_order, environment=environment)


def _together(one: Stretch, other: Stretch) -> Stretch:
    return Stretch(
        one.start,
        min(one.lowest, other.lowest),
        max(one.highest, other.highest),
        one.lines + other.lines,
        one.distinct + other.distinct,
        one.dropped + other.dropped,
        one.timed + other.timed,
        one.late + other.late,
        round(one.delay + other.delay, 2),
    )


def without_repeats(
    profile: SequenceProfile, extra: Mapping[tuple[str, datetime], int]
) -> SequenceProfile:
    """Return a profile in which lines that only repeat a number are not distinct.

    Args:
        profile: The profile.
        extra: How many there are, by process and five minutes.
    """

    def split_repeats(lines: ProcessLines) -> ProcessLines:
        return replace(
            lines,
            stretches=tuple(
                replace(
                    stretch,
                    distinct=stretch.distinct - extra.get((lines.process, stretch.start), 0),
                )
                for stretch in lines.stretches
            ),
        )

    return replace(profile, processes=tuple(map(split_repeats, profile.processes)))


def following(
    profiles: Iterable[SequenceProfile],
    earlier: Callable[[Mapping[str, int]], Mapping[str, int]],
) -> Iterator[SequenceProfile]:
    """Yield profiles in which each process knows its highest number before the hour.

    Args:
        profiles: In order of time, without gaps between them.
        earlier: Returns the highest numbers known below given ones, for those seen first here.
    """
    in_order = list(profiles)
    first: dict[str, int] = {}
    for profile in in_order:
        for lines in profile.processes:
            first.setdefault(lines.process, lines.lowest)
    highest = dict(earlier({process: low for process, low in first.items() if low > 1}))
    for profile in in_order:
        yield replace(
            profile,
            processes=tuple(
                replace(lines, before=highest.get(lines.process, 0)) for lines in profile.processes
            ),
        )
        for lines in profile.processes:
            highest[lines.process] = max(lines.highest, highest.get(lines.process, 0))


def ranges_of(processes: Iterable[ProcessLines]) -> Iterator[list[tuple[str, int, int]]]:
    """Yield (process, first number, last number) in groups that hold at most `MOST_LINES` lines."""
    group: list[tuple[str, int, int]] = []
    held = 0
    for process in processes:
        parts = -(-process.lines // MOST_LINES)
        width = -(-(process.highest - process.lowest + 1) // parts)
        for first in range(process.lowest, process.highest + 1, width):
            lines = process.lines // parts
            if group and (held + lines > MOST_LINES or len(group) == MOST_GROUP):
                yield group
                group, held = [], 0
            group.append((process.process, first, min(first + width - 1, process.highest)))
            held += lines
    if group:
        yield group


def numbered_since() -> dict[str, Any]:
    """Return the aggregation of the numbered lines of a bucket."""
    return {"numbered": {"filter": {"bool": {"filter": [*_NUMBERED]}}, "aggs": known_since()}}


def counts_body(part: Window, after: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the search for a part's counts, those after a key of an earlier answer."""
    sources = [
        {"process": {"terms": {"field": PROCESS}}},
        {"service": {"terms": {"field": SERVICE, "missing_bucket": True}}},
        {"environment": {"terms": {"field": ENVIRONMENT, "missing_bucket": True}}},
        {"start": {"date_histogram": {"field": "@timestamp", "fixed_interval": _FIVE_MINUTES}}},
        {
            "arrived": {
                "date_histogram": {
                    "field": INGESTED,
                    "fixed_interval": _FIVE_MINUTES,
                    "missing_bucket": True,
                }
            }
        },
    ]
    composite: dict[str, Any] = {"size": BUCKETS_PER_PAGE, "sources": sources}
    if after is not None:
        composite["after"] = dict(after)
    measured = {
        "numbers": {"stats": {"field": NUMBER}},
        "dropped": {"sum": {"field": "ml.log.dropped"}},
        "written": {"avg": {"field": "@timestamp"}},
        "arrivals": {"stats": {"field": INGESTED}},
    }
    return _numbered(part) | {"aggs": {"windows": {"composite": composite, "aggs": measured}}}


def counts(answer: Mapping[str, Any]) -> Iterator[ArrivedLines]:
    """Yield the counts of an answer to `counts_body`."""
    for bucket in _buckets(answer):
        key, arrivals = bucket["key"], bucket["arrivals"]
        first, last = (
            from_milliseconds(arrivals[name]) if arrivals["count"] else None
            for name in ("min", "max")
        )
        service, environment = key["service"] or "", key["environment"] or ""
        yield ArrivedLines(key["process"], service, _stretch(bucket), first, last, environment)


def is_full(answer: Mapping[str, Any]) -> bool:
    """Whether there are more counts than an answer holds."""
    return len(_buckets(answer)) == BUCKETS_PER_PAGE


def last_key(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return the key after which the next answer begins."""
    key: dict[str, Any] = answer["aggregations"]["windows"]["after_key"]
    return key


def _stretch(bucket: Mapping[str, Any]) -> Stretch:
    start, lines = from_milliseconds(bucket["key"]["start"]), bucket["doc_count"]
    numbers, arrivals, arrived = bucket["numbers"], bucket["arrivals"], bucket["key"]["arrived"]
    timed = arrivals["count"]
    late = arrived is not None and from_milliseconds(arrived) >= start + PART + LATE
    waited = (arrivals["avg"] - bucket["written"]["value"]) / 1_000 if timed else 0.0
    return Stretch(
        start,
        int(numbers["min"]),
        int(numbers["max"]),
        lines,
        distinct=lines,
        dropped=int(bucket["dropped"]["value"]),
        timed=timed,
        late=timed if late else 0,
        # A clock that is ahead does not make lines arrive before they were written.
        delay=round(max(0.0, waited) * timed, 2),
    )


def indices_body(part: Window) -> dict[str, Any]:
    """Return the search for the indices that hold the lines of each hour."""
    indices = {"indices": {"terms": {"field": "_index", "size": 1_000}}}
    hours = {"date_histogram": {**DATE, "fixed_interval": "1h"}, "aggs": indices}
    return _numbered(part) | {"aggs": {"windows": hours}}


def divided_hours(answer: Mapping[str, Any]) -> set[datetime]:
    """Return the hours in which some data stream has lines in more than one of its indices.

    A line's id is its document's, and one index holds an id once: only there may lines be stored
    twice.
    """
    divided = set()
    for bucket in _buckets(answer):
        streams = [_stream(index["key"]) for index in bucket["indices"]["buckets"]]
        if len(set(streams)) < len(streams):
            divided.add(from_milliseconds(bucket["key"]))
    return divided


def repeated_body(hour: Window, ranges: Iterable[tuple[str, int, int]]) -> dict[str, Any]:
    """Return the search for numbers that several lines of an hour carry, exactly.

    Args:
        hour: The hour.
        ranges: (process, first number, last number) to be looked at.
    """
    found = list(ranges)
    processes = {
        "terms": {"field": PROCESS, "size": len(found)},
        "aggs": {
            "numbers": {"histogram": {"field": NUMBER, "interval": 1, "min_doc_count": 2}},
        },
    }
    windows = {
        "date_histogram": {**DATE, "fixed_interval": _FIVE_MINUTES},
        "aggs": {"processes": processes},
    }
    body = _numbered(hour) | {"aggs": {"windows": windows}}
    body["query"]["bool"]["filter"].append(
        {"bool": {"should": [_numbers(process, first, last) for process, first, last in found]}}
    )
    return body


def repeated(answer: Mapping[str, Any]) -> Iterator[tuple[str, datetime, int]]:
    """Yield (process, five minutes, lines that only repeat a number)."""
    for window in _buckets(answer):
        for process in window["processes"]["buckets"]:
            extra = sum(bucket["doc_count"] - 1 for bucket in process["numbers"]["buckets"])
            if extra:
                yield process["key"], from_milliseconds(window["key"]), extra


def before_body(lowest: Mapping[str, int], time: Window | None) -> dict[str, Any]:
    """Return the search for the highest number of each process below the one given.

    Args:
        lowest: The number, by process.
        time: When to look, None for ever.
    """
    named = {process: _numbers(process, 0, number - 1) for process, number in lowest.items()}
    highest = {"highest": {"max": {"field": NUMBER}}}
    body = {"size": 0, "track_total_hits": False} if time is None else period_query(time, {})
    return body | {"aggs": {"windows": {"filters": {"filters": named}, "aggs": highest}}}


def before(answer: Mapping[str, Any]) -> dict[str, int]:
    """Return the numbers an answer to `before_body` knows, by process."""
    buckets = answer["aggregations"]["windows"]["buckets"]
    # Without an index there is a list, of nothing.
    found = buckets.items() if isinstance(buckets, dict) else ()
    return {
        process: int(process_bucket["highest"]["value"])
        for process, process_bucket in found
        if process_bucket["doc_count"]
    }


def missing_body(process: str, first: int, last: int) -> dict[str, Any]:
    """Return the search that counts a process's lines per range of numbers, whenever written."""
    width = _width(first, last)
    ranges = {"field": NUMBER, "interval": width, "offset": first % width, "min_doc_count": 1}
    return {
        "size": 0,
        "track_total_hits": False,
        "query": _numbers(process, first, last),
        "aggs": {"windows": {"histogram": ranges}},
    }


def missing(answer: Mapping[str, Any], first: int, last: int) -> list[Missing]:
    """Return the ranges of numbers from `first` to `last` that lack lines."""
    width = _width(first, last)
    there = {int(bucket["key"]): bucket["doc_count"] for bucket in _buckets(answer)}
    ranges = (
        Missing(start, end, end - start + 1 - there.get(start, 0))
        for start in range(first, last + 1, width)
        for end in (min(start + width - 1, last),)
    )
    return joined(range_ for range_ in ranges if range_.count > 0)


def joined(ranges: Iterable[Missing]) -> list[Missing]:
    """Return ranges in order, of which those that are empty and touch became one."""
    found: list[Missing] = []
    for range_ in ranges:
        before = found[-1] if found else None
        if before and before.last + 1 == range_.first and before.empty and range_.empty:
            found[-1] = Missing(before.first, range_.last, before.count + range_.count)
        else:
            found.append(range_)
    return found


def _buckets(answer: Mapping[str, Any]) -> Sequence[dict[str, Any]]:
    buckets: list[dict[str, Any]] = answer["aggregations"]["windows"]["buckets"]
    return buckets


def _width(first: int, last: int) -> int:
    return -(-(last - first + 1) // RANGE_BUCKETS)


def _numbers(process: str, first: int, last: int) -> dict[str, Any]:
    # A double may round the greatest number a field can hold to one that it cannot.
    bounds = {"gte": first, "lte": min(last, GREATEST)}
    return {"bool": {"filter": [{"term": {PROCESS: process}}, {"range": {NUMBER: bounds}}]}}


def _numbered(part: Window) -> dict[str, Any]:
    body = period_query(part, {})
    body["query"]["bool"]["filter"] += _NUMBERED
    return body


def _stream(index: str) -> str:
    """Return the data stream of a backing index, `.ds-<stream>-<day>-<generation>`."""
    return index.removeprefix(".ds-").rsplit("-", 2)[0] if index.startswith(".ds-") else index
