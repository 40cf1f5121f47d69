"""Totals over timelines, and whether the goals are met."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlmon.scoreboard.peers.judged_days import PeerScore
    from mlmon.scoreboard.scoring.records import Record
    from mlmon.scoreboard.scoring.score import TimelineScore
    from mlmon.scoreboard.timelines.plan import Timeline

MONTH_DAYS = 30.0
MOST_FALSE, LEAST_RIGHT, TIMES_NOISIER = 1.0, 0.9, 10.0
SMALL = "150"
"""At this size what is found in a week is stated, and no goal."""


@dataclass(frozen=True, slots=True)
class Totals:
    """What one size of traffic comes to.

    Args:
        size: Traffic.
        faults: Faults over all seeds.
        found: Found at all.
        in_time: Found within their delay.
        incidents: Incidents about found faults.
        messages: Messages about them; None where some were not counted.
        right: Found ones whose first incident names a right cause.
        false: False incidents.
        trapped: Traps that a false incident came in.
        traps: Traps over all seeds.
        model_days: Days, times the models in service.
    """

    size: str
    faults: int
    found: int
    in_time: int
    incidents: int
    messages: int | None
    right: int
    false: int
    trapped: int
    traps: int
    model_days: float

    @property
    def false_per_month(self) -> float:
        """False incidents per model and 30 days."""
        return self.false / self.model_days * MONTH_DAYS if self.model_days else 0.0

    @property
    def right_share(self) -> float:
        """Share of the found faults with a right likely cause."""
        return self.right / self.found if self.found else 0.0

    def goals(self) -> list[Goal]:
        """Return the goals of this size, met and missed."""
        known = [
            Goal(
                f"At {self.size} a day {self.in_time} of {self.faults} faults are found in time.",
                self.in_time == self.faults,
            ),
            Goal(
                f"At {self.size} a day there are {self.false_per_month:.2f} false incidents per "
                f"model and 30 days; {MOST_FALSE:g} is allowed.",
                self.false_per_month <= MOST_FALSE,
            ),
            Goal(
                f"At {self.size} a day {self.trapped} of {self.traps} traps alarm.",
                not self.trapped,
            ),
            Goal(
                f"At {self.size} a day {self.right} of {self.found} likely causes are right; "
                f"{LEAST_RIGHT:.0%} are needed.",
                self.right_share >= LEAST_RIGHT,
            ),
        ]
        asked = (self.size != SMALL and self.faults, self.model_days, self.traps, self.found)
        return [goal for goal, is_asked in zip(known, asked, strict=True) if is_asked]


@dataclass(frozen=True, slots=True)
class Goal:
    """A goal, and what became of it.

    Args:
        text: A sentence with the number that decides it.
        is_met: Whether it is met.
    """

    text: str
    is_met: bool


def totals(scores: Sequence[TimelineScore]) -> list[Totals]:
    """Return the totals by size, the smallest first."""
    sizes = sorted({score.size for score in scores}, key=int)
    return [_of_size(size, [one for one in scores if one.size == size]) for size in sizes]


def _of_size(size: str, scores: Sequence[TimelineScore]) -> Totals:
    found = [one for score in scores for one in score.found]
    false = [one for score in scores for one in score.false]
    known = [one for one in found if one.delay is not None]
    return Totals(
        size=size,
        faults=len(found),
        found=len(known),
        in_time=sum(one.is_in_time for one in found),
        incidents=sum(one.incidents for one in found),
        messages=None
        if any(one.messages is None for one in known)
        else sum(one.messages or 0 for one in known),
        right=sum(one.is_cause_right for one in known),
        false=len(false),
        trapped=len({(one.seed, one.trap) for one in false if one.trap}),
        traps=sum(len(score.traps) for score in scores),
        model_days=sum(score.model_days for score in scores),
    )


def not_run(planned: Sequence[Timeline], records: Sequence[Record]) -> list[Goal]:
    """Return which kinds of a plan the records lack: a goal that is missed for each size."""
    have = {
        (record.score.size, kind)
        for record in records
        for kind in (*(one.fault for one in record.score.found), *record.score.traps)
    }
    missing: dict[str, list[str]] = {}
    for timeline in planned:
        for one in timeline.planned:
            if (timeline.size.value, one.fault.id) not in have:
                missing.setdefault(timeline.size.value, []).append(one.fault.id)
    return [
        Goal(f"At {size} a day {', '.join(dict.fromkeys(kinds))} did not run.", is_met=False)
        for size, kinds in missing.items()
    ]


def peer_goals(records: Sequence[Record]) -> list[Goal]:
    """Return for each size whether the quietest of the peers' rules is noisy enough.

    Only rules count that find as many faults in what requests carry, on the same timelines.
    """
    peers = peer_totals([peer for record in records for peer in record.peers])
    goals = []
    for size in sorted({one.size for one in peers}, key=int):
        own = [record for record in records if record.score.size == size and record.peers]
        ids = {fault for record in own for peer in record.peers for fault in peer.faults}
        found = sum(
            one.delay is not None
            for record in own
            for one in record.score.found
            if one.fault in ids
        )
        days = sum(record.score.model_days for record in own)
        false = sum(len(record.score.false) for record in own)
        per_month = MONTH_DAYS / days if days else 0.0
        equal = [one for one in peers if one.size == size and one.found >= found]
        if not equal:
            text = f"At {size} a day no rule of another tool finds as many faults in inputs."
            goals.append(Goal(text, is_met=True))
            continue
        best = min(equal, key=lambda one: one.false_per_month)
        text = (
            f"At {size} a day the quietest rule that finds as many faults in inputs, {best.rule}, "
            f"raises {best.false_per_month:.1f} false alarms in 30 days, mlmon "
            f"{false * per_month:.2f}; {TIMES_NOISIER:g} times as many are the goal."
        )
        # None in these days is not ten times fewer than none: it is taken as one.
        wanted = TIMES_NOISIER * max(false, 1) * per_month
        goals.append(Goal(text, best.false_per_month >= wanted > 0))
    return goals


@dataclass(frozen=True, slots=True)
class PeerTotals:
    """One rule at one size.

    Args:
        rule: Its name.
        size: Traffic.
        faults: Faults in what requests carry.
        found: Of them, found.
        false_per_month: False alarms in 30 days.
    """

    rule: str
    size: str
    faults: int
    found: int
    false_per_month: float


def peer_totals(peers: Sequence[PeerScore]) -> list[PeerTotals]:
    """Return the totals by size and rule."""
    keys = dict.fromkeys((one.size, one.rule) for one in peers)
    found = []
    for size, rule in sorted(keys, key=lambda key: int(key[0])):
        own = [one for one in peers if (one.size, one.rule) == (size, rule)]
        days = sum(one.days for one in own)
        false = sum(one.false for one in own)
        found.append(
            PeerTotals(
                rule,
                size,
                sum(len(one.faults) for one in own),
                sum(len(one.found) for one in own),
                false / days * MONTH_DAYS if days else 0.0,
            )
        )
    return found
