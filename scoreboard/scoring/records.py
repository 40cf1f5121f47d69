"""Scores as JSON, so that a run can be kept, continued and read by others."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from mlmon.analyzers.base.window import iso, parse_time
from mlmon.scoreboard.peers.judged_days import PeerScore
from mlmon.scoreboard.scoring.score import FalseIncident, Found, TimelineScore

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Record:
    """The score of one timeline, and what the peers' rules made of it.

    Args:
        score: Ours.
        peers: Theirs.
    """

    score: TimelineScore
    peers: list[PeerScore] = field(default_factory=list)

    @property
    def key(self) -> tuple[str, str, int, tuple[str, ...]]:
        """Timeline, size, seed and kinds: a run of some kinds does not stand for all."""
        kinds = tuple(sorted([*(one.fault for one in self.score.found), *self.score.traps]))
        return self.score.timeline, self.score.size, self.score.seed, kinds

    def to_json(self) -> dict[str, Any]:
        """Return it as a JSON value: delays in seconds, moments in ISO 8601."""
        value: dict[str, Any] = _plain(asdict(self))
        return value

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Record:
        """Read what `to_json` returned."""
        score = dict(value["score"])
        found = [
            Found(**{**one, "within": _span(one["within"]), "delay": _span(one["delay"])})
            for one in score.pop("found")
        ]
        false = [
            FalseIncident(**{**one, "at": parse_time(one["at"])}) for one in score.pop("false")
        ]
        peers = [
            PeerScore(**{**one, "faults": tuple(one["faults"]), "found": tuple(one["found"])})
            for one in value["peers"]
        ]
        return cls(TimelineScore(**score, found=found, false=false), peers)


def _span(seconds: float | None) -> Any:
    return None if seconds is None else timedelta(seconds=seconds)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, datetime):
        return iso(value)
    return value
