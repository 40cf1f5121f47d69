"""An analyzer's panel as a chart of its findings, with the limits that held beside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kibana.model.chart import Chart, Measure, Operation, Time, Values
from kibana.model.condition import Both, both, is_
from kibana.model.sources import FINDINGS

if TYPE_CHECKING:
    from analyzers.analyzer import Analyzer
    from analyzers.limits import Limits
    from analyzers.panel import Panel

MOST_SUBJECTS = 12
_PARTS = {
    "finding.subject": "Subject",
    "finding.segment": "Segment",
    "ml.model.version": "Model version",
    "ml.model.name": "Model",
    "service.name": "Service",
}


def finding_chart(analyzer: Analyzer[Any], panel: Panel) -> Chart:
    """Return a metric's chart: of each part of time the worst value, and the strictest limits.

    What is drawn of many subjects are the worst ones. Limits follow the past and differ between
    subjects; the strictest of them is drawn, so that no value above its own limit seems harmless.
    """
    limits = analyzer.limits.get(panel.metric)
    bad_above = limits is None or limits.bad == "above"
    value = Measure(
        "Value", "max" if bad_above else "min", "finding.value", unit=panel.unit, tone="plain"
    )
    return Chart(
        title=panel.title,
        sentence=panel.sentence,
        source=FINDINGS,
        measures=(value,),
        draw=panel.draw,
        by=(Time(), *_parts(panel.breakdown, bad_above=bad_above)),
        where=findings_of(analyzer.name, panel.metric),
        unit=panel.unit,
        limits=_limits(limits, panel.unit) if limits is not None and limits.judged else (),
    )


def findings_of(analyzer: str, metric: str) -> Both:
    """Return the condition that a finding is of an analyzer's metric."""
    return both(is_("finding.analyzer", analyzer), is_("finding.metric", metric))


def _parts(breakdown: str | None, *, bad_above: bool) -> tuple[Values, ...]:
    if breakdown is None:
        return ()
    label = _PARTS.get(breakdown, breakdown)
    return (Values(breakdown, label, MOST_SUBJECTS, "highest" if bad_above else "lowest"),)


def _limits(limits: Limits, unit: str) -> tuple[Measure, ...]:
    strictest: Operation = "min" if limits.bad == "above" else "max"
    return (
        Measure("Warning from", strictest, "finding.limits.warning", unit=unit, tone="warning"),
        Measure("Critical from", strictest, "finding.limits.critical", unit=unit, tone="critical"),
    )
