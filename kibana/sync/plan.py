"""The changes in a Kibana that applying artefacts would make."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from mlmon.kibana.emit.artefact import ARTEFACT_KINDS, Artefact, ArtefactKind, is_owned
from mlmon.kibana.sync.api import DASHBOARDS_API
from mlmon.kibana.sync.differences import differences

SECTIONS = (9, 1)
"""Version from which Kibana draws sections of imported dashboards."""

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from mlmon.kibana.sync.remote_objects import RemoteObjects


class SyncChange(StrEnum):
    """Change of one artefact."""

    CREATE = "create"
    UPDATE = "update"
    KEEP = "keep"
    REFUSE = "refuse"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class SyncStep:
    """One artefact compared with the remote object of its id.

    Args:
        artefact: The artefact.
        change: What applying would do; `refuse` where someone else made what has its id, `delete`
            where nothing compiles it any longer, which only pruning does.
        differences: What would change, a line each.
    """

    artefact: Artefact
    change: SyncChange
    differences: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Its title, for a reader."""
        return named(self.artefact)


def fitting(
    artefacts: Iterable[Artefact],
    version: tuple[int, ...],
    kinds: Sequence[ArtefactKind] = ARTEFACT_KINDS,
) -> list[Artefact]:
    """Return the artefacts that a Kibana takes, each thing in one form only.

    A dashboard goes through the Dashboards API where there is one and it can draw the dashboard
    whole; it knows no Vega.
    """
    everything = [artefact for artefact in artefacts if artefact.kind in kinds]
    imported = {artefact.id for artefact in everything if _is_drawn_by_vega(artefact)}
    by_api = {
        artefact.id
        for artefact in everything
        if artefact.kind == "dashboard" and artefact.id not in imported
    }
    if version < DASHBOARDS_API:
        by_api = set()
    return [
        _for_version(artefact, version)
        for artefact in everything
        if (artefact.kind != "dashboard" or artefact.id in by_api)
        and not (artefact.body.get("type") == "dashboard" and artefact.id in by_api)
    ]


def _for_version(artefact: Artefact, version: tuple[int, ...]) -> Artefact:
    if artefact.newer is None or version < SECTIONS:
        return artefact
    return replace(artefact, body=artefact.newer, newer=None)


def plan(
    artefacts: Iterable[Artefact],
    remote: Mapping[ArtefactKind, RemoteObjects],
    progress: Callable[[str], None],
) -> list[SyncStep]:
    """Compare each artefact with what is there, changing nothing."""
    steps = []
    for artefact in artefacts:
        progress(f"comparing {named(artefact)}")
        steps.append(_step(artefact, remote[artefact.kind]))
    return steps


def named(artefact: Artefact) -> str:
    """Return what an artefact is called in a message: `dashboard mlmon-default-overview`."""
    return f"{artefact.body.get('type', artefact.kind)} {artefact.id}"


def _step(artefact: Artefact, of: RemoteObjects) -> SyncStep:
    there = of.read(artefact)
    if there is None:
        return SyncStep(artefact, SyncChange.CREATE)
    if not is_owned(artefact.kind, there):
        return SyncStep(artefact, SyncChange.REFUSE, (f"made by someone else: {_title(there)!r}",))
    found = tuple(differences(of.wanted(artefact), there))
    return SyncStep(artefact, SyncChange.UPDATE if found else SyncChange.KEEP, found)


def _title(there: Mapping[str, object]) -> str:
    inside = there.get("attributes", there)
    if not isinstance(inside, dict):
        return ""
    return str(inside.get("title") or inside.get("name") or "")


def _is_drawn_by_vega(artefact: Artefact) -> bool:
    """Whether an artefact is a dashboard, as a saved object, with a picture of Vega on it."""
    if artefact.body.get("type") != "dashboard" or artefact.kind != "saved-object":
        return False
    panels = json.loads(artefact.body["attributes"]["panelsJSON"])
    found = (panel["embeddableConfig"].get("savedVis", {}).get("type") for panel in panels)
    return "vega" in found
