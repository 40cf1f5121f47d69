"""A condition on documents, which Kibana reads as KQL and Elasticsearch as a query."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from mlmon.elastic.json_object import Json

Value: TypeAlias = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Is:
    """A field has one of some values."""

    field: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class AtLeast:
    """A number is at least so great."""

    field: str
    least: float


@dataclass(frozen=True, slots=True)
class Exists:
    """A field has a value."""

    field: str


@dataclass(frozen=True, slots=True)
class Not:
    """A condition does not hold."""

    of: Condition


@dataclass(frozen=True, slots=True)
class Both:
    """All of some conditions hold; of none, always."""

    of: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """One of some conditions holds."""

    of: tuple[Condition, ...]


Condition: TypeAlias = Is | AtLeast | Exists | Not | Both | Either

EVERYTHING = Both(())
"""Holds for every document."""

# Inside KQL's quotes only these two mean something (escapeQuotes of Kibana's es-query).
_QUOTED = re.compile(r'(["\\])')


def is_(field: str, *values: Value) -> Is:
    """Return the condition that a field has one of some values."""
    return Is(field, values)


def less_than(field: str, bound: float) -> Both:
    """Return the condition that a number is there and below a bound."""
    return Both((Exists(field), Not(AtLeast(field, bound))))


def within(field: str, values: range) -> Both:
    """Return the condition that a whole number lies in a range."""
    return Both((AtLeast(field, values.start), Not(AtLeast(field, values.stop))))


def both(*conditions: Condition) -> Both:
    """Return the condition that all of some hold, each named once."""
    parts = [
        one
        for condition in conditions
        for one in (condition.of if isinstance(condition, Both) else [condition])
    ]
    return Both(tuple(dict.fromkeys(parts)))


def kql(condition: Condition) -> str:
    """Return a condition in the Kibana Query Language; empty for one that always holds."""
    match condition:
        case Is(field, values):
            found = " or ".join(map(_literal, values))
            return f"{field}: {found if len(values) == 1 else f'({found})'}"
        case AtLeast(field, least):
            return f"{field} >= {_literal(least)}"
        case Exists(field):
            return f"{field}: *"
        case Not(of):
            return f"not ({kql(of)})"
        case Both(of):
            return " and ".join(map(_inner, of))
        case Either(of):
            return " or ".join(map(_inner, of))


def query(condition: Condition) -> Json:
    """Return a condition as an Elasticsearch query."""
    match condition:
        case Is(field, values):
            return {"terms": {field: list(values)}}
        case AtLeast(field, least):
            return {"range": {field: {"gte": least}}}
        case Exists(field):
            return {"exists": {"field": field}}
        case Not(of):
            return {"bool": {"must_not": [query(of)]}}
        case Both(of):
            return {"bool": {"filter": [query(part) for part in of]}}
        case Either(of):
            return {"bool": {"should": [query(part) for part in of], "minimum_should_match": 1}}


def fields(condition: Condition) -> frozenset[str]:
    """Return the fields that a condition looks at."""
    match condition:
        case Is(field, _) | AtLeast(field, _) | Exists(field):
            return frozenset({field})
        case Not(of):
            return fields(of)
        case Both(of) | Either(of):
            return frozenset().union(*map(fields, of))


def _inner(condition: Condition) -> str:
    """Return a condition as a part of another one."""
    text = kql(condition)
    return f"({text})" if isinstance(condition, (Both, Either)) and len(condition.of) > 1 else text


def _literal(value: Value) -> str:
    """Return a value as KQL writes it: text in quotes."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return '"' + _QUOTED.sub(r"\\\1", value) + '"'
    return repr(value)
