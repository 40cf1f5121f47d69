"""Incidents of a scenario and their first finding with its delay, or missed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from mlmon.analyzers.base.finding import Finding, Severity
from mlmon.analyzers.base.identity import FindingIdentity
from mlmon.analyzers.run.ground_truth import Detection, TruthComparison
from mlmon.dashboards.model.history import Mark
from mlmon.formatting import count, duration, machine_moment, short_moment


@dataclass(frozen=True, slots=True)
class TruthRow:
    """One row of the table of incidents."""

    label: str
    title: str
    cause: str
    start: str
    start_iso: str
    lasted: str
    key: FindingIdentity | None
    anchor: str
    severity: str
    delay: str
    sentence: str


@dataclass(frozen=True, slots=True)
class TruthTable:
    """The rows, and texts: how many were found, and false findings before the first."""

    rows: tuple[TruthRow, ...]
    found: str
    false_findings: str


def within(comparison: TruthComparison, since: float, until: float) -> TruthComparison:
    """Return a comparison without the incidents that lie outside a range, in seconds."""
    shown = (
        one
        for one in sorted(comparison.detections, key=lambda one: one.incident.time)
        if one.incident.time.start.timestamp() < until and since < one.incident.time.end.timestamp()
    )
    return replace(comparison, detections=tuple(shown))


def marks(comparison: TruthComparison) -> tuple[Mark, ...]:
    """Return the incidents as they are marked on charts, numbered from 1."""
    times = (one.incident.time for one in comparison.detections)
    return tuple(
        Mark(str(number), time.start.timestamp(), time.end.timestamp())
        for number, time in enumerate(times, 1)
    )


def truth_table(comparison: TruthComparison, anchors: Mapping[FindingIdentity, str]) -> TruthTable:
    """Return the table of incidents."""
    rows = tuple(
        _row(str(number), one, anchors) for number, one in enumerate(comparison.detections, 1)
    )
    found = sum(one.finding is not None for one in comparison.detections)
    return TruthTable(
        rows=rows,
        found=f"{found} of {count(len(rows), 'incident')} found",
        false_findings=_false_findings(comparison.false_findings),
    )


def _row(label: str, detection: Detection, anchors: Mapping[FindingIdentity, str]) -> TruthRow:
    """Return one incident's row."""
    incident, first, delay = detection.incident, detection.finding, detection.delay
    key = first.identity.across_versions() if first else None
    return TruthRow(
        label=label,
        title=incident.title,
        cause=incident.cause,
        start=short_moment(incident.time.start.timestamp()),
        start_iso=machine_moment(incident.time.start.timestamp()),
        lasted=duration(incident.time.seconds),
        key=key,
        anchor=anchors.get(key, "") if key else "",
        severity=first.severity.value if first else "",
        delay=duration(delay.total_seconds()) if delay is not None else "",
        sentence=first.reason if first else "",
    )


def _false_findings(findings: Sequence[Finding]) -> str:
    """Count the false findings before the first incident."""
    if not findings:
        return "No false finding before the first incident."
    critical = sum(finding.severity is Severity.CRITICAL for finding in findings)
    false = count(len(findings), "false finding")
    return f"{false} before the first incident, {critical:,} of them critical."
