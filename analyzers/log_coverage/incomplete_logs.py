"""Effect of missing lines on a verdict: the interval widens, or the verdict is withheld.

Every finding carries the share of its window's lines that arrived. Where lines were lost,

- the interval of a rate, or of a distance of at most 1, is widened by what the lost lines can have
  held (`statistics/lost_rows.py`): each of them may have been one of the rows measured. An alarm
  holds if it holds for the conservative end of the wider interval; `ok` holds if the lost lines
  cannot have moved the value to its limit. Otherwise the verdict is `unknown`.
- any other measure is `unknown` where less than `REQUIRED` of the lines arrived.

So lost lines are never read as a change of the model or the service.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mlmon.analyzers.base.finding import Severity
from mlmon.analyzers.statistics.interval import Interval
from mlmon.analyzers.statistics.lost_rows import distance_with_lost, interval_with_lost
from mlmon.formatting import count, percent, span

if TYPE_CHECKING:
    from mlmon.analyzers.base.finding import Finding
    from mlmon.analyzers.base.limits import Limits
    from mlmon.analyzers.log_coverage.log_completeness import Completeness

REQUIRED_COMPLETENESS = 0.9
"""Below this share of arrived lines, verdicts must hold for any content of the others."""


def with_completeness(
    finding: Finding, declared: Limits | None, known: Completeness | None
) -> Finding:
    """Return a finding as the completeness of its logs allows it.

    Args:
        finding: As the lines that arrived have it.
        declared: The limits its analyzer declares for the metric, None for a metric without.
        known: The completeness of its window's logs, None if nothing is known of it.
    """
    if known is None:
        return finding
    stamped = replace(finding, completeness=round(known.share, 6))
    if known.lost == 0 or finding.severity is Severity.UNKNOWN:
        return stamped
    limits = _limits(finding, declared)
    if finding.value is None or limits is None or limits.measures is None:
        return _withheld(stamped, known) if known.share < REQUIRED_COMPLETENESS else stamped
    return _widened(stamped, finding.value, limits, known)


def _widened(finding: Finding, value: float, limits: Limits, known: Completeness) -> Finding:
    seen = Interval(
        value if finding.low is None else finding.low,
        value if finding.high is None else finding.high,
    )
    whole = _with_lost(seen, finding, limits, known)
    widened = replace(finding, low=whole.low, high=whole.high)
    if not finding.severity.alarming:
        may = _with_lost(Interval.exactly(value), finding, limits, known)
        certain = known.share >= REQUIRED_COMPLETENESS and not _may_reach(limits, value, may)
        return widened if certain else _withheld(widened, known)
    severity = limits.judge(whole.low, whole.high)
    if not severity.alarming:
        return _withheld(widened, known)
    return replace(
        widened,
        severity=min(finding.severity, severity, key=lambda level: level.rank),
        reason=f"{finding.reason} Holds regardless of {_lost_lines(known)}.",
    )


def _with_lost(seen: Interval, finding: Finding, limits: Limits, known: Completeness) -> Interval:
    rows = finding.sample_count or known.arrived
    widen = interval_with_lost if limits.measures == "rate" else distance_with_lost
    return widen(seen.clipped(0.0, 1.0), rows, known.lost)


def _may_reach(limits: Limits, value: float, whole: Interval) -> bool:
    """Whether a value within its limits may have reached them with the lost lines."""
    if limits.bad == "above":
        return value < limits.warning <= whole.high
    return value > limits.warning >= whole.low


def _withheld(finding: Finding, known: Completeness) -> Finding:
    lost = f"{_lost_lines(known)} of {finding.service or 'the services'} {span(finding.window)}"
    reason = (
        f"No verdict, the logs are incomplete: {lost} could change it. "
        f"From the lines that arrived: {finding.reason}"
    )
    return replace(finding, severity=Severity.UNKNOWN, reason=reason)


def _lost_lines(known: Completeness) -> str:
    lost = max(1, round(known.lost))
    return f"the {count(lost, 'lost line')} ({percent(1 - known.share)})"


def _limits(finding: Finding, declared: Limits | None) -> Limits | None:
    """Return the limits that held for a finding, None if it has none."""
    if declared is None or finding.warning is None or finding.critical is None:
        return None
    return replace(declared, warning=finding.warning, critical=finding.critical)
