"""The tour: `mlmon demo` runs the real commands in the data's order, then checks the result."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table

from mlmon.analyzers.base.finding import Severity
from mlmon.analyzers.run.findings_store import FindingStore
from mlmon.analyzers.run.ground_truth import TrueIncident, compare, read_truth
from mlmon.elastic.connect import connect
from mlmon.elastic.errors import UserError
from mlmon.elastic.indices.names import data_stream
from mlmon.elastic.node import node
from mlmon.elastic.settings import load_settings
from mlmon.elastic.system.folders import cache_folder, home_folder
from mlmon.elastic.system.terminal import terminal_console

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mlmon.elastic.client.cluster import Cluster

# Where the output is no terminal, its tables are as wide as a wide one.
console = terminal_console(width=None if sys.stdout.isatty() else 120)

NAMESPACE = "demo"
LIVE_NAMESPACE = "demo_live"  # a data stream's namespace may hold no hyphen
SEED = 7
DAYS = 18
REQUESTS = 520
SEGMENT = "experience_level"  # experts fare worst in the concept drift
SERVER_STOP_S = 30
NEXT = """
The report: {report}
The node keeps running. To go on from here:
  export MLMON_HOME={home} MLMON_NAMESPACE=demo
  mlmon incidents --since 30d
  mlmon findings --severity critical
  mlmon findings --analyzer feature_drift --json
  mlmon doctor
  mlmon node stop            (make clean also removes what the demo made)
mlmon lies in .venv/bin."""


@dataclass(frozen=True, slots=True)
class DemoStep:
    """Cost of one command of the tour."""

    command: str
    seconds: float
    peak_mib: float


@dataclass(slots=True)
class Tour:
    """The demo's folder, and the account of the commands run so far."""

    folder: Path
    steps: list[DemoStep] = field(default_factory=list)

    @property
    def scenario(self) -> Path:
        """The scenario's logs, models and truth."""
        return self.folder / "scenario"

    @property
    def live(self) -> Path:
        """The logs of the service that answered real HTTP requests."""
        return self.folder / "live"

    @property
    def logs(self) -> dict[str, Path]:
        """The folders of logs by the namespace they are shipped to."""
        return {NAMESPACE: self.scenario / "logs", LIVE_NAMESPACE: self.live / "logs"}

    @property
    def report(self) -> Path:
        """The HTML report."""
        return self.folder / "report.html"

    def run(self, *words: str) -> str:
        """Run one command, show it, and return what it printed.

        Raises:
            UserError: The command failed; its own message stands on standard error already.
        """
        shown = show(words)
        console.print(f"[dim]$[/dim] {shown}", soft_wrap=True)
        started = time.monotonic()
        process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own commands
        assert process.stdout is not None  # noqa: S101 - PIPE was requested
        output = process.stdout.read()
        # wait4 and not wait: it returns the peak memory of this one child.
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        self.steps.append(DemoStep(shown, time.monotonic() - started, usage.ru_maxrss / 1024))
        if process.returncode:
            raise UserError(
                f"`{shown}` ended with exit code {process.returncode}.",
                "Fix the error above, then run `make demo` again; it continues where it stopped.",
            )
        return output

    def mlmon(self, *words: str) -> str:
        """Run one `mlmon` command of this very installation."""
        return self.run(sys.executable, "-m", "mlmon", *words)


def show(words: Sequence[str]) -> str:
    """Return a command as a person would type it."""
    here = f"{Path.cwd()}{os.sep}"
    text = " ".join(words).replace(f"{sys.executable} -m mlmon ", "mlmon ")
    return text.replace(sys.executable, "python").replace(here, "")


def midnight() -> datetime:
    """Return the last midnight, UTC: where the scenario ends."""
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def make_scenario(tour: Tour, predictions: int) -> None:
    """Run the seeded scenario once; later runs keep its logs on any date."""
    if (tour.scenario / "truth.json").exists():
        console.print(f"The scenario is there already: {tour.scenario}")
        return
    end = f"{midnight():%Y-%m-%d}"
    words = ["--end", end, "--days", str(DAYS), "--seed", str(SEED)]
    words += ["--predictions", str(predictions), "--out", str(tour.scenario)]
    tour.run(sys.executable, "-m", "mlmon.autobid.scenario", *words)


@contextmanager
def service(tour: Tour) -> Iterator[str]:
    """Serve the reference service on a free loopback port for a while; yield its address."""
    words = ["--port", "0", "--cold", "--models", str(tour.scenario / "models")]
    words += ["--logs", str(tour.live / "logs")]
    command = [sys.executable, "-m", "mlmon.autobid.serve", *words]
    console.print(f"[dim]$[/dim] {show(command)} &", soft_wrap=True)
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own
    try:
        assert process.stdout is not None  # noqa: S101 - PIPE was requested
        line = process.stdout.readline()
        if not line:
            raise UserError("The reference service did not start.", "See its message above.")
        yield json.loads(line)["url"]
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(SERVER_STOP_S)


def serve_requests(tour: Tour) -> None:
    """Send real HTTP requests: some before a model is loaded, good ones and bad ones."""
    with service(tour) as url:
        words = ["--url", url, "--requests", str(REQUESTS), "--logs", str(tour.live / "logs")]
        answers = json.loads(tour.run(sys.executable, "-m", "mlmon.autobid.load", *words))
    answered = ", ".join(f"{count} with {status}" for status, count in answers["statuses"].items())
    console.print(f"  {answers['requests']} HTTP requests answered: {answered}")


def lines_emitted(logs: Path) -> dict[str, int]:
    """Count the lines of each dataset in a folder of logs, by reading the files."""
    counts: dict[str, int] = {}
    for path in sorted(logs.glob("*.jsonl*")):
        with path.open("rb") as lines:
            for line in lines:
                dataset = json.loads(line)["event.dataset"]
                counts[dataset] = counts.get(dataset, 0) + 1
    return counts


def documents_stored(cluster: Cluster, namespace: str, datasets: Iterable[str]) -> dict[str, int]:
    """Count the documents of each dataset's data stream."""
    cluster.refresh(data_stream("*", namespace))
    return {name: cluster.count(data_stream(name, namespace)) for name in datasets}


def account(cluster: Cluster, tour: Tour) -> bool:
    """Print lines emitted and documents stored of each stream; return whether all agree."""
    table = Table("data stream", "lines emitted", "documents stored", "", box=None)
    complete = True
    for namespace, logs in tour.logs.items():
        emitted = lines_emitted(logs)
        stored = documents_stored(cluster, namespace, emitted)
        for dataset, lines in sorted(emitted.items()):
            same = lines == stored[dataset]
            complete &= same
            mark = "[green]=[/green]" if same else "[red]differs[/red]"
            table.add_row(
                data_stream(dataset, namespace), f"{lines:,}", f"{stored[dataset]:,}", mark
            )
    console.print(table)
    return complete


def verdict(cluster: Cluster, truth: Sequence[TrueIncident]) -> bool:
    """Print each incident with its first finding; return whether all were found, none too early."""
    table = Table("incident", "began", "first finding", "delay", box=None)
    result = compare(FindingStore(cluster, NAMESPACE).search(severity=Severity.WARNING), truth)
    for detection in result.detections:
        incident, finding = detection.incident, detection.finding
        first = f"{finding.analyzer} {finding.metric}" if finding else "[red]missed[/red]"
        delay = str(detection.delay or "").removesuffix(":00")
        table.add_row(incident.title, f"{incident.time.start:%d %b %H:%M}", first, delay)
    console.print(table)
    false = len(result.false_findings)
    console.print(f"findings before the first incident, all of them false: {false}")
    return not false and all(detection.finding for detection in result.detections)


def costs(tour: Tour) -> None:
    """Print what each command took."""
    table = Table("seconds", "peak MiB", "command", box=None)
    for step in tour.steps:
        table.add_row(f"{step.seconds:.1f}", f"{step.peak_mib:.0f}", step.command)
    console.print(table)


def read_truth_of(tour: Tour) -> dict[str, Any]:
    """Return the scenario's truth as it was written."""
    truth: dict[str, Any] = json.loads((tour.scenario / "truth.json").read_text())
    return truth


def ship(tour: Tour) -> None:
    """Ship the scenario's logs and the live service's, each to its own namespace."""
    for namespace, logs in tour.logs.items():
        tour.mlmon("ship", str(logs), "--once", "--namespace", namespace)


def judge(tour: Tour, truth: dict[str, Any]) -> None:
    """Make the baselines, analyze the scenario's time, and write the report."""
    tour.mlmon("baseline", "create", str(tour.scenario / "models"), "--segment", SEGMENT)
    tour.mlmon("analyze", "--since", truth["start"], "--until", truth["end"])
    words = ["--truth", str(tour.scenario / "truth.json"), "--out", str(tour.report)]
    tour.mlmon("report", *words)


def settle(folder: Path) -> None:
    """Give this folder's demo a node home of its own, and the downloads of daily work.

    The home lies next to the default one, because the folder may lie where the unprivileged user
    that Elasticsearch runs as cannot go. In a shell with the variables that the demo prints it is
    the home already.
    """
    settings = load_settings()
    own = f"demo-{hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:8]}"
    home = home_folder(settings)
    if home.name == own:
        settings = settings.model_copy(update={"home": None})
    os.environ["MLMON_CACHE"] = str(cache_folder(settings))
    os.environ["MLMON_HOME"] = str(home if home.name == own else home / own)
    os.environ["MLMON_NAMESPACE"] = NAMESPACE


def clean(folder: Path) -> None:
    """Stop the demo's node and remove its data and the demo's folder."""
    settings = load_settings()
    if home_folder(settings).exists():
        node.stop(settings)
    for made in (folder, home_folder(settings)):
        shutil.rmtree(made, ignore_errors=True)


def run(folder: Path, predictions: int, *, clean_up: bool) -> bool:
    """Make the tour, or remove what it made; return whether all was stored and found.

    Args:
        folder: Where its files go.
        predictions: Predictions of the scenario.
        clean_up: Whether to stop its node and remove its files instead.
    """
    settle(folder)
    if clean_up:
        clean(folder)
        return True
    if not folder.exists():
        # What a deleted demo of this place left in its node is not this one's.
        clean(folder)
    tour = Tour(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if load_settings().is_embedded:
        tour.mlmon("node", "start")
    tour.mlmon("setup")
    make_scenario(tour, predictions)
    serve_requests(tour)
    ship(tour)
    truth = read_truth_of(tour)
    judge(tour, truth)
    with connect(load_settings()) as cluster:
        complete = account(cluster, tour)
        found = verdict(cluster, read_truth(truth))
    costs(tour)
    console.print(
        NEXT.format(report=tour.report, home=os.environ["MLMON_HOME"]), markup=False, soft_wrap=True
    )
    return complete and found
