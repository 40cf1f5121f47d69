"""An analyzer's panel as charts of its findings, with the limits that held beside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmon.dashboards.model.chart import Chart, Measure, Operation, Time, Values
from mlmon.dashboards.model.condition import (
    EVERYTHING,
    AtLeast,
    Both,
    Condition,
    both,
    is_,
    less_than,
)
from mlmon.dashboards.model.sources import FINDINGS

if TYPE_CHECKING:
    from mlmon.analyzers.base.analyzer import Analyzer
    from mlmon.analyzers.base.limits import Limits
    from mlmon.analyzers.base.panel import Panel, Side

MOST_SUBJECTS = 12
_PARTS = {
    "finding.subject": "Subject",
    "finding.segment": "Segment",
    "ml.model.version": "Model version",
    "ml.model.name": "Model",
    "service.name": "Service",
}


def finding_charts(analyzer: Analyzer[Any], panel: Panel) -> tuple[Chart, ...]:
    """Return a metric's charts: one, or one for each direction of one that is bad in both."""
    limits = analyzer.limits.get(panel.metric)
    if panel.pivot is None:
        return (_chart(analyzer, panel, panel.worst or _side(limits)),)
    above = AtLeast("finding.value", panel.pivot)
    return (
        _chart(analyzer, panel, "highest", above, ", up"),
        _chart(analyzer, panel, "lowest", less_than("finding.value", panel.pivot), ", down"),
    )


def _side(limits: Limits | None) -> Side:
    return "highest" if limits is None or limits.bad == "above" else "lowest"


def _chart(
    analyzer: Analyzer[Any],
    panel: Panel,
    side: Side,
    where: Condition = EVERYTHING,
    suffix: str = "",
) -> Chart:
    """Return a chart: of each part of time the worst value, and the strictest limits.

    What is drawn of many subjects are the worst ones. Limits follow the past and differ between
    subjects; the strictest of them is drawn, so that no value above its own limit seems harmless.
    They stand on their own side only: no search can turn the sign of a limit that follows the past.
    """
    limits = analyzer.limits.get(panel.metric)
    beside = limits is not None and limits.judged and side == _side(limits)
    operation: Operation = "max" if side == "highest" else "min"
    return Chart(
        title=panel.title + suffix,
        sentence=panel.sentence,
        source=FINDINGS,
        measures=(Measure("Value", operation, "finding.value", unit=panel.unit, tone="plain"),),
        draw=panel.draw,
        by=(Time(), *_parts(panel.breakdown, side)),
        where=both(findings_of(analyzer.name, panel.metric), where),
        unit=panel.unit,
        limits=_limits(limits, panel.unit) if limits is not None and beside else (),
    )


def findings_of(analyzer: str, metric: str) -> Both:
    """Return the condition that a finding is of an analyzer's metric."""
    return both(is_("finding.analyzer", analyzer), is_("finding.metric", metric))


def _parts(breakdown: str | None, side: Side) -> tuple[Values, ...]:
    if breakdown is None:
        return ()
    label = _PARTS.get(breakdown, breakdown)
    return (Values(breakdown, label, MOST_SUBJECTS, side),)


def _limits(limits: Limits, unit: str) -> tuple[Measure, ...]:
    strictest: Operation = "min" if limits.bad == "above" else "max"
    return (
        Measure("Warning from", strictest, "finding.limits.warning", unit=unit, tone="warning"),
        Measure("Critical from", strictest, "finding.limits.critical", unit=unit, tone="critical"),
    )
