"""The charts of a metric's findings, with the limits of that time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmon.dashboards.model.chart import Chart, Measure, Operation, Time, Values
from mlmon.dashboards.model.condition import (
    EVERYTHING,
    AtLeast,
    Both,
    Condition,
    Exists,
    both,
    is_,
    less_than,
)
from mlmon.dashboards.model.sources import FINDING_DOCUMENTS

if TYPE_CHECKING:
    from mlmon.analyzers.base.analyzer import Analyzer
    from mlmon.analyzers.base.limits import Limits
    from mlmon.analyzers.base.metric import Metric, WorseSide

MOST_SUBJECTS = 12
IMMATURE = "Grey: labels are still coming in"
"""The name of values that labels to come may still change."""

_PARTS = {
    "finding.subject": "Subject",
    "finding.segment": "Segment",
    "ml.model.version": "Model version",
    "ml.model.name": "Model",
    "service.name": "Service",
}


def finding_charts(analyzer: Analyzer[Any], metric: Metric) -> tuple[Chart, ...]:
    """Return a metric's charts: one, or one for each direction of one that is bad in both."""
    if metric.pivot is None:
        return (_chart(analyzer, metric, metric.worst or _side(metric.limits)),)
    above = AtLeast("finding.value", metric.pivot)
    return (
        _chart(analyzer, metric, "highest", above, ", up"),
        _chart(analyzer, metric, "lowest", less_than("finding.value", metric.pivot), ", down"),
    )


def _side(limits: Limits) -> WorseSide:
    return "highest" if limits.bad == "above" else "lowest"


def _chart(
    analyzer: Analyzer[Any],
    metric: Metric,
    side: WorseSide,
    where: Condition = EVERYTHING,
    suffix: str = "",
) -> Chart:
    """Return a chart: of each part of time the worst value, and the strictest limits.

    What is drawn of many subjects are the worst ones. Limits follow the past and differ between
    subjects; the strictest of them is drawn, so that no value above its own limit seems harmless.
    They stand on their own side only: no search can turn the sign of a limit that follows the past.
    """
    limited = metric.limits.judged and side == _side(metric.limits)
    labeled = any(needs.kind == "label" for needs in analyzer.needs) and metric.draw == "line"
    operation: Operation = "max" if side == "highest" else "min"
    return Chart(
        title=metric.title + suffix,
        sentence=f"{metric.question}{f' {IMMATURE}.' if labeled else ''}",
        source=FINDING_DOCUMENTS,
        measures=(Measure("Value", operation, "finding.value", unit=metric.unit, tone="plain"),),
        draw=metric.draw,
        by=(Time(), *_parts(metric.breakdown, side)),
        where=both(findings_of(analyzer.name, metric.name), where),
        unit=metric.unit,
        limits=(
            *(_limits(metric.limits, metric.unit) if limited else ()),
            *((_immature(operation, metric.unit),) if labeled else ()),
        ),
    )


def findings_of(analyzer: str, metric: str) -> Both:
    """Return the condition that a finding is of an analyzer's metric."""
    return both(is_("finding.analyzer", analyzer), is_("finding.metric", metric))


def _parts(breakdown: str | None, side: WorseSide) -> tuple[Values, ...]:
    if breakdown is None:
        return ()
    label = _PARTS.get(breakdown, breakdown)
    return (Values(breakdown, label, MOST_SUBJECTS, side),)


def _immature(operation: Operation, unit: str) -> Measure:
    """Return the values whose labels are still coming in, drawn over the others."""
    still_coming = Exists("finding.sample.maturity")
    return Measure(
        IMMATURE, operation, "finding.value", where=still_coming, unit=unit, tone="unknown"
    )


def _limits(limits: Limits, unit: str) -> tuple[Measure, ...]:
    strictest: Operation = "min" if limits.bad == "above" else "max"
    return (
        Measure("Warning limit", strictest, "finding.limits.warning", unit=unit, tone="warning"),
        Measure("Critical limit", strictest, "finding.limits.critical", unit=unit, tone="critical"),
    )
