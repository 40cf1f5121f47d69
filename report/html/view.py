"""The contents of the page, computed; `mlmon.report.html.page` only writes it down."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from mlmon.analyzers.base.alert_policy import AlertPolicy
from mlmon.analyzers.base.finding import Severity
from mlmon.analyzers.base.identity import FindingIdentity
from mlmon.analyzers.base.metric import Metric
from mlmon.analyzers.run.ground_truth import TrueIncident, compare
from mlmon.analyzers.run.judged import JudgedSeries
from mlmon.dashboards.links.links import Linked
from mlmon.dashboards.model.history import Frame, Mark
from mlmon.formatting import count, duration, heading, machine_moment, moment
from mlmon.report.html.alert_rows import AlertTable, alert_table
from mlmon.report.html.charts import CheckPanel, Resolution, panel_views, resolution
from mlmon.report.html.health import AnalyzerHealth, analyzer_health, coverage_text
from mlmon.report.html.incident_list import (
    IncidentList,
    StoredIncident,
    Surroundings,
    incident_list,
)
from mlmon.report.html.series import CheckSeries, FindingRecord
from mlmon.report.html.severity import FACES
from mlmon.report.html.strips import Shade, Tick, shade, strip_ticks
from mlmon.report.html.truth_table import TruthTable, marks, truth_table, within


class AnalyzerOfReport(Protocol):
    """An analyzer's part of the report."""

    @property
    def name(self) -> str:
        """Its name, as findings carry it."""

    @property
    def question(self) -> str:
        """Its question."""

    @property
    def metrics(self) -> Sequence[Metric]:
        """Its metrics, and how they are drawn."""

    @property
    def alert_policy(self) -> AlertPolicy:
        """Its layer, by which the sections are ordered."""


@dataclass(frozen=True, slots=True)
class AnalyzerView:
    """One analyzer's section: its tile and overview rows, and its panels."""

    name: str
    title: str
    question: str
    anchor: str
    health: AnalyzerHealth
    panels: tuple[CheckPanel, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """Everything the template shows."""

    service: str
    namespace: str
    state: str
    headline: str
    coverage: str
    made: str
    made_iso: str
    since: str
    until: str
    lasted: str
    versions: tuple[str, ...]
    counts: tuple[tuple[str, str], ...]
    several_services: bool
    resolution: str
    analyzers: tuple[AnalyzerView, ...]
    incidents: IncidentList | None
    alerts: AlertTable | None
    truth: TruthTable | None
    shades: tuple[Shade, ...]
    ticks: tuple[Tick, ...]


def page_view(
    found: FindingRecord,
    analyzers: Sequence[AnalyzerOfReport],
    truth: Sequence[TrueIncident],
    incidents: Sequence[StoredIncident] | None,
    made: datetime,
    namespace: str,
    runbooks: str,
    links: Linked,
    *,
    judged: JudgedSeries | None = None,
) -> Page:
    """Compute what the page shows; `report_html` explains the arguments."""
    fine = resolution(found.series, found.until - found.since)
    anchors = {
        one.key: f"check-{number}" if one.key in fine.charted else f"analyzer-{one.key.analyzer}"
        for number, one in enumerate(found.series, 1)
    }
    comparison = within(compare(found.alarms, truth), found.since, found.until)
    frame = _frame(found, marks(comparison))
    views = tuple(_analyzers(found, analyzers, anchors, frame, fine))
    around = Surroundings(made, links, runbooks, anchors, frame.incidents)
    checks = {replace(one.key, service=None) for one in found.series}
    listed = None if incidents is None else incident_list(incidents, around)
    state, headline, coverage = _headline(listed, views, made, judged)
    return Page(
        service=", ".join(found.services) or "Service",
        namespace=namespace,
        state=state,
        headline=headline,
        coverage=coverage,
        made=moment(made.timestamp()),
        made_iso=machine_moment(made.timestamp()),
        since=moment(found.since),
        until=moment(found.until),
        lasted=duration(found.until - found.since),
        versions=tuple(f"{one.model} {one.version}".strip() for one in found.versions),
        counts=tuple(
            (face.name, f"{found.counts.get(face.name, 0):,}") for face in reversed(FACES)
        ),
        several_services=len(checks) < len(found.series),
        resolution=duration(fine.width),
        analyzers=views,
        incidents=listed,
        alerts=None
        if incidents is None
        else alert_table(
            (alert for incident in incidents for alert in incident.alerts), anchors, made
        ),
        truth=truth_table(comparison, anchors) if truth else None,
        shades=tuple(
            shade(one.start, one.end, frame.since, frame.until, one.label)
            for one in frame.incidents
        ),
        ticks=strip_ticks(frame.since, frame.until),
    )


def _headline(
    incidents: IncidentList | None,
    views: Sequence[AnalyzerView],
    made: datetime,
    judged: JudgedSeries | None,
) -> tuple[str, str, str]:
    """Return the state that the page begins with, a text on the incidents, and what was judged.

    Where nothing is open the text itself shows what was judged. Without incidents (a report of what
    was known at a moment) nothing is shown as wrong or well.
    """
    if incidents is None:
        return Severity.UNKNOWN.value, "Findings as they were known then, without incidents", ""
    state, coverage = coverage_text((view.health for view in views), made, judged)
    if not incidents.open:
        return state, f"No open incident; {coverage}", ""
    severities = (Severity(row.severity) for row in incidents.open)
    worst = max(severities, key=lambda severity: severity.rank)
    opened = count(len(incidents.open), "open incident")
    return worst.value, f"{FACES[worst.rank].label}: {opened}", coverage


def _frame(found: FindingRecord, incidents: tuple[Mark, ...]) -> Frame:
    """Return the range all charts share, its incidents and its changes of model version."""
    versions = tuple(
        Mark(one.short, one.since, one.until) for one in found.versions if one.since > found.since
    )
    return Frame(found.since, found.until, incidents, versions)


def _analyzers(
    found: FindingRecord,
    analyzers: Sequence[AnalyzerOfReport],
    anchors: Mapping[FindingIdentity, str],
    frame: Frame,
    fine: Resolution,
) -> Iterable[AnalyzerView]:
    """Yield the sections."""
    of: dict[str, list[CheckSeries]] = {one.name: [] for one in analyzers}
    for one in found.series:
        of.setdefault(one.key.analyzer, []).append(one)
    known = {one.name: one for one in analyzers}
    for name, series in of.items():
        analyzer = known.get(name)
        health = analyzer_health(name, series, anchors, frame.since, frame.until)
        rows = {row.key: row for row in (*health.troubled, *health.quiet)}
        metrics = analyzer.metrics if analyzer else ()
        yield AnalyzerView(
            name=name,
            title=heading(name),
            question=analyzer.question if analyzer else "",
            anchor=f"analyzer-{name}",
            health=health,
            panels=panel_views(series, metrics, rows, frame, fine),
        )
