"""What a cycle of `mlmon run` costs: a steady stream, the time after a backfill, sparse history.

Usage: python -m tests.benchmarks.bench_cycles [--hourly 12000] [--outcomes 290000] [--events 5000]

Costs are CPU seconds of this process and of the node, whose ratios are checked: each bound is
measured in the same run, so a slower machine moves both sides. Exit 1 where a bound is passed.

1. A steady stream of requests, predictions and outcomes, one cycle every five minutes: the last
   quarter of an hour against the first.
2. The cycle after a backfill, nothing new: against the cycle that took the backfill in.
3. One new outcome in an hour that holds 290,000: against the run that read them.
4. 5,000 events over 400 days: against the same events within 40 hours.
"""

import argparse
import os
import platform
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import orjson
from rich.console import Console
from rich.table import Table

from mlmon.analyzers.base.window import DAY, HOUR, MINUTE, Window, iso
from mlmon.analyzers.baselines.store import BaselineStore
from mlmon.analyzers.baselines.training_set import read_baselines
from mlmon.analyzers.labels.join import LabelJoin
from mlmon.analyzers.run.cycle.cycle import run_cycle
from mlmon.analyzers.run.engine import analyze
from mlmon.elastic.client.cluster import Cluster
from tests.benchmarks.bench_analyzers import own_cluster

START = datetime(2026, 3, 2, tzinfo=UTC)
MODEL = ("bench", "1")
TRAINING_ROWS = 20_000
BULK = 5_000
SECOND = timedelta(seconds=1)

LATE_TO_EARLY = 1.5
"""A cycle in the last quarter of an hour may cost so many times one in the first."""
AFTER_BACKFILL = 0.5
"""The cycle after a backfill may cost this share of the one that took it in: it looks for events
that became visible late, and judges nothing. Before, it cost as much."""
ONE_OUTCOME = 0.05
"""One outcome more in a full hour may cost this share of reading the hour."""
SPARSE_TO_DENSE = 30.0
"""Events over 400 days may cost so many times as much as those of 40 hours: each hour that holds
one has a profile of its own, of which the dense ones have a hundredth."""


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU seconds of this process and of the node."""

    own: float
    node: float

    @property
    def both(self) -> float:
        """CPU seconds of both."""
        return self.own + self.node


def node_cpu(cluster: Cluster) -> float:
    """Return the CPU seconds the node has used."""
    stats = cluster._client.nodes.stats(metric="process", filter_path="nodes.*.process.cpu").body
    return sum(of["process"]["cpu"]["total_in_millis"] for of in stats["nodes"].values()) / 1_000


def cost(cluster: Cluster, work: Callable[[], object]) -> Cost:
    """Return what some work costs."""
    own, node = time.process_time(), node_cpu(cluster)
    work()
    return Cost(time.process_time() - own, node_cpu(cluster) - node)


def store(cluster: Cluster, namespace: str, events: Iterable[dict[str, Any]]) -> None:
    """Store events in the data streams of their datasets."""
    waiting = iter(events)
    while some := list(islice(waiting, BULK)):
        lines = []
        for event in some:
            stream = f"logs-{event['event.dataset']}-{namespace}"
            lines += [orjson.dumps({"create": {"_index": stream}}), orjson.dumps(event)]
        answer = cluster.bulk(b"\n".join(lines) + b"\n", filter_path="errors")
        if answer["errors"]:
            raise SystemExit("the node refused events")
    cluster.refresh(f"logs-ml.*-{namespace}")


class Stream:
    """Events of a service, numbered as the log numbers them."""

    def __init__(self) -> None:
        self._rng = np.random.default_rng(1)
        self._number = 0

    def _event(self, dataset: str, at: datetime, arrived: datetime, **more: Any) -> dict[str, Any]:
        self._number += 1
        return {
            "@timestamp": iso(at),
            "event.ingested": iso(arrived),
            "event.dataset": dataset,
            "event.id": f"bench-{self._number}",
            "event.sequence": self._number,
            "process.entity_id": "bench",
            "service.name": "bench",
            **more,
        }

    def prediction(self, at: datetime, arrived: datetime) -> dict[str, Any]:
        """Return a prediction of three features."""
        price, age, score = self._rng.lognormal(), self._rng.normal(40, 9), self._rng.beta(2, 5)
        return self._event(
            "ml.prediction",
            at,
            arrived,
            **{
                "ml.model.name": MODEL[0],
                "ml.model.version": MODEL[1],
                "ml.prediction.id": f"p-{self._number + 1}",
                "ml.prediction.score": score,
                "ml.features.numeric.price": price,
                "ml.features.numeric.age": age,
                "ml.features.categorical.country": str(self._rng.choice(["at", "ch", "de"])),
            },
        )

    def request(self, at: datetime, arrived: datetime) -> dict[str, Any]:
        """Return a request that was answered."""
        return self._event(
            "ml.access",
            at,
            arrived,
            **{
                "url.path": "/bid",
                "http.request.method": "POST",
                "http.response.status_code": 200,
                "event.duration": int(self._rng.lognormal(17, 0.4)),
            },
        )

    def outcome(self, prediction: str, at: datetime, arrived: datetime) -> dict[str, Any]:
        """Return what came true of a prediction."""
        more = {"ml.prediction.id": prediction, "ml.outcome.label": bool(self._rng.random() < 0.3)}
        return self._event("ml.outcome", at, arrived, **more)

    def served(self, window: Window, rate: int, arrived: datetime) -> Iterator[dict[str, Any]]:
        """Yield a window's predictions, each with its request and, a minute later, its outcome."""
        for number in range(rate):
            at = window.start + window.length * (number / rate)
            prediction = self.prediction(at, arrived)
            yield prediction
            yield self.request(at, arrived)
            later = min(at + MINUTE, window.end - SECOND)
            yield self.outcome(prediction["ml.prediction.id"], later, arrived)


def baselines(cluster: Cluster, namespace: str, folder: Path) -> None:
    """Store the baseline of the model."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng, rows = np.random.default_rng(2), TRAINING_ROWS
    columns = {
        "price": rng.lognormal(size=rows),
        "age": rng.normal(40, 9, rows),
        "country": rng.choice(["at", "ch", "de"], rows),
        "ml.prediction.score": rng.beta(2, 5, rows),
    }
    path = folder / "training_set.parquet"
    pq.write_table(pa.table(columns), path)
    BaselineStore(cluster, namespace).write(list(read_baselines(path, START, *MODEL)))


def steady(cluster: Cluster, namespace: str, hourly: int) -> tuple[list[Cost], Cost, Cost]:
    """Return the costs of an hour's cycles, of taking in the past, and of the cycle after."""
    stream = Stream()
    begin = START - 6 * HOUR
    store(cluster, namespace, stream.served(Window(begin, START), 6 * hourly, START))
    backfill = cost(cluster, lambda: run_cycle(cluster, namespace, START, begin))
    again = cost(cluster, lambda: run_cycle(cluster, namespace, START + 30 * SECOND, begin))
    cycles = []
    for number in range(12):
        window = Window(START + 5 * number * MINUTE, START + 5 * (number + 1) * MINUTE)
        store(cluster, namespace, stream.served(window, hourly // 12, window.end))
        now = window.end + 40 * SECOND
        cycles.append(cost(cluster, lambda now=now: run_cycle(cluster, namespace, now, begin)))
    return cycles, backfill, again


def full_hour(cluster: Cluster, namespace: str, outcomes: int) -> tuple[Cost, Cost]:
    """Return what joining an hour's outcomes costs, and one outcome more in the same hour."""
    stream = Stream()

    def events() -> Iterator[dict[str, Any]]:
        for number in range(outcomes):
            at = START + HOUR * (number / outcomes) * 0.9
            prediction = stream.prediction(at, at)
            yield prediction
            yield stream.outcome(prediction["ml.prediction.id"], at, at)

    store(cluster, namespace, events())
    first = cost(cluster, lambda: LabelJoin(cluster, namespace, START + HOUR).run())
    at = START + 0.95 * HOUR
    prediction = stream.prediction(at, at)
    one = stream.outcome(prediction["ml.prediction.id"], at, at)
    store(cluster, namespace, [prediction, one])
    return first, cost(cluster, lambda: LabelJoin(cluster, namespace, START + HOUR).run())


def spread(cluster: Cluster, namespace: str, events: int, window: Window) -> Cost:
    """Return what analyzing predictions costs that are spread evenly over a window."""
    stream = Stream()
    moments = (window.start + window.length * (number / events) for number in range(events))
    store(cluster, namespace, (stream.prediction(at, at) for at in moments))
    return cost(cluster, lambda: analyze(cluster, namespace, window, now=window.end))


def main() -> None:
    """Measure, print the table, and fail where a bound is passed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--hourly", type=int, default=12_000)
    parser.add_argument("--outcomes", type=int, default=290_000)
    parser.add_argument("--events", type=int, default=5_000)
    parser.add_argument("--only", choices=("steady", "outcomes", "sparse"))
    options = parser.parse_args()
    console = Console(highlight=False, width=120)
    console.print(
        f"{platform.platform()}, Python {platform.python_version()}, {os.cpu_count()} cores"
    )
    table = Table("what", "CPU s (of it the node's)", "against", "ratio", "bound")
    passed = True

    def row(what: str, of: Cost, against: str, to: Cost, bound: float) -> None:
        nonlocal passed
        ratio = of.both / to.both
        passed = passed and ratio <= bound
        measured = f"{of.both:.2f} ({of.node:.2f})", f"{against}: {to.both:.2f} ({to.node:.2f})"
        table.add_row(what, *measured, f"{ratio:.2f}", f"{bound:g}")

    import tempfile

    with tempfile.TemporaryDirectory(prefix="bench-cycles-") as name, own_cluster() as cluster:
        if options.only in {None, "steady"}:
            baselines(cluster, "steady", Path(name))
            cycles, backfill, again = steady(cluster, "steady", options.hourly)
            early, late = (
                Cost(median(of.own for of in part), median(of.node for of in part))
                for part in (cycles[1:4], cycles[-3:])
            )
            row("a cycle at the end of an hour", late, "at its begin", early, LATE_TO_EARLY)
            row("the cycle after a backfill", again, "that before", backfill, AFTER_BACKFILL)
        if options.only in {None, "outcomes"}:
            first, one = full_hour(cluster, "outcomes", options.outcomes)
            row(f"one outcome after {options.outcomes:,}", one, "all", first, ONE_OUTCOME)
        if options.only in {None, "sparse"}:
            hours = Window(START - 40 * HOUR, START)
            baselines(cluster, "dense", Path(name))
            dense = spread(cluster, "dense", options.events, hours)
            baselines(cluster, "sparse", Path(name))
            days = Window(START - 400 * DAY, START)
            sparse = spread(cluster, "sparse", options.events, days)
            row(f"{options.events:,} over 400 days", sparse, "40 hours", dense, SPARSE_TO_DENSE)
    console.print(table)
    sys.exit(0 if passed else 1)


if __name__ == "__main__":
    main()
