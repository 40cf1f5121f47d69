"""The cluster's facts about an index: its age, its size, its owner."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from mlmon.elastic.json_object import Json

SETTINGS_FILTER = "*.settings.index.creation_date,*.settings.index.lifecycle.name"
STATS = "indices.*.primaries.docs.count,indices.*.primaries.store.size_in_bytes"
MARK = {"managed_by": "mlmon"}


@dataclass(frozen=True, slots=True)
class IndexFacts:
    """One index.

    Args:
        name: Its name.
        created: When it was created, UTC.
        documents: Documents it holds.
        size: Bytes its primary shards take.
        policy: The lifecycle policy that manages it, None where none does.
        ours: Whether a template of mlmon's made it.
    """

    name: str
    created: datetime
    documents: int
    size: int
    policy: str | None
    ours: bool


def read_facts(settings: Json, stats: Json, metas: dict[str, Json]) -> Iterator[IndexFacts]:
    """Yield the indices that both settings and statistics name, from three answers."""
    counted = stats.get("indices", {})
    for name, found in sorted(settings.items()):
        if name not in counted:
            continue
        primaries = counted[name]["primaries"]
        yield IndexFacts(
            name=name,
            created=datetime.fromtimestamp(int(found["creation_date"]) / 1000, UTC),
            documents=primaries["docs"]["count"],
            size=primaries["store"]["size_in_bytes"],
            policy=found.get("lifecycle", {}).get("name"),
            ours=metas.get(name, {}).items() >= MARK.items(),
        )
