"""The list of incidents: what a reader of the report or of `mlmon serve` finds in it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from mlmon.alerting.actions.incident_actions import IncidentActions
from mlmon.alerting.incidents.causality import onset
from mlmon.alerting.incidents.incident import IncidentStatus
from mlmon.alerting.incidents.store import IncidentStore
from mlmon.analyzers.base.finding import Severity
from mlmon.analyzers.base.window import HOUR
from mlmon.dashboards.links.links import nowhere
from mlmon.dashboards.model.history import Mark
from mlmon.report.html.incident_list import (
    MOST_ENDED,
    MOST_MEMBERS,
    IncidentList,
    StoredIncident,
    Surroundings,
    incident_list,
)
from tests.support.histories import START, all_alerts, rule, spell
from tests.support.incident_records import incident_of
from tests.support.report_scenario import incidents_of

if TYPE_CHECKING:
    from mlmon.elastic.client.cluster import Cluster

NOW = START + 24 * HOUR


def incidents(letters: str, subject: str = "price", **known: Any) -> tuple[StoredIncident, ...]:
    """Return the incidents of one series, an hour a letter."""
    findings = spell(letters, subject, model_name="autobid", **known)
    return incidents_of(all_alerts(rule(1, 1), findings), NOW)


def listed(*found: StoredIncident, **known: Any) -> IncidentList:
    """Return the list of incidents in a page without Kibana."""
    return incident_list(found, Surroundings(NOW, nowhere, **known))


def test_an_open_incident_shows_its_worst_and_its_latest_sentence() -> None:
    """The state of now is never the sentence of an earlier window, and has its time."""
    (row,) = listed(*incidents("wcw")).open
    assert row.worst == "price is c in window 2."
    assert row.latest == "2026-03-02 03:00 UTC: price is w in window 3."
    assert (row.severity, row.is_open) == ("critical", True)
    assert row.period == "since 2026-03-02 00:00 UTC"
    assert row.lasted == "1 d"


def test_an_ended_incident_shows_its_end_and_its_worst() -> None:
    """The worst severity stays, the period has both ends, and no sentence is called the latest."""
    (row,) = listed(*incidents("ccwooo")).ended
    assert row.severity == "critical"
    assert row.period == "since 2026-03-02 00:00 UTC to 2026-03-02 06:00 UTC"
    assert (row.latest, row.lasted) == ("", "6 h")


def test_an_incident_leads_to_its_evidence() -> None:
    """On serve's pages: the cause's dashboard at its time, with its service and model chosen."""
    known = {"analyzer": "feature_drift", "service": "api", "model_version": "3"}
    (row,) = listed(*incidents("oocc", **known), has_dashboards=True).open
    assert row.evidence is not None
    assert row.evidence.title == "Drift"
    address = urlsplit(row.evidence.address)
    assert (address.path, parse_qs(address.query)) == (
        "/drift",
        {
            "since": ["2026-03-01T20:00:00.000Z"],
            "until": ["now"],
            "service.name": ["api"],
            "ml.model.name": ["autobid"],
        },
    )
    assert [row.evidence for row in listed(*incidents("oocc", **known)).open] == [None]
    assert [row.evidence for row in listed(*incidents("cc"), has_dashboards=True).open] == [None]


def test_the_newest_stand_first_and_what_is_left_out_is_reported() -> None:
    """Open incidents are all listed; of ended ones the newest, with the number of the others."""
    many = [
        incident
        for number in range(MOST_ENDED + 2)
        for incident in incidents("cooo", f"f{number}", start=START + number * 24 * HOUR)
    ]
    found = listed(*many, *incidents("cc"))
    assert [row.title for row in found.ended[:2]] == [
        f"drift ks of f{number}, autobid" for number in (MOST_ENDED + 1, MOST_ENDED)
    ]
    assert len(found.open) == 1
    assert len(found.ended) == MOST_ENDED
    assert found.left_out.startswith("2 older incidents not listed")


def test_the_most_urgent_stand_first_in_the_terminal_and_on_pages(
    cluster: Cluster, namespace: str
) -> None:
    """Open, taken, ended; critical before warning, then the newest first; one order everywhere."""
    critical, warning = {"severity": Severity.CRITICAL}, {"severity": Severity.WARNING}
    taken = {"muted": "acknowledged"}
    ended = {"status": IncidentStatus.RESOLVED, "ended": START + 20 * HOUR}
    records = [
        incident_of(id=name, opened=START + number * HOUR, **known)
        for number, (name, known) in enumerate(
            [
                ("critical-old", critical),
                ("warning-old", warning),
                ("ended-old", critical | ended),
                ("critical-new", critical),
                ("warning-new", warning),
                ("taken-critical", critical | taken),
                ("ended-new", warning | ended),
                ("taken-warning", warning | taken | {"muted": "snoozed"}),
            ]
        )
    ]
    order = ["critical-new", "critical-old", "warning-new", "warning-old"]
    order += ["taken-critical", "taken-warning"]
    found = listed(*(StoredIncident(record, ()) for record in records), pages="/incidents/")
    assert [row.page.removeprefix("/incidents/") for row in found.open] == order
    last = ["ended-new", "ended-old"]
    assert [row.page.removeprefix("/incidents/") for row in found.ended] == last
    IncidentStore(cluster, namespace).write(records)
    actions = IncidentActions(cluster, namespace)
    assert [record.id for record in actions.listed()] == order
    assert [record.id for record in actions.listed(START)] == order + last


def test_other_alerts_are_listed_up_to_a_number() -> None:
    """Beside the likely cause each alert has its line and sentence; the rest is counted."""
    findings = [
        finding
        for number in range(MOST_MEMBERS + 3)
        for finding in spell("wc", f"f{number:02}", model_name="autobid")
    ]
    (incident,) = incidents_of(all_alerts(rule(1, 1), findings), NOW)
    (row,) = listed(incident).open
    assert row.also == f"{MOST_MEMBERS + 2} other alerts"
    assert len(row.members) == MOST_MEMBERS
    assert row.more == "and 2 more alerts"
    assert row.members[0].line.startswith("critical drift ks of f01, autobid, from 2026-03-02")
    assert row.members[0].sentence == "f01 is c in window 2."


def test_open_alerts_come_first_and_its_own_page_lists_all() -> None:
    """Of alerts of which most ended, the open ones are never those that are cut off."""
    ended = [
        finding
        for number in range(MOST_MEMBERS + 1)
        for finding in spell("ccooo", f"f{number:02}", model_name="autobid")
    ]
    late = [
        *spell(".wwww", "mild", model_name="autobid"),
        *spell(".cccc", "bad", model_name="autobid"),
    ]
    (incident,) = incidents_of(all_alerts(rule(1, 1), [*ended, *late]), NOW)
    (row,) = listed(incident).open
    assert [member.sentence.split()[0] for member in row.members[:3]] == ["bad", "mild", "f01"]
    (page,) = listed(incident, all_members=True).open
    assert (len(page.members), page.more) == (MOST_MEMBERS + 2, "")


def test_an_incident_whose_alerts_are_gone_is_still_reported() -> None:
    """Alerts are kept for less long than incidents: without them there is no chart to lead to."""
    (incident,) = incidents("wc")
    key = incident.alerts[0].identity.across_versions()
    (row,) = listed(incident, anchors={key: "check-1"}).open
    assert row.anchor == "check-1"
    (row,) = listed(replace(incident, alerts=()), anchors={key: "check-1"}).open
    assert row.anchor == ""
    assert row.worst == "price is c in window 2."


def test_a_runbook_has_a_url_where_one_is_set() -> None:
    """The path follows the setting; nothing but the web is linked to."""
    (incident,) = incidents("cc")
    path = "docs/analyzers/drift.md#ks"
    for base, url in (
        ("https://git.example/", f"https://git.example/{path}"),
        ("", ""),
        ("javascript:alert(1)//", ""),
    ):
        (row,) = listed(incident, runbooks=base).open
        assert (row.runbook, row.runbook_url) == (path, url)


def test_overlapping_incidents_of_a_scenario_are_named() -> None:
    """An incident carries the numbers of those of the scenario that it overlaps, no others."""
    (incident,) = incidents("ccooo")
    begin = onset(incident.alerts[0]).earliest.timestamp()
    truth = (Mark("1", begin - 9_000, begin), Mark("2", begin + 3_600, begin + 7_200))
    (row,) = listed(incident, truth=truth).ended
    assert row.labels == ("2",)
