"""Profiles in Elasticsearch, one document per profile key and revision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmon.analyzers.base.profile_key import ProfileKey, SourceWatermark, Stamp
from mlmon.analyzers.base.window import Window, iso, parse_time
from mlmon.analyzers.event_logs.aggregations import windows_with
from mlmon.analyzers.profiles.kind import P, ProfileKind, StoredProfile, kinds
from mlmon.analyzers.profiles.last_windows import (
    CountedVersion,
    Last,
    last_windows,
    read_last_windows,
)
from mlmon.analyzers.profiles.quantities import merge
from mlmon.elastic.client.cluster import PAGE_HITS
from mlmon.elastic.client.documents import Document
from mlmon.elastic.errors import UserError
from mlmon.elastic.indices.names import PROFILES, all_months, month_index

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from mlmon.analyzers.base.profile_key import Profile
    from mlmon.analyzers.baselines.baseline import Baseline
    from mlmon.elastic.client.cluster import Cluster
    from mlmon.elastic.client.documents import WriteResult

PROFILE_FORMAT = 6
"""Profiles of another format are passed over and made again while their events are there."""

PROFILES_PER_PAGE = 100
"""Whole profiles are fetched so many at once: a page of a megabyte or two."""

_STAMP = [
    "event.start",
    "event.end",
    "profile.kind",
    "profile.series",
    "profile.count",
    "profile.ingested",
    "profile.revision",
]


class ProfileStore:
    """The profiles of one namespace."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._indices = all_months(PROFILES, namespace)

    def write(self, profiles: Iterable[Profile], created: datetime) -> WriteResult:
        """Store profiles; one of the same profile key and revision is replaced."""
        return self._cluster.put(self._document(profile, created) for profile in profiles)

    def refresh(self) -> None:
        """Make what was stored visible."""
        self._cluster.refresh(self._indices)

    def stamps(self, kind: str, period: Window) -> dict[ProfileKey, Stamp]:
        """Return the newest stamp of each profile key in a period, without the profiles."""
        return {_profile_key(hit): _stamp(hit) for hit in self._latest(kind, period, _STAMP)}

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

        Raises:
            UserError: A profile is broken.
        """
        fields = [*_STAMP, *(f"profile.body.{name}" for name in core)] if core else None
        read = (_read(kind, hit, baselines) for hit in self.stored(kind.name, period, fields))
        found = [profile for profile in read if profile is not None]
        return sorted(
            found, key=lambda profile: (profile.profile_key.window, profile.profile_key.series)
        )

    def stored(
        self, kind: str, period: Window, fields: list[str] | None = None
    ) -> Iterator[StoredProfile]:
        """Yield what is stored of the latest revisions in a period, in order of time.

        Memory stays flat: documents are fetched while others are used.

        Args:
            kind: Name of the kind.
            period: Time of the windows.
            fields: The fields to fetch; all by default.
        """
        for document in self._latest(kind, period, fields):
            yield StoredProfile(
                _profile_key(document), _stamp(document), document.get("profile.body", {})
            )

    def changed(self, kind: ProfileKind[Any], since: datetime, until: datetime) -> list[Window]:
        """Return the windows whose profiles were made after a moment and not after another."""
        made = {"range": {"event.created": {"gt": iso(since), "lte": iso(until)}}}
        terms = {"profile.kind": kind.name, "profile.format": PROFILE_FORMAT}
        filters = [made, *({"term": {name: value}} for name, value in terms.items())]
        query = {"bool": {"filter": filters}}
        return windows_with(
            lambda body: self._cluster.search(self._indices, body),
            query,
            "event.start",
            kind.step,
        )

    def last(self, kind: str, period: Window) -> dict[CountedVersion, Last]:
        """Return the last window in a period of each model version over each baseline.

        One aggregation: profiles themselves are not fetched.
        """
        answer = self._cluster.search(self._indices, last_windows(_query(kind, period)))
        return read_last_windows(answer)

    def _latest(
        self, kind: str, period: Window, fields: list[str] | None
    ) -> Iterator[dict[str, Any]]:
        """Yield the documents of the latest revisions, in order of their windows' starts."""
        start, seen = "", set[ProfileKey]()
        for document in self._scan(kind, period, fields):
            if document["event.start"] != start:
                start, seen = document["event.start"], set()
            profile_key = _profile_key(document)
            if profile_key not in seen:
                seen.add(profile_key)
                yield document

    def _scan(
        self, kind: str, period: Window, fields: list[str] | None
    ) -> Iterator[dict[str, Any]]:
        """Yield every revision, by the start of its window, the latest of a profile key first."""
        body = {
            "query": _query(kind, period),
            "sort": [{"event.start": "asc"}, {"profile.revision": "desc"}],
            "_source": fields or True,
            "size": PAGE_HITS if fields else PROFILES_PER_PAGE,
        }
        windows = round((period.end - period.start) / kinds()[kind].step)
        for hit in self._cluster.scan(self._indices, body, expected=windows):
            yield hit["_source"]

    def _document(self, profile: Profile, created: datetime) -> Document:
        profile_key, watermark = profile.profile_key, profile.watermark
        kind = kinds()[profile_key.kind]
        source: dict[str, Any] = {
            "@timestamp": iso(profile_key.window.end),
            "event.start": iso(profile_key.window.start),
            "event.end": iso(profile_key.window.end),
            "event.created": iso(created),
            "profile.dataset": kind.dataset,
            "profile.kind": profile_key.kind,
            "profile.series": list(profile_key.series),
            "profile.format": PROFILE_FORMAT,
            "profile.revision": profile.revision,
            "profile.count": watermark.documents,
            "profile.ingested": iso(watermark.ingested) if watermark.ingested else None,
            "profile.body": profile.body(),
            **kind.described(profile_key),
        }
        index = month_index(PROFILES, self._namespace, profile_key.window.end)
        return Document(index, profile_key.id(profile.revision), source)


def merge_stored(
    kind: ProfileKind[P], stored: Iterable[StoredProfile], baselines: Mapping[str, Baseline]
) -> list[P]:
    """Return the merge of each series, in the memory of `PROFILES_PER_PAGE` profiles of each.

    Args:
        kind: The kind of all of them.
        stored: Profiles in order of time; those over a baseline that is not given are left out.
        baselines: Baselines by id.
    """
    merged: dict[tuple[str, ...], P] = {}
    waiting: dict[tuple[str, ...], list[StoredProfile]] = {}

    def take(series: tuple[str, ...]) -> None:
        profile = kind.read_merge(waiting.pop(series), baselines)
        if profile is not None:
            merged[series] = merge([merged[series], profile]) if series in merged else profile

    for part in stored:
        series = part.profile_key.series
        waiting.setdefault(series, []).append(part)
        if len(waiting[series]) == PROFILES_PER_PAGE:
            take(series)
    for series in list(waiting):
        take(series)
    return list(merged.values())


def _query(kind: str, period: Window) -> dict[str, Any]:
    bounds = {"gte": iso(period.start), "lt": iso(period.end)}
    terms = {"profile.kind": kind, "profile.format": PROFILE_FORMAT}
    exact = [{"term": {name: value}} for name, value in terms.items()]
    return {"bool": {"filter": [*exact, {"range": {"event.start": bounds}}]}}


def _read(
    kind: ProfileKind[P], stored: StoredProfile, baselines: Mapping[str, Baseline]
) -> P | None:
    profile_key, stamp = stored.profile_key, stored.stamp
    try:
        return kind.read(profile_key, stamp.watermark, stamp.revision, stored.body, baselines)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"profile {profile_key.id(stamp.revision)} of "
            f"{iso(profile_key.window.start)} is broken, delete it "
            f"({type(error).__name__}: {error})",
            "It is a document of mlmon-profiles-*, and made again while its logs are there.",
        ) from error


def _profile_key(document: Mapping[str, Any]) -> ProfileKey:
    window = Window(parse_time(document["event.start"]), parse_time(document["event.end"]))
    return ProfileKey(document["profile.kind"], window, tuple(document["profile.series"]))


def _stamp(document: Mapping[str, Any]) -> Stamp:
    # A profile without its watermark is made again.
    ingested, documents = document.get("profile.ingested"), document.get("profile.count")
    known = SourceWatermark(documents or 0, parse_time(ingested) if ingested else None)
    return Stamp(known, document["profile.revision"])
