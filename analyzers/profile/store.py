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

AT_ONCE = 100
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
        return {_slot(each): _stamp(each) for each in self._latest(kind, period, _STAMP)}

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
        found = self._profiles(kind, period, baselines, core)
        return sorted(found, key=lambda each: (each.slot.window, each.slot.series))

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
        sums: dict[tuple[str, ...], list[P]] = {}
        for each in self._profiles(kind, period, baselines):
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
        """Yield the latest profiles that can be read."""
        fields = [*_STAMP, *(f"profile.body.{name}" for name in core)] if core else None
        for document in self._latest(kind.name, period, fields):
            slot, stamp, body = _slot(document), _stamp(document), document["profile.body"]
            profile = kind.read(slot, stamp.knowledge, stamp.revision, body, baselines)
            if profile is not None:
                yield profile

    def _latest(
        self, kind: str, period: Window, fields: list[str] | None
    ) -> Iterator[dict[str, Any]]:
        """Yield the documents of the latest revisions, in order of their windows' starts."""
        start, seen = "", set[Slot]()
        for document in self._scan(kind, period, fields):
            if document["event.start"] != start:
                start, seen = document["event.start"], set()
            slot = _slot(document)
            if slot not in seen:
                seen.add(slot)
                yield document

    def _scan(
        self, kind: str, period: Window, fields: list[str] | None
    ) -> Iterator[dict[str, Any]]:
        """Yield every revision, by the start of its window, the latest of a slot first."""
        bounds = {"gte": iso(period.start), "lt": iso(period.end)}
        filters = [{"term": {"profile.kind": kind}}, {"range": {"event.start": bounds}}]
        body = {
            "query": {"bool": {"filter": filters}},
            "sort": [{"event.start": "asc"}, {"profile.revision": "desc"}],
            "_source": fields or True,
            "size": PAGE if fields else AT_ONCE,
        }
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
