"""What an analyzer declares about drawing its findings; `kibana` draws it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Draw = Literal["line", "area", "bar"]
Side = Literal["highest", "lowest"]


@dataclass(frozen=True, slots=True)
class Panel:
    """One metric over time.

    Args:
        title: Heading.
        metric: The findings' metric that is drawn, such as `ks.distance`.
        unit: Unit of its values; empty for a plain number, `ratio` for a share from 0 to 1.
        sentence: What the panel answers, one sentence for its reader.
        draw: Form.
        breakdown: Field of the findings that makes one line per value, None for a single line.
        pivot: The value of no change, where a metric is bad in both directions: what lies above
            it and what lies below are drawn apart.
        worst: Which values are drawn where a part of time holds several; None: on the side where
            limits are.
    """

    title: str
    metric: str
    unit: str
    sentence: str
    draw: Draw = "line"
    breakdown: str | None = "finding.subject"
    pivot: float | None = None
    worst: Side | None = None
