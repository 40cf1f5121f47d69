"""The shippers that are tortured."""

import os
import random
import resource
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from mlmon.elastic.client.cluster import Cluster
from mlmon.ingest.deliver.dead_letter import DeadLetter
from mlmon.ingest.encode.line import LineError, event_id
from mlmon.ingest.state.health import Health
from tests.support.torture.numbered import VariedLog
from tests.support.torture.plan import FILE, ODDS, Plan
from tests.support.torture.run import Torture, Verdict, is_stored
from tests.support.torture.writer import Writer


def mlmon(
    plan: Plan,
    cluster: Cluster,
    url: str,
    folder: Path,
    restart: Callable[[], str] | None = None,
) -> Verdict:
    """Torture `mlmon ship`, sometimes two of them at once, with a clock that is set."""
    namespace = f"torture_{uuid.uuid4().hex[:8]}"
    logs = folder / "logs"
    logs.mkdir()
    choices = random.Random(plan.seed + 3)
    settings = {"ELASTICSEARCH_URL": url, "NAMESPACE": namespace, "HOME": str(folder / "home")}
    environment = {**os.environ, **{f"MLMON_{key}": text for key, text in settings.items()}}
    starts = 0

    def start_one(name: str, *, full: bool) -> subprocess.Popen[bytes]:
        nonlocal starts
        starts += 1
        patterns = [logs, logs / "pods/*/*/*.log*", logs / "docker/*/*.log*"]
        words = ["ship", *map(str, patterns), "--follow", "--state", str(folder / name)]
        module = "tests.support.torture.wrong_clock"
        return subprocess.Popen(
            [sys.executable, "-m", module, str(choices.randrange(5)), *words],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=_fill_disk if full else None,  # noqa: PLW1509 - no thread holds a lock it needs
        )

    def start(full: bool) -> list[subprocess.Popen[bytes]]:  # noqa: FBT001 - how Torture calls it
        kinds = [["first", "second"], ["first"], ["first"], ["second"]]
        names = choices.choice(kinds) if starts else kinds[0]
        return [start_one(name, full=full) for name in names]

    def retry() -> None:
        letters = [path for path in folder.glob("*/dead-letters*.jsonl") if path.stat().st_size]
        for state in {path.parent for path in letters}:
            words = ["ship", "retry-rejected", "--state", str(state)]
            subprocess.run(
                [sys.executable, "-m", "mlmon", *words],
                env=environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                check=False,
            )

    def is_at_work(began: float) -> bool:
        return any(
            status.stat().st_mtime > began and _has_decided(status)
            for status in folder.glob("*/status.json")
        )

    def is_kept(log: VariedLog) -> bool:
        return is_stored(cluster, namespace, log, _rejected(folder))

    writer = Writer(logs, plan, is_kept)
    torture = Torture(plan, cluster, namespace, start, writer, is_at_work, restart, retry)
    verdict = torture.run()
    verdict.deeds["started with a clock set forward and back by 2 hours and 400 days"] = starts
    letters = list(folder.glob("*/dead-letters*"))
    verdict.deeds["lines left in the dead letters"] = sum(
        path.read_bytes().count(b"\n") for path in letters
    )
    return verdict


def _has_decided(status: Path) -> bool:
    """Return whether a shipper's status counts decided lines; False while it is replaced."""
    try:
        counts = Health.from_json(status.read_bytes()).counts
    except (OSError, ValueError):
        return False
    return counts.stored + counts.duplicate > 0


def _rejected(folder: Path) -> set[str]:
    """Return the ids of the lines in the dead letters: they are kept there."""
    found = set()
    for path in folder.glob("*/dead-letters*.jsonl"):
        with suppress(FileNotFoundError), path.open("rb") as file:
            for line in file:
                with suppress(LineError):
                    found.add(event_id(DeadLetter.from_line(line).raw))
    return found


def _fill_disk() -> None:
    """Let no file of this process grow: what a full disk does."""
    _report_full()
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))


def _report_full() -> None:
    """Let a write beyond the limit fail, as on a full disk, instead of ending the process."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


def rsyslog(
    plan: Plan,
    cluster: Cluster,
    url: str,
    folder: Path,
    restart: Callable[[], str] | None = None,
) -> Verdict:
    """Torture rsyslog, its queue on disk and synced, without what it does not support."""
    from tests.benchmarks.bench_ingest import rsyslog_configuration

    namespace = f"torture_{uuid.uuid4().hex[:8]}"
    logs, home = folder / "logs", folder / "rsyslog"
    logs.mkdir()
    (home / "spool").mkdir(parents=True)
    queue = 'queue.type="Disk" queue.filename="ship" queue.syncQueueFiles="on"'
    # The pattern finds renamed files too, and no request is larger than the injector lets through.
    pattern, largest = logs / f"{FILE}*", ODDS.largest // 2
    many = f'input(type="imfile" file="{logs}/many/*" tag="log" ruleset="ship")\n'
    text = rsyslog_configuration(url, pattern, namespace, home, queue, largest)
    (home / "rsyslog.conf").write_text(text + many)

    def start(full: bool) -> list[subprocess.Popen[bytes]]:  # noqa: FBT001 - how Torture calls it
        words = ["-n", "-f", str(home / "rsyslog.conf"), "-i", str(home / "pid")]
        (home / "pid").unlink(missing_ok=True)
        process = subprocess.Popen(
            ["rsyslogd", *words],
            stderr=subprocess.DEVNULL,
            preexec_fn=_fill_disk if full else _report_full,  # noqa: PLW1509 - no thread holds a lock it needs
        )
        return [process]

    def is_at_work(began: float) -> bool:
        pid = home / "pid"
        return pid.exists() and pid.stat().st_mtime > began

    plan = replace(plan, extras=False)
    writer = Writer(logs, plan, lambda _: False)
    verdict = Torture(plan, cluster, namespace, start, writer, is_at_work, restart).run()
    errors = home / "errors.json"
    verdict.deeds["requests in its error file"] = (
        errors.read_bytes().count(b"\n") if errors.exists() else 0
    )
    return verdict
