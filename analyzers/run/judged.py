"""What was judged of late, and what could not be: a calm display says so beside it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlmon.analyzers.base.finding import Severity
from mlmon.analyzers.base.window import DAY, iso, parse_time
from mlmon.elastic.indices.names import FINDINGS, all_months
from mlmon.formatting import count, duration, moment

if TYPE_CHECKING:
    from datetime import datetime

    from mlmon.elastic.client.cluster import Cluster

LATELY = 2 * DAY
"""A series without a finding for so long is not counted: a model version that was replaced."""
STALE = DAY / 24
"""After so long without a new finding it is said when the last one came."""
_PAGE = 1_000
_MOST_NAMED = 4


@dataclass(frozen=True, slots=True)
class Judged:
    """The last verdict of each series that had one lately.

    Args:
        series: How many series there are.
        unknown: How many of them could not be judged, by analyzer.
        last: When anything was judged last; None where nothing ever was.
    """

    series: int
    unknown: Counter[str]
    last: datetime | None

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
                "`mlmon findings --severity unknown` says why)"
            )
        line = ", ".join(parts)
        if now - self.last > STALE:
            ago = duration(now - self.last)
            return f"{line}; last judged {moment(self.last)}, {ago} ago: is `mlmon run` running?"
        return f"{line}; last judged {moment(self.last)}."


def judged(cluster: Cluster, namespace: str) -> Judged:
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
        return Judged(0, Counter(), None)
    since = parse_time(end) - LATELY
    series, unknown = 0, Counter[str]()
    for bucket in _last_findings(cluster, pattern, since):
        (hit,) = bucket["last"]["hits"]["hits"]
        series += 1
        if hit["_source"]["finding.severity"] == Severity.UNKNOWN:
            unknown[hit["_source"]["finding.analyzer"]] += 1
    return Judged(series, unknown, parse_time(created))


def _last_findings(cluster: Cluster, pattern: str, since: datetime) -> list[dict[str, Any]]:
    """Return a bucket for each series, with its last finding."""
    filters = [
        {"term": {"finding.latest": True}},
        {"range": {"event.end": {"gt": iso(since)}}},
    ]
    last = {
        "size": 1,
        "sort": [{"event.end": "desc"}],
        "_source": ["finding.severity", "finding.analyzer"],
    }
    found: list[dict[str, Any]] = []
    after: dict[str, Any] = {}
    while True:
        by = {"sources": [{"series": {"terms": {"field": "finding.series"}}}], "size": _PAGE}
        body = {
            "size": 0,
            "query": {"bool": {"filter": filters}},
            "aggs": {"by": {"composite": by | after, "aggs": {"last": {"top_hits": last}}}},
        }
        answer = cluster.search(pattern, body).get("aggregations", {}).get("by", {})
        found += answer.get("buckets", ())
        if "after_key" not in answer:
            return found
        after = {"after": answer["after_key"]}
