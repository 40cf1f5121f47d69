"""Lint: what Kibana would refuse, or would open broken, found without a Kibana.

The published schemas see the form of a body; these rules see what holds it together: ids that
resolve, panels inside the grid, columns that exist, fields that the index templates have, and
what Kibana checks only when a rule is saved.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlmon.kibana.emit.artefact import Artefact, is_owned_artefact
from mlmon.kibana.lint.bundle import Bundle, HasField, Problem, among, read
from mlmon.kibana.lint.dashboard_bodies import dashboard_problems
from mlmon.kibana.lint.declarations import declaration_problems
from mlmon.kibana.lint.rules import connector_problems, rule_problems, watch_problems
from mlmon.kibana.lint.saved_objects import saved_object_problems

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_RULES = {
    "saved-object": saved_object_problems,
    "dashboard": dashboard_problems,
    "rule": rule_problems,
    "connector": connector_problems,
    "watch": watch_problems,
}


def lint(
    artefacts: Iterable[Artefact], connectors: Iterable[str] = (), has: HasField | None = None
) -> list[Problem]:
    """Return what is wrong with some artefacts that belong together.

    Args:
        artefacts: All of them.
        connectors: Ids of connectors that someone else made.
        has: Whether a field exists; by default, whether an index template maps it.
    """
    everything = list(artefacts)
    bundle = read(everything, connectors, has)
    return [*_twice(everything), *_problems(everything, bundle)]


def _problems(everything: list[Artefact], bundle: Bundle) -> Iterator[Problem]:
    newer = [
        Artefact(artefact.kind, artefact.id, artefact.newer)
        for artefact in everything
        if artefact.newer is not None
    ]
    for artefact in everything + newer:
        if not is_owned_artefact(artefact):
            yield Problem(artefact, "", "does not name mlmon as its owner")
        rule = _RULES.get(artefact.kind)
        if rule is not None:
            yield from rule(artefact, bundle)


def _twice(everything: list[Artefact]) -> Iterator[Problem]:
    seen: set[tuple[str, str, str]] = set()
    for artefact in everything:
        # A dashboard is there in both of its forms.
        key = (artefact.kind, str(artefact.body.get("type", "")), artefact.id)
        if key in seen:
            yield Problem(artefact, "/id", "is there twice")
        seen.add(key)


__all__ = ["Problem", "among", "declaration_problems", "lint"]
