"""What the numbers on a process's lines say: which arrived, which are missing, and how late.

Each line carries `event.sequence`, counted from 1 at the start of its process over all datasets, so
a number that no line carries is a line that was written and has not arrived. What a process itself
dropped because its queue was full has used up its numbers too, and is told in `ml.log.dropped`.

An hour's profile keeps five minutes apart: a window of five minutes is to know its own losses.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlmon.analyzers.base.window import HOUR, MINUTE, iso, parse_time

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from mlmon.analyzers.base.profile_key import ProfileKey, SourceWatermark
    from mlmon.analyzers.base.window import Window

KIND = "sequence"
DATASET = "ml.*"
STEP = HOUR
PART = 5 * MINUTE
LATE = 5 * MINUTE
"""A line is late that reached Elasticsearch so long after its five minutes had ended, or later."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """The lines of a process in five minutes.

    Args:
        start: Begin of the five minutes.
        lowest: Lowest number on a line.
        highest: Highest number.
        lines: Documents stored.
        distinct: Numbers there are: less than `lines` where a line is stored more than once.
        dropped: Lines of which the process says that its full queue dropped them.
        timed: Documents of which it is known when they reached Elasticsearch.
        late: Of them, those that came `LATE` after the five minutes' end, or later.
        delay: Sum of the seconds from their writing to their arrival.
    """

    start: datetime
    lowest: int
    highest: int
    lines: int
    distinct: int
    dropped: int = 0
    timed: int = 0
    late: int = 0
    delay: float = 0.0


@dataclass(frozen=True, slots=True)
class Missing:
    """Numbers without a line: `count` of those from `first` to `last`."""

    first: int
    last: int
    count: int

    @property
    def empty(self) -> bool:
        """Whether none of the numbers has a line."""
        return self.count == self.last - self.first + 1


@dataclass(frozen=True, slots=True)
class ProcessLines:
    """The lines of a process in an hour.

    Args:
        process: `process.entity_id`.
        service: `service.name`, "" where the lines name none.
        stretches: Its five minutes with lines, in order of time.
        before: The highest number known, when this was made, below the hour's first; 0 for none.
        missing: Where the numbers between the hour's first and last have no line, as narrow as it
            was looked for: the first ranges only, in order.
        environment: `service.environment`, "" where the lines name none.
    """

    process: str
    service: str
    stretches: tuple[Stretch, ...]
    before: int = 0
    missing: tuple[Missing, ...] = ()
    environment: str = ""

    @property
    def lowest(self) -> int:
        """The lowest number of the hour."""
        return min(stretch.lowest for stretch in self.stretches)

    @property
    def highest(self) -> int:
        """The highest number of the hour."""
        return max(stretch.highest for stretch in self.stretches)

    @property
    def lines(self) -> int:
        """Documents stored."""
        return sum(stretch.lines for stretch in self.stretches)

    @property
    def absent(self) -> int:
        """How many numbers between the hour's first and last have no line in it."""
        return self.highest - self.lowest + 1 - sum(stretch.distinct for stretch in self.stretches)


@dataclass(frozen=True, slots=True)
class SequenceProfile:
    """The lines of an hour, by process.

    Args:
        profile_key: The hour.
        watermark: What it was made from.
        revision: 1, and one more each time lines came late.
        processes: In order of their ids.
        shipped: By service, when the first of its lines reached Elasticsearch.
    """

    profile_key: ProfileKey
    watermark: SourceWatermark
    revision: int = 1
    processes: tuple[ProcessLines, ...] = ()
    shipped: Mapping[str, datetime] = field(default_factory=dict)

    @property
    def window(self) -> Window:
        """The time summarised."""
        return self.profile_key.window

    def body(self) -> dict[str, Any]:
        """Return what is stored beside profile key and watermark."""
        start = self.window.start
        return {
            "processes": [_encode(process, start) for process in self.processes],
            "shipped": {service: iso(first) for service, first in self.shipped.items()},
        }


def from_body(
    profile_key: ProfileKey, watermark: SourceWatermark, revision: int, body: dict[str, Any]
) -> SequenceProfile:
    """Read what `SequenceProfile.body` wrote."""
    processes = tuple(_decode(process, profile_key.window.start) for process in body["processes"])
    shipped = {service: parse_time(first) for service, first in body["shipped"].items()}
    return SequenceProfile(profile_key, watermark, revision, processes, shipped)


def _encode(lines: ProcessLines, start: datetime) -> dict[str, Any]:
    return {
        "process": lines.process,
        "service": lines.service,
        "environment": lines.environment,
        "before": lines.before,
        "stretches": [_row(stretch, start) for stretch in lines.stretches],
        "missing": [[missing.first, missing.last, missing.count] for missing in lines.missing],
    }


def _row(stretch: Stretch, start: datetime) -> list[float]:
    """Return a stretch as numbers, the first of them the five minutes' place in the hour."""
    counts = (stretch.lowest, stretch.highest, stretch.lines, stretch.distinct)
    arrival = (stretch.dropped, stretch.timed, stretch.late, stretch.delay)
    return [(stretch.start - start) // PART, *counts, *arrival]


def _decode(body: dict[str, Any], start: datetime) -> ProcessLines:
    return ProcessLines(
        body["process"],
        body["service"],
        tuple(Stretch(start + place * PART, *row) for place, *row in body["stretches"]),
        body["before"],
        tuple(Missing(*each) for each in body["missing"]),
        # Profiles stored before findings told it hold none.
        body.get("environment", ""),
    )
