"""Remote objects that mlmon made and no longer compiles, such as a removed analyzer's rule.

Looked for among dashboards, searches, data views and rules; of our connectors there are always the
same, and watches cannot be listed where Watcher is not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlmon.kibana.emit.artefact import OWNER, Artefact, is_owned_artefact
from mlmon.kibana.sync.api import DASHBOARDS_API

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mlmon.dashboards.links.target import LinkTarget
    from mlmon.elastic.json_object import Json
    from mlmon.kibana.sync.api import Kibana

TYPES = ("dashboard", "search", "index-pattern")


def stale(
    kibana: Kibana, version: tuple[int, ...], target: LinkTarget, compiled: Iterable[Artefact]
) -> list[Artefact]:
    """Return mlmon's objects with an id of this target that are not compiled; dashboards first.

    Args:
        kibana: The space that is searched.
        version: Kibana's.
        target: Namespace and space whose ids are ours to delete.
        compiled: Everything that belongs there, also what `--alerting` leaves out.
    """
    known = {artefact.id for artefact in compiled}
    begin = target.id("")
    return [
        artefact
        for artefact in _there(kibana, version)
        if artefact.id.startswith(begin)
        # A data view may be shared with other spaces; the rest of its id then begins with its own.
        and (artefact.kind == "rule" or "-" not in artefact.id.removeprefix(begin))
        and artefact.id not in known
        and is_owned_artefact(artefact)
    ]


def _there(kibana: Kibana, version: tuple[int, ...]) -> Iterator[Artefact]:
    found: dict[str, list[Json]] = {kind: [] for kind in TYPES}
    for line in kibana.saved_objects(TYPES):
        found[line["type"]].append(line)
    for kind, lines in found.items():
        for line in lines:
            if kind == "dashboard" and version >= DASHBOARDS_API:
                yield Artefact("dashboard", line["id"], line["attributes"])
            else:
                yield Artefact("saved-object", line["id"], line)
    for rule in kibana.rules(OWNER):
        yield Artefact("rule", rule["id"], rule)
