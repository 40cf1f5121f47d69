"""Damaged state documents are set aside and made again; one of them stops nothing for good."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from mlmon.analyzers.base.window import HOUR, MINUTE
from mlmon.analyzers.labels.arrivals import Arrivals, Known
from mlmon.analyzers.run.cycle.runner import Runner
from mlmon.analyzers.run.cycle.state import Bookmark, BookmarkStore, Lease
from mlmon.elastic.client.cluster import Cluster
from mlmon.elastic.client.documents import Document
from mlmon.elastic.errors import DiskFullError
from mlmon.elastic.indices.names import BOOKMARK, STATE, index_name

Events = list[dict[str, Any]]
DAMAGED: list[tuple[str, dict[str, Any]]] = [
    ("lease", {}),
    ("lease", {"lease.until": 17, "lease.holder": "there:2"}),
    (BOOKMARK, {"cycle.judged": 17, "cycle.seen": 1, "cycle.baselines": "3"}),
    ("labels", {"labels.read": [["event.ingested", "x"]], "labels.slots": 4}),
]


@pytest.mark.parametrize(("ident", "source"), DAMAGED)
def test_a_cycle_runs_over_damaged_state(
    cluster: Cluster,
    namespace: str,
    runs_of: Callable[..., Events],
    start: datetime,
    ship: Callable[..., None],
    ident: str,
    source: dict[str, Any],
) -> None:
    """The cycle runs and judges, reports what it set aside, and the next one reports nothing."""
    ship(runs_of("refresh", [(float(hour), True, 30.0) for hour in range(5)]))
    index, now = index_name(STATE, namespace), start + 5 * HOUR
    cluster.put([Document(index, ident, source)])
    cluster.refresh(index)
    lines: list[str] = []
    runner = Runner(cluster, namespace, "here:1", lambda: now, lines.append)
    cycle = runner.once()
    assert cycle is not None
    assert cycle.failures == {}
    assert cycle.findings > 0
    kept = cluster.get(index, f"damaged {ident}")
    assert kept is not None
    assert json.loads(kept["damaged.document"]) == source
    assert any(f"{ident!r} was damaged" in line for line in lines)
    lines.clear()
    later = Runner(cluster, namespace, "here:2", lambda: now + MINUTE, lines.append)
    assert later.once() is not None
    assert not any("was damaged" in line for line in lines)


def test_what_is_made_again_can_be_read(cluster: Cluster, namespace: str, start: datetime) -> None:
    """Each kind of state document is written over the damaged one."""
    index = index_name(STATE, namespace)
    for ident in ("lease", BOOKMARK, "labels"):
        cluster.put([Document(index, ident, {"labels.read": 1})])
    cluster.refresh(index)
    arrivals, bookmarks = Arrivals(cluster, namespace), BookmarkStore(cluster, namespace)
    assert Lease(cluster, namespace, "here:1").take(start) is None
    assert (arrivals.read(start), bookmarks.read(start)) == (Known(), None)
    arrivals.write(Known(), start)
    bookmarks.write(Bookmark(start, start, start), start)
    other = Lease(cluster, namespace, "here:2")
    assert other.take(start) is not None
    arrivals.note = bookmarks.note = ""
    assert arrivals.read(start) == Known()
    assert bookmarks.read(start) == Bookmark(start, start, start)
    assert (other.note, arrivals.note, bookmarks.note) == ("", "", "")


def test_a_full_disk_is_named_by_run(cluster: Cluster, namespace: str, start: datetime) -> None:
    """A state index at flood stage: the error says that a disk is full, not to run setup."""
    index = index_name(STATE, namespace)
    lease = Lease(cluster, namespace, "here:1")
    assert lease.take(start) is None
    block = "index.blocks.read_only_allow_delete"
    cluster._client.indices.put_settings(index=index, settings={block: True})
    try:
        with pytest.raises(DiskFullError, match="disk is too full") as caught:
            lease.renew(start + MINUTE)
        assert "Free space" in caught.value.hint
    finally:
        cluster._client.indices.put_settings(index=index, settings={block: None})
