"""Kill, rotate, truncate, fill and break while lines are shipped; then count which are stored.

Usage: python -m tests.support.torture [--minutes 20] [--files 5000] [--seed 1] [--no-peer]
       [--write]

A writer logs numbered lines into a file that is renamed, copied and truncated, truncated, deleted
and compressed (into several gzip members) at random moments; another one writes them as Kubernetes
and Docker do. Thousands of small files and some strays lie next to them. A shipper follows them, is
killed with SIGKILL or stopped with SIGTERM at random moments, finds a disk that takes no more, a
clock that is set forward and back, and a second shipper; between it and the node a fault injector
answers 429, 413, 400 and 503, cuts, half-closes and slows connections or answers nothing; the data
stream rolls over, and the node is stopped, killed and started again. Rejected lines are sent again
at the end. The set of stored ids, read from the node behind the injector, must then be the set of
ids that the writer counted, each once, and each stored event the line that was written. The same is
done to rsyslog, with its queue on disk, synced, without what it does not support.

The time is divided among the shippers: half of it for the torture, at most the other half, but at
least two minutes, for what is not stored yet; a line that is not stored by then counts as lost. A
torture that left something out fails.
"""

import argparse
import gzip
import itertools
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from mlmon.elastic.connect import connect
from mlmon.elastic.indices import templates
from mlmon.elastic.node import node
from mlmon.elastic.node.temporary_node import temporary_node
from mlmon.elastic.settings import Settings
from tests.support.fault_injector import FaultInjector
from tests.support.generated_block import machine, write_block
from tests.support.torture import report
from tests.support.torture.contenders import mlmon, rsyslog
from tests.support.torture.plan import ODDS, Plan

if TYPE_CHECKING:
    from collections import Counter

    from tests.support.torture.run import Verdict

PER_SECOND = 80
PORT = 9470
"""First port of the nodes; the tests and benchmarks have lower ones."""
LEAST_REST_S = 120.0
"""Seconds for the rest at least: what is under way when a short torture ends is not lost."""


def main() -> None:
    """Torture both shippers, print the verdicts, fail where ours lost or doubled a line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=20.0, help="for all shippers together")
    parser.add_argument("--files", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--no-peer", action="store_true", help="leave rsyslog out")
    parser.add_argument("--write", action="store_true", help="write the table into docs/ingest.md")
    options = parser.parse_args()
    contenders = {"`mlmon ship`": mlmon}
    if not options.no_peer and shutil.which("rsyslogd"):
        contenders["rsyslog, queue on disk, synced"] = rsyslog
    plan = _plan(options, options.minutes * 60 / len(contenders))
    verdicts: dict[str, tuple[Verdict, Counter[str]]] = {}
    for number, (name, torture) in enumerate(contenders.items()):
        with (
            tempfile.TemporaryDirectory(prefix="torture-", ignore_cleanup_errors=True) as folder,
            temporary_node(PORT + number) as settings,
            connect(settings) as cluster,
            FaultInjector(cluster.url, ODDS, options.seed) as injector,
        ):
            list(templates.install(cluster))
            verdict = torture(plan, cluster, injector.url, Path(folder), _Restart(settings))
            verdicts[name] = verdict, injector.faults
            if verdict.lost and contenders[name] is mlmon:
                _keep(Path(folder), verdict.written - verdict.stored.keys())
        sys.stdout.write(f"{name}: {len(verdict.written):,} written, {verdict.lost:,} lost\n")
        lost = sorted(verdict.written - verdict.stored.keys())[:10]
        sys.stdout.write(f"lost, for example: {', '.join(lost)}\n" if lost else "")
        sys.stdout.flush()
    undone = report.missing(*verdicts["`mlmon ship`"])
    text = f"{report.table(verdicts)}\n\n{machine()}; seed {options.seed}\n"
    text += "".join(f"not done: {deed}\n" for deed in undone)
    sys.stdout.write(text)
    if options.write:
        write_block("ingest.md", "torture", text)
    sys.exit(0 if verdicts["`mlmon ship`"][0].is_clean and not undone else 1)


def _keep(folder: Path, lost: set[str]) -> None:
    """Copy the files and the shippers' states, and say which files hold lost lines."""
    kept = Path(tempfile.mkdtemp(prefix="torture-lost-"))
    shutil.copytree(folder, kept, symlinks=True, dirs_exist_ok=True)
    sys.stdout.write(f"kept for a look: {kept}\n")
    for path in sorted(kept.rglob("*")):
        if path.is_file() and not path.is_symlink():
            data = path.read_bytes()
            data = gzip.decompress(data) if path.suffix == ".gz" else data
            held = sum(f'"{name}"'.encode() in data for name in lost)
            sys.stdout.write(f"{held} of them in {path.relative_to(kept)}\n" if held else "")


def _plan(options: argparse.Namespace, seconds: float) -> Plan:
    """Return a plan that takes so many seconds."""
    break_s = seconds / 2
    return Plan(
        lines=int(PER_SECOND * break_s * 0.9),
        kills=1,
        seed=options.seed,
        per_second=PER_SECOND,
        rotate_s=3.0,
        roll_s=8.0,
        longest_life_s=10.0,
        files=options.files,
        break_s=break_s,
        wait_s=max(60.0, break_s / 2),
        rest_s=max(LEAST_REST_S, seconds - break_s),
    )


class _Restart:
    """Kills the node, stops it the next time, and starts it again."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._kills = itertools.cycle([True, False])

    def __call__(self) -> str:
        running = node.find(self._settings)
        killing = running is not None and next(self._kills)
        if running and killing:
            os.kill(running.pid, signal.SIGKILL)
            time.sleep(1.0)
        else:
            node.stop(self._settings)
        started = node.start(self._settings)
        if started.url != self._settings.elasticsearch_url:
            # The fault injector asks the port that the node had: there is another one by now.
            sys.stderr.write(f"the node came back at {started.url}: its port was taken meanwhile\n")
            os.kill(os.getpid(), signal.SIGTERM)
        return f"node {'killed' if killing else 'stopped'} and started"


if __name__ == "__main__":
    main()
