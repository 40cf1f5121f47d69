"""Shared by all rules of the lint: a problem, the ids that exist, and the fields that exist.

Fields are those of the index templates, or, asked of a cluster, those of the indices there. A new
cluster after `mlmon setup` must have every field, or Kibana opens panels that say it has not.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from mlmon.elastic.indices.templates import templates

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mlmon.kibana.emit.artefact import Artefact

HasField = Callable[[str, str], bool]
"""Whether what an index pattern matches has a field, by the pattern and the field's name."""
_QUOTED: Final = re.compile(r'"(?:[^"\\]|\\.)*"')
_KQL_FIELD: Final = re.compile(r"([\w.@]+)\s*(?::|>=)")
_BY_FIELD: Final = frozenset({"term", "terms", "range", "match", "exists"})


@dataclass(frozen=True, slots=True)
class Bundle:
    """Artefacts that belong together.

    Args:
        ids: Every (type, id) that a reference may name.
        patterns: The index pattern of each data view, by its id.
        has: Whether a field exists.
    """

    ids: frozenset[tuple[str, str]]
    patterns: Mapping[str, str]
    has: HasField

    def missing(self, data_view: str, fields: Iterable[str]) -> Iterator[str]:
        """Yield a message for each field that what is behind a data view has not."""
        yield from self.missing_in(self.patterns[data_view], fields)

    def missing_in(self, pattern: str, fields: Iterable[str]) -> Iterator[str]:
        """Yield a message for each field that an index pattern has not."""
        for field in sorted(set(fields)):
            if not self.has(pattern, field):
                yield f"{field} is no field of {pattern}"


def read(
    artefacts: Iterable[Artefact], connectors: Iterable[str] = (), has: HasField | None = None
) -> Bundle:
    """Read what may be named, connectors that are there already among it."""
    everything = list(artefacts)
    views = [artefact for artefact in everything if artefact.kind == "data-view"]
    ids = {("index-pattern", view.id) for view in views}
    ids |= {(str(artefact.body.get("type", artefact.kind)), artefact.id) for artefact in everything}
    ids |= {("connector", connector) for connector in connectors}
    patterns = {view.id: str(view.body["data_view"]["title"]) for view in views}
    return Bundle(frozenset(ids), patterns, has or is_mapped)


def among(field_names: Callable[[str], set[str]]) -> HasField:
    """Return whether a field is among a pattern's, each pattern of which is asked for once.

    Args:
        field_names: Returns the fields of an index pattern, as `Cluster.field_names` does.
    """
    names = cache(field_names)
    return lambda pattern, field: field in names(pattern)


def panels_of(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the panels of a Dashboards API body, those inside sections too."""
    return [panel for entry in body["panels"] for panel in entry.get("panels", [entry])]


def kql_fields(text: str) -> list[str]:
    """Return the fields that a KQL condition of ours names."""
    return _KQL_FIELD.findall(_QUOTED.sub('""', text))


def search_fields(body: Any) -> Iterator[str]:
    """Yield every field that a search body names."""
    if isinstance(body, dict):
        for key, value in body.items():
            if key == "field" and isinstance(value, str):
                yield value
            elif key in _BY_FIELD and isinstance(value, dict) and "field" not in value:
                yield from value
            elif key == "sort" and isinstance(value, list):
                yield from (field for order in value for field in order)
            else:
                yield from search_fields(value)
    elif isinstance(body, list):
        for member in body:
            yield from search_fields(member)


def is_mapped(pattern: str, field: str) -> bool:
    """Whether a template of an index pattern maps a field, so that it can be searched by."""
    return any(_maps(mapping, field) for mapping in _mappings(pattern.partition("*")[0]))


@cache
def _mappings(stem: str) -> tuple[dict[str, Any], ...]:
    """Return the mappings of the templates that an index pattern's fixed part belongs to."""
    found = ((template.pattern.partition("*")[0], template) for template in templates())
    return tuple(
        template.body["template"]["mappings"]
        for own, template in found
        if own.startswith(stem) or stem.startswith(own)
    )


def _maps(mapping: Mapping[str, Any], field: str) -> bool:
    declared = mapping["properties"].get(field)
    if declared is not None:
        return _is_searchable(declared)
    families = [rule for entry in mapping.get("dynamic_templates", []) for rule in entry.values()]
    return any(
        fnmatchcase(field, rule["path_match"])
        for rule in families
        if _is_searchable(rule["mapping"])
    )


def _is_searchable(field: Mapping[str, Any]) -> bool:
    """Return whether a field has an index, or doc values, which answer searches too."""
    return bool(field.get("index", True) or field.get("doc_values", True))


@dataclass(frozen=True, slots=True)
class Problem:
    """A finding of the lint.

    Args:
        artefact: What it is wrong with.
        path: Where in its body.
        message: What is wrong.
    """

    artefact: Artefact
    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.artefact.kind} {self.artefact.id}{self.path}: {self.message}"
