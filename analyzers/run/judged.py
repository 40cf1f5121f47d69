"""What was judged recently and what could not be, so that a calm display is not misread.

Terminal and pages ask for it when they are looked at. Kibana and other dashboards cannot ask for
the last finding of each series, so the counts are stored whenever findings were written.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlmon.analyzers.base.digest import digest
from mlmon.analyzers.base.finding import Severity
from mlmon.analyzers.base.window import DAY, iso, parse_time
from mlmon.elastic.client.documents import Document
from mlmon.elastic.indices.names import FINDINGS, STATE, all_months, index_name
from mlmon.formatting import count, duration, moment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from mlmon.elastic.client.cluster import Cluster

LATELY = 2 * DAY
"""A series without a finding for so long is not counted: a model version that was replaced."""
STALE = DAY / 24
"""Time without a new finding after which the time of the last one is shown."""
_PAGE = 1_000
_MOST_NAMED = 4


@dataclass(frozen=True, slots=True)
class JudgedSeries:
    """The last verdict of each series that had one lately.

    Args:
        series: How many series there are.
        unknown: How many of them could not be judged, by analyzer.
        last: When anything was judged last; None where nothing ever was.
        services: (series, series without a verdict) by service and environment, where known.
    """

    series: int
    unknown: Counter[str]
    last: datetime | None
    services: dict[tuple[str | None, str | None], tuple[int, int]] = field(default_factory=dict)

    def sentence(self, now: datetime) -> str:
        """Return one line: how many checks, how many without a verdict, how old all that is."""
        if self.last is None:
            return "Nothing has been judged yet: run `mlmon analyze` or `mlmon run`."
        parts = [f"{count(self.series, 'check')} judged"]
        if without := self.unknown.total():
            named = ", ".join(
                f"{analyzer} {number}" for analyzer, number in self.unknown.most_common(_MOST_NAMED)
            )
            more = " and others" if len(self.unknown) > _MOST_NAMED else ""
            parts.append(
                f"{without:,} of them without a verdict ({named}{more}; "
                "`mlmon findings --severity unknown` shows why)"
            )
        line = ", ".join(parts)
        if now - self.last > STALE:
            ago = duration(now - self.last)
            return f"{line}; last judged {moment(self.last)}, {ago} ago: is `mlmon run` running?"
        return f"{line}; last judged {moment(self.last)}."


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
    if end is None or created is None:
        return JudgedSeries(0, Counter(), None)
    since = parse_time(end) - LATELY
    unknown: Counter[str] = Counter()
    services: dict[tuple[str | None, str | None], tuple[int, int]] = defaultdict(lambda: (0, 0))
    for finding in _last_findings(cluster, pattern, since):
        undecided = finding["finding.severity"] == Severity.UNKNOWN
        if undecided:
            unknown[finding["finding.analyzer"]] += 1
        service = finding.get("service.name"), finding.get("service.environment")
        series, without = services[service]
        services[service] = series + 1, without + undecided
    number = sum(series for series, _ in services.values())
    return JudgedSeries(number, unknown, parse_time(created), dict(services))


def store_judged(cluster: Cluster, namespace: str, now: datetime) -> None:
    """Store what is judged now, a document for each service and environment.

    A service without a verdict of late keeps its document, with zeros.
    """
    index = index_name(STATE, namespace)
    found = judged(cluster, namespace)
    if found.last is None:
        return
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
    cluster.put(documents)
    cluster.refresh(index)


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
