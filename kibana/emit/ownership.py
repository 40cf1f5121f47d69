"""Who made a thing: the mark that mlmon leaves in what it makes, and touches nothing without."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlmon.kibana.emit.artefact import Artefact, Kind

MARK: Final = "mlmon"
SENTENCE: Final = "Made by mlmon: `mlmon kibana apply` replaces changes made here."
"""Ends the description of a dashboard or search."""


def is_ours(artefact: Artefact) -> bool:
    """Whether an artefact says that mlmon made it."""
    return is_marked(artefact.kind, artefact.body)


def is_marked(kind: Kind, body: Mapping[str, Any]) -> bool:
    """Whether a body, ours or Kibana's, says that mlmon made it.

    A rule says so in its tags, a connector and a data view in their names, a watch in its metadata,
    and a dashboard or search by the last sentence of its description.
    """
    if kind == "rule":
        return MARK in (body.get("tags") or [])
    if kind == "watch":
        return bool((body.get("metadata") or {}).get("managed_by") == MARK)
    inside = body.get("attributes") or body.get("data_view") or body
    if kind in {"connector", "data-view"} or body.get("type") == "index-pattern":
        return str(inside.get("name", "")).startswith(f"{MARK} ")
    return str(inside.get("description", "")).endswith(SENTENCE)
