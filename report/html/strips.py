"""Strips: the severity of one check over the whole range, in a line of text's height.

A strip is drawn by the browser from a handful of paths, without a script. Height shows
severity as well as colour does: quiet is a thin line, unknown a pale low step, a warning rises to
half, and a critical stretch fills the strip.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Final

from mlmon.dashboards.vega_lite.ticks import ticks
from mlmon.report.html.buckets import severities
from mlmon.report.html.series import CheckSeries
from mlmon.report.html.severity import CRITICAL, FACES, OK, UNKNOWN, WARNING

MOST_TICKS: Final = 9
STRETCHES: Final = 240
STRIP_HEIGHT: Final = 20
HEIGHTS: Final = {OK: 2, UNKNOWN: 6, WARNING: 11, CRITICAL: STRIP_HEIGHT}


@dataclass(frozen=True, slots=True)
class Bars:
    """All rectangles of one severity, as one SVG path in a box `STRETCHES` by `STRIP_HEIGHT`."""

    severity: str
    path: str


@dataclass(frozen=True, slots=True)
class Shade:
    """An incident behind a strip."""

    x: float
    width: float
    label: str


@dataclass(frozen=True, slots=True)
class Tick:
    """One label, and its place in per cent of the range."""

    label: str
    percent: float


Stretches = Sequence[int | None]


def stretches(series: CheckSeries, since: float, until: float) -> list[int | None]:
    """Return the worst severity in each of the strip's stretches of time."""
    width = max((until - since) / STRETCHES, 1.0)
    return severities(series, since=since, width=width, count=STRETCHES)


def worst_of(strips: Iterable[Stretches]) -> list[int | None]:
    """Return the strip that shows the worst of several at each place."""
    return [
        max((severity for severity in place if severity is not None), default=None)
        for place in zip(*strips, strict=True)
    ]


def bars(strip: Stretches) -> tuple[Bars, ...]:
    """Return the rectangles of a strip: one per run of equal severity, none without windows."""
    paths: dict[int, list[str]] = {}
    x = 0
    for severity, run in groupby(strip):
        width = len(list(run))
        if severity is not None:
            height = HEIGHTS[severity]
            paths.setdefault(severity, []).append(
                f"M{x} {STRIP_HEIGHT - height}h{width}v{height}h-{width}z"
            )
        x += width
    return tuple(Bars(FACES[severity].name, "".join(paths[severity])) for severity in sorted(paths))


def position(seconds: float, since: float, until: float) -> float:
    """Return where a moment lies on a strip, 0 to `STRETCHES`, kept inside it."""
    share = (seconds - since) / max(until - since, 1.0)
    return round(STRETCHES * min(max(share, 0.0), 1.0), 2)


def shade(start: float, end: float, since: float, until: float, label: str) -> Shade:
    """Return the position of an incident behind a strip."""
    x = position(start, since, until)
    return Shade(x, max(round(position(end, since, until) - x, 2), 0.8), label)


def strip_ticks(since: float, until: float) -> tuple[Tick, ...]:
    """Return at most `MOST_TICKS` ticks at round moments of a range."""
    length = max(until - since, 1.0)
    moments, form = ticks(since, until, MOST_TICKS)
    return tuple(
        Tick(
            datetime.fromtimestamp(moment, UTC).strftime(form),
            round(100 * (moment - since) / length, 2),
        )
        for moment in moments
    )
