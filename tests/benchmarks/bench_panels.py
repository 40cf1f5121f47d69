"""How long each panel's question takes over 90 days of findings, on the node that is running.

Usage: MLMON_ELASTICSEARCH_URL=… python tests/benchmarks/bench_panels.py

Findings of every analyzer and panel are made up: two subjects each, hourly, 90 days, which is about
what the demo's scenario would come to. Each figure is the best of five, none from the cache of
requests. The namespace is its own and is removed at the end.
"""

import math
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from analyzers import discover
from analyzers.window import Window, iso
from elastic import templates
from elastic.cluster import Cluster, connect
from elastic.documents import Document
from elastic.settings import load_settings
from kibana.dashboards import dashboards, shown_on
from kibana.model.layout import charts, layout
from kibana.model.query import bodies
from kibana.model.sources import FINDINGS

DAYS, SUBJECTS, TIMES = 90, 2, 5
END = datetime(2026, 6, 1, tzinfo=UTC)
WINDOW = Window(END - timedelta(days=DAYS), END)
NAMESPACE = f"bench_panels_{os.getpid()}"


def findings() -> Iterator[Document]:
    """Yield the findings, in the order of their analyzers."""
    number = 0
    for analyzer in discover():
        for panel in analyzer.panels:
            for hour in range(DAYS * 24):
                end = WINDOW.start + timedelta(hours=hour + 1)
                for subject in range(SUBJECTS):
                    number += 1
                    yield Document(
                        f"mlmon-findings-{NAMESPACE}-{end:%Y.%m}",
                        str(number),
                        {
                            "@timestamp": iso(end),
                            "event.start": iso(end - timedelta(hours=1)),
                            "event.end": iso(end),
                            "service.name": "api",
                            "ml.model.version": str(hour // 700),
                            "finding.analyzer": analyzer.name,
                            "finding.metric": panel.metric,
                            "finding.subject": f"subject {subject}",
                            "finding.severity": "critical" if number % 97 == 0 else "ok",
                            "finding.value": 0.5 + 0.5 * math.sin(number),
                            "finding.limits.warning": 0.8,
                            "finding.limits.critical": 0.9,
                            "finding.latest": True,
                        },
                    )


def fresh(body: dict[str, Any], number: int) -> dict[str, Any]:
    """Return a body that means the same and that no cache has seen: no finding is so wrong."""
    never = {"bool": {"must_not": [{"term": {"finding.value": -float(number)}}]}}
    return {**body, "query": {"bool": {"filter": [body["query"], never]}}}


def measured(cluster: Cluster) -> list[tuple[float, str]]:
    """Return the best time of each question in milliseconds, the longest first."""
    found = []
    for shown in dashboards():
        for chart in charts(layout(shown, shown_on(shown, discover()))):
            if chart.source is FINDINGS:
                for body in bodies(chart, WINDOW):
                    times = []
                    for _ in range(TIMES):
                        begin = time.perf_counter()
                        cluster.search(chart.source.index(NAMESPACE), fresh(body, time.time_ns()))
                        times.append(1000 * (time.perf_counter() - begin))
                    found.append((min(times), f"{shown.name}: {chart.title}"))
    return sorted(found, reverse=True)


def main() -> None:
    """Fill a namespace of its own, ask, print, and remove it."""
    with connect(load_settings()) as cluster:
        for _ in templates.install(cluster):
            pass
        try:
            written = cluster.put(findings())
            cluster.refresh(FINDINGS.index(NAMESPACE))
            found = measured(cluster)
            title = f"{written.total:,} findings, {len(found)} questions"
            table = Table("ms", "panel", title=title)
            for milliseconds, panel in found[:8]:
                table.add_row(f"{milliseconds:.0f}", panel)
            table.add_row(f"{median(each for each, _ in found):.0f}", "the median of all")
            Console().print(table)
        finally:
            for index in cluster.indices(FINDINGS.index(NAMESPACE)):
                cluster.delete_index(index)


if __name__ == "__main__":
    main()
