"""What a shipper reports of the files it ships."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmon.analyzers.base.window import iso
from mlmon.elastic.indices.names import SHIPPING
from mlmon.ingest.state.counts import LineCounts, RunCounts
from mlmon.ingest.state.health import FileHealth, Health, documents

if TYPE_CHECKING:
    from datetime import datetime


def reports(
    at: datetime, *files: tuple[str, int, int, float], shipper: str = "one"
) -> list[dict[str, Any]]:
    """Return what a shipper reports of files: path, lines read, bytes and seconds behind."""
    health = Health(
        at,
        shipper,
        1,
        running=True,
        waiting_for="",
        counts=RunCounts(),
        files=[
            FileHealth(path, LineCounts(read=read, stored=read), lag, behind)
            for path, read, lag, behind in files
        ],
    )
    found = documents(health, SHIPPING)
    return [
        of | {"@timestamp": iso(of["@timestamp"]), "event.id": f"{shipper}-{at}-{number}"}
        for number, of in enumerate(found)
    ]
