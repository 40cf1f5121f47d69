"""Ownership: mlmon names itself in each object it makes, and changes no other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlmon.kibana.emit.artefact import Artefact, Kind

OWNER: Final = "mlmon"
OWNERSHIP_NOTE: Final = "Made by mlmon: `mlmon kibana apply` replaces changes made here."
"""Ends the description of a dashboard or search."""


def is_owned_artefact(artefact: Artefact) -> bool:
    """Whether an artefact names mlmon as its owner."""
    return is_owned(artefact.kind, artefact.body)


def is_owned(kind: Kind, body: Mapping[str, Any]) -> bool:
    """Whether a body, ours or Kibana's, names mlmon as its owner.

    A rule does so in its tags, a connector and a data view in their names, a watch in its metadata,
    and a dashboard or search by the last sentence of its description.
    """
    if kind == "rule":
        return OWNER in (body.get("tags") or [])
    if kind == "watch":
        return bool((body.get("metadata") or {}).get("managed_by") == OWNER)
    inside = body.get("attributes") or body.get("data_view") or body
    if kind in {"connector", "data-view"} or body.get("type") == "index-pattern":
        return str(inside.get("name", "")).startswith(f"{OWNER} ")
    return str(inside.get("description", "")).endswith(OWNERSHIP_NOTE)
