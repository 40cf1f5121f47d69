"""The declaration of one metric: its limits, its unit, its drawing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mlmon.analyzers.base.limits import CONTEXT, Limits

MetricDrawing = Literal["line", "area", "bar"]
WorseSide = Literal["highest", "lowest"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric of an analyzer: from it follow verdicts, panels and the analyzer's page.

    Args:
        name: `finding.metric`, such as `ks.distance`.
        title: Heading of its panel, a noun phrase.
        question: What the panel answers, one question.
        limits: From which values on it warns; by default it is not judged.
        unit: Unit of its values; empty for a plain number, `ratio` for a share from 0 to 1.
        draw: Form of the panel.
        breakdown: Field of the findings that makes one line per value, None for a single line.
        pivot: The value of no change, where a metric is bad in both directions: values above and
            below it are drawn in separate panels.
        worst: Which values are drawn where an interval of the time axis holds several; None: those
            on the side of the limits.
    """

    name: str
    title: str
    question: str
    limits: Limits = CONTEXT
    unit: str = ""
    draw: MetricDrawing = "line"
    breakdown: str | None = "finding.subject"
    pivot: float | None = None
    worst: WorseSide | None = None
