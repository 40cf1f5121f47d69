"""Faults of the logs themselves."""

from __future__ import annotations

from mlmon.analyzers.base.window import DAY, HOUR, MINUTE
from mlmon.scoreboard.faults.fault import Arrival, Fault, signs, spans

TIMELINE = "data"

FAULTS = (
    Fault(
        "lines_lost",
        "A fifth of the lines never arrives",
        TIMELINE,
        ("ingest",),
        signs("completeness"),
        spans(8 * HOUR, HOUR + 15 * MINUTE, small=3 * DAY),
        arrival=Arrival(lost=0.2),
    ),
    Fault(
        "clock_ahead",
        "The clock of one of two processes is three hours ahead",
        TIMELINE,
        ("ingest",),
        signs("clock_skew", "completeness"),
        spans(8 * HOUR, 2 * HOUR, small=DAY),
        clock_ahead=3 * HOUR,
    ),
)
