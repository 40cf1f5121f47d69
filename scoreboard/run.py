"""Replay and score timelines one after the other; what is known already is not run again."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mlmon.scoreboard.peers.judged_days import judge_days
from mlmon.scoreboard.replay.replay import Replay
from mlmon.scoreboard.scoring.records import Record
from mlmon.scoreboard.scoring.score import score
from mlmon.scoreboard.timelines.plan import plan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from mlmon.elastic.client.cluster import Cluster
    from mlmon.scoreboard.faults.fault import Fault, Size
    from mlmon.scoreboard.timelines.plan import Timeline

CHOOSING_SEEDS = tuple(range(1, 10))
"""Seeds on which limits may be chosen."""
FIRST_REPORTED = 101
"""Seeds that are reported begin here."""
PEER_TIMELINES = ("data", "calm")
"""Timelines that the peers' rules judge as well: those of inputs, and those of traps."""


@dataclass(slots=True)
class KeptScores:
    """Scores in a file of JSON lines, None for none.

    Args:
        path: The file.
    """

    path: Path | None
    records: dict[tuple[str, str, int, tuple[str, ...]], Record] = field(init=False)

    def __post_init__(self) -> None:
        """Read what is there."""
        lines = []
        if self.path is not None and self.path.exists():
            lines = self.path.read_text(encoding="utf-8").splitlines()
        read = [Record.from_json(json.loads(line)) for line in lines]
        self.records = {record.key: record for record in read}

    def chosen(self, planned: Sequence[Timeline]) -> list[Record]:
        """Return the records of sizes, seeds and groups that are planned, of any of their kinds."""
        wanted = {one.key[:3] for one in planned}
        return [record for key, record in self.records.items() if key[:3] in wanted]

    def add(self, record: Record) -> None:
        """Keep a record."""
        self.records[record.key] = record
        if self.path is not None:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(record.to_json()) + "\n")


def timelines(
    sizes: Sequence[Size], seeds: Sequence[int], faults: Sequence[Fault], only: Sequence[str] = ()
) -> Iterator[Timeline]:
    """Yield the timelines of some sizes and seeds, of the groups named or of all."""
    for size in sizes:
        for seed in seeds:
            for timeline in plan(size, seed, faults):
                if not only or timeline.name in only:
                    yield timeline


def run_timeline(
    cluster: Cluster, timeline: Timeline, progress: Callable[[str], None] = lambda _doing: None
) -> Record:
    """Replay one timeline in a namespace of its own, and score it."""
    started = time.monotonic()
    name = f"{timeline.name}_{timeline.size.value}_{timeline.seed}_{time.time_ns() % 10**9}"
    replay = Replay(cluster, timeline, f"scoreboard_{name}", progress)
    observed, kept, first = replay.run()
    scored = score(timeline, observed)
    peers = judge_days(timeline, kept, first) if timeline.name in PEER_TIMELINES else []
    scored.lines, scored.seconds = replay.lines, time.monotonic() - started
    return Record(scored, peers)
