"""Kill, rotate, truncate, fill and break while lines are shipped; then count which are stored.

Usage: python -m tests.support.torture [--kills 50] [--lines 60000] [--files 5000] [--seed 1]
       [--no-peer]

A writer logs numbered lines into a file that is renamed, copied and truncated, truncated, deleted
and compressed (into several gzip members) at random moments; another one writes them as Kubernetes
does. Thousands of small files and some strays lie next to them. A shipper follows them, is killed
with SIGKILL at random moments, finds a disk that takes no more, a clock that is set forward and
back, and a second shipper; between it and the node a fault injector answers 429, 413, 400 and 503,
cuts connections before, during and after the work, and is slow; the data stream rolls over, and the
node is stopped, killed and started again. Rejected lines are sent again at the end. The set of
stored ids must then be the set of written ones, each once. The same is done to rsyslog, with its
queue on disk, synced, without what it does not support, and its losses are printed too.
"""

import argparse
import gzip
import itertools
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from io import FileIO
from pathlib import Path

from mlmon.elastic.client.cluster import Cluster
from mlmon.elastic.connect import connect
from mlmon.elastic.errors import (
    ClusterBusyError,
    ClusterError,
    ClusterUnreachableError,
    UserError,
)
from mlmon.elastic.node import node
from mlmon.elastic.settings import Settings, load_settings
from mlmon.elastic.system.folders import cache_folder
from tests.support.container_logs import cri_entries
from tests.support.fault_injector import FaultInjector, Odds
from tests.support.numbered_log import NumberedLog

ODDS = Odds(
    busy=0.05, error=0.05, cut_before=0.05, cut_after=0.05, half_answer=0.03, bad_request=0.02,
    slow=0.1, item_429=0.01, item_503=0.01, item_400=0.0005, delay_s=0.2, largest=150_000,
)  # fmt: skip
CLOCKS = (0, 7_200, -7_200, 86_400 * 400, -86_400 * 400)
"""Seconds by which the shipper's clock is wrong, one after the other, each for some seconds."""

CLOCKED = """
import time
real, clocks, start = time.time, {clocks}, {start}
time.time = lambda: real() + clocks[(int(real()) // 5 + start) % len(clocks)]
from mlmon.cli import main
main()
"""
FILE = "app.jsonl"
PATIENCE_S = 600.0
QUIET_S = 120.0


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is done.

    Attributes:
        lines: Lines the writer logs.
        kills: How often the shipper is killed.
        seed: Of every random choice.
        per_second: Lines logged a second.
        rotate_s: Mean time between two rotations.
        roll_s: Mean time between two rollovers.
        longest_life_s: Longest time until the shipper is killed.
        files: Small files of one line each that are there from the beginning.
        extras: Whether to do what rsyslog does not support: compression, copies with truncation,
            truncation, deletion, logs of containers, strays, restarts of the node.
    """

    lines: int
    kills: int
    seed: int = 1
    per_second: int = 600
    rotate_s: float = 1.5
    roll_s: float = 4.0
    longest_life_s: float = 4.0
    files: int = 200
    extras: bool = True


@dataclass(slots=True)
class Verdict:
    """What is stored in the end.

    Attributes:
        written: Ids of the lines that were logged.
        stored: How often each id is stored.
        deeds: What was done, how often.
    """

    written: set[str]
    stored: Counter[str]
    deeds: Counter[str] = field(default_factory=Counter)

    @property
    def lost(self) -> int:
        """Lines that are not stored."""
        return len(self.written - self.stored.keys())

    @property
    def doubled(self) -> int:
        """Lines that are stored more than once."""
        return sum(count > 1 for count in self.stored.values())


class Writer(threading.Thread):
    """Logs lines and rotates its file, until the plan's lines are written.

    Args:
        folder: Where its file lies.
        plan: How many lines, and how often it rotates.
        is_stored: Returns whether all lines up to a number are stored: only those may be deleted.
    """

    def __init__(self, folder: Path, plan: Plan, is_stored: Callable[[NumberedLog], bool]) -> None:
        super().__init__(daemon=True)
        self.log = NumberedLog(uuid.uuid4().hex[:16])
        self.small = NumberedLog(uuid.uuid4().hex[:16])
        self.pod = NumberedLog(uuid.uuid4().hex[:16])
        self.deeds: Counter[str] = Counter()
        self._live = folder / FILE
        self._pod = folder / "pods" / "shop_autobid-1_uid" / "api" / "0.log"
        self._plan = plan
        self._is_stored = is_stored
        self._random = random.Random(plan.seed)
        self._rotated: list[Path] = []
        self._write_at_once(folder)

    def ids(self) -> set[str]:
        """Return the ids of all lines written so far."""
        return self.log.ids() | self.small.ids() | self.pod.ids()

    def _write_at_once(self, folder: Path) -> None:
        """Write the small files and the strays."""
        (folder / "many").mkdir()
        for number in range(self._plan.files):
            (folder / "many" / f"{FILE}.{number}").write_bytes(self.small.line())
        if self._plan.extras:
            self._pod.parent.mkdir(parents=True)
            (folder / f"{FILE}.sha256").write_text("0123abcd  app.jsonl\n")
            (folder / f"{FILE}.swp").write_bytes(b"b0VIM" + bytes(4_000))
            (folder / "loop").symlink_to(".")

    def run(self) -> None:
        """Write bursts of lines, each by a few writes, and rotate between them."""
        file = self._live.open("ab", buffering=0)
        while self.log.count < self._plan.lines:
            burst = self._random.randint(1, 60)
            text = self.log.lines(min(burst, self._plan.lines - self.log.count))
            cut = self._random.randrange(len(text))
            file.write(text[:cut])
            time.sleep(burst / self._plan.per_second)
            file.write(text[cut:])
            if self._plan.extras and self._random.random() < 0.3:
                self._write_in_pod()
            if self._random.random() < burst / self._plan.per_second / self._plan.rotate_s:
                file = self._rotate(file)
        file.close()

    def _write_in_pod(self) -> None:
        """Write some lines as containerd does, split in parts; rotate as kubelet does."""
        lines = self.pod.lines(self._random.randint(1, 5)).decode().splitlines()
        entries = [entry for line in lines for entry in cri_entries(line, 200)]
        with self._pod.open("ab") as file:
            file.write(b"".join(entry + b"\n" for entry in entries))
        self.deeds["lines in container logs"] += len(lines)
        if self._random.random() < 0.02:
            self.deeds["container logs rotated"] += 1
            self._pod.rename(f"{self._pod}.{self.deeds['container logs rotated']}")

    def _rotate(self, file: FileIO) -> FileIO:
        number = sum(self.deeds.values()) + 1
        choices = (
            ["renamed", "copied", "truncated", "deleted"] if self._plan.extras else ["renamed"]
        )
        deed = self._random.choice(choices)
        if deed in {"truncated", "deleted"} and not self._is_stored(self.log):
            # What nobody has read yet would be lost with any shipper.
            deed = "renamed"
        target = self._live.with_name(f"{FILE}.{number}")
        self.deeds[deed] += 1
        if deed == "truncated":
            os.ftruncate(file.fileno(), 0)
            return file
        if deed == "copied":
            shutil.copyfile(self._live, target)
            os.ftruncate(file.fileno(), 0)
        else:
            if deed == "deleted":
                self._live.unlink()
            else:
                self._live.rename(target)
            file.close()
            file = self._live.open("ab", buffering=0)
        if deed != "deleted":
            self._rotated.append(target)
        if self._plan.extras and self._rotated and self._random.random() < 0.5:
            self._compress(self._random.choice(self._rotated))
        return file

    def _compress(self, path: Path) -> None:
        """Compress a file into two gzip members, and delete it."""
        self._rotated.remove(path)
        data = path.read_bytes()
        middle = len(data) // 2
        compressed = gzip.compress(data[:middle], 1) + gzip.compress(data[middle:], 1)
        path.with_name(f"{path.name}.gz").write_bytes(compressed)
        path.unlink()
        self.deeds["compressed"] += 1


@dataclass(slots=True)
class Torture:
    """One tortured shipper.

    Attributes:
        plan: How much is done.
        cluster: The node behind the injector.
        namespace: Where the lines go.
        start: Starts the shipper; given True, on a disk that takes no more.
        writer: Logs the lines.
        sign: Pattern, below `folder`, of files that a shipper writes when it is at work.
        folder: Where the shipper keeps its files.
        restart: Restarts the node; None leaves it alone.
        retry: Sends rejected lines again; None where that is not supported.
    """

    plan: Plan
    cluster: Cluster
    namespace: str
    start: Callable[[bool], list[subprocess.Popen[bytes]]]
    writer: Writer
    sign: str
    folder: Path
    restart: Callable[[], None] | None = None
    retry: Callable[[], None] | None = None
    deeds: Counter[str] = field(default_factory=Counter)

    def run(self) -> Verdict:
        """Torture until the lines are written and the kills done; then let it finish."""
        choices = random.Random(self.plan.seed + 1)
        self.writer.start()
        rolling = threading.Thread(target=self._roll, daemon=True)
        rolling.start()
        while self.deeds["killed"] < self.plan.kills or self.writer.is_alive():
            self._one_life(choices)
            if self.restart and self.deeds["killed"] % 20 == 10:
                self.deeds["node stopped or killed, and started"] += 1
                self.restart()
        self.writer.join()
        self.deeds.update(self.writer.deeds)
        return self._rest()

    def _one_life(self, choices: random.Random) -> None:
        full = choices.random() < 0.1
        began = time.time()
        processes = self.start(full)
        self.deeds["started on a full disk"] += full
        self.deeds["two at once"] += len(processes) == 2
        if choices.random() < 0.9:
            # Else it is killed while it starts.
            self._await_work(processes, began)
        with suppress(subprocess.TimeoutExpired):
            processes[0].wait(timeout=choices.uniform(0.05, self.plan.longest_life_s))
        for process in processes:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                self.deeds["killed"] += 1
            process.wait()

    def _await_work(self, processes: list[subprocess.Popen[bytes]], began: float) -> None:
        """Wait until a shipper is at work, or has ended."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline and all(process.poll() is None for process in processes):
            if any(path.stat().st_mtime > began for path in self.folder.glob(self.sign)):
                return
            time.sleep(0.02)

    def _roll(self) -> None:
        choices = random.Random(self.plan.seed + 2)
        while self.writer.is_alive():
            time.sleep(choices.expovariate(1 / self.plan.roll_s))
            try:
                self.cluster.rollover(f"logs-ml.prediction-{self.namespace}")
                self.deeds["rolled over"] += 1
            except UserError as error:
                # Before the first line there is nothing to roll over; a node may be away.
                self.deeds[f"rollover failed: {error.message[-90:]}"] += 1

    def _rest(self) -> Verdict:
        """Let a last shipper run until what is stored does not grow or is complete."""
        processes = self.start(False)  # noqa: FBT003 - see start
        deadline = time.monotonic() + PATIENCE_S
        written = self.writer.ids()
        stored: Counter[str] = Counter()
        quiet = time.monotonic()
        while stored.keys() != written and time.monotonic() < min(deadline, quiet + QUIET_S):
            time.sleep(0.5)
            found = stored_ids(self.cluster, self.namespace)
            quiet = quiet if found == stored else time.monotonic()
            stored = found
            if self.retry:
                self.retry()
        for process in processes:
            process.send_signal(signal.SIGTERM)
            process.wait()
        return Verdict(written, stored_ids(self.cluster, self.namespace), self.deeds)


def stored_ids(cluster: Cluster, namespace: str) -> Counter[str]:
    """Return how often each id is stored, once every backing index can be searched."""
    index = f"logs-ml.*-{namespace}"
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        # A backing index that was just made answers a little later.
        with suppress(ClusterBusyError, ClusterUnreachableError):
            return _stored_ids(cluster, index)
        time.sleep(0.2)
    return _stored_ids(cluster, index)


def is_stored(cluster: Cluster, namespace: str, log: NumberedLog) -> bool:
    """Return whether every line of a log is stored; False where the node does not answer."""
    index = f"logs-ml.prediction-{namespace}"
    try:
        cluster.refresh(index)
        return cluster.count(index, {"term": {"process.entity_id": log.entity}}) >= log.count
    except ClusterError:
        return False


def _stored_ids(cluster: Cluster, index: str) -> Counter[str]:
    cluster.refresh(index)
    return Counter(hit["_id"] for hit in cluster.scan(index, {"_source": False, "size": 10_000}))


def mlmon(
    plan: Plan,
    cluster: Cluster,
    url: str,
    folder: Path,
    restart: Callable[[], None] | None = None,
) -> Verdict:
    """Torture `mlmon ship`, sometimes two of them at once."""
    namespace = f"torture_{uuid.uuid4().hex[:8]}"
    logs = folder / "logs"
    logs.mkdir()
    choices = random.Random(plan.seed + 3)
    settings = {"ELASTICSEARCH_URL": url, "NAMESPACE": namespace, "HOME": str(folder / "home")}
    environment = {**os.environ, **{f"MLMON_{key}": text for key, text in settings.items()}}

    def start_one(name: str, *, full: bool) -> subprocess.Popen[bytes]:
        words = ["ship", str(logs), str(logs / "pods/*/*/*.log*"), "--follow"]
        clock = CLOCKED.format(clocks=CLOCKS, start=choices.randrange(len(CLOCKS)))
        return subprocess.Popen(
            [sys.executable, "-c", clock, *words, "--state", str(folder / name)],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=_fill_disk if full else None,  # noqa: PLW1509 - no thread holds a lock it needs
        )

    def start(full: bool) -> list[subprocess.Popen[bytes]]:  # noqa: FBT001 - how Torture calls it
        names = choices.choice([["first"], ["first"], ["second"], ["first", "second"]])
        return [start_one(name, full=full) for name in names]

    def retry() -> None:
        letters = [path.parent for path in folder.glob("*/dead-letters*.jsonl")]
        for state in letters:
            words = ["ship", "retry-rejected", "--state", str(state)]
            subprocess.run(
                [sys.executable, "-m", "mlmon", *words],
                env=environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                check=False,
            )

    writer = Writer(logs, plan, lambda log: is_stored(cluster, namespace, log))
    torture = Torture(
        plan, cluster, namespace, start, writer, "*/status.json", folder, restart, retry
    )
    verdict = torture.run()
    letters = list(folder.glob("*/dead-letters*"))
    verdict.deeds["dead letters"] = sum(path.read_bytes().count(b"\n") for path in letters)
    return verdict


def _fill_disk() -> None:
    """Let no file of this process grow: what a full disk does."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def rsyslog(plan: Plan, cluster: Cluster, url: str, folder: Path) -> Verdict:
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
            preexec_fn=_fill_disk if full else None,  # noqa: PLW1509 - no thread holds a lock it needs
        )
        return [process]

    plan = replace(plan, extras=False)
    writer = Writer(logs, plan, lambda _: False)
    return Torture(plan, cluster, namespace, start, writer, "pid", home).run()


@contextmanager
def own_node(home: Path) -> Iterator[tuple[Settings, Cluster]]:
    """Start a node of its own."""
    home.chmod(0o755)
    settings = Settings(home=home, cache=cache_folder(load_settings()), node_port=9270)
    try:
        node.start(settings)
        with connect(settings) as cluster:
            yield settings, cluster
    finally:
        node.stop(settings)


def main() -> None:
    """Torture both shippers, print the verdicts, fail where ours lost or doubled a line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--lines", type=int, default=60_000)
    parser.add_argument("--files", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--no-peer", action="store_true")
    options = parser.parse_args()
    plan = Plan(options.lines, options.kills, options.seed, files=options.files)
    failed = False
    with (
        tempfile.TemporaryDirectory(prefix="torture-") as name,
        own_node(Path(name)) as (settings, cluster),
        FaultInjector(cluster.url, ODDS, options.seed) as injector,
    ):
        kill = itertools.cycle([False, True])

        def restart() -> None:
            running = node.find(settings)
            if running and next(kill):
                os.kill(running.pid, signal.SIGKILL)
                time.sleep(1.0)
            else:
                node.stop(settings)
            node.start(settings)

        verdict = mlmon(plan, cluster, injector.url, _folder(name, "mlmon"), restart)
        failed = verdict.stored != dict.fromkeys(verdict.written, 1)
        report("mlmon ship", verdict, injector)
        if options.no_peer or not shutil.which("rsyslogd"):
            sys.stdout.write("rsyslog was not tortured: --no-peer, or it is not installed\n")
        else:
            injector.faults.clear()
            peer = rsyslog(plan, cluster, injector.url, _folder(name, "rsyslog"))
            report("rsyslog, queue on disk, synced", peer, injector)
    sys.exit(1 if failed else 0)


def _folder(parent: str, name: str) -> Path:
    folder = Path(parent) / f"run-{name}"
    folder.mkdir()
    return folder


def report(name: str, verdict: Verdict, injector: FaultInjector) -> None:
    """Print a verdict."""
    written = len(verdict.written)
    same = verdict.stored == dict.fromkeys(verdict.written, 1)
    lines = [
        f"{name}: {written:,} written, {verdict.lost:,} lost, {verdict.doubled:,} doubled",
        f"  the ids stored are {'' if same else 'not '}those written, each once",
        "  done: " + ", ".join(f"{count} {deed}" for deed, count in verdict.deeds.items()),
        "  faults: " + ", ".join(f"{count} {fault}" for fault, count in injector.faults.items()),
    ]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
