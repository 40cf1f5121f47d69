"""Tortures one shipper, and counts what is stored in the end."""

import random
import resource
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from mlmon.elastic.client.cluster import Cluster
from mlmon.elastic.errors import (
    ClusterBusyError,
    ClusterError,
    ClusterUnreachableError,
    UserError,
)
from tests.support.torture.numbered import VariedLog, is_unchanged
from tests.support.torture.plan import Plan
from tests.support.torture.writer import Writer

START_S = 60.0
"""Seconds that a shipper may take to begin its work, and a node to answer."""
STOP_S = 90.0
"""Seconds that a shipper may take to stop after SIGTERM; a request may be under way for 60."""
_POLL_S = 3.0
_FULL_AT_START, _STOPPED, _FULL_WITHIN = 2, 3, 4
"""Numbers of the lives that begin on a full disk, that are stopped, and whose disk fills."""
_FULL = (0, resource.RLIM_INFINITY)
"""Limit of a file's size: what a full disk does to a process."""


@dataclass(slots=True)
class Verdict:
    """What is stored in the end.

    Attributes:
        written: Ids of the lines that were logged.
        stored: How often each id is stored.
        changed: Stored events that differ from the line that was logged.
        deeds: What was done, how often.
        by_kind: Lines written, by the kind of their file.
        seconds: How long it took, the rest included.
    """

    written: set[str]
    stored: Counter[str]
    changed: int = 0
    deeds: Counter[str] = field(default_factory=Counter)
    by_kind: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def lost(self) -> int:
        """Lines that are not stored."""
        return len(self.written - self.stored.keys())

    @property
    def doubled(self) -> int:
        """Lines that are stored more than once."""
        return sum(count > 1 for count in self.stored.values())

    @property
    def unknown(self) -> int:
        """Stored ids that nobody wrote."""
        return len(self.stored.keys() - self.written)

    @property
    def is_clean(self) -> bool:
        """Whether what is stored is what was written, each line once."""
        return not (self.lost or self.doubled or self.unknown or self.changed)


@dataclass(slots=True)
class Torture:
    """One tortured shipper.

    Attributes:
        plan: How much is done.
        cluster: The node behind the injector.
        namespace: Where the lines go.
        start: Starts the shipper; given True, on a disk that takes no more.
        writer: Logs the lines.
        is_at_work: Returns whether a shipper that was started at a time has decided lines.
        restart: Stops or kills the node and starts it again; returns what it did. None leaves it
            alone.
        retry: Sends rejected lines again; None where that is not supported.
    """

    plan: Plan
    cluster: Cluster
    namespace: str
    start: Callable[[bool], list[subprocess.Popen[bytes]]]
    writer: Writer
    is_at_work: Callable[[float], bool]
    restart: Callable[[], str] | None = None
    retry: Callable[[], None] | None = None
    deeds: Counter[str] = field(default_factory=Counter)
    _lives: int = 0

    def run(self) -> Verdict:
        """Torture until the lines are written and the kills done; then let it finish."""
        choices = random.Random(self.plan.seed + 1)
        began = time.monotonic()
        self.writer.start()
        others = [threading.Thread(target=self._roll, daemon=True)]
        others += [threading.Thread(target=self._restart_node, daemon=True)] * bool(self.restart)
        for thread in others:
            thread.start()
        while time.monotonic() < began + self.plan.break_s and (
            self.deeds["killed with SIGKILL"] < self.plan.kills or self.writer.is_alive()
        ):
            self._one_life(choices)
        # The writer may still wait for lines to be stored, which it wants to delete.
        processes = self.start(False)  # noqa: FBT003 - see start
        try:
            self.writer.join()
            for thread in others:
                thread.join()
            self.deeds.update(self.writer.deeds)
            verdict = self._rest(processes)
        finally:
            _kill(processes)
        verdict.seconds = time.monotonic() - began
        return verdict

    def _one_life(self, choices: random.Random) -> None:
        # Each kind of life comes once for certain, where few fit into the time.
        self._lives += 1
        full = self._lives == _FULL_AT_START or choices.random() < 0.1
        began = time.time()
        processes = self.start(full)
        self.deeds["started on a full disk"] += full
        self.deeds["two shippers started at once"] += len(processes) == 2
        try:
            self._disturb(processes, choices, began)
        finally:
            _kill(processes)

    def _disturb(
        self, processes: list[subprocess.Popen[bytes]], choices: random.Random, began: float
    ) -> None:
        """Let shippers work for some time, perhaps fill their disk, and stop or kill them."""
        if choices.random() < 0.7:
            # Else it is killed while it starts, or before its first lines are decided.
            self._await_work(processes, began)
        self._wait(processes[0], choices.uniform(0.05, self.plan.longest_life_s))
        while self.writer.waits and processes[0].poll() is None:
            # Nobody may delete what is not stored: the shipper is left in peace for that long.
            time.sleep(0.2)
        filling = self._lives == _FULL_WITHIN or choices.random() < 0.1
        if filling and processes[0].poll() is None:
            self.deeds["disk full while it ran"] += 1
            resource.prlimit(processes[0].pid, resource.RLIMIT_FSIZE, _FULL)
            self._wait(processes[0], 3.0)
            with suppress(ProcessLookupError):
                free = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
                resource.prlimit(processes[0].pid, resource.RLIMIT_FSIZE, free)
        if self._lives == _STOPPED or choices.random() < 0.2:
            self._stop(processes)
        for process in processes:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                self.deeds["killed with SIGKILL"] += 1

    def _wait(self, process: subprocess.Popen[bytes], seconds: float) -> None:
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=seconds)

    def _stop(self, processes: list[subprocess.Popen[bytes]]) -> None:
        """Stop shippers in order, and count those that do not obey."""
        running = [process for process in processes if process.poll() is None]
        for process in running:
            process.send_signal(signal.SIGTERM)
        for process in running:
            try:
                process.wait(timeout=STOP_S)
                self.deeds["stopped with SIGTERM"] += 1
            except subprocess.TimeoutExpired:
                self.deeds[f"not stopped {STOP_S:.0f} s after SIGTERM"] += 1
                process.kill()
                process.wait()

    def _await_work(self, processes: list[subprocess.Popen[bytes]], began: float) -> None:
        """Wait until a shipper has decided lines, so that each life brings it on, or has ended."""
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline and all(process.poll() is None for process in processes):
            if self.is_at_work(began):
                return
            time.sleep(0.1)

    def _roll(self) -> None:
        choices = random.Random(self.plan.seed + 2)
        while self.writer.is_alive():
            time.sleep(choices.expovariate(1 / self.plan.roll_s))
            self._roll_over()
        deadline = time.monotonic() + START_S
        while not self.deeds["data stream rolled over"] and time.monotonic() < deadline:
            # Once for certain, where the node was away most of the time.
            time.sleep(0.5)
            self._roll_over()

    def _roll_over(self) -> None:
        try:
            self.cluster.rollover(f"logs-ml.prediction-{self.namespace}")
            self.deeds["data stream rolled over"] += 1
        except UserError as error:
            # Before the first line there is nothing to roll over; a node may be away.
            self.deeds[f"not rolled over: {type(error).__name__}"] += 1

    def _restart_node(self) -> None:
        """Kill the node when a third of the lines is written, stop it when two thirds are."""
        assert self.restart is not None
        for third in (1, 2):
            while self.writer.is_alive() and self.writer.log.count < third * self.plan.lines // 3:
                time.sleep(0.1)
            self.deeds[self.restart()] += 1

    def _rest(self, processes: list[subprocess.Popen[bytes]]) -> Verdict:
        """Let the last shipper run until what is stored is complete, or the time is over."""
        deadline = time.monotonic() + self.plan.rest_s
        written = self.writer.ids()
        while time.monotonic() < deadline and not self._holds(written):
            time.sleep(_POLL_S)
            if self.retry:
                self.retry()
        self._stop(processes)
        stored, changed = stored_events(self.cluster, self.namespace)
        kinds = {kind: log.count for kind, log in self.writer.logs.items()}
        return Verdict(written, stored, changed, self.deeds, kinds)

    def _holds(self, ids: set[str]) -> bool:
        """Return whether every id is stored; False where the node does not answer."""
        index = f"logs-ml.*-{self.namespace}"
        try:
            self.cluster.refresh(index)
            stored = self.cluster.count(index)
            sys.stderr.write(f"{stored:,} of {len(ids):,} lines stored\n")
            if stored < len(ids):
                return False
            hits = self.cluster.scan(index, {"_source": False, "size": 10_000})
            return ids <= {hit["_id"] for hit in hits}
        except ClusterError:
            return False


def _kill(processes: list[subprocess.Popen[bytes]]) -> None:
    """End what still runs, also where the torture itself is ended."""
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.wait()


def stored_events(cluster: Cluster, namespace: str) -> tuple[Counter[str], int]:
    """Return how often each id is stored, and how many stored events differ from their line."""
    index = f"logs-ml.*-{namespace}"
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        # A backing index that was just made answers a little later.
        with suppress(ClusterBusyError, ClusterUnreachableError):
            return _stored_events(cluster, index)
        time.sleep(0.2)
    return _stored_events(cluster, index)


def _stored_events(cluster: Cluster, index: str) -> tuple[Counter[str], int]:
    cluster.refresh(index)
    stored: Counter[str] = Counter()
    changed = 0
    for hit in cluster.scan(index, {"size": 2_000}):
        stored[hit["_id"]] += 1
        changed += not is_unchanged(hit["_source"])
    return stored, changed


def is_stored(cluster: Cluster, namespace: str, log: VariedLog, rejected: set[str]) -> bool:
    """Return whether every line of a log is stored or rejected; False where no node answers."""
    index = f"logs-ml.prediction-{namespace}"
    own = {"term": {"process.entity_id": log.entity}}
    wanted = log.ids() - rejected
    try:
        cluster.refresh(index)
        if cluster.count(index, own) < len(wanted):
            return False
        hits = cluster.scan(index, {"_source": False, "size": 10_000, "query": own})
        return wanted <= {hit["_id"] for hit in hits}
    except ClusterError:
        return False
