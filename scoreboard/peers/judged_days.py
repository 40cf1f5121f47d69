"""Peers' rules on the days of a timeline: what they find, and how often they alarm falsely."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mlmon.analyzers.base.window import DAY
from mlmon.scoreboard.peers.rules import RULES, Reference
from mlmon.scoreboard.simulation.requests import draw_requests
from mlmon.scoreboard.simulation.traffic import nanoseconds

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from mlmon.scoreboard.peers.rules import Column, PeerRule
    from mlmon.scoreboard.simulation.requests import Requests
    from mlmon.scoreboard.timelines.model_versions import Version
    from mlmon.scoreboard.timelines.plan import Planned, Timeline

REFERENCE_DAYS = 10
TRAINING_ROWS = 6_000
MOST_ROWS = 20_000
"""Rows of a day that are compared: more change no verdict, and cost time."""


@dataclass(frozen=True, slots=True)
class PeerScore:
    """How one rule did on one timeline.

    Args:
        rule: Its name.
        size: Traffic.
        seed: Start of chance.
        faults: Ids of the faults in what requests carry.
        found: Those of them on one of whose days a feature drifted.
        false: Alarms while nothing was wrong: days in a row of one feature are one.
        days: Days without a fault.
    """

    rule: str
    size: str
    seed: int
    faults: tuple[str, ...]
    found: tuple[str, ...]
    false: int
    days: int


def judge_days(timeline: Timeline, kept: Sequence[Requests], first: Version) -> list[PeerScore]:
    """Return the scores of all rules.

    Args:
        timeline: The plan.
        kept: The main service's requests, in order of time.
        first: The version that scores the reference.
    """
    rng = np.random.default_rng([timeline.seed, 5])
    reference = _reference(rng, timeline.daily, first)
    days = _days(timeline, kept)
    about = [
        one for one in timeline.planned if one.fault.inputs is not None and not one.fault.is_trap
    ]
    return [_score(rule, timeline, days, reference, about) for rule in RULES]


def _score(
    rule: PeerRule,
    timeline: Timeline,
    days: list[tuple[datetime, dict[str, Column]]],
    reference: dict[str, Reference],
    about: Sequence[Planned],
) -> PeerScore:
    found: set[str] = set()
    before: set[str] = set()
    false = clean = 0
    for start, columns in days:
        drifted = {name for name, column in columns.items() if rule.drifts(reference[name], column)}
        faulty = [one for one in timeline.planned if _overlaps(one, start)]
        if faulty:
            if drifted:
                found |= {one.fault.id for one in about if _overlaps(one, start)}
        else:
            clean += 1
            false += len(drifted - before)
        before = drifted
    ids = tuple(one.fault.id for one in about)
    return PeerScore(
        rule.name, timeline.size.value, timeline.seed, ids, tuple(sorted(found)), false, clean
    )


def _overlaps(one: Planned, start: datetime) -> bool:
    return not one.fault.is_trap and one.start < start + DAY and one.end > start


def _reference(rng: np.random.Generator, daily: int, first: Version) -> dict[str, Reference]:
    rows = _columns(_scored(rng, TRAINING_ROWS, first))
    chunks = [_columns(_scored(rng, min(daily, MOST_ROWS), first)) for _ in range(REFERENCE_DAYS)]
    return {
        name: Reference(column, tuple(chunk[name] for chunk in chunks))
        for name, column in rows.items()
    }


def _scored(rng: np.random.Generator, size: int, first: Version) -> Requests:
    requests = draw_requests(rng, np.zeros(size, dtype=np.int64))
    requests.score = first.score(requests, rng)
    return requests


def _columns(requests: Requests) -> dict[str, Column]:
    return {**requests.numeric, **requests.categorical, "score": requests.score}


def _days(timeline: Timeline, kept: Sequence[Requests]) -> list[tuple[datetime, dict[str, Column]]]:
    """Return the answered requests of each full day in columns."""
    found = []
    start = timeline.begin
    while start + DAY <= timeline.end:
        since, until = nanoseconds(start), nanoseconds(start + DAY)
        parts = [
            _columns_of(requests)
            for requests in kept
            if len(requests) and since <= requests.at[0] < until
        ]
        if parts:
            columns = {
                name: np.concatenate([part[name] for part in parts])[:: _every(parts)]
                for name in parts[0]
            }
            found.append((start, columns))
        start += DAY
    return found


def _every(parts: list[dict[str, Column]]) -> int:
    return max(1, sum(len(part["score"]) for part in parts) // MOST_ROWS)


def _columns_of(requests: Requests) -> dict[str, Column]:
    answered = requests.status == 200  # noqa: PLR2004 - HTTP OK
    return {name: column[answered] for name, column in _columns(requests).items()}
