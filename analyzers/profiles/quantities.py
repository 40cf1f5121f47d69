"""Quantities: what a profile is declared to hold, each in one line of its dataclass.

A quantity knows the aggregation that counts it, how to read the answer, how it is stored and how
two of it merge. The search for a profile, its stored body, the way back and the merge of several
profiles follow from the declarations of its fields; nothing is written down a second time.

A value of a `query`, `edges` or `names` may be a function of the scope: the baseline whose edges
are used, the window, and the name of the entry within a `ByName`.

>>> @dataclass(frozen=True)
... class Requests:
...     total: int = quantity(Documents())
...     failed: int = quantity(Count({"range": {"http.response.status_code": {"gte": 500}}}))
>>> ask(Requests, Scope())
{'failed': {'filter': {'range': {'http.response.status_code': {'gte': 500}}}}}
>>> Requests(**read(Requests, {"doc_count": 9, "failed": {"doc_count": 2}}, Scope()))
Requests(total=9, failed=2)
>>> encode(merge([Requests(9, 2), Requests(1, 1)]))
{'total': 10, 'failed': 3}
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from dataclasses import dataclass, field, fields, replace
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, NamedTuple, TypeVar

from mlmon.analyzers.base.profile_key import SourceWatermark
from mlmon.analyzers.base.window import iso, parse_time
from mlmon.analyzers.baselines.stored_buckets import decode as decode_buckets
from mlmon.analyzers.baselines.stored_buckets import decode_sum as merge_encoded
from mlmon.analyzers.baselines.stored_buckets import encode as encode_buckets
from mlmon.analyzers.event_logs.aggregations import finite_sum, known_since, ranges, read_watermark
from mlmon.analyzers.statistics.buckets import Buckets, sum_if_known
from mlmon.analyzers.statistics.buckets import merge as merge_buckets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from mlmon.analyzers.base.window import Window
    from mlmon.analyzers.baselines.baseline import Baseline

T = TypeVar("T")
R = TypeVar("R")
AnswerBucket = dict[str, Any]
"""A bucket of an answer, with the answers to the aggregations inside it."""
Query = Any
"""A query, or a function from a scope to one."""


@dataclass(frozen=True)
class DeclarationScope:
    """What a declaration may depend on.

    Args:
        baseline: Whose edges and categories are used, None without.
        window: The window that is counted, where one is requested by itself.
        name: The entry of the `ByName` that is being counted; `{name}` in a field stands for it.
    """

    baseline: Baseline | None = None
    window: Window | None = None
    name: str = ""

    def of(self, name: str) -> DeclarationScope:
        """Return the scope of one entry of a `ByName`."""
        return replace(self, name=name)

    def path(self, field: str) -> str:
        """Return a field with the entry's name filled in."""
        return field.replace("{name}", self.name)


def _resolve(value: Any, scope: DeclarationScope) -> Any:
    return value(scope) if callable(value) else value


class Quantity(ABC, Generic[T]):
    """A value of a profile. Without an aggregation, the profile's kind fills it in."""

    def ask(self, name: str, scope: DeclarationScope) -> dict[str, Any]:
        """Return the aggregations that count it; their names begin with `name`."""
        del name, scope
        return {}

    def read(self, bucket: AnswerBucket, name: str, scope: DeclarationScope) -> T:
        """Return the value from a bucket that holds the answers to `ask`."""
        del bucket, name, scope
        return self.empty()

    @abstractmethod
    def empty(self) -> T:
        """Return the value of no events; merged with another it changes nothing."""

    def encode(self, value: T) -> Any:
        """Return the value as JSON holds it."""
        return value

    def decode(self, body: Any, scope: DeclarationScope) -> T:
        """Read what `encode` wrote."""
        del scope
        value: T = body
        return value

    @abstractmethod
    def merge(self, values: Sequence[T]) -> T:
        """Return the value of all events that one or more values count."""

    def merge_bodies(self, bodies: Sequence[Any], scope: DeclarationScope) -> T:
        """Return the merge of what `encode` wrote one or more times."""
        return self.merge([self.decode(body, scope) for body in bodies])


class Declared(NamedTuple):
    """A field of a profile that is a quantity.

    Args:
        name: Of the field.
        quantity: How it is counted, stored and merged.
        detail: Whether profiles may be read without it.
        stored: Whether the body holds it.
    """

    name: str
    quantity: Quantity[Any]
    detail: bool
    stored: bool


def quantity(of: Quantity[Any], *, detail: bool = False, stored: bool = True) -> Any:
    """Declare a field of a dataclass; see `Declared`. Its default is the value of no events."""
    metadata = {"quantity": of, "detail": detail, "stored": stored}
    return field(default_factory=of.empty, metadata=metadata)


def declared(cls: Any) -> tuple[Declared, ...]:
    """Return the quantities of a dataclass in the order of its fields."""
    return _declared(cls)


@cache
def _declared(cls: Any) -> tuple[Declared, ...]:
    return tuple(
        Declared(field.name, **field.metadata)
        for field in fields(cls)
        if "quantity" in field.metadata
    )


def ask(
    cls: type[Any], scope: DeclarationScope, *, prefix: str = "", only: Iterable[str] | None = None
) -> dict[str, Any]:
    """Return the aggregations of a dataclass's quantities, or of some of them."""
    return {
        name: aggregation
        for field in declared(cls)
        if only is None or field.name in only
        for name, aggregation in field.quantity.ask(prefix + field.name, scope).items()
    }


def read(
    cls: type[Any],
    bucket: AnswerBucket,
    scope: DeclarationScope,
    *,
    prefix: str = "",
    only: Iterable[str] | None = None,
) -> dict[str, Any]:
    """Return the values of a bucket by field; it holds the answers to `ask` of the same fields."""
    return {
        field.name: field.quantity.read(bucket, prefix + field.name, scope)
        for field in declared(cls)
        if only is None or field.name in only
    }


def encode(record: Any) -> dict[str, Any]:
    """Return the quantities of a record as JSON holds them, by field."""
    return {
        field.name: field.quantity.encode(getattr(record, field.name))
        for field in declared(type(record))
        if field.stored
    }


def decode(cls: type[Any], body: Mapping[str, Any], scope: DeclarationScope) -> dict[str, Any]:
    """Return the values that `encode` wrote, by field; details may be absent.

    Raises:
        KeyError: A quantity is absent that is no detail.
    """
    return {
        field.name: field.quantity.decode(body[field.name], scope)
        for field in declared(cls)
        if field.stored and (field.name in body or not field.detail)
    }


def merge_bodies(
    cls: type[Any], bodies: Sequence[Mapping[str, Any]], scope: DeclarationScope
) -> dict[str, Any]:
    """Return the merge of bodies that `encode` wrote, by field: `decode` and `merge` at once.

    Over months this costs a third of decoding each body (`bench_analyzers`, 90 days).
    """
    return {
        field.name: field.quantity.merge_bodies([body[field.name] for body in bodies], scope)
        for field in declared(cls)
        if field.stored
    }


def merge(records: Iterable[R]) -> R:
    """Return one record of all events that one or more records count.

    Fields that are no quantities, such as a profile's key, are those of the first.
    """
    parts: list[Any] = list(records)
    first: R = parts[0]
    if len(parts) == 1:
        return first
    values = {
        field.name: field.quantity.merge([getattr(part, field.name) for part in parts])
        for field in declared(type(first))
    }
    return replace(first, **values)  # type: ignore[type-var]


@dataclass(frozen=True)
class Watermark(Quantity[SourceWatermark]):
    """The events a profile was made from; stored with its key, not in its body."""

    def ask(self, name: str, scope: DeclarationScope) -> dict[str, Any]:
        """Ask when the last event was ingested."""
        del name, scope
        return known_since()

    def read(self, bucket: AnswerBucket, name: str, scope: DeclarationScope) -> SourceWatermark:
        """Return the number of events, and when the last was ingested."""
        del name, scope
        return read_watermark(bucket)

    def empty(self) -> SourceWatermark:
        """No events."""
        return SourceWatermark()

    def merge(self, values: Sequence[SourceWatermark]) -> SourceWatermark:
        """Return the number of all, and when the last was ingested."""
        return sum(values, SourceWatermark())


class Number(Quantity[int]):
    """A number of events."""

    def empty(self) -> int:
        """None."""
        return 0

    def merge(self, values: Sequence[int]) -> int:
        """Add them."""
        return sum(values)


class DocumentCount(Number):
    """All events of the bucket."""

    def read(self, bucket: AnswerBucket, name: str, scope: DeclarationScope) -> int:
        """Return the bucket's own count."""
        del name, scope
        count: int = bucket["doc_count"]
        return count


@dataclass(frozen=True)
class Count(Number):
    """Events that match a query."""

    query: Query

    def ask(self, name: str, scope: DeclarationScope) -> dict[str, Any]:
        """Ask for a filter."""
        return {name: {"filter": _resolve(self.query, scope)}}

    def read(self, bucket: AnswerBucket, name: str, scope: DeclarationScope) -> int:
        """Return the filter's count."""
        del scope
        count: int = bucket[name]["doc_count"]
        return count


@dataclass(frozen=True)
class ValueCount(Number):
    """Events with a value of a field."""

    field: str

    def ask(self, name: str, scope: DeclarationScope) -> dict[str, Any]:
        """Count the values."""
        return {name: {"value_count": {"field": scope.path(self.field)}}}

    def read(self, bucket: AnswerBucket, name: str, scope: DeclarationScope) -> int:
        """Return the count."""
        del scope
        count: int = bucket[name]["value"]
        return count


@dataclass(frozen=True)
class Sum(Quantity["float | None"]):
    """The sum of a field; None where it passes the greatest double."""

    field: str

    def ask(self, name: str, scope: DeclarationScope) -> dict[str, Any]:
        """Ask for the sum."""
        return {name: {"sum": {"field": scope.path(self.field)}}}

    def read(self, bucket: AnswerBucket, name: str, scope: DeclarationScope) -> float | None:
        """Return the sum, 0 without a value."""
        del scope
        return finite_sum(bucket[name]["value"])

    def empty(self) -> float | None:
        """Zero."""
        return 0.0

    def merge(self, values: Sequence[float | None]) -> float | None:
        """Add them; None where one is."""
        return sum_if_known(list(values))


@dataclass(frozen=True)
class Stat(Quantity[Any]):
    """One of the statistics of a field; those of one field share an aggregation.

    Args:
        field: A number.
        part: Its values are counted, summed (`sum`, `sum_of_squares`), or the least or greatest
            of them is kept, None without any.
    """

    field: str
    part: Literal["count", "sum", "sum_of_squares", "min", "max"]

    def _shared(self, name: str) -> str:
        prefix, dot, _ = name.rpartition(".")
        return f"{prefix}{dot}{self.field.rpartition('.')[2]}"

    def ask(self, name: str, scope: DeclarationScope) -> dict[str, Any]:
        """Ask for all statistics of the field."""
        return {self._shared(name): {"extended_stats": {"field": scope.path(self.field)}}}

    def read(self, bucket: AnswerBucket, name: str, scope: DeclarationScope) -> Any:
        """Return one of them."""
        del scope
        value = bucket[self._shared(name)][self.part]
        return finite_sum(value) if self.part.startswith("sum") else value

    def empty(self) -> Any:
        """Return zero, or None for an extreme."""
        return {"count": 0, "sum": 0.0, "sum_of_squares": 0.0}.get(self.part)

    def merge(self, values: Sequence[Any]) -> Any:
        """Add them, or return the extreme of those that are known."""
        if self.part == "count":
            return sum(values)
        if self.part.startswith("sum"):
            return sum_if_known(list(values))
        known = (value for value in values if value is not None)
        return (min if self.part == "min" else max)(known, default=None)


@dataclass(frozen=True)
class MostFrequent(Quantity[Any]):
    """The most frequent value of a field, None without any; of a merge, that of the first."""

    field: str

    def ask(self, name: str, scope: DeclarationScope) -> dict[str, Any]:
        """Ask for the most frequent term."""
        return {name: {"terms": {"field": scope.path(self.field), "size": 1}}}

    def read(self, bucket: AnswerBucket, name: str, scope: DeclarationScope) -> Any:
        """Return the term."""
        del scope
        return next((term["key"] for term in bucket[name]["buckets"]), None)

    def empty(self) -> Any:
        """Return None."""
        return None

    def merge(self, values: Sequence[Any]) -> Any:
        """Return the first that is known."""
        return next((value for value in values if value is not None), None)


@dataclass(frozen=True)
class Tally(Quantity["Counter[Any]"]):
    """Events by key, which a kind fills in; `key` reads a key that JSON holds as a text."""

    key: ClassVar[Callable[[Any], Any]] = str

    def empty(self) -> Counter[Any]:
        """No keys."""
        return Counter()

    def encode(self, value: Counter[Any]) -> Any:
        """Return the counts by key."""
        return {str(key): count for key, count in value.items()}

    def decode(self, body: Any, scope: DeclarationScope) -> Counter[Any]:
        """Read what `encode` wrote."""
        del scope
        key = type(self).key
        return Counter({key(name): count for name, count in body.items()})

    def merge(self, values: Sequence[Counter[Any]]) -> Counter[Any]:
        """Add them."""
        total: Counter[Any] = Counter()
        for value in values:
            total.update(value)
        return total


class NumberTally(Tally):
    """Events by a whole number, which a kind fills in."""

    key: ClassVar[Callable[[Any], Any]] = int


@dataclass(frozen=True)
class Terms(Tally):
    """Events by the values of a field.

    Args:
        field: Its values.
        size: So many are kept, the most frequent.
        missing: Stands for events without a value, None to leave them out.
        other: Stands for all values that are not kept, None to leave them out.
    """

    field: str
    size: int
    missing: str | None = None
    other: str | None = None

    def ask(self, name: str, scope: DeclarationScope) -> dict[str, Any]:
        """Ask for the most frequent terms."""
        return {name: {"terms": _terms(scope.path(self.field), self.size, self.missing)}}

    def read(self, bucket: AnswerBucket, name: str, scope: DeclarationScope) -> Counter[Any]:
        """Return events by term."""
        del scope
        answer, key = bucket[name], type(self).key
        counts = Counter({key(term["key"]): term["doc_count"] for term in answer["buckets"]})
        if self.other is not None and answer["sum_other_doc_count"]:
            counts[self.other] += answer["sum_other_doc_count"]
        return counts


class NumberTerms(Terms):
    """Events by the values of a field of whole numbers."""

    key: ClassVar[Callable[[Any], Any]] = int


def _terms(field: str, size: int, missing: str | None) -> dict[str, Any]:
    terms = {"field": field, "size": size}
    return terms if missing is None else terms | {"missing": missing}


@dataclass(frozen=True)
class Ranges(Quantity["tuple[int, ...]"]):
    """Events per bucket of a field, over edges; `()` of no events."""

    field: str
    edges: Any

    def ask(self, name: str, scope: DeclarationScope) -> dict[str, Any]:
        """Ask for the ranges."""
        between = ranges(_resolve(self.edges, scope))
        return {name: {"range": {"field": scope.path(self.field), "ranges": between}}}

    def read(self, bucket: AnswerBucket, name: str, scope: DeclarationScope) -> tuple[int, ...]:
        """Return the count of each range."""
        del scope
        return counts_of(bucket[name])

    def empty(self) -> tuple[int, ...]:
        """Return no counts."""
        return ()

    def decode(self, body: Any, scope: DeclarationScope) -> tuple[int, ...]:
        """Read a list."""
        del scope
        return tuple(body)

    def merge(self, values: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
        """Add them bucket by bucket."""
        counted = [value for value in values if value]
        return tuple(map(sum, zip(*counted, strict=True)))


def counts_of(answer: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the count of each bucket that an aggregation returned."""
    return tuple(bucket["doc_count"] for bucket in answer["buckets"])


@dataclass(frozen=True)
class BucketCounts(Quantity["Buckets | None"]):
    """A field's numbers in buckets over edges, with their sums; None where there are no edges."""

    field: str
    edges: Any

    def ask(self, name: str, scope: DeclarationScope) -> dict[str, Any]:
        """Ask for ranges and statistics."""
        edges, field = _resolve(self.edges, scope), scope.path(self.field)
        if edges is None:
            return {}
        return {
            name: {"range": {"field": field, "ranges": ranges(edges)}},
            f"{name}.sums": {"extended_stats": {"field": field}},
        }

    def read(self, bucket: AnswerBucket, name: str, scope: DeclarationScope) -> Buckets | None:
        """Return the buckets."""
        edges = _resolve(self.edges, scope)
        if edges is None:
            return None
        sums = bucket[f"{name}.sums"]
        return Buckets(
            edges,
            counts_of(bucket[name]),
            sums["min"],
            sums["max"],
            finite_sum(sums["sum"]),
            finite_sum(sums["sum_of_squares"]),
        )

    def empty(self) -> Buckets | None:
        """Return None."""
        return None

    def encode(self, value: Buckets | None) -> Any:
        """Return all but the edges, which the baseline has."""
        return encode_buckets(value) if value else None

    def decode(self, body: Any, scope: DeclarationScope) -> Buckets | None:
        """Read what `encode` wrote over the same edges."""
        edges = _resolve(self.edges, scope)
        return None if body is None or edges is None else decode_buckets(edges, body)

    def merge(self, values: Sequence[Buckets | None]) -> Buckets | None:
        """Add them bucket by bucket."""
        counted = [value for value in values if value is not None]
        return merge_buckets(counted) if counted else None

    def merge_bodies(self, bodies: Sequence[Any], scope: DeclarationScope) -> Buckets | None:
        """Add the counts of bodies, without making the buckets of each."""
        edges = _resolve(self.edges, scope)
        counted = [body for body in bodies if body is not None]
        return merge_encoded(edges, counted) if counted and edges is not None else None


@dataclass(frozen=True)
class Group(Quantity[Any]):
    """Quantities that belong together: a dataclass whose fields declare them."""

    of: type[Any]

    def ask(self, name: str, scope: DeclarationScope) -> dict[str, Any]:
        """Ask for all its quantities."""
        return ask(self.of, scope, prefix=f"{name}.")

    def read(self, bucket: AnswerBucket, name: str, scope: DeclarationScope) -> Any:
        """Return the dataclass."""
        return self.of(**read(self.of, bucket, scope, prefix=f"{name}."))

    def empty(self) -> Any:
        """Return the dataclass's defaults."""
        return self.of()

    def encode(self, value: Any) -> Any:
        """Return its quantities by field."""
        return encode(value)

    def decode(self, body: Any, scope: DeclarationScope) -> Any:
        """Read what `encode` wrote."""
        return self.of(**decode(self.of, body, scope))

    def merge(self, values: Sequence[Any]) -> Any:
        """Merge field by field."""
        return merge(values)

    def merge_bodies(self, bodies: Sequence[Any], scope: DeclarationScope) -> Any:
        """Merge field by field."""
        return self.of(**merge_bodies(self.of, bodies, scope))


@dataclass(frozen=True)
class Within(Quantity[Any]):
    """A quantity of those events that match a query."""

    query: Query
    of: Quantity[Any]

    def ask(self, name: str, scope: DeclarationScope) -> dict[str, Any]:
        """Ask for a filter with the quantity inside."""
        inside = self.of.ask("of", scope)
        return {name: {"filter": _resolve(self.query, scope), "aggs": inside}}

    def read(self, bucket: AnswerBucket, name: str, scope: DeclarationScope) -> Any:
        """Return the quantity of the filter's bucket."""
        return self.of.read(bucket[name], "of", scope)

    def empty(self) -> Any:
        """Return the quantity of no events."""
        return self.of.empty()

    def encode(self, value: Any) -> Any:
        """Return the quantity."""
        return self.of.encode(value)

    def decode(self, body: Any, scope: DeclarationScope) -> Any:
        """Read the quantity."""
        return self.of.decode(body, scope)

    def merge(self, values: Sequence[Any]) -> Any:
        """Merge the quantity."""
        return self.of.merge(values)


class _Entries(Quantity["Mapping[str, Any]"]):
    """A quantity by name: the merge of each entry, stored as pairs since a name may be empty."""

    of: Quantity[Any]

    def empty(self) -> Mapping[str, Any]:
        """No entry."""
        return {}

    def merge(self, values: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
        """Merge entry by entry."""
        return {name: self.of.merge(entries) for name, entries in _gather(values).items()}


def _gather(mappings: Iterable[Mapping[str, T]]) -> dict[str, list[T]]:
    gathered: dict[str, list[T]] = {}
    for mapping in mappings:
        for name, value in mapping.items():
            gathered.setdefault(name, []).append(value)
    return gathered


@dataclass(frozen=True)
class ByTerm(_Entries):
    """A quantity of the events with each value of a field.

    Args:
        field: Its values are the names.
        of: The quantity.
        size: So many values are kept, the most frequent.
        missing: Stands for events without a value, None to leave them out.
        candidates: So many each shard names, None for Elasticsearch's own choice.
        include: Function from a scope to the values that are kept, None for all.
    """

    field: str
    of: Quantity[Any]
    size: int = 0
    missing: str | None = None
    candidates: int | None = None
    include: Callable[[Any], Sequence[str]] | None = None

    def ask(self, name: str, scope: DeclarationScope) -> dict[str, Any]:
        """Ask for the terms with the quantity inside."""
        terms = _terms(scope.path(self.field), self.size, self.missing)
        if self.candidates is not None:
            terms["shard_size"] = self.candidates
        if self.include is not None:
            included = list(self.include(scope))
            terms |= {"include": included, "size": len(included)}
        return {name: {"terms": terms, "aggs": self.of.ask("of", scope)}}

    def read(self, bucket: AnswerBucket, name: str, scope: DeclarationScope) -> Mapping[str, Any]:
        """Return the quantity by term."""
        terms = bucket[name]["buckets"]
        return {str(term["key"]): self.of.read(term, "of", scope) for term in terms}

    def encode(self, value: Mapping[str, Any]) -> Any:
        """Return pairs of term and quantity."""
        return [[name, self.of.encode(entry)] for name, entry in value.items()]

    def decode(self, body: Any, scope: DeclarationScope) -> Mapping[str, Any]:
        """Read what `encode` wrote."""
        return {name: self.of.decode(entry, scope) for name, entry in body}


@dataclass(frozen=True)
class ByName(_Entries):
    """A quantity for each of some names that are known before the search.

    Args:
        names: Function from a scope to the names, such as a baseline's features.
        of: The quantity; in its fields `{name}` stands for the name.
        keep: Whether a value is kept; by default all are.
    """

    names: Callable[[Any], Iterable[str]]
    of: Quantity[Any]
    keep: Callable[[Any], bool] = lambda _value: True

    def ask(self, name: str, scope: DeclarationScope) -> dict[str, Any]:
        """Ask for the quantity of each name. A number stands for it: names may hold any letter."""
        return {
            key: aggregation
            for index, entry in enumerate(sorted(self.names(scope)))
            for key, aggregation in self.of.ask(f"{name}.{index}", scope.of(entry)).items()
        }

    def read(self, bucket: AnswerBucket, name: str, scope: DeclarationScope) -> Mapping[str, Any]:
        """Return the quantity by name."""
        entries = {
            entry: self.of.read(bucket, f"{name}.{index}", scope.of(entry))
            for index, entry in enumerate(sorted(self.names(scope)))
        }
        return {entry: value for entry, value in entries.items() if self.keep(value)}

    def encode(self, value: Mapping[str, Any]) -> Any:
        """Return the quantity by name."""
        return {name: self.of.encode(entry) for name, entry in value.items()}

    def decode(self, body: Any, scope: DeclarationScope) -> Mapping[str, Any]:
        """Read what `encode` wrote."""
        return {name: self.of.decode(entry, scope.of(name)) for name, entry in body.items()}

    def merge_bodies(self, bodies: Sequence[Any], scope: DeclarationScope) -> Mapping[str, Any]:
        """Merge entry by entry."""
        return {
            name: self.of.merge_bodies(entries, scope.of(name))
            for name, entries in _gather(bodies).items()
        }


@dataclass(frozen=True)
class FirstTimes(Quantity["Mapping[str, datetime]"]):
    """The first time of something by name, which a kind fills in."""

    def empty(self) -> Mapping[str, datetime]:
        """No name."""
        return {}

    def encode(self, value: Mapping[str, datetime]) -> Any:
        """Return the times as texts."""
        return {name: iso(time) for name, time in value.items()}

    def decode(self, body: Any, scope: DeclarationScope) -> Mapping[str, datetime]:
        """Read what `encode` wrote."""
        del scope
        return {name: parse_time(time) for name, time in body.items()}

    def merge(self, values: Sequence[Mapping[str, datetime]]) -> Mapping[str, datetime]:
        """Return the first of each name."""
        first: dict[str, datetime] = {}
        for value in values:
            for name, time in value.items():
                first[name] = min(time, first.get(name, time))
        return first


@dataclass(frozen=True)
class Text(Quantity[str]):
    """A text that a kind fills in; a merge puts them one after the other."""

    def empty(self) -> str:
        """No letter."""
        return ""

    def merge(self, values: Sequence[str]) -> str:
        """Put them one after the other."""
        return "".join(values)
