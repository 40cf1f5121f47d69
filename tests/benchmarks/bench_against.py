"""Compare the costs of this checkout with those of another one, side by side.

Usage: python -m tests.benchmarks.bench_against --against DIR [--rounds 5] [--lines 30000]

DIR is a checkout of any earlier commit with its own `.venv`, such as `git worktree add ../before
COMMIT` and `make ../before/.venv/.ready` give. Both are used through their command line and the log
they offer to services, each with a node of its own, and take turns. A ratio is the median of the
rounds' ratios, this checkout divided by the other one. CPU is that of the command, user and system;
`node` is that of Elasticsearch meanwhile.

- A service: one prediction of 16 features and one HTTP request, in microseconds of CPU.
- `mlmon --help`, `mlmon findings`: the start of a command, without and with the cluster.
- `mlmon ship`: a file into a new namespace.
- `mlmon analyze`: the first time over what was shipped, profiles included.
- `mlmon run --once`: the cycle that takes a tenth more lines in, after a first cycle.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import httpx
import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from mlmon.elastic.settings import load_settings
from mlmon.elastic.system.folders import cache_folder
from tests.benchmarks.bench_ingest import write_log

FIRST_PORT = 9280
HOUR = timedelta(hours=1)
FEATURES = ("price_00", "price_01", "price_02", "price_03")
EMIT = """
import asyncio, json, os, time
from pathlib import Path
try:
    from mlmon.logging_config import AccessLog, Model, Service, open_log
except ModuleNotFoundError:
    from logging_config import AccessLog, Model, Service, open_log

log = open_log(Service("bench", "1", "production"), path=Path(os.devnull))
model = Model("bench", "1")
features = {f"n{k}": k / 7 for k in range(12)} | {f"c{k}": f"v{k}" for k in range(4)}
scope = {
    "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET",
    "path": "/x", "raw_path": b"/x", "root_path": "", "scheme": "http", "query_string": b"",
    "headers": [], "client": ("127.0.0.1", 1), "server": ("test", 80),
}

async def answer(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"x"})

async def receive():
    return {"type": "http.request", "body": b"", "more_body": False}

async def send(message):
    pass

async def requests(count):
    app = AccessLog(answer, log)
    for _ in range(count):
        await app(dict(scope), receive, send)

def predictions(count):
    for number in range(count):
        log.prediction(prediction_id=f"p-{number}", model=model, score=0.7, threshold=0.5,
                       approved=True, features=features)

def best(work):
    found = []
    for _ in range(7):
        began = time.thread_time()
        work(1000)
        found.append((time.thread_time() - began) / 1000 * 1e6)
    return min(found)

print(json.dumps({"prediction": best(predictions),
                  "request": best(lambda count: asyncio.run(requests(count)))}))
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run cost.

    Attributes:
        cpu: Seconds of the command, or microseconds an event.
        wall: Seconds from start to end; 0 where it was not measured.
        node: CPU seconds of the node meanwhile; 0 where it was not measured.
    """

    cpu: float
    wall: float = 0.0
    node: float = 0.0


@dataclass(frozen=True, slots=True)
class Checkout:
    """A checkout, its environment variables and its node.

    Attributes:
        folder: The checkout.
        work: An empty folder, so that no `mlmon.toml` is read.
        environment: The variables of its commands.
        url: Its node.
    """

    folder: Path
    work: Path
    environment: dict[str, str]
    url: str = ""

    def run(self, *words: str, namespace: str = "default") -> Cost:
        """Run a command of its `mlmon` to its end.

        Raises:
            SystemExit: It failed.
        """
        node = self._node_cpu()
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        self._finish([str(self.folder / ".venv/bin/mlmon"), *words], namespace)
        wall = time.monotonic() - began
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return Cost(cpu, wall, self._node_cpu() - node)

    def emit(self) -> dict[str, Cost]:
        """Time its log in a process of its own."""
        printed = self._finish([str(self.folder / ".venv/bin/python"), "-c", EMIT], "default")
        return {name: Cost(cpu) for name, cpu in json.loads(printed).items()}

    def _finish(self, command: list[str], namespace: str) -> str:
        environment = {**self.environment, "MLMON_NAMESPACE": namespace}
        ended = subprocess.run(
            command, cwd=self.work, env=environment, capture_output=True, text=True, check=False
        )
        if ended.returncode:
            sys.exit(f"{' '.join(command)} ended with {ended.returncode}: {ended.stderr}")
        return ended.stdout

    def _node_cpu(self) -> float:
        if not self.url:
            return 0.0
        nodes = httpx.get(f"{self.url}/_nodes/stats/process", timeout=60).json()["nodes"]
        return sum(node["process"]["cpu"]["total_in_millis"] for node in nodes.values()) / 1e3


def main() -> None:
    """Print the table of ratios."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--against", type=Path, help="another checkout, with its .venv")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--lines", type=int, default=30_000)
    options = parser.parse_args()
    console = Console(highlight=False, width=110)
    if options.against is None:
        console.print("nothing to compare with: --against names another checkout")
        return
    folders = {"this": Path(__file__).parents[2], "other": options.against.resolve()}
    costs: dict[str, dict[str, list[Cost]]] = {}
    with tempfile.TemporaryDirectory(prefix="bench-against-") as name, ExitStack() as nodes:
        files = write_files(Path(name), options.lines)
        checkouts = {
            side: nodes.enter_context(opened(folder, Path(name) / side, FIRST_PORT + number))
            for number, (side, folder) in enumerate(folders.items())
        }
        # The round before the first is not counted: modules are compiled, nodes warm up.
        for number in range(-1, options.rounds):
            for side, checkout in checkouts.items():
                for work, cost in one_round(checkout, files, f"round{number + 1}"):
                    if number >= 0:
                        costs.setdefault(work, {}).setdefault(side, []).append(cost)
            console.print(f"round {number + 1} of {options.rounds}", style="dim")
    console.print(tabulate(costs))


def one_round(checkout: Checkout, files: "Files", namespace: str) -> Iterator[tuple[str, Cost]]:
    """Yield each work of one round with its cost."""
    emitted = checkout.emit()
    yield "one prediction, µs", emitted["prediction"]
    yield "one HTTP request, µs", emitted["request"]
    yield "mlmon --help", checkout.run("--help")
    yield "mlmon findings", checkout.run("findings")
    state = ("--state", str(checkout.work / namespace))
    version = ("--model", "autobid", "--model-version", "7")
    checkout.run("baseline", "create", str(files.training), *version, namespace=namespace)
    yield "mlmon ship", checkout.run("ship", str(files.first), *state, namespace=namespace)
    yield "mlmon analyze", checkout.run("analyze", namespace=namespace)
    checkout.run("run", "--once", namespace=namespace)
    checkout.run("ship", str(files.second), *state, namespace=namespace)
    yield "mlmon run --once", checkout.run("run", "--once", namespace=namespace)


@dataclass(frozen=True, slots=True)
class Files:
    """What both checkouts read.

    Attributes:
        training: A training set.
        first: A log of one hour.
        second: A tenth as many lines of the next hour.
    """

    training: Path
    first: Path
    second: Path


def write_files(folder: Path, lines: int) -> Files:
    """Write the training set and the logs."""
    files = Files(*(folder / name for name in ("training.parquet", "1.jsonl", "2.jsonl")))
    rng = np.random.default_rng(1)
    pq.write_table(
        pa.table({name: rng.lognormal(5, 1, 20_000) for name in FEATURES}), files.training
    )
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    for path, count, begin in (
        (files.first, lines, hour - 3 * HOUR),
        (files.second, lines // 10, hour - 2 * HOUR),
    ):
        write_log(path, count)
        backdate(path, begin)
    return files


def backdate(path: Path, begin: datetime) -> None:
    """Spread the lines of a log evenly over an hour."""
    events = [orjson.loads(line) for line in path.read_bytes().splitlines()]
    for number, event in enumerate(events):
        event["@timestamp"] = (begin + HOUR * (number / len(events))).isoformat()
    path.write_bytes(b"".join(orjson.dumps(event) + b"\n" for event in events))


@contextmanager
def opened(folder: Path, work: Path, port: int) -> Iterator[Checkout]:
    """Start a checkout's node in an empty folder, and end it."""
    work.mkdir()
    home = Path(tempfile.mkdtemp(prefix="mlmon-bench-"))
    home.chmod(0o755)  # the node's unprivileged user has to enter it
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MLMON_")}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    cache = str(cache_folder(load_settings()))
    environment = kept | {"MLMON_HOME": str(home), "MLMON_CACHE": cache}
    checkout = Checkout(folder, work, environment | {"MLMON_NODE_PORT": str(port)})
    try:
        checkout.run("node", "start")
        state = subprocess.run(
            [str(folder / ".venv/bin/mlmon"), "node", "status", "--json"],
            cwd=work, env=environment, capture_output=True, check=True,
        )  # fmt: skip
        url = json.loads(state.stdout)["url"]
        yield replace(checkout, url=url, environment=environment | {"MLMON_ELASTICSEARCH_URL": url})
    finally:
        checkout.run("node", "stop")
        subprocess.run(["rm", "-rf", str(home)], check=False)


def tabulate(costs: dict[str, dict[str, list[Cost]]]) -> Table:
    """Return the medians of both and the median of their ratios."""
    table = Table("work", "CPU", "other's", "ratio", "wall ratio", "node's CPU ratio")
    for work, sides in costs.items():
        this, other = sides["this"], sides["other"]
        row = [f"{median(cost.cpu for cost in side):.3g}" for side in (this, other)]
        for figure in ("cpu", "wall", "node"):
            pairs = [
                (getattr(a, figure), getattr(b, figure)) for a, b in zip(this, other, strict=True)
            ]
            ratios = [a / b for a, b in pairs if b]
            row.append(f"{median(ratios):.2f}" if len(ratios) == len(pairs) else "")
        table.add_row(work, *row)
    return table


if __name__ == "__main__":
    main()
