"""Findings against a scenario's truth: which incidents were found and when, and false alarms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlmon.analyzers.base.window import Window, parse_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import timedelta

    from mlmon.analyzers.base.finding import Finding


@dataclass(frozen=True, slots=True)
class ExpectedFinding:
    """A metric an incident shows in; subject None stands for any."""

    analyzer: str
    metric: str
    subject: str | None

    def matches(self, finding: Finding) -> bool:
        """Whether a finding is of this metric and subject."""
        return (
            finding.analyzer == self.analyzer
            and finding.metric == self.metric
            and self.subject in (None, finding.subject)
        )


@dataclass(frozen=True, slots=True)
class TrueIncident:
    """Something that went wrong for a time, and what should be noticed of it."""

    id: str
    title: str
    time: Window
    cause: str
    expect: tuple[ExpectedFinding, ...]

    def shown_by(self, finding: Finding) -> bool:
        """Whether a finding is warning or worse, expected, and of a window that meets the time."""
        return (
            finding.severity.alarming
            and finding.end > self.time.start
            and finding.start < self.time.end
            and any(expectation.matches(finding) for expectation in self.expect)
        )


@dataclass(frozen=True, slots=True)
class Detection:
    """An incident and the first finding that shows it, None if it was missed."""

    incident: TrueIncident
    finding: Finding | None

    @property
    def delay(self) -> timedelta | None:
        """From the incident's start to the end of the finding's window."""
        return self.finding.end - self.incident.time.start if self.finding else None


@dataclass(frozen=True, slots=True)
class TruthComparison:
    """Every incident's detection, and the alarms before anything had gone wrong."""

    detections: tuple[Detection, ...]
    false_findings: tuple[Finding, ...]


def read_truth(document: Mapping[str, Any]) -> tuple[TrueIncident, ...]:
    """Return the incidents of a `truth.json`.

    Raises:
        ValueError: It is of another schema.
    """
    if document.get("schema") != 1:
        raise ValueError(f"truth of schema {document.get('schema')!r} cannot be read, only of 1")
    return tuple(_incident(incident) for incident in document["incidents"])


def _incident(document: Mapping[str, Any]) -> TrueIncident:
    return TrueIncident(
        document["id"],
        document["title"],
        Window(parse_time(document["start"]), parse_time(document["end"])),
        document["cause"],
        tuple(
            ExpectedFinding(expected["analyzer"], expected["metric"], expected.get("subject"))
            for expected in document["expect"]
        ),
    )


def compare(findings: Iterable[Finding], truth: Iterable[TrueIncident]) -> TruthComparison:
    """Compare findings, in any order, with the incidents."""
    alarms = sorted((finding for finding in findings if finding.severity.alarming), key=_order)
    incidents = tuple(truth)
    detections = tuple(
        Detection(incident, next((alarm for alarm in alarms if incident.shown_by(alarm)), None))
        for incident in incidents
    )
    begin = min((incident.time.start for incident in incidents), default=None)
    false_findings = tuple(alarm for alarm in alarms if begin is None or alarm.end <= begin)
    return TruthComparison(detections, false_findings)


def _order(finding: Finding) -> tuple[object, ...]:
    # Of windows that end together, the shorter one is nearer to what happened.
    return (finding.end, -finding.start.timestamp(), finding.key)
