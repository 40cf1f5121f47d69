"""Incidents of a scenario beside what was found: the first finding and its delay, or missed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from analyzers.finding import Finding
from kibana.report.charts import Mark
from kibana.report.series import SeriesKey
from kibana.report.words import clock, machine, many, span


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one incident.

    Attributes:
        title, cause: From the scenario's truth.
        start, end: The incident's time.
        first: The finding that found it; None where it was missed.
        delay: From the incident's start to the end of that finding's window.
    """

    title: str
    cause: str
    start: datetime
    end: datetime
    first: Finding | None
    delay: timedelta | None


@dataclass(frozen=True, slots=True)
class Truth:
    """A scenario's incidents by their beginning, and the alarms before the first of them, which nothing caused."""

    outcomes: tuple[Outcome, ...]
    false_alarms: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class IncidentRow:
    """One row of the table of incidents."""

    label: str
    title: str
    cause: str
    start: str
    start_iso: str
    lasted: str
    key: SeriesKey | None
    anchor: str
    severity: str
    delay: str
    sentence: str


@dataclass(frozen=True, slots=True)
class IncidentTable:
    """The rows, and in words how many were found and how much was false before the first."""

    rows: tuple[IncidentRow, ...]
    found: str
    false_alarms: str


def marks(truth: Truth) -> tuple[Mark, ...]:
    """Return the incidents as they are marked on charts, numbered from 1."""
    return tuple(
        Mark(str(number), one.start.timestamp(), one.end.timestamp())
        for number, one in enumerate(truth.outcomes, 1)
    )


def incident_table(truth: Truth, anchors: Mapping[SeriesKey, str]) -> IncidentTable:
    """Return the table of incidents."""
    rows = tuple(_row(str(number), one, anchors) for number, one in enumerate(truth.outcomes, 1))
    found = sum(one.first is not None for one in truth.outcomes)
    return IncidentTable(
        rows=rows,
        found=f"{found} of {many(len(rows), 'incident')} found",
        false_alarms=_false_alarms(truth.false_alarms),
    )


def _row(label: str, outcome: Outcome, anchors: Mapping[SeriesKey, str]) -> IncidentRow:
    """Return one incident's row."""
    first = outcome.first
    key = SeriesKey.of(first) if first else None
    return IncidentRow(
        label=label,
        title=outcome.title,
        cause=outcome.cause,
        start=clock(outcome.start.timestamp()),
        start_iso=machine(outcome.start.timestamp()),
        lasted=span((outcome.end - outcome.start).total_seconds()),
        key=key,
        anchor=anchors.get(key, "") if key else "",
        severity=first.severity.value if first else "",
        delay=span(outcome.delay.total_seconds()) if outcome.delay is not None else "",
        sentence=first.reason if first else "",
    )


def _false_alarms(findings: Sequence[Finding]) -> str:
    """Say how many findings were false before the first incident."""
    if not findings:
        return "No false finding before the first incident."
    critical = sum(finding.severity.value == "critical" for finding in findings)
    return f"{many(len(findings), 'false finding')} before the first incident, {critical:,} of them critical."
