"""Bytes per event and speed of index modes, codecs, shards and refresh intervals.

Usage: python -m tests.benchmarks.bench_index [--events 100000]

Every variant takes the same prediction events, made by the log itself, in the same bulk bodies, one
request after the other, and is merged to one segment before it is weighed. The variants take turns
for `--rounds`; each figure is the best of them, so that what else the machine does weighs on all
alike. The node is one that this benchmark starts and ends.
"""

import argparse
import os
import platform
import random
import tempfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import psutil
from elasticsearch import ApiError
from rich.console import Console
from rich.table import Table

from mlmon.elastic.client.client_errors import reason
from mlmon.elastic.client.cluster import Cluster
from mlmon.elastic.connect import connect
from mlmon.elastic.indices.templates import templates
from mlmon.logging_config import FeatureSource, Model, Service, open_log
from tests.support.bench_node import bench_node

BULK = 1_000
READ = 2_000
SOURCE = "index.mapping.source.mode"
CHOSEN = "standard, best_compression"
SUBOBJECTS = "subobjects"
"""No setting but a parameter of the mapping: whether dotted names are taken apart into objects."""
SEARCHABLE = "searchable"
"""No setting either: whether measured numbers have an index, and ids of requests doc values."""
BEST: dict[str, Any] = {"index.codec": "best_compression"}
UNINDEXED = ("index", "doc_values")
VARIANTS: dict[str, dict[str, Any]] = {
    "standard, default codec": {"index.codec": "default"},
    CHOSEN: BEST,
    "  every field indexed": {**BEST, SEARCHABLE: True},
    "  names as objects": {**BEST, SUBOBJECTS: True},
    "  2 shards": {**BEST, "index.number_of_shards": 2},
    "  refresh 1 s": {**BEST, "index.refresh_interval": "1s"},
    "  refresh 30 s": {**BEST, "index.refresh_interval": "30s"},
    "  no refresh": {**BEST, "index.refresh_interval": "-1"},
    "logsdb, stored source": {"index.mode": "logsdb", SOURCE: "stored"},
    "logsdb, synthetic source": {"index.mode": "logsdb", SOURCE: "synthetic"},
}


@dataclass
class Result:
    """The best of the rounds of one variant, and what it gives back of an event."""

    bytes_per_event: float = float("inf")
    stored: float = 0.0
    read: float = 0.0
    aggregated: float = float("inf")
    faithful: bool = False
    refused: str = field(default="")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    lines = list(events(arguments.events))
    results = {name: Result() for name in VARIANTS}
    with bench_node(9290) as settings, connect(settings) as cluster:
        for _ in range(arguments.rounds):
            for name, variant in VARIANTS.items():
                measure(cluster, variant, lines, results[name])
    console = Console(width=100)
    size = sum(map(len, lines)) / len(lines)
    console.print(machine())
    console.print(f"{len(lines):,} prediction events of {size:,.0f} B, {BULK:,} a request")
    console.print(table(results))


def events(count: int) -> Iterator[bytes]:
    """Yield lines as the log writes them: 14 features, two sources; seeded, so always the same."""
    drawn = random.Random(7)  # the events' values
    ticks = iter(range(1_767_225_600_000_000_000, 2**63, 50_123_456))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.jsonl"
        service = Service("autobid-api", version="1.4.0", environment="production")
        log = open_log(service, path=path, clock=lambda: next(ticks), entity_id="bench0000001")
        for number in range(count):
            score = drawn.betavariate(2, 5)
            log.prediction(
                prediction_id=f"p-{number:09}",
                model=Model("autobid", "7"),
                score=score,
                threshold=0.5,
                approved=score >= 0.5,
                features=features(drawn),
                sources={
                    "profile_historical_stats": FeatureSource("fresh", age_s=drawn.uniform(0, 9e4)),
                    "market_stats": FeatureSource("stale", age_s=drawn.uniform(0, 9e5)),
                },
            )
        log.close()
        yield from path.read_bytes().splitlines()


def features(drawn: random.Random) -> dict[str, Any]:
    """Draw ten numbers and four categories, some of them skewed as real ones are."""
    numbers = {f"ctr_{days}d": drawn.betavariate(1, 30) for days in (1, 7, 30)}
    counts = {f"impressions_{days}d": int(drawn.lognormvariate(8, 2)) for days in (1, 7, 30)}
    return {
        **numbers,
        **counts,
        "bid_price": round(drawn.lognormvariate(1, 0.5), 2),
        "budget_left": round(drawn.uniform(0, 5e3), 2),
        "hour": drawn.randrange(24),
        "days_active": drawn.randrange(900),
        "country": drawn.choices(["DE", "FR", "US", "PL"], [6, 3, 2, 1])[0],
        "device": drawn.choice(["mobile", "desktop", "tablet"]),
        "category": f"IAB-{drawn.randrange(26)}",
        "returning": drawn.random() < 0.4,
    }


def measure(cluster: Cluster, settings: dict[str, Any], lines: list[bytes], result: Result) -> None:
    """Fill an index with the lines, weigh it, read from it, and keep the best figures."""
    indices = cluster._client.indices
    index = f"mlmon-bench-{uuid.uuid4().hex[:12]}"
    [template] = [template for template in templates() if template.name == "logs-ml.prediction"]
    inner = template.body["template"]
    try:
        wanted = inner["settings"] | settings
        mappings = {**inner["mappings"], SUBOBJECTS: wanted.pop(SUBOBJECTS, False)}
        if wanted.pop(SEARCHABLE, False):
            mappings["properties"] = {
                name: {key: value for key, value in field.items() if key not in UNINDEXED}
                for name, field in mappings["properties"].items()
            }
            mappings["dynamic_templates"] = [
                {name: {**family, "mapping": {"type": family["mapping"]["type"]}}}
                for template in mappings["dynamic_templates"]
                for name, family in template.items()
            ]
        indices.create(index=index, settings=wanted, mappings=mappings)
    except ApiError as error:
        result.refused = reason(error.body)
        return
    try:
        result.stored = max(result.stored, fill(cluster, index, lines))
        indices.forcemerge(index=index, max_num_segments=1)
        indices.flush(index=index)
        # The segments' own size: that of the store is up to ten seconds old.
        stats = indices.stats(index=index, metric="docs")
        size = stats["_all"]["primaries"]["docs"]["total_size_in_bytes"]
        result.bytes_per_event = min(result.bytes_per_event, size / len(lines))
        read(cluster, index, lines[0], result)
    finally:
        cluster.delete_index(index)


def fill(cluster: Cluster, index: str, lines: list[bytes]) -> float:
    """Return the documents stored per second."""
    action = b'{"create":{"_index":"%b","_id":"%b"}}\n'
    bodies = [
        b"".join(
            action % (index.encode(), str(start + n).encode()) + line + b"\n"
            for n, line in enumerate(lines[start : start + BULK])
        )
        for start in range(0, len(lines), BULK)
    ]
    begun = time.perf_counter()
    for body in bodies:
        answer = cluster.bulk(body, filter_path="errors")
        assert answer["errors"] is False, "a line was refused"
    taken = time.perf_counter() - begun
    cluster.refresh(index)
    return len(lines) / taken


def read(cluster: Cluster, index: str, first: bytes, result: Result) -> None:
    """Time whole documents and one aggregation; see whether a line comes back as it was sent."""
    page = {"size": READ, "sort": ["_doc"], "track_total_hits": False}
    count = 20
    edges = [{"from": number / count, "to": (number + 1) / count} for number in range(count)]
    buckets = {"field": "ml.prediction.score", "ranges": edges}
    summed = {"size": 0, "aggs": {"score": {"range": buckets}}}
    for _ in range(3):
        begun = time.perf_counter()
        cluster.search(index, page)
        result.read = max(result.read, READ / (time.perf_counter() - begun))
        begun = time.perf_counter()
        cluster._client.search(index=index, body=summed, request_cache=False)
        result.aggregated = min(result.aggregated, time.perf_counter() - begun)
    back = cluster.get(index, "0")
    result.faithful = back == orjson.loads(first)


def table(results: dict[str, Result]) -> Table:
    """Compare the variants with the chosen one."""
    shown = Table(title="Index design")
    for column in ("index", "B/event", "vs chosen", "stored/s", "read/s", "20 ranges", "as sent"):
        shown.add_column(column, justify="left" if column == "index" else "right", no_wrap=True)
    chosen = results[CHOSEN].bytes_per_event
    for name, found in results.items():
        if found.refused:
            shown.add_row(name, "refused")
            continue
        shown.add_row(
            name,
            f"{found.bytes_per_event:,.0f}",
            f"{found.bytes_per_event / chosen:.2f}",
            f"{found.stored:,.0f}",
            f"{found.read:,.0f}",
            f"{found.aggregated * 1000:.1f} ms",
            "yes" if found.faithful else "no",
        )
    return shown


def machine() -> str:
    """Return the machine's size, without which no figure means anything."""
    memory = psutil.virtual_memory().total / 2**30
    load = os.getloadavg()[0]
    return f"{platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GiB, load {load:.1f}"


if __name__ == "__main__":
    main()
