"""How long from the first bad line to the message, in real seconds, with `mlmon run` as it is.

Usage: python -m tests.benchmarks.bench_fast_check [--minutes 7] [--into docs/alerting.md]

On an embedded node of its own lie eight days of requests of six services, which arrived two seconds
after they were logged. Then lines are written to a file as time goes on, `mlmon ship --follow`
ships it, `mlmon run` runs with its defaults, and a webhook receives. At one moment one service
answers all requests with 500, one with 503, one falls silent, and later a job fails; of the calm
ones one is restarted (40 seconds without a line), and one is asked every five minutes. Prints a
table, and exits 1 where a message took more than two minutes, or came before there was anything
wrong. `--into` writes the table into a page. It takes about ten minutes, most of them to prepare.
"""

import argparse
import itertools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console

from mlmon.analyzers.base.window import DAY, HOUR, MINUTE, SECOND, iso, parse_time
from mlmon.elastic.connect import connect
from mlmon.elastic.indices.names import data_stream
from mlmon.elastic.node.temporary_node import temporary_node
from mlmon.elastic.settings import Settings
from mlmon.logging_config import EventLog, Service, open_log
from tests.benchmarks.bench_incidents import write_between
from tests.benchmarks.bench_index import machine
from tests.support.receivers import webhook_receiver

ALLOWED = 2 * MINUTE
MARKS = ("<!-- bench_fast_check -->", "<!-- end of bench_fast_check -->")
"""Around the table in a page."""
PORT = 9480
NAMESPACE = "fast"
FAILING = {"failing": 500, "unloaded": 503}
SILENT, RESTARTED, IDLE, JOBS = "silent", "restarted", "idle", "jobs"
SERVICES = (*FAILING, SILENT, RESTARTED, IDLE)
RESTART = timedelta(seconds=40)
AROUND = timedelta(hours=2, minutes=15)
JOB_LATER = timedelta(minutes=4)
"""A job that fails before a service is known to be down may be its cause, and is no message of its
own then."""
EACH = 2 * SECOND
"""Requests of past days lie so near this time of day."""


class Writer:
    """The lines of all services, in one file."""

    def __init__(self, path: Path, run: int) -> None:
        self._now = datetime.now(UTC)
        self._logs: dict[str, EventLog] = {}
        self._path = path
        self._run = run

    def _log(self, service: str) -> EventLog:
        if service not in self._logs:
            named = Service(service, version="1", environment="production")
            self._logs[service] = open_log(
                named,
                path=self._path,
                clock=lambda: int(self._now.timestamp() * 1e9),
                entity_id=f"{service}-{self._run}",
            )
        return self._logs[service]

    def request(self, service: str, at: datetime, status: int = 200) -> None:
        """Write the line of a request."""
        self._now = at
        self._log(service).access(
            method="POST", path=f"/{service}", status_code=status, duration_ns=20_000_000
        )

    def run(self, at: datetime, *, succeeded: bool = True) -> None:
        """Write the lines of a job's run of half a minute that ends at a moment."""
        log = self._log(JOBS)
        self._now = at - 30 * SECOND
        run_id = f"{at:%Y%m%dT%H%M%S}"
        log.job_started(name="refresh", run_id=run_id)
        self._now = at
        log.job_ended(
            name="refresh",
            run_id=run_id,
            duration_ns=30 * 10**9,
            error=None if succeeded else RuntimeError("no connection"),
        )


def history(writer: Writer, now: datetime) -> None:
    """Write eight days of calm requests around this time of day, and hourly runs of the job."""
    for day in range(8, -1, -1):
        noon = now - day * DAY
        end = min(noon + AROUND, now)
        second = noon - AROUND
        while second < end:
            # A silence takes a week of history, the others an hour.
            for service in SERVICES if day == 0 else (SILENT, RESTARTED):
                if service != IDLE or second.minute % 5 == second.second // 2 == 0:
                    writer.request(service, second)
            second += EACH
        for hour in range(24):
            if noon + hour * HOUR < now - HOUR:
                writer.run(noon + hour * HOUR)


def store(lines: Path, settings: Settings) -> None:
    """Store the lines of a file as if each had been shipped two seconds after it was logged."""
    with connect(settings) as cluster, lines.open("rb") as file:
        while batch := list(itertools.islice(file, 5_000)):
            body = []
            for line in batch:
                event = orjson.loads(line)
                arrived = parse_time(event["@timestamp"]) + 2 * SECOND
                stream = data_stream(event["event.dataset"], NAMESPACE)
                body.append(orjson.dumps({"create": {"_index": stream, "_id": event["event.id"]}}))
                body.append(orjson.dumps(event | {"event.ingested": iso(arrived)}))
            assert not cluster.bulk(b"\n".join(body) + b"\n")["errors"]


def live(writer: Writer, begin: datetime, bad: datetime, end: datetime) -> None:
    """Write requests as time goes on, each second; from a moment on faults."""
    second, failed = begin, False
    while second < end:
        time.sleep(max(0.0, (second - datetime.now(UTC)).total_seconds()))
        for service in SERVICES:
            resting = service == RESTARTED and bad <= second < bad + RESTART
            silent = service == SILENT and second >= bad
            idle = service == IDLE and (second.minute % 5 or second.second // 2)
            if not (resting or silent or idle):
                status = FAILING.get(service, 200) if second >= bad else 200
                writer.request(service, second, status)
        if second >= bad + JOB_LATER and not failed:
            writer.run(second, succeeded=False)
            failed = True
        second += EACH


@contextmanager
def command(environment: dict[str, str], *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run `mlmon` with some words until the block ends."""
    process = subprocess.Popen(
        [sys.executable, "-m", "mlmon", *words],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:  # amid a long cycle
            process.kill()
            process.wait()


def main() -> int:
    """Measure; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=int, default=7, help="how long faults last")
    parser.add_argument("--into", type=Path, help="page to write the table into")
    options = parser.parse_args()
    minutes = options.minutes
    with (
        temporary_node(PORT) as settings,
        webhook_receiver() as hook,
        tempfile.TemporaryDirectory() as folder,
    ):
        config = Path(folder) / "mlmon.toml"
        config.write_text(
            f'[alerting.notify.hook]\ntype = "webhook"\nurl = "{hook.url}"\n', encoding="utf-8"
        )
        environment = os.environ | {
            "MLMON_ELASTICSEARCH_URL": str(settings.elasticsearch_url),
            "MLMON_CONFIG": str(config),
            "MLMON_HOME": folder,
            "MLMON_NAMESPACE": NAMESPACE,
        }
        lines, past = Path(folder) / "service.log", Path(folder) / "past.log"
        begin = datetime.now(UTC).replace(microsecond=0)
        history(Writer(past, 0), begin)
        subprocess.run([sys.executable, "-m", "mlmon", "setup"], env=environment, check=True)
        store(past, settings)
        writer = Writer(lines, 1)
        with (
            command(environment, "ship", "files", str(lines), "--follow"),
            command(environment, "run") as run,
        ):
            assert run.stdout is not None
            bad = catch_up(run, writer, begin) + MINUTE
            received: list[tuple[datetime, Any]] = []
            live(writer, datetime.now(UTC).replace(microsecond=0), bad, bad + minutes * MINUTE)
            received += zip(hook.times, hook.bodies, strict=True)
    return report(bad, received, options.into)


def catch_up(run: subprocess.Popen[bytes], writer: Writer, begin: datetime) -> datetime:
    """Write calm requests while the first cycle runs; return when it had ended."""
    os.set_blocking(run.stdout.fileno(), False)  # type: ignore[union-attr]
    said = b""
    while b"judged to" not in (said := said + (run.stdout.read() or b"")):  # type: ignore[union-attr]
        end = datetime.now(UTC).replace(microsecond=0)
        live(writer, begin, end + DAY, end)
        begin = end
        time.sleep(1)
    end = datetime.now(UTC).replace(microsecond=0)
    live(writer, begin, end + DAY, end)
    return end


def report(bad: datetime, received: list[tuple[datetime, Any]], into: Path | None) -> int:
    """Print how long each message took; return 1 where one was late, missing or a false alarm."""
    first: dict[str, tuple[datetime, str]] = {}
    for at, body in received:
        if body["kind"] == "opened":
            first.setdefault(body["document"].get("service.name", ""), (at, body["title"]))
    faults = {"failing": "every request 500", "unloaded": "every request 503"}
    faults |= {SILENT: "no request", JOBS: "a job's run failed"}
    since = {name: bad + (JOB_LATER if name == JOBS else 0 * SECOND) for name in faults}
    wrong = [
        name
        for name in faults
        if name not in first or not 0 * SECOND <= first[name][0] - since[name] <= ALLOWED
    ]
    wrong += [name for name in first if name not in faults]
    lines = ["| service | fault | seconds | message |", "|---|---|---:|---|"]
    for name in (*faults, *(name for name in first if name not in faults)):
        at, title = first.get(name, (None, "-"))
        seconds = f"{(at - since.get(name, bad)).total_seconds():.0f}" if at else "-"
        lines.append(f"| {name} | {faults.get(name, 'none')} | {seconds} | {title} |")
    text = "\n".join(lines)
    console = Console(width=None if sys.stdout.isatty() else 120)
    console.print(f"From the first bad line to the message ({machine()})")
    console.print(text, markup=False)
    if wrong:
        console.print(f"late, missing or wrong: {', '.join(wrong)}")
    if into is not None:
        write_between(into, MARKS, text)
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
