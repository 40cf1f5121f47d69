"""What is found, how soon, and how often is the alarm false: over seeds of the scenario.

Usage: python -m tests.benchmarks.bench_detection [--seeds 3] [--calm 2] [--calm-days 42]

Each seed is another history of the reference service with the same kinds of incidents. The calm
ones have none, with much traffic and with little, and last long enough for past weeks to be
compared: every alarm there is a false one. Nothing is tuned to a seed; limits are the defaults.
The node is one that this benchmark starts and ends; it takes about 2 GB of disk meanwhile.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.console import Console
from rich.table import Table

from mlmon.analyzers.base.finding import Finding
from mlmon.analyzers.run.findings_store import FindingStore
from mlmon.analyzers.run.ground_truth import Detection, compare, read_truth
from mlmon.autobid.scenario import ScenarioSettings, run_scenario
from mlmon.elastic.client.cluster import Cluster
from tests.benchmarks.bench_analyzers import own_cluster
from tests.benchmarks.bench_index import machine

END = datetime(2026, 11, 25, tzinfo=UTC)
A_DAY, FEW_A_DAY = 5_600, 300
DAYS = 18
SEGMENT = "experience_level"


@dataclass(frozen=True)
class Judged:
    """The findings of one history: how incidents were found, and false findings before them."""

    detections: tuple[Detection, ...]
    calm_findings: int
    false_findings: tuple[Finding, ...]


@contextmanager
def history(seed: int, days: int, a_day: int, incidents: tuple[str, ...] | None) -> Iterator[Path]:
    """Simulate a history of so many predictions a day; `incidents` None for all."""
    folder = Path(tempfile.mkdtemp(prefix="bench-detection-"))
    try:
        out = folder / "scenario"
        run_scenario(out, ScenarioSettings(END, days, seed, a_day * days, incidents))
        yield out
    finally:
        shutil.rmtree(folder)


def judged(
    cluster: Cluster, seed: int, days: int, a_day: int, incidents: tuple[str, ...] | None
) -> Judged:
    """Ship a history, judge it as `make demo` does, and compare with the truth."""
    namespace = f"seed{seed}_{days}_{a_day}"
    environment = {
        **os.environ,
        "MLMON_ELASTICSEARCH_URL": cluster.url,
        "MLMON_NAMESPACE": namespace,
    }
    with history(seed, days, a_day, incidents) as out:
        truth = json.loads((out / "truth.json").read_text())
        for words in (
            ("ship", str(out / "logs"), "--once"),
            ("baseline", "create", str(out / "models"), "--segment", SEGMENT),
            ("analyze", "--since", truth["start"], "--until", truth["end"]),
        ):
            command = [sys.executable, "-m", "mlmon", *words]
            subprocess.run(
                command,
                env=environment,
                check=True,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
    cluster.refresh(f"mlmon-findings-{namespace}-*")
    findings = list(FindingStore(cluster, namespace).search())
    known = read_truth(truth)
    begin = min((incident.time.start for incident in known), default=END)
    compared = compare(findings, known)
    calm = sum(finding.end <= begin for finding in findings)
    return Judged(compared.detections, calm, compared.false_findings)


def incident_table(histories: list[Judged], days: int) -> Table:
    """Return how soon each incident was found in each history."""
    table = Table(
        f"incident ({len(histories)} histories of {days} days)", "found", "after", "first by"
    )
    by_id: dict[str, list[Detection]] = defaultdict(list)
    for history in histories:
        for detection in history.detections:
            by_id[detection.incident.id].append(detection)
    for name, detections in by_id.items():
        delays = sorted(detection.delay for detection in detections if detection.delay is not None)
        first = Counter(
            f"{detection.finding.analyzer} {detection.finding.metric}"
            for detection in detections
            if detection.finding
        )
        after = (
            " to ".join(dict.fromkeys(delay_text(delay) for delay in (delays[0], delays[-1])))
            if delays
            else "-"
        )
        table.add_row(name, f"{len(delays)} of {len(detections)}", after, ", ".join(first))
    return table


def false_table(rows: list[tuple[str, list[Judged]]]) -> Table:
    """Return how many alarms there were while nothing was wrong."""
    table = Table("while nothing was wrong", "histories", "findings", "false alarms", "of")
    for name, histories in rows:
        alarms = [finding for one in histories for finding in one.false_findings]
        of = Counter(f"{alarm.analyzer} {alarm.metric}" for alarm in alarms)
        findings = sum(history.calm_findings for history in histories)
        output = ", ".join(f"{which} {many}" for which, many in of.most_common(5)) or "-"
        table.add_row(name, str(len(histories)), f"{findings:,}", str(len(alarms)), output)
    return table


def delay_text(delay: timedelta) -> str:
    """Return a delay in minutes or hours."""
    minutes = round(delay.total_seconds() / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes / 60:g} h"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--calm", type=int, default=2)
    parser.add_argument("--calm-days", type=int, default=42)
    options = parser.parse_args()
    console = Console(highlight=False, width=120)
    console.print(machine())
    with own_cluster() as cluster:
        troubled = []
        for seed in range(1, options.seeds + 1):
            console.print(f"[dim]{DAYS} days with incidents, seed {seed} …[/dim]")
            troubled.append(judged(cluster, seed, DAYS, A_DAY, None))
        console.print(incident_table(troubled, DAYS))
        rows = [("before the first incident", troubled)]
        for a_day in (A_DAY, FEW_A_DAY):
            name = f"{options.calm_days} calm days, {a_day:,} predictions a day"
            calm = []
            for seed in range(101, 101 + options.calm):
                console.print(f"[dim]{name}, seed {seed} …[/dim]")
                calm.append(judged(cluster, seed, options.calm_days, a_day, ()))
            rows.append((name, calm))
    console.print(false_table(rows))


if __name__ == "__main__":
    main()
