"""What a timeline of the scoreboard costs: 18 days and 100,000 predictions, from log to incidents.

Usage: python -m tests.benchmarks.bench_scoreboard [--daily 6100] [--profile FILE]

Simulates four faults and two traps on a node of its own, ships the lines, and runs a cycle for each
step as `mlmon scoreboard` does. Prints seconds of each part, and of CPU. The bound is 3 minutes on
two idle cores; exit 1 where it is passed. --profile writes the profile of this process.
"""

import argparse
import cProfile
import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from mlmon.analyzers.base.window import DAY
from mlmon.scoreboard.faults.catalogue import chosen
from mlmon.scoreboard.faults.fault import Size
from mlmon.scoreboard.replay import replay as replaying
from mlmon.scoreboard.replay.own_node import own_cluster
from mlmon.scoreboard.replay.replay import Replay
from mlmon.scoreboard.scoring.score import score
from mlmon.scoreboard.timelines.plan import Timeline, plan_timeline
from mlmon.scoreboard.timelines.simulation import Simulation

SEED = 1
KINDS = ("concept_drift", "unit_change", "silence", "statistics_dead", "surge", "late_labels")
DAYS = 18
BOUND_S = 180.0


def timeline(daily: int) -> Timeline:
    """Return the timeline, with half a day from cycle to cycle as where labels decide."""
    kinds = [replace(kind, daily=daily, track=kind.id) for kind in chosen(KINDS)]
    planned = plan_timeline("model", Size.MEDIUM, SEED, kinds)
    return replace(planned, end=planned.begin + DAYS * DAY)


def timed(seconds: Counter[str], part: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that adds its seconds to a part's."""

    def run(*arguments: Any, **known: Any) -> Any:
        started = time.perf_counter()
        try:
            return function(*arguments, **known)
        finally:
            seconds[part] += time.perf_counter() - started

    return run


def main() -> int:
    """Run it; return 1 where it takes too long."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--daily", type=int, default=6_100)
    parser.add_argument("--profile", help="file for the profile")
    given = parser.parse_args()
    planned, seconds = timeline(given.daily), Counter[str]()
    for owner, name, part in (
        (Simulation, "step", "simulation"),
        (Replay, "_ship", "shipping"),
        (Replay, "_create_baselines", "baselines"),
        (replaying, "run_cycle", "cycles"),
    ):
        setattr(owner, name, timed(seconds, part, getattr(owner, name)))
    with own_cluster() as cluster:
        replay = Replay(cluster, planned, "bench")
        profile = cProfile.Profile()
        cpu, started = time.process_time(), time.perf_counter()
        if given.profile:
            profile.enable()
        observed, kept, _ = replay.run()
        profile.disable()
        took, cpu = time.perf_counter() - started, time.process_time() - cpu
    if given.profile:
        profile.dump_stats(given.profile)
    result = score(planned, observed)
    lines = [
        f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores",
        f"{DAYS} days, {sum(map(len, kept)):,} requests, {replay.lines:,} lines",
        f"found {sum(one.delay is not None for one in result.found)} of {len(result.found)}",
        *(f"{part:12} {spent:7.1f} s" for part, spent in seconds.most_common()),
        f"{'all':12} {took:7.1f} s, {cpu:.1f} s of CPU in this process; bound {BOUND_S:.0f} s",
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    return int(took > BOUND_S)


if __name__ == "__main__":
    sys.exit(main())
