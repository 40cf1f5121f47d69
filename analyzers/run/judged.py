"""What was judged recently and what could not be, so that a calm display is not misread.

Terminal and pages ask for it when they are looked at. Kibana and other dashboards cannot ask for
the last finding of each series, so the counts are stored whenever findings were written.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlmon.analyzers.base.digest import digest
from mlmon.analyzers.base.finding import Severity
from mlmon.analyzers.base.unjudged import Unjudged, UnjudgedChecks
from mlmon.analyzers.base.window import DAY, EPOCH, HOUR, floor, from_milliseconds, iso, parse_time
from mlmon.elastic.client.documents import Document
from mlmon.elastic.indices.names import (
    BOOKMARK,
    FINDINGS,
    JUDGED,
    STATE,
    all_logs,
    all_months,
    index_name,
)
from mlmon.formatting import about_when, count, duration, moment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from mlmon.elastic.client.cluster import Cluster

LATELY = 2 * DAY
"""A series without a finding for so long is not counted: a model version that was replaced."""
STALE = HOUR
"""Time without a new finding after which the time of the last one is shown."""
BEHIND = 2 * HOUR
"""Longer than any window without a full day: judged no later, time is missing, not calm."""
_PAGE = 1_000
_MORE = "`mlmon findings --severity unknown` says more"


@dataclass(frozen=True, slots=True)
class JudgedSeries:
    """The last verdict of each series that had one lately.

    Args:
        series: How many series there are.
        unjudged: Those of them that could not be judged, by cause.
        last: When anything was judged last, or a cycle looked and found nothing new; None where
            nothing ever was.
        services: (series, series without a verdict) by service and environment, where known.
        begin: When the first events came; None without any.
        severities: How many series have which severity.
        until: End of the newest window judged.
    """

    series: int
    unjudged: UnjudgedChecks
    last: datetime | None
    services: dict[tuple[str | None, str | None], tuple[int, int]] = field(default_factory=dict)
    begin: datetime | None = None
    severities: dict[Severity, int] = field(default_factory=dict)
    until: datetime | None = None

    def sentence(self, now: datetime) -> str:
        """Return one line: how many checks, how many without a verdict and why, how old it is."""
        if self.last is None or not self.series:
            return self._nothing(now)
        without = self.unjudged.total
        line = f"{count(self.series, 'check')} judged"
        if without:
            line = f"{self.unjudged.sentence(self.series, now)} ({_MORE})"
        if without == self.series and (due := self.unjudged.due(now)):
            line += f"; the first verdict is due about {about_when(due, now)}"
        if now - self.last > STALE:
            ago = duration(now - self.last)
            return f"{line}; last judged {moment(self.last)}, {ago} ago: is `mlmon run` running?"
        if self.until is not None and self.last - self.until > BEHIND:
            line = f"{line}; judged up to {moment(self.until)}: nothing after it could be judged"
        return f"{line}; last judged {moment(self.last)}."

    @property
    def any(self) -> bool:
        """Whether anything was judged: where it is not, no incident is no all-clear."""
        return self.last is not None and self.series > 0

    def _nothing(self, now: datetime) -> str:
        if self.begin is None:
            return "Nothing has been judged yet: run `mlmon analyze` or `mlmon run`."
        due = floor(self.begin, HOUR) + HOUR
        if due <= now:
            return (
                f"Nothing has been judged yet, though there are logs since {moment(self.begin)}: "
                "run `mlmon analyze` or `mlmon run`."
            )
        return (
            "Nothing has been judged yet: the first verdict is due about "
            f"{about_when(due, now)}, when the first window is over and `mlmon run` runs."
        )


def judged(cluster: Cluster, namespace: str) -> JudgedSeries:
    """Return what was judged lately, by the last finding of each series."""
    pattern = all_months(FINDINGS, namespace)
    newest = cluster.search(
        pattern,
        {
            "size": 0,
            "aggs": {
                "end": {"max": {"field": "event.end"}},
                "created": {"max": {"field": "event.created"}},
            },
        },
    ).get("aggregations", {})
    end, created = (newest.get(name, {}).get("value_as_string") for name in ("end", "created"))
    begin = _begin(cluster, namespace)
    if end is None or created is None:
        return JudgedSeries(0, UnjudgedChecks(), None, begin=begin)
    since = parse_time(end) - LATELY
    unjudged = UnjudgedChecks(begin)
    services: dict[tuple[str | None, str | None], tuple[int, int]] = defaultdict(lambda: (0, 0))
    severities = dict.fromkeys(Severity, 0)
    for finding in _last_findings(cluster, pattern, since):
        severities[Severity(finding["finding.severity"])] += 1
        undecided = finding["finding.severity"] == Severity.UNKNOWN
        if undecided:
            unjudged.add(_unjudged(finding))
        service = finding.get("service.name"), finding.get("service.environment")
        series, without = services[service]
        services[service] = series + 1, without + undecided
    number = sum(series for series, _ in services.values())
    last = max(parse_time(created), _last_cycle(cluster, namespace) or EPOCH)
    until = parse_time(end)
    return JudgedSeries(number, unjudged, last, dict(services), begin, severities, until)


def anything_judged(cluster: Cluster, namespace: str) -> bool:
    """Return whether there is any finding: without one, no incident is no all-clear."""
    body = {"size": 0, "track_total_hits": 1, "terminate_after": 1}
    found = cluster.search(all_months(FINDINGS, namespace), body)
    return bool(found["hits"]["total"]["value"])


def _unjudged(finding: Mapping[str, Any]) -> Unjudged:
    length = parse_time(finding["event.end"]) - parse_time(finding["event.start"])
    return Unjudged(
        finding["finding.analyzer"],
        finding["finding.reason"],
        length,
        finding.get("finding.sample.count"),
    )


def _begin(cluster: Cluster, namespace: str) -> datetime | None:
    """Return when the first line of a service was written; mlmon's own do not count."""
    body = {
        "size": 1,
        "track_total_hits": False,
        "query": {"bool": {"must_not": [{"term": {"service.name": "mlmon"}}]}},
        "sort": [{"@timestamp": {"order": "asc", "format": "epoch_millis"}}],
        "_source": False,
    }
    hits = cluster.search(all_logs(namespace), body)["hits"]["hits"]
    return from_milliseconds(float(hits[0]["sort"][0])) if hits else None


def _last_cycle(cluster: Cluster, namespace: str) -> datetime | None:
    """Return when a cycle last looked: one that finds nothing new writes no finding."""
    bookmark = cluster.get(index_name(STATE, namespace), BOOKMARK) or {}
    try:
        return parse_time(bookmark["@timestamp"])
    except (KeyError, TypeError, ValueError):
        return None


def store_judged(cluster: Cluster, namespace: str, now: datetime) -> JudgedSeries:
    """Store what is judged now, and return it: a document for each service and environment.

    The sentence of all of them is stored, too: `mlmon doctor` shows it.

    A service without a verdict of late keeps its document, with zeros.
    """
    index = index_name(STATE, namespace)
    found = judged(cluster, namespace)
    if found.last is None:
        return found
    stored = cluster.scan(index, {"query": {"exists": {"field": "judged.last"}}})
    known = (
        (hit["_source"].get("service.name"), hit["_source"].get("service.environment"))
        for hit in stored
    )
    counts = dict.fromkeys(known, (0, 0)) | found.services
    documents = []
    for (service, environment), (series, without) in counts.items():
        source = {
            "@timestamp": iso(now),
            "service.name": service,
            "service.environment": environment,
            "judged.checks": series,
            "judged.unknown": without,
            "judged.last": iso(found.last),
        }
        named = {name: value for name, value in source.items() if value is not None}
        documents.append(Document(index, f"judged {digest((service, environment))}", named))
    summary = {"@timestamp": iso(now), "judged.summary": found.sentence(now)}
    cluster.put([*documents, Document(index, JUDGED, summary)])
    cluster.refresh(index)
    return found


def _last_findings(cluster: Cluster, pattern: str, since: datetime) -> Iterator[dict[str, Any]]:
    """Yield the last finding of each series, the fields that are counted."""
    filters = [
        {"term": {"finding.latest": True}},
        {"range": {"event.end": {"gt": iso(since)}}},
    ]
    last = {
        "size": 1,
        "sort": [{"event.end": "desc"}],
        "_source": [
            "finding.severity",
            "finding.analyzer",
            "finding.reason",
            "finding.sample.count",
            "event.start",
            "event.end",
            "service.name",
            "service.environment",
        ],
    }
    after: dict[str, Any] = {}
    while True:
        by = {"sources": [{"series": {"terms": {"field": "finding.series"}}}], "size": _PAGE}
        body = {
            "size": 0,
            "query": {"bool": {"filter": filters}},
            "aggs": {"by": {"composite": by | after, "aggs": {"last": {"top_hits": last}}}},
        }
        answer = cluster.search(pattern, body).get("aggregations", {}).get("by", {})
        for bucket in answer.get("buckets", ()):
            (hit,) = bucket["last"]["hits"]["hits"]
            yield hit["_source"]
        if "after_key" not in answer:
            return
        after = {"after": answer["after_key"]}
