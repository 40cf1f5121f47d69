"""The pages of `mlmon serve`, asked of the cluster when they are wanted."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from mlmon.alerting.incidents.store import IncidentStore
from mlmon.analyzers.base.digest import digest
from mlmon.analyzers.checks import discover
from mlmon.dashboards.definitions import dashboards, shown_on
from mlmon.dashboards.links.links import nowhere
from mlmon.dashboards.model.query import period
from mlmon.dashboards.model.sources import FINDING_DOCUMENTS
from mlmon.elastic.errors import UserError
from mlmon.formatting import moment
from mlmon.report.html.incident_list import IncidentList, Surroundings, incident_list
from mlmon.report.html.page import templates
from mlmon.report.html.severity import FACES
from mlmon.report.html.vega_bundle import prepare, vega_script
from mlmon.report.panels.dashboard_view import (
    DashboardScope,
    dashboard_view,
    section_view,
    without_incident_list,
)
from mlmon.report.serve.incident_pages import INCIDENTS
from mlmon.report.serve.report_pages import ReportPages
from mlmon.report.serve.request import RANGES, page_request
from mlmon.report.stored_incidents import known_incidents, open_incidents

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from mlmon.analyzers.base.window import Window
    from mlmon.dashboards.links.links import Linked
    from mlmon.dashboards.model.dashboard import Control, Dashboard
    from mlmon.elastic.client.cluster import Cluster
    from mlmon.report.serve.request import PageRequest

MOST_CHOICES = 100
START = "overview"
"""The dashboard that the start page shows."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A control with the values that the time range holds."""

    label: str
    field: str
    values: tuple[str, ...]
    value: str


class Pages:
    """The dashboards of one namespace.

    Args:
        cluster: Where the answers are.
        namespace: Environment.
        default: Begin of the time range where an address names none.
        runbooks: URL that the paths of runbooks follow; empty where none is set.
        links: Where an incident leads in Kibana.
        reports: Other libraries' reports.
    """

    def __init__(
        self,
        cluster: Cluster,
        namespace: str,
        default: str = "7d",
        *,
        runbooks: str = "",
        links: Linked = nowhere,
        reports: ReportPages | None = None,
    ) -> None:
        self._reports = reports or ReportPages(None)
        self._cluster = cluster
        self._namespace = namespace
        self._runbooks = runbooks
        self._links = links
        self._default = default

    def warm_up(self) -> None:
        """Load what the first page would wait for: analyzers, templates, the drawing script."""
        for dashboard in dashboards():
            shown_on(dashboard, discover())
        for name in ("serve.html", "serve_content.html", "serve_section.html"):
            templates().get_template(name)
        prepare()
        asset("vega.js")

    def page(self, name: str, query: str, now: datetime) -> str | None:
        """Return a dashboard's page, None where there is no such dashboard."""
        return self._rendered("serve.html", name, query, now)

    def content(self, name: str, query: str, now: datetime) -> str | None:
        """Return what changes of the page when findings arrive."""
        return self._rendered("serve_content.html", name, query, now)

    def section(self, name: str, number: int, query: str, now: datetime) -> str | None:
        """Return the panels of a section that was opened, None where there is no such section.

        Raises:
            UserError: The address names no time range.
        """
        shown = _named(name)
        if shown is None:
            return None
        request = page_request(query, shown, self._default)
        scope = self._scope(request, request.window(now))
        section = section_view(_drawn(shown), shown_on(shown, discover()), scope, number)
        if section is None:
            return None
        template = templates().get_template("serve_section.html")
        return template.render(section=section, request=request)

    def _scope(self, request: PageRequest, window: Window) -> DashboardScope:
        return DashboardScope(self._cluster.search, self._namespace, window, request.chosen)

    def _rendered(self, template: str, name: str, query: str, now: datetime) -> str | None:
        shown = _named(name)
        if shown is None:
            return None
        request = page_request(query, shown, self._default)
        error, window = None, None
        try:
            window = request.window(now)
        except UserError as wrong:
            error = f"{wrong.message}. {wrong.hint}"
        view = None
        if window is not None:
            scope = self._scope(request, window)
            analyzers = shown_on(shown, discover())
            view = dashboard_view(_drawn(shown), analyzers, scope, later=True)
        return (
            templates()
            .get_template(template)
            .render(
                view=view,
                incidents=self._incidents(dict(request.chosen), now)
                if shown.name == START
                else None,
                dashboard=shown,
                dashboards=dashboards(),
                request=request,
                choices=self._choices(shown, dict(request.chosen), window) if window else (),
                ranges=RANGES,
                begin=window and f"{window.start:%Y-%m-%dT%H:%M}",
                end=window and f"{window.end:%Y-%m-%dT%H:%M}",
                error=error,
                namespace=self._namespace,
                made=moment(now),
                has_reports=self._reports.any,
                state=self.state(),
                faces=FACES,
            )
        )

    def _incidents(self, chosen: dict[str, str], now: datetime) -> IncidentList:
        """Return the open incidents, without those of another service or model than chosen."""
        fitting = (
            incident
            for incident in open_incidents(self._cluster, self._namespace)
            if chosen.items() <= (chosen | incident.record.to_document()).items()
        )
        around = Surroundings(
            now,
            self._links,
            self._runbooks,
            pages=f"{INCIDENTS}/",
            has_dashboards=True,
            reports=self._reports.of_incident,
        )
        listed = incident_list(fitting, around)
        return known_incidents(listed, self._cluster, self._namespace)

    def _choices(
        self, dashboard: Dashboard, chosen: dict[str, str], window: Window
    ) -> Sequence[Choice]:
        """Return the controls that there is something to choose from, such as no segment."""
        choices = (
            Choice(
                control.label,
                control.field,
                tuple(self._values(control, window)),
                chosen.get(control.field, ""),
            )
            for control in dashboard.controls
        )
        return [choice for choice in choices if choice.values or choice.value]

    def _values(self, control: Control, window: Window) -> list[str]:
        body: dict[str, Any] = {
            "size": 0,
            "track_total_hits": False,
            "query": {"bool": {"filter": period(control.source, window)}},
            "aggs": {"values": {"terms": {"field": control.field, "size": MOST_CHOICES}}},
        }
        answer = self._cluster.search(control.source.index(self._namespace), body)
        buckets = answer.get("aggregations", {}).get("values", {}).get("buckets", [])
        return sorted(str(bucket["key"]) for bucket in buckets)

    def state(self) -> str:
        """Return what changes whenever a page may: last finding, their number, open incidents.

        A finding that is superseded changes the number of those that hold.
        """
        body = {
            "size": 0,
            "track_total_hits": True,
            "query": {"term": {"finding.latest": True}},
            "aggs": {"last": {"max": {"field": "event.created"}}},
        }
        answer = self._cluster.search(FINDING_DOCUMENTS.index(self._namespace), body)
        last = answer.get("aggregations", {}).get("last", {}).get("value")
        incidents = digest(
            [
                record.to_document()
                for record in IncidentStore(self._cluster, self._namespace).open()
            ]
        )
        return f"{int(last or 0)}-{answer['hits']['total']['value']}-{incidents}"


def _named(name: str) -> Dashboard | None:
    return next((dashboard for dashboard in dashboards() if dashboard.name == name), None)


def _drawn(shown: Dashboard) -> Dashboard:
    """Return a dashboard as its page draws it: the start page lists the incidents above."""
    return without_incident_list(shown) if shown.name == START else shown


@cache
def asset(name: str) -> bytes | None:
    """Return a static file of the pages, None where there is none of that name."""
    if name == "vega.js":
        return vega_script().encode()
    if name not in {"report.css", "dashboards.js", "serve.js"}:
        return None
    return files("mlmon.report.html").joinpath(name).read_bytes()
