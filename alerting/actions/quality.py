"""How good alerts were, read from incidents: as findings each day, and as suggested limits."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import timedelta
from statistics import median
from typing import TYPE_CHECKING, Any

from mlmon.alerting.alerts.replay import replayed_alerts
from mlmon.alerting.alerts.store import AlertStore
from mlmon.alerting.incidents.quality import AlertQuality, alert_quality
from mlmon.alerting.incidents.store import IncidentStore
from mlmon.alerting.incidents.verdict import Verdict
from mlmon.analyzers.base.finding import Finding, Severity
from mlmon.analyzers.base.limits import Limits
from mlmon.analyzers.base.window import DAY, Window, floor
from mlmon.analyzers.checks import discover
from mlmon.analyzers.run.findings_store import FindingStore
from mlmon.formatting import count, number, span

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from mlmon.alerting.alerts.alert import Alert
    from mlmon.alerting.incidents.record import IncidentRecord
    from mlmon.elastic.client.cluster import Cluster
    from mlmon.elastic.json_object import Json

ANALYZER = "alert_quality"
"""`finding.analyzer` of the findings about alerting itself; they have no limits and never alarm."""
PRECISION, DETECTION, ACKNOWLEDGEMENT = "precision", "detection.time", "acknowledgement.time"
LEAST_FALSE = 2
"""So many false alarms of a metric there must be for a limit to be suggested."""
REACH = timedelta(days=90)
"""Of so much of the past the findings of a day are."""
_RUNBOOK = "docs/alerting.md#how-good-alerts-are"


def quality_since(cluster: Cluster, namespace: str, since: datetime) -> list[AlertQuality]:
    """Return how good the alerts were of the incidents that opened since a moment."""
    store = IncidentStore(cluster, namespace)
    return _quality(store, list(store.opened_since(since)))


def _quality(store: IncidentStore, incidents: Sequence[IncidentRecord]) -> list[AlertQuality]:
    return alert_quality(incidents, store.openings([incident.id for incident in incidents]))


def publish_quality(cluster: Cluster, namespace: str, now: datetime) -> int:
    """Store how good alerts were in the 90 days before today; return the findings that changed.

    Feedback that arrives later revises the findings of the last day.
    """
    end = floor(now, DAY)
    window = Window(end - REACH, end)
    store = IncidentStore(cluster, namespace)
    incidents = [incident for incident in store.opened_since(window.start) if incident.opened < end]
    found = [
        finding
        for quality in _quality(store, incidents)
        for finding in quality_findings(quality, window)
    ]
    if not found:
        return 0
    written = FindingStore(cluster, namespace).write(found, now)
    return written.created + written.revised


def quality_findings(quality: AlertQuality, window: Window) -> Iterator[Finding]:
    """Yield a policy's findings of a time: what is not known has none.

    Their window is its last day: one finding a day is drawn, and no chart or report has to reach
    back for the whole time.
    """
    sentence = f"{quality.sentence()}, {span(window)}."
    window = Window(window.end - DAY, window.end)
    if (interval := quality.precision) is not None:
        share = quality.right / quality.judged
        known = {"low": interval.low, "high": interval.high, "sample_count": quality.judged}
        yield _finding(PRECISION, quality, window, share, sentence, **known)
    for metric, seconds in (
        (DETECTION, quality.detected),
        (ACKNOWLEDGEMENT, quality.acknowledged),
    ):
        if seconds:
            value = float(median(seconds))
            yield _finding(metric, quality, window, value, sentence, sample_count=len(seconds))


def _finding(
    metric: str, quality: AlertQuality, window: Window, value: float, sentence: str, **known: Any
) -> Finding:
    return Finding.of(
        analyzer=ANALYZER,
        metric=metric,
        subject=quality.policy,
        start=window.start,
        end=window.end,
        severity=Severity.OK,
        value=value,
        reason=sentence,
        runbook=_RUNBOOK,
        **known,
    )


@dataclass(frozen=True, slots=True)
class SuggestedLimit:
    """A warning limit with which fewer false alarms would have been raised.

    Args:
        analyzer: Whose metric.
        metric: Which.
        now: The limit it has.
        suggested: The limit it could have.
        false: False alarms of it; `avoided` of them would not have been raised.
        avoided: See `false`.
        right: Alerts of it that were right; all of them would still have been raised.
    """

    analyzer: str
    metric: str
    now: float
    suggested: float
    false: int
    avoided: int
    right: int

    def to_json(self) -> Json:
        """Return it as a JSON value."""
        return {
            "suggestion": f"{self.analyzer} {self.metric}",
            "warning": self.now,
            "suggested_warning": self.suggested,
            "false_alarms": self.false,
            "avoided": self.avoided,
            "right": self.right,
        }

    def sentence(self) -> str:
        """Return it in a sentence."""
        return (
            f"{self.analyzer} {self.metric}: with a warning limit of {number(self.suggested)} "
            f"instead of {number(self.now)}, {self.avoided} of {count(self.false, 'false alarm')} "
            f"would not have been raised, and all {self.right} alerts that were right would"
        )


def suggested_limits(
    cluster: Cluster, namespace: str, since: datetime, now: datetime
) -> list[SuggestedLimit]:
    """Return limits that feedback suggests, each with its effect on the past; none is set.

    For each metric with several false alarms, and an alert that was right, the limit lies just
    above the most extreme false alarm that leaves every right alert standing, as a replay of the
    stored findings shows; never at the critical limit or beyond.
    """
    incidents = list(IncidentStore(cluster, namespace).opened_since(since))
    right = _alerts_of(incidents, {Verdict.FIXED, Verdict.NEW_NORMAL})
    wrong = _alerts_of(incidents, {Verdict.FALSE_ALARM})
    store, findings = AlertStore(cluster, namespace), FindingStore(cluster, namespace)
    by_metric: dict[tuple[str, str], list[Alert]] = defaultdict(list)
    for alert in store.get(sorted(right | wrong)):
        by_metric[alert.analyzer, alert.metric].append(alert)
    limits = {analyzer.name: analyzer.limits for analyzer in discover()}
    found = []
    for (analyzer, metric), alerts in sorted(by_metric.items()):
        declared = limits.get(analyzer, {}).get(metric)
        false = [alert for alert in alerts if alert.id in wrong]
        known_enough = len(false) >= LEAST_FALSE and len(false) < len(alerts)
        if declared is None or not declared.judged or not known_enough:
            continue
        first = min(alert.first_start for alert in alerts)
        series = sorted({alert.series for alert in alerts})
        known = list(findings.search(since=first, until=now, series=series))
        best = best_limit(known, false, [alert for alert in alerts if alert.id in right])
        if best is not None and best[0] < 1:
            beyond, avoided = best
            moved = declared.warning + beyond * (declared.critical - declared.warning)
            found.append(
                SuggestedLimit(
                    analyzer,
                    metric,
                    declared.warning,
                    moved,
                    len(false),
                    avoided,
                    len(alerts) - len(false),
                )
            )
    return found


def best_limit(
    findings: Sequence[Finding], false: Sequence[Alert], right: Sequence[Alert]
) -> tuple[float, int] | None:
    """Return a limit that avoids most false alarms and no right alert; None where there is none.

    Args:
        findings: The stored findings of the alerts' series.
        false: False alarms.
        right: Alerts that were right.

    Returns:
        How far the limit lies from the warning limit (0) to the critical one (1) and beyond, and
        how many false alarms it avoids.
    """
    extremes = sorted(
        {
            max((_beyond(finding) for finding in findings if _within(finding, alert)), default=0.0)
            for alert in false
        },
        reverse=True,
    )
    for extreme in extremes:
        limit = math.floor(extreme * 20 + 1) / 20
        standing = list(replayed_alerts(_with_limit(findings, limit)))
        if all(_stands(alert, standing) for alert in right):
            avoided = sum(not _stands(alert, standing) for alert in false)
            return (limit, avoided) if avoided else None
    return None


def _with_limit(findings: Iterable[Finding], beyond: float) -> Iterator[Finding]:
    """Yield findings as they would be with another warning limit."""
    for finding in findings:
        if not finding.severity.alarming or _beyond(finding) >= beyond:
            yield finding
        else:
            yield replace(finding, severity=Severity.OK)


def _beyond(finding: Finding) -> float:
    """Return how far the conservative end lies beyond the warning limit, 1 at the critical one."""
    warning, critical, value = finding.warning, finding.critical, finding.value
    if warning is None or critical is None or value is None or warning == critical:
        return math.inf
    above = critical > warning
    end = finding.low if above else finding.high
    sure = value if end is None else end
    judged = Limits(warning, critical, "above" if above else "below").judge(sure, sure)
    return (sure - warning) / (critical - warning) if judged.alarming else 0.0


def _within(finding: Finding, alert: Alert) -> bool:
    ended = alert.ended is None or finding.end <= alert.ended
    return finding.series == alert.series and alert.first_end <= finding.end and ended


def _stands(alert: Alert, others: Sequence[Alert]) -> bool:
    """Return whether an alert of the same series overlaps one."""
    return any(other.series == alert.series and alert.overlaps(other) for other in others)


def _alerts_of(incidents: Iterable[IncidentRecord], verdicts: set[Verdict]) -> set[str]:
    return {
        name
        for incident in incidents
        if incident.feedback in verdicts
        for name in incident.alert_ids
    }
