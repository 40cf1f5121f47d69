"""The incidents to read: what is wrong, since when, the likely cause, what else is affected.

Everything here is taken from the stored incidents and their alerts; nothing is judged again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from mlmon.alerting.incidents.record import listing_order
from mlmon.alerting.incidents.sentences import (
    also_affected,
    latest,
    member_line,
    people,
    period,
    silence,
    urgency,
)
from mlmon.analyzers.checks import discover
from mlmon.dashboards.definitions import home
from mlmon.dashboards.links.incident_pages import incident_time
from mlmon.formatting import count, duration, machine_moment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from mlmon.alerting.alerts.alert import Alert
    from mlmon.alerting.incidents.record import IncidentRecord
    from mlmon.analyzers.base.identity import FindingIdentity
    from mlmon.dashboards.links.links import Linked, Links
    from mlmon.dashboards.model.history import Mark

MOST_ENDED: Final = 50
MOST_MEMBERS: Final = 8


@dataclass(frozen=True, slots=True)
class StoredIncident:
    """An incident, its alerts that are still stored, and who silences it in Alertmanager."""

    record: IncidentRecord
    alerts: tuple[Alert, ...]
    silenced: str = ""

    @property
    def is_open(self) -> bool:
        """Whether it has not ended."""
        return self.record.is_open

    @property
    def cause(self) -> Alert | None:
        """The alert that is its likely cause; None where it is no longer stored."""
        name = self.record.cause_id
        return next((alert for alert in self.alerts if alert.id == name), None)


@dataclass(frozen=True, slots=True)
class Evidence:
    """A page of `mlmon serve` about what is wrong: its title and its address."""

    title: str
    address: str


@dataclass(frozen=True, slots=True)
class MemberRow:
    """An alert that is also affected: one line, its worst sentence, where its chart is."""

    severity: str
    line: str
    sentence: str
    address: str


@dataclass(frozen=True, slots=True)
class IncidentRow:
    """One incident.

    Attributes:
        id: The first digits of its id, enough for `mlmon incidents show`.
        severity: The severity of now while it is open, the worst once it ended.
        is_open: Whether it has not ended.
        title: What is wrong.
        period: `since … to …`, or `since …` while it is open.
        start_iso: Its start for a program.
        lasted: How long it lasted, or has been open.
        anchor: The id of the likely cause's chart; empty where there is none.
        evidence: The dashboard that shows the likely cause at its time; None where there is none.
        reports: Other libraries' reports on its model, at its time.
        page: The address of the page on which people act on it; empty where there is none.
        worst: The likely cause's sentence, of its worst window.
        latest: The sentence of its latest window, where the incident is open and it differs.
        also: How many other alerts it has; empty for none.
        members: Those alerts, in order of `urgency`; `more` counts those that are not listed.
        people: Who acknowledged, snoozed, silenced or was assigned it.
        runbook, runbook_url: Where it is written what to do; the URL is empty where none is set.
        labels: Numbers of the scenario's incidents that it overlaps.
        links: Where it leads in Kibana; None where there is none.
    """

    id: str
    severity: str
    is_open: bool
    title: str
    period: str
    start_iso: str
    lasted: str
    anchor: str
    evidence: Evidence | None
    reports: tuple[Evidence, ...]
    page: str
    worst: str
    latest: str
    also: str
    members: tuple[MemberRow, ...]
    more: str
    people: tuple[str, ...]
    runbook: str
    runbook_url: str
    labels: tuple[str, ...]
    links: Links | None


@dataclass(frozen=True, slots=True)
class IncidentList:
    """Open incidents and ended ones, in `listing_order`, and what is not listed.

    Where nothing was judged, `unjudged` is the namespace, which may be misspelled.
    """

    open: tuple[IncidentRow, ...]
    ended: tuple[IncidentRow, ...]
    left_out: str
    unjudged: str = ""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the rows refer to besides the incidents.

    Attributes:
        now: Until when open incidents have lasted.
        runbooks: URL that the paths of runbooks follow; empty where none is set.
        anchors: The id of each check's chart.
        truth: The incidents of a scenario, as they are marked on charts.
        links: Where a finding leads in Kibana.
        pages: What an incident's id follows in the address of its page; empty where it has none.
        has_dashboards: Whether there are pages of dashboards that can be opened at any time.
        reports: Gives other libraries' reports on an incident.
        all_members: Whether all alerts of an incident are listed, or `MOST_MEMBERS`.
    """

    now: datetime
    links: Linked
    runbooks: str = ""
    anchors: Mapping[FindingIdentity, str] | None = None
    truth: Sequence[Mark] = ()
    pages: str = ""
    has_dashboards: bool = False
    reports: Callable[[IncidentRecord], tuple[Evidence, ...]] = lambda _incident: ()
    all_members: bool = False


def incident_list(incidents: Iterable[StoredIncident], around: Surroundings) -> IncidentList:
    """Return the incidents to read; of the ended ones the newest `MOST_ENDED`."""
    ordered = sorted(incidents, key=lambda incident: listing_order(incident.record))
    ended = [incident for incident in ordered if not incident.is_open]
    left = count(len(ended) - MOST_ENDED, "older incident") if len(ended) > MOST_ENDED else ""
    return IncidentList(
        open=tuple(_row(incident, around) for incident in ordered if incident.is_open),
        ended=tuple(_row(incident, around) for incident in ended[:MOST_ENDED]),
        left_out=f"{left} not listed: `mlmon incidents --since` lists them." if left else "",
    )


def _row(incident: StoredIncident, around: Surroundings) -> IncidentRow:
    record, cause = incident.record, incident.cause
    start, end = record.start, record.ended or around.now
    others = sorted((alert for alert in incident.alerts if alert is not cause), key=urgency)
    shown = others if around.all_members else others[:MOST_MEMBERS]
    more = len(others) - len(shown)
    runbook = record.runbook or ""
    return IncidentRow(
        id=record.short_id,
        severity=(record.severity if incident.is_open else record.worst).value,
        is_open=incident.is_open,
        title=record.title,
        period=period(record),
        start_iso=machine_moment(start.timestamp()),
        lasted=duration(end - start),
        anchor=_anchor(cause, around) if cause else "",
        evidence=_evidence(cause, record, around) if cause else None,
        reports=around.reports(record),
        page=f"{around.pages}{record.id}" if around.pages else "",
        worst=record.cause_reason,
        latest=latest(record),
        also=also_affected(record),
        members=tuple(_member(alert, record, around) for alert in shown),
        more=f"and {count(more, 'more alert')}" if more > 0 else "",
        people=(
            *people(record, around.now),
            *([silence(incident.silenced)] if incident.silenced else ()),
        ),
        runbook=runbook,
        runbook_url=_runbook_url(runbook, around.runbooks),
        labels=tuple(
            mark.label
            for mark in around.truth
            if mark.start < end.timestamp() and start.timestamp() < mark.end
        ),
        links=around.links(cause.worst_finding, incident_time(record)) if cause else None,
    )


def _member(alert: Alert, incident: IncidentRecord, around: Surroundings) -> MemberRow:
    anchor, evidence = _anchor(alert, around), _evidence(alert, incident, around)
    address = f"#{anchor}" if anchor else evidence.address if evidence else ""
    return MemberRow(alert.severity.value, member_line(alert), alert.reason, address)


def _evidence(alert: Alert, incident: IncidentRecord, around: Surroundings) -> Evidence | None:
    """Return the dashboard that shows an alert at the incident's time, by what its controls have.

    The model's version is not chosen: next to the one before, one sees what it changed.
    """
    analyzer = next((one for one in discover() if one.name == alert.identity.analyzer), None)
    if analyzer is None or not around.has_dashboards:
        return None
    shown, known = home(analyzer), replace(alert.identity, model_version=None).fields()
    since, until = incident_time(incident)
    chosen = {
        control.field: known[control.field] for control in shown.controls if control.field in known
    }
    query = urlencode({"since": since, "until": until} | chosen)
    return Evidence(shown.title, f"/{shown.name}?{query}")


def _anchor(alert: Alert, around: Surroundings) -> str:
    return (around.anchors or {}).get(alert.identity.across_versions(), "")


def _runbook_url(runbook: str, base: str) -> str:
    """Return a runbook's absolute URL, an empty text where only its path is known."""
    if runbook.startswith(("https://", "http://")):
        return runbook
    return f"{base}{runbook}" if runbook and base.startswith(("https://", "http://")) else ""
