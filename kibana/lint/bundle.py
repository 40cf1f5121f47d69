"""Shared by all rules of the lint: a problem, the ids that exist, and the mapped fields."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from typing import TYPE_CHECKING, Any

from mlmon.elastic.indices.templates import templates

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mlmon.kibana.emit.artefact import Artefact


@dataclass(frozen=True, slots=True)
class Bundle:
    """Artefacts that belong together.

    Args:
        ids: Every (type, id) that a reference may name.
        patterns: The index pattern of each data view, by its id.
    """

    ids: frozenset[tuple[str, str]]
    patterns: Mapping[str, str]

    def has_field(self, data_view: str, field: str) -> bool:
        """Whether the index templates behind a data view map a field."""
        return is_mapped(self.patterns[data_view], field)


def read(artefacts: Iterable[Artefact], connectors: Iterable[str] = ()) -> Bundle:
    """Read what may be named, connectors that are there already among it."""
    everything = list(artefacts)
    views = [artefact for artefact in everything if artefact.kind == "data-view"]
    ids = {("index-pattern", view.id) for view in views}
    ids |= {(str(artefact.body.get("type", artefact.kind)), artefact.id) for artefact in everything}
    ids |= {("connector", connector) for connector in connectors}
    return Bundle(frozenset(ids), {view.id: str(view.body["data_view"]["title"]) for view in views})


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
