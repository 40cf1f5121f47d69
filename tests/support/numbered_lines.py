"""Numbered lines with a known answer: as events, and as profiles counted line by line."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from mlmon.analyzers.base.window import floor, iso
from mlmon.analyzers.profiles.kinds.sequence import (
    LATE,
    PART,
    ArrivedLines,
    Stretch,
    following,
    gathered,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlmon.analyzers.profiles.kinds.sequence import SequenceProfile

START = datetime(2026, 3, 2, tzinfo=UTC)
DATASETS = ("ml.prediction", "ml.access", "ml.bid", "ml.app")


@dataclass(frozen=True, order=True)
class Line:
    """One line: its process, its number, when it was written and how long it took to arrive."""

    process: str
    number: int
    at: datetime
    seconds: float = 2.0
    service: str = "api"
    dropped: int = 0
    environment: str = ""

    @property
    def arrived(self) -> datetime:
        """When it reached Elasticsearch."""
        return self.at + timedelta(seconds=self.seconds)

    @property
    def event(self) -> dict[str, Any]:
        """The line as it is stored; the datasets take turns."""
        dropped = {"ml.log.dropped": self.dropped} if self.dropped else {}
        where = {"service.environment": self.environment} if self.environment else {}
        return {
            "@timestamp": iso(self.at),
            "event.dataset": DATASETS[self.number % len(DATASETS)],
            "event.id": f"{self.process}-{self.number}",
            "event.sequence": self.number,
            "process.entity_id": self.process,
            "service.name": self.service,
            "event.ingested": iso(self.arrived),
            **dropped,
            **where,
        }


def written(
    process: str,
    numbers: Iterable[int],
    hours: float = 1.0,
    first: datetime = START,
    service: str = "api",
) -> list[Line]:
    """Return a process's lines, evenly spread over some hours."""
    found = list(numbers)
    step = timedelta(hours=hours) / max(1, len(found))
    return [
        Line(process, number, first + place * step, service=service)
        for place, number in enumerate(found)
    ]


def profiles_of(lines: Iterable[Line]) -> list[SequenceProfile]:
    """Return the profiles of lines, no two of which are the same."""
    groups: dict[tuple[str, str, datetime, datetime], list[Line]] = defaultdict(list)
    for line in lines:
        key = (line.process, line.service, floor(line.at, PART), floor(line.arrived, PART))
        groups[key].append(line)
    found = list(groups.items())
    counts = [
        _count(process, service, start, group) for (process, service, start, _), group in found
    ]
    return list(following(gathered(counts), lambda _lowest: {}))


def _count(process: str, service: str, start: datetime, lines: list[Line]) -> ArrivedLines:
    numbers = [line.number for line in lines]
    arrivals = [line.arrived for line in lines]
    stretch = Stretch(
        start,
        min(numbers),
        max(numbers),
        lines=len(lines),
        distinct=len(set(numbers)),
        dropped=sum(line.dropped for line in lines),
        timed=len(lines),
        late=sum(floor(arrival, PART) >= start + PART + LATE for arrival in arrivals),
        delay=round(sum(line.seconds for line in lines), 2),
    )
    where = lines[0].environment
    return ArrivedLines(process, service, stretch, min(arrivals), max(arrivals), where)
