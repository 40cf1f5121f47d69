"""From stored predictions to verdicts: ours inside Elasticsearch, the peers from rows pulled out.

Usage: python -m tests.benchmarks.bench_analyzers [--rows 1000000] [--large 3000000] [--no-peers]

One day of predictions with 12 numeric and 4 categorical features, each feature judged against a
training set of 100,000 rows. Evidently and NannyML (in `.venv-peers`, made once) get the same day
by paging through the same index, as their users do. Then: a window of 90 days from stored profiles,
and what a cycle costs with 1, 10 and 100 days stored. Each stage is a process of its own, whose
largest resident size is reported, and the median of three rounds counts; the node is one that this
benchmark starts and ends.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from rich.console import Console
from rich.table import Table

from mlmon.analyzers.base.analysis_context import AnalysisContext
from mlmon.analyzers.base.window import DAY, HOUR, Window, iso
from mlmon.analyzers.baselines.store import BaselineStore
from mlmon.analyzers.baselines.training_set import read_baselines
from mlmon.analyzers.checks.data_quality import DataQuality
from mlmon.analyzers.checks.feature_drift.feature_drift import FeatureDrift
from mlmon.analyzers.checks.score_shift.score_shift import ScoreShift
from mlmon.analyzers.compare.traffic import compared
from mlmon.analyzers.event_logs.logs import Logs
from mlmon.analyzers.profiles.kind import kinds
from mlmon.analyzers.profiles.profiler import Profiler
from mlmon.analyzers.profiles.store import ProfileStore
from mlmon.analyzers.run.cycle.cycle import run_cycle
from mlmon.analyzers.run.cycle.state import Bookmark, BookmarkStore
from mlmon.elastic.client.cluster import Cluster
from mlmon.elastic.connect import connect
from mlmon.elastic.indices import templates
from mlmon.elastic.node.temporary_node import temporary_node
from mlmon.elastic.settings import load_settings

START = datetime(2026, 3, 2, tzinfo=UTC)
DAY_ONE = Window(START, START + DAY)
MODEL = ("bench", "1")
NUMERIC, CATEGORICAL, CATEGORIES = 12, 4, 20
TRAINING_ROWS = 100_000
BULK = 5_000
ROUNDS = 3
PEERS = Path(".venv-peers")
PEERS_WANTED = ["evidently==0.7.23", "nannyml==0.13.1", "pandas<3", "statsmodels", "pyarrow"]
PREDICTION = kinds()["prediction"]


def drawn(rng: np.random.Generator, rows: int, shift: float = 0.0) -> dict[str, Any]:
    """Draw features and scores; one feature is moved by `shift`."""
    columns: dict[str, Any] = {
        f"n{k:02}": rng.lognormal(0.1 * k + (shift if k == 0 else 0.0), 0.5, rows)
        for k in range(NUMERIC)
    }
    for k in range(CATEGORICAL):
        columns[f"c{k}"] = np.char.add("v", rng.binomial(CATEGORIES, 0.3, rows).astype(str))
    return {**columns, "ml.prediction.score": rng.beta(2, 5, rows)}


def training_set(folder: Path) -> Path:
    """Write the training set."""
    # The stages that are measured do without it.
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = folder / "training_set.parquet"
    pq.write_table(pa.table(drawn(np.random.default_rng(1), TRAINING_ROWS)), path)
    return path


def store(cluster: Cluster, namespace: str, rows: int, window: Window, seed: int) -> None:
    """Store predictions spread evenly over a window."""
    rng = np.random.default_rng(seed)
    action = orjson.dumps({"create": {"_index": f"logs-ml.prediction-{namespace}"}}) + b"\n"
    for first in range(0, rows, BULK):
        count = min(BULK, rows - first)
        columns = drawn(rng, count, shift=0.3)
        lines = []
        for index in range(count):
            moment = iso(window.start + window.length * ((first + index) / rows))
            event = {
                "@timestamp": moment,
                "event.ingested": moment,
                "service.name": "bench",
                "ml.model.name": MODEL[0],
                "ml.model.version": MODEL[1],
                "ml.prediction.id": f"{seed}-{first + index}",
                "ml.prediction.score": float(columns["ml.prediction.score"][index]),
                **{
                    f"ml.features.numeric.n{k:02}": float(columns[f"n{k:02}"][index])
                    for k in range(NUMERIC)
                },
                **{
                    f"ml.features.categorical.c{k}": str(columns[f"c{k}"][index])
                    for k in range(CATEGORICAL)
                },
            }
            lines += [action, orjson.dumps(event), b"\n"]
        answer = cluster.bulk(b"".join(lines), filter_path="errors")
        if answer["errors"]:
            raise SystemExit("the node refused predictions")
    cluster.refresh(f"logs-ml.prediction-{namespace}")


def judged(cluster: Cluster, namespace: str) -> dict[str, Any]:
    """Profile the day, read the profiles, judge them; seconds of each."""
    baselines = BaselineStore(cluster, namespace).current()
    by_id = {baseline.id: baseline for baseline in baselines.values()}
    logs = Logs(cluster, namespace, DAY_ONE.end, baselines)
    seconds: dict[str, Any] = {}
    seconds["profiles"], made = timed(lambda: Profiler(logs).update(PREDICTION, DAY_ONE))
    seconds["reading"], profiles = timed(
        lambda: ProfileStore(cluster, namespace).read(PREDICTION, DAY_ONE, by_id)
    )
    ends = Window(DAY_ONE.end - HOUR, DAY_ONE.end)
    evidence = AnalysisContext(ends, profiles, baselines)
    analyzers = (FeatureDrift(), ScoreShift(), DataQuality())
    seconds["verdicts"], findings = timed(
        lambda: [finding for analyzer in analyzers for finding in analyzer.evaluate(evidence)]
    )
    alarms = sorted({f"{finding.subject}" for finding in findings if finding.severity.alarming})
    rows = sum(profile.predictions for profile in profiles)
    return seconds | {"made": made, "rows": rows, "findings": len(findings), "alarms": alarms}


def ninety_days(cluster: Cluster, namespace: str) -> dict[str, Any]:
    """Copy the day's profiles over 90 days."""
    baselines = BaselineStore(cluster, namespace).current()
    by_id = {baseline.id: baseline for baseline in baselines.values()}
    profiles = ProfileStore(cluster, namespace)
    day = profiles.read(PREDICTION, DAY_ONE, by_id)
    for back in range(1, 90):
        ago = back * DAY
        profiles.write(
            (
                replace(
                    profile,
                    profile_key=replace(
                        profile.profile_key,
                        window=Window(profile.window.start - ago, profile.window.end - ago),
                    ),
                )
                for profile in day
            ),
            DAY_ONE.end,
        )
    profiles.refresh()
    period = Window(DAY_ONE.start - 89 * DAY, DAY_ONE.end)
    return {"stored": len(day) * 90, "from": iso(period.start), "to": iso(period.end)}


def compared_days(cluster: Cluster, namespace: str) -> dict[str, Any]:
    """Compare the 90 days with training, as `mlmon compare` does."""
    period = Window(DAY_ONE.start - 89 * DAY, DAY_ONE.end)
    seconds, result = timed(lambda: compared(cluster, namespace, period, None, MODEL))
    return {
        "seconds": seconds,
        "predictions": result.traffic.predictions,
        "first": result.rows[0].feature,
    }


def cycle_after(cluster: Cluster, namespace: str, days: int) -> dict[str, Any]:
    """Store days of small traffic, let a cycle take them in, and time the next hour's cycle."""
    begin = START - days * DAY
    store(cluster, namespace, 24 * days * 200, Window(begin, START), days)
    marks = BookmarkStore(cluster, namespace)
    marks.write(Bookmark(begin, begin, begin), START)
    for _ in range(2):
        run_cycle(cluster, namespace, START, begin)
    store(cluster, namespace, 200, Window(START, START + HOUR), -days % 1000)
    now = START + HOUR + timedelta(minutes=1)
    known = marks.read()
    assert known is not None
    marks.write(replace(known, swept=now), now)
    seconds, cycle = timed(lambda: run_cycle(cluster, namespace, now, begin))
    return {"seconds": seconds, "profiles": cycle.profiles, "findings": cycle.findings}


STAGES: dict[str, Callable[..., dict[str, Any]]] = {
    "judge": judged,
    "ninety": ninety_days,
    "compare": compared_days,
    "cycle": cycle_after,
}


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return the seconds some work takes, and its result."""
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


def peak_mib() -> float:
    """Return this process's largest resident size."""
    status = Path("/proc/self/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


def run_stage(url: str, name: str, namespace: str, *words: int) -> dict[str, Any]:
    """Run a stage in a process of its own."""
    module = f"tests.benchmarks.{Path(__file__).stem}"
    command = [sys.executable, "-m", module, "--stage", name, "--namespace", namespace]
    command += [str(word) for word in words]
    environment = {**os.environ, "MLMON_ELASTICSEARCH_URL": url}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def peers(url: str, namespace: str, reference: Path) -> dict[str, Any]:
    """Let Evidently and NannyML judge the same day, from rows pulled out of the same index."""
    python = PEERS / "bin" / "python"
    if not python.exists():
        uv = [sys.executable, "-m", "uv"]
        subprocess.run([*uv, "venv", "-q", str(PEERS)], check=True)
        subprocess.run([*uv, "pip", "install", "-q", "-p", str(python), *PEERS_WANTED], check=True)
    script = Path(__file__).with_name("peers_verdict.py")
    command = [str(python), str(script), url, namespace, str(reference)]
    environment = {**os.environ, "NML_DISABLE_USAGE_LOGGING": "1", "DO_NOT_TRACK": "1"}
    done = subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True
    )
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


@contextmanager
def own_cluster() -> Iterator[Cluster]:
    """Start a node of the benchmark's own, and end it."""
    with temporary_node(9270, "1g") as settings, connect(settings) as cluster:
        for _ in templates.install(cluster):
            pass
        yield cluster


def judged_anew(cluster: Cluster, namespace: str) -> dict[str, Any]:
    """Profile and judge the day as if it were new: without profiles, and without cached answers.

    The month's index stays: it is made once a month, in 0.2 s.
    """
    index = f"mlmon-profiles-{namespace}-*"
    stored = list(cluster.scan(index, {"_source": False}))
    actions = [{"delete": {"_index": hit["_index"], "_id": hit["_id"]}} for hit in stored]
    if actions:
        cluster.bulk(b"".join(orjson.dumps(action) + b"\n" for action in actions))
        cluster.refresh(index)
    cluster._client.indices.clear_cache(index=f"logs-ml.prediction-{namespace}")
    return run_stage(cluster.url, "judge", namespace)


def median_of(work: Callable[[], dict[str, Any]], by: str) -> dict[str, Any]:
    """Return the middle one of some rounds: a node that has just started is slow at first."""
    rounds = sorted((work() for _ in range(ROUNDS)), key=lambda row: row[by])
    return rounds[ROUNDS // 2]


def measure(cluster: Cluster, folder: Path, options: argparse.Namespace, console: Console) -> None:
    """Run every stage and print the tables."""
    reference = training_set(folder)
    table = Table("one day of predictions", "profiles", "verdicts", "to the verdict", "peak MiB")
    ours = 0.0
    for rows in sorted({100_000, options.rows, options.large}):
        namespace = f"bench{rows}"
        baselines = list(read_baselines(reference, START, *MODEL))
        BaselineStore(cluster, namespace).write(baselines)
        store(cluster, namespace, rows, DAY_ONE, seed=rows)
        got = median_of(lambda namespace=namespace: judged_anew(cluster, namespace), "profiles")
        whole = got["profiles"] + got["reading"] + got["verdicts"]
        ours = whole if rows == options.rows else ours
        table.add_row(
            f"mlmon, {got['rows']:,} rows, {got['findings']} findings",
            f"{got['profiles']:.2f} s",
            f"{got['verdicts']:.3f} s",
            f"{whole:.2f} s",
            f"{got['peak']:.0f}",
        )
    if options.peers:
        got = peers(cluster.url, f"bench{options.rows}", reference)
        for name in ("Evidently", "NannyML"):
            seconds = got["pulling"] + got[name]
            table.add_row(
                f"{name}, {got['rows']:,} rows: pulling {got['pulling']:.0f} s, then",
                "",
                f"{got[name]:.1f} s",
                f"{seconds:.1f} s = {seconds / ours:.0f} x",
                f"{got['peak']:.0f}",
            )
    console.print(table)
    run_stage(cluster.url, "ninety", f"bench{options.rows}")
    got = median_of(lambda: run_stage(cluster.url, "compare", f"bench{options.rows}"), "seconds")
    console.print(
        f"90 days, {got['predictions']:,} predictions, compared with training from profiles: "
        f"{got['seconds']:.2f} s, peak {got['peak']:.0f} MiB"
    )
    history = Table("days stored", "the next hour's cycle", "profiles", "peak MiB")
    for days in (1, 10, 100):
        namespace = f"cycle{days}"
        BaselineStore(cluster, namespace).write(list(read_baselines(reference, START, *MODEL)))
        got = run_stage(cluster.url, "cycle", namespace, days)
        history.add_row(
            str(days), f"{got['seconds']:.2f} s", str(got["profiles"]), f"{got['peak']:.0f}"
        )
    console.print(history)


def main() -> None:
    """Print the tables, or run one stage of them."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--large", type=int, default=3_000_000)
    parser.add_argument("--no-peers", dest="peers", action="store_false")
    parser.add_argument("--stage", choices=STAGES, help=argparse.SUPPRESS)
    parser.add_argument("--namespace", help=argparse.SUPPRESS)
    parser.add_argument("words", nargs="*", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.stage:
        with connect(load_settings()) as cluster:
            answer = STAGES[options.stage](cluster, options.namespace, *options.words)
        sys.stdout.write(json.dumps(answer | {"peak": peak_mib()}))
        return
    console = Console(highlight=False, width=110)
    console.print(
        f"{platform.platform()}, Python {platform.python_version()}, {os.cpu_count()} cores"
    )
    with tempfile.TemporaryDirectory(prefix="bench-analyzers-") as name, own_cluster() as cluster:
        measure(cluster, Path(name), options, console)


if __name__ == "__main__":
    main()
