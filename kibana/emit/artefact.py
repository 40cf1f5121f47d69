"""An object for Kibana or Elasticsearch, and how it names mlmon as its owner."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Mapping


ArtefactKind = Literal["data-view", "saved-object", "dashboard", "connector", "rule", "watch"]
"""What the body is:

- `data-view`: the body of `POST /api/data_views/data_view`.
- `saved-object`: one line of an import, `{"type", "id", "attributes", "references", …}`.
- `dashboard`: the body of `PUT /api/dashboards/{id}` (9.5 and newer); the same dashboard is also
  there as a saved object of this id, for every version.
- `connector`: the body of `POST /api/actions/connector/{id}`; the id is a UUID. It holds no secret.
- `rule`: the body of `POST /api/alerting/rule/{id}`.
- `watch`: the body of `PUT _watcher/watch/{id}`, sent to Elasticsearch.
"""
ARTEFACT_KINDS: tuple[ArtefactKind, ...] = get_args(ArtefactKind)
"""The kinds, each before those that may name its ids."""


@dataclass(frozen=True, slots=True)
class Artefact:
    """One object for Kibana or Elasticsearch.

    Args:
        kind: What the body is.
        id: The same on every export, so that applying it again replaces it.
        body: JSON, without secrets.
        newer: The body for Kibana 9.1 and newer, where that is another one.
    """

    kind: ArtefactKind
    id: str
    body: Mapping[str, Any]
    newer: Mapping[str, Any] | None = None


OWNER: Final = "mlmon"
OWNERSHIP_NOTE: Final = "Made by mlmon: `mlmon kibana apply` replaces changes made here."
"""Ends the description of a dashboard or search."""


def is_owned_artefact(artefact: Artefact) -> bool:
    """Whether an artefact names mlmon as its owner."""
    return is_owned(artefact.kind, artefact.body)


def is_owned(kind: ArtefactKind, body: Mapping[str, Any]) -> bool:
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
