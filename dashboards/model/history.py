"""One check over time: values, limits, alarms, and the incidents and versions around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlmon.analyzers.base.metric import MetricDrawing

Rows = list[dict[str, Any]]
"""Rows with short names, for they are most of a page: `t` time in milliseconds (a bucket's end),
`d` its length in seconds, `n` its windows, `v` the typical value, `l` the least, `h` the greatest,
`i` and `j` the ends of the intervals, `s` the severity, `w` the worst window's value, `r` its
sentence, `e` an end in milliseconds, `m` 1 where labels are still coming in. What equals the usual
is left out."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A time marked on every chart: an incident, or a model version's windows. In seconds."""

    label: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Frame:
    """What all charts of a report share.

    Args:
        since, until: The range of time, in seconds since the epoch.
        incidents, versions: What is marked in it.
    """

    since: float
    until: float
    incidents: tuple[Mark, ...] = ()
    versions: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True)
class CheckHistory:
    """One check over time.

    Args:
        unit: Of its values.
        draw: How the typical value is drawn.
        domain: Ends of the axis of values.
        rows: A row per bucket; one without a value breaks the line.
        immature: Values whose labels are still coming in, each run after the last mature value.
        dots: Values without a neighbour, of which a line shows nothing.
        alarms: The worst window of each bucket in alarm.
        unknown: Times without a verdict.
        limits: The limits, `warning` and `critical`, from each change on.
    """

    unit: str
    draw: MetricDrawing
    domain: tuple[float, float]
    rows: Rows
    immature: Rows
    dots: Rows
    alarms: Rows
    unknown: Rows
    limits: Rows
