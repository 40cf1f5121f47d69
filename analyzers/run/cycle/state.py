"""What is kept between cycles, in Elasticsearch: how far was judged, and who is at it.

One cycle runs at a time, even where `mlmon run` was started twice or on two machines. Who runs
holds a lease: a document that only one can write, by optimistic concurrency control
(https://www.elastic.co/docs/reference/elasticsearch/rest-apis/optimistic-concurrency-control), and
that lapses when its holder stops renewing it, at once where that was a process of this host which
has ended. A holder that was away for longer than its lease, and
finds it taken, ends. Both writing at once would do no harm: they write the same documents.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import orjson

from mlmon.analyzers.base.window import EPOCH, iso, parse_time
from mlmon.analyzers.run.cycle.holder import has_ended
from mlmon.elastic.client.damaged_state import DAMAGE, set_aside
from mlmon.elastic.client.documents import Document, disk_full
from mlmon.elastic.errors import UserError
from mlmon.elastic.indices.names import BOOKMARK, STATE, index_name

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from mlmon.elastic.client.cluster import Cluster

LEASE = timedelta(minutes=10)
_LEASE_ID = "lease"
_TAKEN = 409


@dataclass(frozen=True, slots=True)
class Bookmark:
    """How far the last cycle came.

    Args:
        judged: Windows that end up to here were judged.
        seen: Events that were ingested up to here were seen.
        swept: When all windows within reach were last searched for new events.
        baselines: The baselines there were, as a digest.
        owed: From when on analyzers that failed have to judge again, by name.
    """

    judged: datetime
    seen: datetime
    swept: datetime
    baselines: str = ""
    owed: Mapping[str, datetime] = field(default_factory=dict)


class BookmarkStore:
    """The bookmark of one namespace."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster = cluster
        self._index = index_name(STATE, namespace)
        self.note = ""
        """What was damaged and set aside, in a sentence."""

    def read(self, now: datetime | None = None) -> Bookmark | None:
        """Return the last cycle's, None before the first.

        One that is damaged counts as none: what it stood for is judged again, a day back, and all
        that lies before is searched for new events.

        Args:
            now: The present time, by the one who writes the next bookmark: a damaged one is set
                aside, and `note` says so.
        """
        known = self._cluster.get(self._index, BOOKMARK)
        if known is None:
            return None
        try:
            return Bookmark(
                parse_time(known["cycle.judged"]),
                parse_time(known["cycle.seen"]),
                parse_time(known["cycle.swept"]),
                known["cycle.baselines"],
                {name: parse_time(since) for name, since in known.get("cycle.owed", ())},
            )
        except DAMAGE as error:
            if now is not None:
                self.note = set_aside(self._cluster, self._index, BOOKMARK, known, error, now)
            return None

    def write(self, bookmark: Bookmark, now: datetime) -> None:
        """Store it in place of the one before."""
        source = {
            "@timestamp": iso(now),
            "cycle.judged": iso(bookmark.judged),
            "cycle.seen": iso(bookmark.seen),
            "cycle.swept": iso(bookmark.swept),
            "cycle.baselines": bookmark.baselines,
            "cycle.owed": [[name, iso(since)] for name, since in bookmark.owed.items()],
        }
        self._cluster.put([Document(self._index, BOOKMARK, source)])


@dataclass(frozen=True, slots=True)
class Held:
    """A lease as it is written: whose, until when, and the version to replace."""

    holder: str
    until: datetime
    version: dict[str, int]


class Lease:
    """The right to run a cycle in one namespace.

    Args:
        cluster: Where it is kept.
        namespace: Environment.
        holder: Who asks, different for each process.
    """

    def __init__(self, cluster: Cluster, namespace: str, holder: str) -> None:
        self._cluster = cluster
        self._index = index_name(STATE, namespace)
        self._holder = holder
        self.note = ""
        """What was damaged and set aside, in a sentence."""

    def take(self, now: datetime) -> Held | None:
        """Take or renew it; return None if it is this process's now, else who holds it."""
        self._cluster.refresh(self._index)
        present = self._present(now)
        held = present and present.holder != self._holder and present.until > now
        if present and held and not has_ended(present.holder):
            return present
        return None if self._write(now + LEASE, present) else self._present(now)

    def renew(self, now: datetime) -> None:
        """Hold it for longer.

        Raises:
            UserError: Another process has taken it meanwhile.
        """
        if (other := self.take(now)) is not None:
            raise UserError(
                f"Another `mlmon run` has taken over ({other.holder})",
                "This one was away for longer than its lease; leave the other one running.",
            )

    def release(self, now: datetime) -> None:
        """Let the next one in at once."""
        self._cluster.refresh(self._index)
        present = self._present(now)
        if present and present.holder == self._holder:
            self._write(now, present)

    def _present(self, now: datetime) -> Held | None:
        """Return the lease there is; one that is damaged has lapsed, and is replaced."""
        body = {"query": {"ids": {"values": [_LEASE_ID]}}, "seq_no_primary_term": True}
        hits = self._cluster.search(self._index, body)["hits"]["hits"]
        if not hits:
            return None
        source, hit = hits[0]["_source"], hits[0]
        version = {"if_seq_no": hit["_seq_no"], "if_primary_term": hit["_primary_term"]}
        try:
            return Held(str(source["lease.holder"]), parse_time(source["lease.until"]), version)
        except DAMAGE as error:
            self.note = set_aside(self._cluster, self._index, _LEASE_ID, source, error, now)
            return Held("", EPOCH, version)

    def _write(self, until: datetime, present: Held | None) -> bool:
        """Write it unless another has written since; return whether it was written."""
        place: dict[str, Any] = {"_index": self._index, "_id": _LEASE_ID}
        action = {"index": place | present.version} if present else {"create": place}
        source = {
            "@timestamp": iso(until),
            "lease.holder": self._holder,
            "lease.until": iso(until),
        }
        lines = (orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE) for line in (action, source))
        (item,) = self._cluster.bulk(b"".join(lines))["items"]
        result = next(iter(item.values()))
        self._cluster.refresh(self._index)
        if "error" not in result:
            return True
        if result["status"] == _TAKEN:
            return False
        reason = str(result["error"].get("reason"))
        if (full := disk_full(reason, result["status"])) is not None:
            raise full
        raise UserError(
            f"The lease of `mlmon run` cannot be written: {reason}",
            "Run `mlmon setup` and check that the user may write mlmon-*.",
        )
