"""Bytes per event, the node's CPU and the speed of index modes, codecs, fields and shards.

Usage: python -m tests.benchmarks.bench_index [--events 100000] [--log FILE] [--only TEXT]
       [--rounds 3] [--fields]

Every variant takes the same prediction events, those of a log file or made by the log itself, as
the shipper sends them, one request after the other, and is merged to one segment before it is
weighed. The variants take turns for `--rounds`; each figure is the best of them, so that what else
the machine does weighs on all alike. With --fields it prints what each field of the chosen index
takes instead. The node is one that this benchmark starts and ends.
"""

import argparse
import os
import platform
import random
import tempfile
import time
import uuid
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
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
from mlmon.elastic.node.temporary_node import temporary_node
from mlmon.ingest.encode.line import LineEncoder
from mlmon.logging_config import FeatureSource, Model, Service, open_log

console = Console(width=120, highlight=False)
BULK = 1_000
READ = 2_000
SOURCE = "index.mapping.source.mode"
CHOSEN = "standard, best_compression"
FIELDS = "fields"
"""No setting but parameters of single fields' mappings, by name."""
IDS_BY_TIME = "ids_by_time"
"""No setting either: whether trace and prediction ids begin with the time, as UUIDv7 does."""
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
    "  sequence numbers without points": {**BEST, "index.seq_no.index_options": "doc_values_only"},
    "  event.id only stored": {**BEST, FIELDS: {"event.id": {"index": False, "doc_values": False}}},
    "  prediction ids not sortable": {**BEST, FIELDS: {"ml.prediction.id": {"doc_values": False}}},
    "  message without positions": {**BEST, FIELDS: {"message": {"index_options": "docs"}}},
    "  message not searchable": {**BEST, FIELDS: {"message": {"index": False}}},
    "  ids of requests not searchable": {
        **BEST,
        FIELDS: {"trace.id": {"index": False}, "http.request.id": {"index": False}},
    },
    "  ids that begin with the time": {**BEST, IDS_BY_TIME: True},
    "  sorted by model and time": {
        **BEST,
        "index.sort.field": ["ml.model.name", "ml.model.version", "@timestamp"],
        "index.sort.order": ["asc", "asc", "desc"],
    },
    "  names as objects": {**BEST, SUBOBJECTS: True},
    "  2 shards": {**BEST, "index.number_of_shards": 2},
    "  refresh 1 s": {**BEST, "index.refresh_interval": "1s"},
    "  refresh 30 s": {**BEST, "index.refresh_interval": "30s"},
    "  no refresh": {**BEST, "index.refresh_interval": "-1"},
    "logsdb, stored source": {"index.mode": "logsdb", SOURCE: "stored"},
    "logsdb, synthetic source": {"index.mode": "logsdb", SOURCE: "synthetic"},
    "standard, synthetic source": {**BEST, SOURCE: "synthetic"},
}


@dataclass
class Result:
    """The best of the rounds of one variant, and what it gives back of an event."""

    bytes_per_event: float = float("inf")
    cpu_us: float = float("inf")
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
    parser.add_argument("--log", type=Path, help="whose predictions are taken")
    parser.add_argument(
        "--only", default="", help="variants whose names hold one of these texts, and the chosen"
    )
    parser.add_argument("--fields", action="store_true", help="what each field takes")
    arguments = parser.parse_args()
    source = predictions(arguments.log) if arguments.log else events(arguments.events)
    lines = shipped(islice(source, arguments.events))
    chosen = {
        name: variant
        for name, variant in VARIANTS.items()
        if name == CHOSEN or any(text in name for text in arguments.only.split(","))
    }
    results = {name: Result() for name in chosen}
    with temporary_node(9290) as settings, connect(settings) as cluster:
        if arguments.fields:
            print_fields(cluster, lines)
            return
        # The node's compiler needs some work before its CPU means anything.
        measure(cluster, VARIANTS[CHOSEN], lines, Result())
        for _ in range(arguments.rounds):
            for name, variant in chosen.items():
                measure(cluster, variant, lines, results[name])
                console.print(f"{name}: {results[name]}", style="dim")
    size = sum(map(len, lines)) / len(lines)
    console.print(machine())
    console.print(f"{len(lines):,} prediction events of {size:,.0f} B, {BULK:,} a request")
    console.print(table(results))


def predictions(log: Path) -> Iterator[bytes]:
    """Yield the predictions of a log file."""
    with log.open("rb") as file:
        for line in file:
            if b'"event.dataset":"ml.prediction"' in line:
                yield line.rstrip(b"\n")


def shipped(lines: Iterable[bytes]) -> list[bytes]:
    """Return lines as the shipper sends them, without their actions; ten in a millisecond."""
    start = datetime(2026, 3, 1, tzinfo=UTC)
    encoder = LineEncoder("bench", ["ml.prediction"], 1, uuid.uuid4().hex, start)
    documents = []
    for number, line in enumerate(lines):
        encoder.stamp(start + timedelta(milliseconds=number // 10))
        documents.append(encoder.encode(line).split(b"\n")[1])
    return documents


def with_ids_by_time(line: bytes) -> bytes:
    """Return a line whose trace and prediction ids begin with its time in milliseconds."""
    event = orjson.loads(line)
    when = int(datetime.fromisoformat(event["@timestamp"]).timestamp() * 1_000)
    trace, prediction = event["trace.id"], event["ml.prediction.id"]
    for name, id_ in (("trace.id", trace), ("ml.prediction.id", prediction)):
        event[name] = f"{when:012x}{id_[12:]}"
    event["message"] = event["message"].replace(prediction, event["ml.prediction.id"])
    return orjson.dumps(event)


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
    wanted = inner["settings"] | settings
    if wanted.pop(IDS_BY_TIME, False):
        lines = [with_ids_by_time(line) for line in lines]
    changed = wanted.pop(FIELDS, {})
    try:
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
        for name, parameters in changed.items():
            field = {**mappings["properties"][name], **parameters}
            mappings["properties"] = {**mappings["properties"], name: field}
        indices.create(index=index, settings=wanted, mappings=mappings)
    except ApiError as error:
        result.refused = reason(error.body)
        return
    try:
        before = node_cpu_s(cluster)
        result.stored = max(result.stored, fill(cluster, index, lines))
        used = node_cpu_s(cluster) - before
        result.cpu_us = min(result.cpu_us, used / len(lines) * 1e6)
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
            action % (index.encode(), orjson.loads(line)["event.id"].encode()) + line + b"\n"
            for line in lines[start : start + BULK]
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
    sent = orjson.loads(first)
    result.faithful = cluster.get(index, sent["event.id"]) == sent


def node_cpu_s(cluster: Cluster) -> float:
    """Return the CPU time the cluster's nodes have used."""
    spent = "nodes.*.process.cpu.total_in_millis"
    answer = cluster._client.nodes.stats(metric="process", filter_path=spent)
    nodes = answer["nodes"].values()
    return sum(int(node["process"]["cpu"]["total_in_millis"]) for node in nodes) / 1e3


def print_fields(cluster: Cluster, lines: list[bytes]) -> None:
    """Print what each field of the chosen index takes, in bytes per event."""
    indices = cluster._client.indices
    [template] = [template for template in templates() if template.name == "logs-ml.prediction"]
    inner = template.body["template"]
    indices.create(index="fields", settings=inner["settings"], mappings=inner["mappings"])
    fill(cluster, "fields", lines)
    indices.forcemerge(index="fields", max_num_segments=1)
    indices.flush(index="fields")
    with warnings.catch_warnings():
        # Elasticsearch calls this request a technical preview.
        warnings.simplefilter("ignore")
        used = indices.disk_usage(index="fields", run_expensive_tasks=True)["fields"]["fields"]
    for name, of in sorted(used.items(), key=lambda field: -field[1]["total_in_bytes"]):
        parts = {
            "index": of["inverted_index"]["total_in_bytes"] + of["points_in_bytes"],
            "doc values": of["doc_values_in_bytes"],
            "stored": of["stored_fields_in_bytes"],
        }
        shown = ", ".join(f"{part} {size / len(lines):.1f}" for part, size in parts.items() if size)
        console.print(f"{of['total_in_bytes'] / len(lines):7.1f} {name}: {shown}")


def table(results: dict[str, Result]) -> Table:
    """Compare the variants with the chosen one."""
    shown = Table(title="Index design")
    own = ("B/event", "vs chosen", "CPU µs", "stored/s", "read/s", "20 ranges", "as sent")
    for column in ("index", *own):
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
            f"{found.cpu_us:.1f}",
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
