"""The pages on which people read one incident and act on it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from mlmon.alerting.actions.incident_actions import IncidentActions
from mlmon.alerting.incidents.verdict import Verdict
from mlmon.analyzers.base.window import parse_time
from mlmon.dashboards.links.links import nowhere
from mlmon.formatting import machine_moment, moment
from mlmon.report.html.incident_list import StoredIncident, Surroundings, incident_list
from mlmon.report.html.page import templates
from mlmon.report.html.severity import FACES
from mlmon.report.serve.acts import ACTS, Act, UnconfirmedError, shown
from mlmon.report.serve.report_pages import ReportPages
from mlmon.report.stored_incidents import incidents_of_period, known_incidents

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from mlmon.dashboards.links.links import Linked
    from mlmon.elastic.client.cluster import Cluster
    from mlmon.report.serve.people import People

INCIDENTS: Final = "/incidents"
"""The address of the list; an incident's page is below it."""
_LISTED: Final = timedelta(days=30)
_VERDICTS: Final = {
    Verdict.FIXED: "True, and fixed",
    Verdict.FALSE_ALARM: "False alarm",
    Verdict.NEW_NORMAL: "True, and accepted: this is the new normal",
}


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who looks at a page.

    Args:
        name: Who signed in; None for those who did not.
        form_token: What their forms must carry.
        can_sign_in: Whether there is a way to sign in at all.
    """

    name: str | None
    form_token: str
    can_sign_in: bool


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """One change of an incident, for its audit trail."""

    iso: str
    at: str
    kind: str
    by: str
    text: str


class IncidentPages:
    """The pages of one namespace's incidents.

    Args:
        cluster: Where the answers are.
        namespace: Environment.
        runbooks: URL that the paths of runbooks follow; empty where none is set.
        links: Where an incident leads in Kibana.
        reports: Other libraries' reports.
    """

    def __init__(
        self,
        cluster: Cluster,
        namespace: str,
        *,
        runbooks: str = "",
        links: Linked = nowhere,
        reports: ReportPages | None = None,
    ) -> None:
        self.actions = IncidentActions(cluster, namespace)
        self.reports = reports or ReportPages(None)
        self._cluster, self._namespace = cluster, namespace
        self._runbooks, self._links = runbooks, links

    def index(self, visitor: Visitor, now: datetime) -> str:
        """Return the list of open incidents, and of those that ended in the last 30 days."""
        found = incidents_of_period(self._cluster, self._namespace, now - _LISTED, now)
        listed = incident_list(found, self._around(now))
        listed = known_incidents(listed, self._cluster, self._namespace)
        return self._rendered("incident_index.html", visitor, incidents=listed)

    def report_index(self, visitor: Visitor) -> str:
        """Return the list of other libraries' reports."""
        return self._rendered("report_index.html", visitor, rows=self.reports.rows())

    def incident(self, name: str, visitor: Visitor, now: datetime, done: str = "") -> str:
        """Return the page of one incident: its state, its audit trail, and what one can do.

        Args:
            name: The incident's id, or how it begins.
            visitor: Who looks.
            now: When.
            done: Name of the act that led here, if one did.

        Raises:
            UnknownIncidentError: There is none.
        """
        known = self._known(name, now)
        done_act = next((act.title for act in ACTS if act.name == done), "")
        return self._rendered(
            "incident_page.html",
            visitor,
            **known,
            acts=[act for act in ACTS if known["row"].is_open or not act.open_only],
            verdicts=_VERDICTS,
            done=done_act,
        )

    def confirmation(
        self,
        name: str,
        act: Act,
        visitor: Visitor,
        now: datetime,
        *,
        error: str = "",
        given: Mapping[str, str] | None = None,
        unconfirmed: UnconfirmedError | None = None,
    ) -> str:
        """Return the page on which one act is confirmed; a link in a message leads here.

        Args:
            name: The incident's id, or how it begins.
            act: What is to be done.
            visitor: Who looks.
            now: When.
            error: Why it was not done when it was sent before.
            given: What was typed then.
            unconfirmed: What it would do, where that has to be seen first.

        Raises:
            UnknownIncidentError: There is none.
        """
        known = self._known(name, now)
        return self._rendered(
            "incident_act.html",
            visitor,
            **known,
            act=act,
            possible=known["row"].is_open or not act.open_only,
            verdicts=_VERDICTS,
            error=error,
            given=given or {},
            effect=unconfirmed.lines if unconfirmed else (),
            parts=unconfirmed.parts if unconfirmed else {},
            shown=_shown(unconfirmed) if unconfirmed else "",
            needs_force=unconfirmed is not None and unconfirmed.force,
        )

    def sign_in(
        self, visitor: Visitor, people: People, back: str, *, error: str = "", name: str = ""
    ) -> str:
        """Return the page on which people sign in.

        Args:
            visitor: Who looks.
            people: How they sign in.
            back: The address that they came from.
            error: Why it failed before.
            name: The name that was typed then.
        """
        return self._rendered(
            "sign_in.html", visitor, people=people, back=back, error=error, typed=name
        )

    def message(self, visitor: Visitor, title: str, text: str) -> str:
        """Return a page with the reason why there is no other."""
        return self._rendered("serve_message.html", visitor, title=title, text=text)

    def _known(self, name: str, now: datetime) -> dict[str, Any]:
        record, alerts, changes = self.actions.show(name)
        by = self.actions.silenced([record]).get(record.id, "")
        stored = StoredIncident(record, tuple(alerts), by)
        listed = incident_list([stored], replace(self._around(now), all_members=True))
        (row,) = (*listed.open, *listed.ended)
        return {
            "row": row,
            "id": record.id,
            "short_id": record.short_id,
            "status": record.status,
            "mark_seen": self.actions.mark(record),
            "changes": [_change_row(change) for change in reversed(changes)],
            "taken_by": record.acknowledged_by or "",
            "feedback": _VERDICTS[Verdict(record.feedback)] if record.feedback else "",
        }

    def _around(self, now: datetime) -> Surroundings:
        return Surroundings(
            now,
            self._links,
            self._runbooks,
            pages=f"{INCIDENTS}/",
            has_dashboards=True,
            reports=self.reports.of_incident,
        )

    def _rendered(self, template: str, visitor: Visitor, **known: Any) -> str:
        return (
            templates()
            .get_template(template)
            .render(
                **known,
                visitor=visitor,
                namespace=self._namespace,
                faces=FACES,
                has_reports=self.reports.any,
            )
        )


def _shown(unconfirmed: UnconfirmedError) -> str:
    return shown(part for part, chosen in unconfirmed.parts.items() if chosen)


def _change_row(change: Mapping[str, Any]) -> ChangeRow:
    at = parse_time(change["@timestamp"])
    return ChangeRow(
        iso=machine_moment(at.timestamp()),
        at=moment(at),
        kind=change["change.kind"].replace("_", " "),
        by=change.get("change.by", ""),
        text=change["change.text"],
    )
