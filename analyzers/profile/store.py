"""Profiles in Elasticsearch, one document per slot and revision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analyzers.profile.kind import P, ProfileKind, kinds
from analyzers.profile.slot import Knowledge, Slot, Stamp
from analyzers.window import Window, iso, parse_time
from elastic.cluster import PAGE
from elastic.documents import Document

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from analyzers.baseline.baseline import Baseline
    from analyzers.profile.slot import Profile
    from elastic.cluster import Cluster
    from elastic.documents import Written

FORMAT = 2
"""Profiles of another format are passed over and made again while their events are there."""

AT_ONCE = 250
"""Whole profiles are fetched and added so many at once: a page of a megabyte or two."""

_STAMP = [
    "event.start",
    "event.end",
    "profile.kind",
    "profile.series",
    "profile.count",
    "profile.ingested",
    "profile.revision",
    "profile.format",
]


class ProfileStore:
    """The profiles of one namespace."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster = cluster
        self._prefix = f"mlmon-profiles-{namespace}"

    def write(self, profiles: Iterable[Profile], created: datetime) -> Written:
        """Store profiles; one of the same slot and revision is replaced."""
        return self._cluster.put(self._document(each, created) for each in profiles)

    def refresh(self) -> None:
        """Make what was stored visible."""
        self._cluster.refresh(f"{self._prefix}-*")

    def stamps(self, kind: str, period: Window) -> dict[Slot, Stamp]:
        """Return the latest revision of each slot in a period, without the profiles themselves."""
        latest: dict[Slot, Stamp] = {}
        for document in self._scan(kind, period, _STAMP):
            slot, stamp = _slot(document), _stamp(document)
            if slot not in latest or latest[slot].revision < stamp.revision:
                latest[slot] = stamp
        return latest

    def read(
        self,
        kind: ProfileKind[P],
        period: Window,
        baselines: Mapping[str, Baseline],
        core: Sequence[str] = (),
    ) -> list[P]:
        """Return the latest profiles of a kind in a period, in order of time.

        Args:
            kind: The kind.
            period: Time of the windows.
            baselines: All baselines by id; a profile over one that is gone cannot be read.
            core: The parts of them to read; all by default.
        """
        latest: dict[Slot, P] = {}
        for each in self._profiles(kind, period, baselines, core):
            if each.slot not in latest or latest[each.slot].revision < each.revision:
                latest[each.slot] = each
        return sorted(latest.values(), key=lambda each: (each.slot.window, each.slot.series))

    def totals(
        self,
        kind: ProfileKind[P],
        period: Window,
        baselines: Mapping[str, Baseline],
        total: Callable[[Iterable[P]], P],
    ) -> list[P]:
        """Return the sum of each series over a period, in the memory of a few profiles.

        Args:
            kind: The kind.
            period: Time of the windows.
            baselines: As in `read`.
            total: Returns the sum of profiles of one series.
        """
        latest = {slot: stamp.revision for slot, stamp in self.stamps(kind.name, period).items()}
        sums: dict[tuple[str, ...], list[P]] = {}
        for each in self._profiles(kind, period, baselines):
            if latest.get(each.slot) == each.revision:
                parts = sums.setdefault(each.slot.series, [])
                parts.append(each)
                if len(parts) == AT_ONCE:
                    parts[:] = [total(parts)]
        return [total(parts) for parts in sums.values()]

    def _profiles(
        self,
        kind: ProfileKind[P],
        period: Window,
        baselines: Mapping[str, Baseline],
        core: Sequence[str] = (),
    ) -> Iterator[P]:
        """Yield every revision of the profiles in a period that can be read, in no order."""
        fields = [*_STAMP, *(f"profile.body.{name}" for name in core)] if core else None
        for document in self._scan(kind.name, period, fields):
            stamp = _stamp(document)
            body = document["profile.body"]
            slot = _slot(document)
            profile = kind.read(slot, stamp.knowledge, stamp.revision, body, baselines)
            if profile is not None:
                yield profile

    def _scan(
        self, kind: str, period: Window, fields: list[str] | None
    ) -> Iterator[dict[str, Any]]:
        bounds = {"gte": iso(period.start), "lt": iso(period.end)}
        filters = [{"term": {"profile.kind": kind}}, {"range": {"event.start": bounds}}]
        query = {"bool": {"filter": filters}}
        body = {"query": query, "_source": fields or True, "size": PAGE if fields else AT_ONCE}
        for hit in self._cluster.scan(f"{self._prefix}-*", body):
            document = hit["_source"]
            if document["profile.format"] == FORMAT:
                yield document

    def _document(self, profile: Profile, created: datetime) -> Document:
        slot, knowledge = profile.slot, profile.knowledge
        kind = kinds()[slot.kind]
        source: dict[str, Any] = {
            "@timestamp": iso(slot.window.end),
            "event.start": iso(slot.window.start),
            "event.end": iso(slot.window.end),
            "event.created": iso(created),
            "profile.dataset": kind.dataset,
            "profile.kind": slot.kind,
            "profile.series": list(slot.series),
            "profile.format": FORMAT,
            "profile.revision": profile.revision,
            "profile.count": knowledge.documents,
            "profile.ingested": iso(knowledge.ingested) if knowledge.ingested else None,
            "profile.body": profile.body(),
            **kind.described(slot),
        }
        index = f"{self._prefix}-{slot.window.end:%Y.%m}"
        return Document(index, slot.id(profile.revision), source)


def _slot(document: Mapping[str, Any]) -> Slot:
    window = Window(parse_time(document["event.start"]), parse_time(document["event.end"]))
    return Slot(document["profile.kind"], window, tuple(document["profile.series"]))


def _stamp(document: Mapping[str, Any]) -> Stamp:
    ingested = document["profile.ingested"]
    known = Knowledge(document["profile.count"], parse_time(ingested) if ingested else None)
    return Stamp(known, document["profile.revision"])
