"""Profiles in Elasticsearch, one document per slot and revision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from analyzers.profile import access, jobs, predictions
from analyzers.profile.slot import Knowledge, Slot, Stamp
from analyzers.window import Window, iso, parse_time
from elastic.documents import Document

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from analyzers.baseline.baseline import Baseline
    from elastic.cluster import Cluster
    from elastic.documents import Written

FORMAT = 1
"""Profiles of another format are passed over and made again while their events are there."""

_DATASETS = {
    predictions.KIND: predictions.DATASET,
    access.KIND: access.DATASET,
    jobs.KIND: jobs.DATASET,
}
_STAMP = [
    "event.start",
    "event.end",
    "ml.model.name",
    "ml.model.version",
    "profile.baseline_id",
    "profile.kind",
    "profile.count",
    "profile.ingested",
    "profile.revision",
]


class Profile(Protocol):
    """What every kind of profile has."""

    @property
    def slot(self) -> Slot:
        """What it is of."""
        ...

    @property
    def knowledge(self) -> Knowledge:
        """What it was made from."""
        ...

    @property
    def revision(self) -> int:
        """1, and one more each time it was made again."""
        ...

    def body(self) -> dict[str, Any]:
        """What is stored beside slot and knowledge."""
        ...


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
        stamps: dict[Slot, Stamp] = {}
        for document in self._scan(kind, period, _STAMP):
            slot, stamp = _slot(document), _stamp(document)
            if slot not in stamps or stamps[slot].revision < stamp.revision:
                stamps[slot] = stamp
        return stamps

    def predictions(
        self, period: Window, baselines: Mapping[str, Baseline]
    ) -> list[predictions.PredictionProfile]:
        """Return the latest prediction profiles of a period in order of time.

        Args:
            period: Time of the windows.
            baselines: All baselines by id; a profile over one that is gone cannot be read.
        """
        return [
            predictions.from_body(
                slot, stamp.knowledge, stamp.revision, body, baselines.get(slot.series[2])
            )
            for slot, stamp, body in self._latest(predictions.KIND, period)
            if not slot.series[2] or slot.series[2] in baselines
        ]

    def accesses(self, period: Window) -> list[access.AccessProfile]:
        """Return the latest access profiles of a period in order of time."""
        return [
            access.from_body(slot, stamp.knowledge, stamp.revision, body)
            for slot, stamp, body in self._latest(access.KIND, period)
        ]

    def jobs(self, period: Window) -> list[jobs.JobProfile]:
        """Return the latest job profiles of a period in order of time."""
        return [
            jobs.from_body(slot, stamp.knowledge, stamp.revision, body)
            for slot, stamp, body in self._latest(jobs.KIND, period)
        ]

    def _latest(self, kind: str, period: Window) -> list[tuple[Slot, Stamp, dict[str, Any]]]:
        latest: dict[Slot, tuple[Slot, Stamp, dict[str, Any]]] = {}
        for document in self._scan(kind, period):
            slot, stamp = _slot(document), _stamp(document)
            if slot not in latest or latest[slot][1].revision < stamp.revision:
                latest[slot] = (slot, stamp, document["profile.body"])
        return sorted(latest.values(), key=lambda each: (each[0].window, each[0].series))

    def _scan(
        self, kind: str, period: Window, fields: list[str] | None = None
    ) -> Iterator[dict[str, Any]]:
        bounds = {"gte": iso(period.start), "lt": iso(period.end)}
        filters = [{"term": {"profile.kind": kind}}, {"range": {"event.start": bounds}}]
        wanted = [*fields, "profile.format"] if fields else True
        body = {"query": {"bool": {"filter": filters}}, "_source": wanted}
        for hit in self._cluster.scan(f"{self._prefix}-*", body):
            document = hit["_source"]
            if document["profile.format"] == FORMAT:
                yield document

    def _document(self, profile: Profile, created: datetime) -> Document:
        slot, knowledge = profile.slot, profile.knowledge
        source: dict[str, Any] = {
            "@timestamp": iso(slot.window.end),
            "event.start": iso(slot.window.start),
            "event.end": iso(slot.window.end),
            "event.created": iso(created),
            "profile.dataset": _DATASETS[slot.kind],
            "profile.kind": slot.kind,
            "profile.format": FORMAT,
            "profile.revision": profile.revision,
            "profile.count": knowledge.documents,
            "profile.ingested": iso(knowledge.ingested) if knowledge.ingested else None,
            "profile.body": profile.body(),
        }
        if slot.series:
            name, version, baseline = slot.series
            source |= {"ml.model.name": name, "ml.model.version": version}
            source["profile.baseline_id"] = baseline
        index = f"{self._prefix}-{slot.window.end:%Y.%m}"
        return Document(index, slot.id(profile.revision), source)


def _slot(document: Mapping[str, Any]) -> Slot:
    window = Window(parse_time(document["event.start"]), parse_time(document["event.end"]))
    if "ml.model.name" not in document:
        return Slot(document["profile.kind"], window)
    names = ("ml.model.name", "ml.model.version", "profile.baseline_id")
    return Slot(document["profile.kind"], window, tuple(document[name] for name in names))


def _stamp(document: Mapping[str, Any]) -> Stamp:
    ingested = document["profile.ingested"]
    known = Knowledge(document["profile.count"], parse_time(ingested) if ingested else None)
    return Stamp(known, document["profile.revision"])
