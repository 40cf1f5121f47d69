"""Remote objects: how each kind of artefact is read, compared, written and deleted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

from mlmon.kibana.emit.saved_objects import index_pattern

if TYPE_CHECKING:
    from mlmon.elastic.client.cluster import Cluster
    from mlmon.kibana.emit.artefact import Artefact, ArtefactKind
    from mlmon.kibana.sync.api import Kibana

Json = Mapping[str, Any]


class RemoteObjects(Protocol):
    """One kind of object in one Kibana space, or in Elasticsearch."""

    def read(self, artefact: Artefact) -> Json | None:
        """Return the object of an artefact's id; None where there is none."""

    def wanted(self, artefact: Artefact) -> Json:
        """Return the wanted object, as far as it is compared."""

    def write(self, artefact: Artefact, *, new: bool) -> None:
        """Create or replace one."""

    def delete(self, artefact: Artefact) -> bool:
        """Delete one; return whether it was there."""


@dataclass(frozen=True, slots=True)
class SavedObjects:
    """Data views, searches and dashboards, which are imported together."""

    kibana: Kibana

    def read(self, artefact: Artefact) -> Json | None:
        """Read one by an export."""
        line = as_line(artefact)
        found = self.kibana.saved_object(line["type"], line["id"])
        return None if found is None else _compared(found)

    def wanted(self, artefact: Artefact) -> Json:
        """Return its type, attributes and references: what an import sets."""
        return _compared(as_line(artefact))

    def write(self, artefact: Artefact, *, new: bool) -> None:
        """Import one alone."""
        del new
        self.write_all([artefact])

    def write_all(self, artefacts: Sequence[Artefact]) -> list[str]:
        """Import some; return what Kibana refused of them, with its reason."""
        result = self.kibana.import_objects([as_line(artefact) for artefact in artefacts])
        refused = [
            f"{entry['type']} {entry['id']} ({entry['error'].get('type', entry['error'])})"
            for entry in result.get("errors", [])
        ]
        moved = [
            f"{entry['type']} {entry['id']} (the id belongs to another space; Kibana chose another)"
            for entry in result.get("successResults", [])
            if entry.get("destinationId", entry["id"]) != entry["id"]
        ]
        return refused + moved

    def delete(self, artefact: Artefact) -> bool:
        """Delete one."""
        line = as_line(artefact)
        return self.kibana.delete(f"/api/saved_objects/{line['type']}/{_quoted(line['id'])}")


@dataclass(frozen=True, slots=True)
class Resources:
    """RemoteObjects that one of Kibana's APIs keeps under a path of their own.

    Args:
        kibana: Where.
        path: The path before the id.
        inside: Where in an answer the thing itself lies; empty for the answer.
        creates: Whether creating needs a POST; else a PUT does both.
        created_only: Keys Kibana takes only when a thing is created.
    """

    kibana: Kibana
    path: str
    inside: str = ""
    creates: bool = True
    created_only: frozenset[str] = frozenset()

    def read(self, artefact: Artefact) -> Json | None:
        """Return what the cluster has of it, None without."""
        found = self.kibana.get(self._at(artefact))
        return found[self.inside] if found is not None and self.inside else found

    def wanted(self, artefact: Artefact) -> Json:
        """Return the body without what can no longer be changed."""
        return {key: value for key, value in artefact.body.items() if key not in self.created_only}

    def write(self, artefact: Artefact, *, new: bool) -> None:
        """Create or replace one."""
        if new and self.creates:
            self.kibana.post(self._at(artefact), artefact.body)
        else:
            self.kibana.put(self._at(artefact), self.wanted(artefact))

    def delete(self, artefact: Artefact) -> bool:
        """Delete one."""
        return self.kibana.delete(self._at(artefact))

    def _at(self, artefact: Artefact) -> str:
        return f"{self.path}/{_quoted(artefact.id)}"


@dataclass(frozen=True, slots=True)
class Watches:
    """Watches, which live in Elasticsearch."""

    cluster: Cluster

    def read(self, artefact: Artefact) -> Json | None:
        """Return what the cluster has of it, None without."""
        return self.cluster.get_watch(artefact.id)

    def wanted(self, artefact: Artefact) -> Json:
        """Return the body."""
        return artefact.body

    def write(self, artefact: Artefact, *, new: bool) -> None:
        """Put one."""
        del new
        self.cluster.put_watch(artefact.id, dict(artefact.body))

    def delete(self, artefact: Artefact) -> bool:
        """Delete one."""
        return self.cluster.delete_watch(artefact.id)


def remote_objects(kibana: Kibana, cluster: Cluster | None) -> Mapping[ArtefactKind, RemoteObjects]:
    """Return the remote objects of each kind; watches only where a cluster is given."""
    objects = SavedObjects(kibana)
    found: dict[ArtefactKind, RemoteObjects] = {
        "data-view": objects,
        "saved-object": objects,
        "dashboard": Resources(kibana, "/api/dashboards", inside="data", creates=False),
        # Who has taken a connector's type or switched a rule off keeps it so.
        "connector": Resources(
            kibana, "/api/actions/connector", created_only=frozenset({"connector_type_id"})
        ),
        "rule": Resources(
            kibana,
            "/api/alerting/rule",
            created_only=frozenset({"rule_type_id", "consumer", "enabled"}),
        ),
    }
    return found if cluster is None else found | {"watch": Watches(cluster)}


def as_line(artefact: Artefact) -> Json:
    """Return a saved object or a data view as a line of an import."""
    if artefact.kind == "data-view":
        return index_pattern(dict(artefact.body))
    return artefact.body


def _compared(line: Json) -> Json:
    """Return the part of a saved object that an import sets, references in order of name."""
    order = sorted(
        line["references"], key=lambda reference: (str(reference["name"]), str(reference["id"]))
    )
    references = [{key: reference[key] for key in ("name", "type", "id")} for reference in order]
    return {"type": line["type"], "attributes": line["attributes"], "references": references}


def _quoted(id_: str) -> str:
    return quote(id_, safe="")
