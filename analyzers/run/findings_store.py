"""Findings in Elasticsearch: what is already known is written once, what is new as a revision."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from mlmon.analyzers.base.finding import Finding, Severity
from mlmon.analyzers.base.window import Window, from_milliseconds, iso, parse_time
from mlmon.elastic.client.documents import Document
from mlmon.elastic.errors import WrongValueError
from mlmon.elastic.indices.names import FINDINGS, all_months, month_index

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from datetime import datetime

    from mlmon.elastic.client.cluster import Cluster

FINDINGS_PER_WRITE = 2_000
_STORED = [
    "finding.id",
    "finding.revision",
    "finding.latest",
    "finding.content_digest",
    "event.created",
]


@dataclass(frozen=True, slots=True)
class WrittenFindings:
    """Numbers of findings that were new, revised, or unchanged."""

    created: int = 0
    revised: int = 0
    unchanged: int = 0

    def __add__(self, more: WrittenFindings) -> WrittenFindings:
        return WrittenFindings(
            self.created + more.created,
            self.revised + more.revised,
            self.unchanged + more.unchanged,
        )

    @property
    def total(self) -> int:
        """All findings given."""
        return self.created + self.revised + self.unchanged


@dataclass(frozen=True, slots=True)
class StoredFinding:
    """One stored revision of a finding, without the finding itself."""

    index: str
    id: str
    key: str
    revision: int
    latest: bool
    content_digest: str
    created: datetime


@dataclass(frozen=True, slots=True)
class FindingsPlan:
    """What has to be written so that the latest revisions hold what is known now.

    Args:
        write: New revisions.
        supersede: Revisions that are no longer the latest, and since when.
        written: How many of each sort.
    """

    write: tuple[Finding, ...] = ()
    supersede: tuple[tuple[StoredFinding, datetime], ...] = ()
    written: WrittenFindings = WrittenFindings()


def plan(
    findings: Mapping[str, Finding], stored: Iterable[StoredFinding], created: datetime
) -> FindingsPlan:
    """Decide what to write of findings by their keys. Pure.

    Only the newest revision of a key may be the latest: a run that was killed between two requests
    may have left two, which the next run fixes, dating the end of each by the one that followed. A
    finding that was withdrawn and holds again is a new revision, so that it is known when it did
    not hold.
    """
    revisions: dict[str, list[StoredFinding]] = {}
    for revision in stored:
        revisions.setdefault(revision.key, []).append(revision)
    write: list[Finding] = []
    supersede: list[tuple[StoredFinding, datetime]] = []
    written = WrittenFindings()
    for key, finding in findings.items():
        known = sorted(revisions.get(key, ()), key=lambda revision: revision.revision)
        newest = known[-1] if known else None
        if newest is None:
            write.append(finding.revised(1, created))
            written += WrittenFindings(created=1)
        elif newest.content_digest == finding.content_digest and newest.latest:
            written += WrittenFindings(unchanged=1)
        else:
            write.append(finding.revised(newest.revision + 1, created))
            written += WrittenFindings(revised=1)
            supersede += [(newest, created)] if newest.latest else []
        supersede += [
            (revision, following.created)
            for revision, following in itertools.pairwise(known)
            if revision.latest
        ]
    return FindingsPlan(tuple(write), tuple(supersede), written)


class FindingStore:
    """The findings of one namespace."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster = cluster
        self._namespace = namespace

    @property
    def pattern(self) -> str:
        """The indices of all months."""
        return all_months(FINDINGS, self._namespace)

    def write(self, findings: Iterable[Finding], created: datetime) -> WrittenFindings:
        """Store findings of different keys; the same again ends in the same documents.

        Args:
            findings: What was found.
            created: When it was found.
        """
        written, iterator = WrittenFindings(), iter(findings)
        while batch := list(islice(iterator, FINDINGS_PER_WRITE)):
            written += sum(self.write_batch(batch, created).values(), WrittenFindings())
        return written

    def write_batch(
        self, findings: Iterable[Finding], created: datetime, keys: set[str] | None = None
    ) -> dict[str, WrittenFindings]:
        """Store findings of different keys in one request; return what was written by analyzer.

        Args:
            findings: What was found, `FINDINGS_PER_WRITE` at most.
            created: When it was found.
            keys: The findings' keys are added to it.
        """
        found: dict[str, dict[str, Finding]] = {}
        for finding in findings:
            found.setdefault(finding.analyzer, {})[finding.key] = finding
        # A run that was killed may have left what no search finds yet.
        self._cluster.refresh(self.pattern)
        stored = self._revisions(key for by_key in found.values() for key in by_key)
        plans = {analyzer: plan(by_key, stored, created) for analyzer, by_key in found.items()}
        self._cluster.put(
            self._document(finding) for decided in plans.values() for finding in decided.write
        )
        superseded = [revision for decided in plans.values() for revision in decided.supersede]
        self._supersede(superseded)
        if superseded or any(decided.write for decided in plans.values()):
            self._cluster.refresh(self.pattern)
        if keys is not None:
            keys.update(*found.values())
        return {analyzer: decided.written for analyzer, decided in plans.items()}

    def withdraw(
        self, analyzers: Collection[str], period: Window, keep: Collection[str], now: datetime
    ) -> int:
        """Take the mark `latest` from findings that the present knowledge no longer yields.

        Args:
            analyzers: Whose findings.
            period: Those whose window ends in (start, end].
            keep: Keys of the findings that they yield.
            now: The present time.
        """
        filters: list[dict[str, Any]] = [
            {"terms": {"finding.analyzer": [*analyzers]}},
            {"term": {"finding.latest": True}},
            {"range": {"event.end": {"gt": iso(period.start), "lte": iso(period.end)}}},
        ]
        if not keep:
            # Nothing was written, so nothing made visible what a run that was killed has left.
            self._cluster.refresh(self.pattern)
        gone = [revision for revision in self._stored(filters) if revision.key not in keep]
        self._supersede((revision, now) for revision in gone)
        if gone:
            self._cluster.refresh(self.pattern)
        return len(gone)

    def search(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        severity: Severity | None = None,
        analyzer: str | None = None,
        metric: str | None = None,
        series: Collection[str] | None = None,
        as_of: datetime | None = None,
    ) -> Iterator[Finding]:
        """Yield the latest findings in order of their window's end.

        Args:
            since: Windows that end after it.
            until: Windows that end at it or before.
            severity: Of exactly this severity or, for `warning`, also worse.
            analyzer: Of this analyzer.
            metric: Of this metric.
            series: Of one of these series.
            as_of: What was known, and the latest, at that moment; by default what is known now.
        """
        filters = _known(as_of)
        if since is not None:
            filters.append({"range": {"event.end": {"gt": iso(since)}}})
        if until is not None:
            filters.append({"range": {"event.end": {"lte": iso(until)}}})
        if severity is not None:
            filters.append({"terms": {"finding.severity": _or_worse(severity)}})
        if series is not None:
            filters.append({"terms": {"finding.series": [*series]}})
        named = {"finding.analyzer": analyzer, "finding.metric": metric}
        filters += [{"term": {name: value}} for name, value in named.items() if value]
        body = {
            "query": {"bool": {"filter": filters}},
            "sort": [{"event.end": "asc"}, {"finding.id": "asc"}],
        }
        for hit in self._cluster.scan(self.pattern, body):
            yield replace(Finding.from_document(hit["_source"]), latest=True)

    def check_known_at(self, moment: datetime) -> None:
        """Refuse a moment before the first finding was made.

        Raises:
            WrongValueError: There are findings, and none was known then.
        """
        earliest = self.first_created()
        if earliest is not None and earliest > moment:
            raise WrongValueError(
                f"Nothing was known at {iso(moment)}: the first finding was made at "
                f"{iso(earliest)}",
                "--as-of is when mlmon judged; the time it judged is --since and --until.",
            )

    def first_created(self) -> datetime | None:
        """Return when the first finding was stored, None without findings."""
        body = {"size": 0, "aggs": {"first": {"min": {"field": "event.created"}}}}
        answer = self._cluster.search(self.pattern, body).get("aggregations", {})
        first = answer.get("first", {}).get("value")
        return None if first is None else from_milliseconds(first)

    def _revisions(self, keys: Iterable[str]) -> list[StoredFinding]:
        filters: list[dict[str, Any]] = [{"terms": {"finding.id": [*keys]}}]
        return list(self._stored(filters))

    def _stored(self, filters: list[dict[str, Any]]) -> Iterator[StoredFinding]:
        body = {
            "query": {"bool": {"filter": filters}},
            "size": 1_000,
            "_source": _STORED,
        }
        for hit in self._cluster.scan(self.pattern, body):
            source = hit["_source"]
            yield StoredFinding(
                hit["_index"],
                hit["_id"],
                source["finding.id"],
                source["finding.revision"],
                source["finding.latest"],
                source["finding.content_digest"],
                parse_time(source["event.created"]),
            )

    def _document(self, finding: Finding) -> Document:
        index = month_index(FINDINGS, self._namespace, finding.end)
        return Document(index, finding.id, finding.to_document())

    def _supersede(self, stored: Iterable[tuple[StoredFinding, datetime]]) -> None:
        self._cluster.put(
            Document(
                revision.index,
                revision.id,
                {"finding.latest": False, "finding.superseded": iso(since)},
                part=True,
            )
            for revision, since in stored
        )


def _known(as_of: datetime | None) -> list[dict[str, Any]]:
    """Return the filters for the revisions that were the latest at a moment."""
    if as_of is None:
        return [{"term": {"finding.latest": True}}]
    later = {"range": {"finding.superseded": {"gt": iso(as_of)}}}
    never = {"term": {"finding.latest": True}}
    return [
        {"range": {"event.created": {"lte": iso(as_of)}}},
        {"bool": {"should": [never, later], "minimum_should_match": 1}},
    ]


def _or_worse(severity: Severity) -> list[str]:
    if severity is Severity.WARNING:
        return [Severity.WARNING, Severity.CRITICAL]
    return [severity]
