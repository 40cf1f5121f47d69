"""Links into Kibana: what they open, over which time, narrowed to what."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlmon.analyzers.base.finding import Finding, Severity
from mlmon.analyzers.base.window import iso
from mlmon.analyzers.checks import discover
from mlmon.dashboards.definitions import home
from mlmon.dashboards.links.links import linked, links, nowhere
from mlmon.dashboards.links.rison import rison
from mlmon.dashboards.links.target import LinkTarget
from mlmon.kibana.providers import artefacts
from mlmon.report.html.page import report_html
from mlmon.report.html.series import record
from tests.support.histories import all_alerts, rule
from tests.support.report_scenario import incidents_of

END = datetime(2026, 3, 2, 12, tzinfo=UTC)
FINDING = Finding.of(
    analyzer="service_health",
    metric="latency.p95",
    subject="/ml/it's",
    start=END - timedelta(hours=1),
    end=END,
    severity=Severity.CRITICAL,
    reason="r.",
    service="api",
)
TARGET = LinkTarget("production", "ops")


def _of(analyzer: str) -> Finding:
    """Return the finding as one of another analyzer."""
    return replace(FINDING, identity=replace(FINDING.identity, analyzer=analyzer))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        # The examples of Rison's own page, texts quoted throughout.
        (None, "!n"),
        (True, "!t"),
        (False, "!f"),
        (1.5, "1.5"),
        (-3, "-3"),
        (1e30, "1e30"),
        (1e-30, "1e-30"),
        ("a", "'a'"),
        ("can't", "'can!'t'"),
        ("wow!", "'wow!!'"),
        ("", "''"),
        ([], "!()"),
        ([1, True], "!(1,!t)"),
        ({}, "()"),
        ({"a": 0, "b": 1}, "(a:0,b:1)"),
        ({"a b": 0}, "('a b':0)"),
    ],
)
def test_rison(value: Any, text: str) -> None:
    """Values are written as the notation's own page writes them."""
    assert rison(value) == text


@given(st.text())
def test_a_text_ends_where_it_ends(text: str) -> None:
    """No text closes its own quotes: without its escapes it is itself."""
    inside = rison(text)[1:-1]
    assert re.sub(r"!(.)", r"\1", inside, flags=re.DOTALL) == text
    assert not re.search(r"(?<!!)(!!)*'", inside)


def test_only_json_has_a_form() -> None:
    """What Kibana could not read is refused."""
    with pytest.raises(TypeError, match="datetime"):
        rison({"a": END})


def test_a_finding_opens_its_dashboard_at_its_time() -> None:
    """The window, six hours before, as much after; of findings this series, of others all."""
    found = links(FINDING, TARGET)
    assert found is not None
    path = unquote(found.dashboard)
    assert path.startswith("/s/ops/app/dashboards#/view/mlmon-production-ops-service_health?_g=")
    assert "from:'2026-03-02T05:00:00.000Z',to:'2026-03-02T13:00:00.000Z'" in path
    assert 'not (finding.analyzer: *) or (finding.analyzer: "service_health"' in path
    assert 'finding.subject: "/ml/it!\'s"' in path
    assert " " not in found.dashboard


def test_a_finding_opens_its_evidence() -> None:
    """The search of what its analyzer read, narrowed to its subject."""
    found = links(FINDING, LinkTarget("production"))
    assert found is not None
    path = unquote(found.search)
    assert path.startswith("/app/discover#/view/mlmon-production-requests?_g=")
    assert 'url.path: "/ml/it!\'s" and service.name: "api"' in path


@pytest.mark.parametrize("analyzer", discover(), ids=lambda analyzer: analyzer.name)
def test_links_lead_to_what_is_there(analyzer: Any) -> None:
    """Regardless of the analyzer, its dashboard and its search are among the artefacts."""
    found = links(_of(analyzer.name), TARGET)
    assert found is not None
    ids = {(artefact.body.get("type"), artefact.id) for artefact in artefacts(TARGET)}
    for kind, path in (("dashboard", found.dashboard), ("search", found.search)):
        view = re.search(r"/view/([^?]+)\?", path)
        assert view is not None
        assert (kind, view[1]) in ids
    assert TARGET.id(home(analyzer).name) in found.dashboard


def test_a_finding_of_an_analyzer_that_is_gone_has_no_links() -> None:
    """Old findings outlive the analyzers that made them."""
    assert links(_of("gone"), TARGET) is None


def test_the_report_leads_into_kibana(javascript: str) -> None:
    """Where a Kibana is set, each incident links to it, in its own time; else no link leaves."""
    made = END + timedelta(hours=1)
    alerts = all_alerts(rule(1, 1, name="service_health", layer="service"), [FINDING])
    give = linked("https://kibana.example", LinkTarget("production"))
    pages = [
        report_html(
            record([FINDING]),
            (),
            (),
            incidents=incidents_of(alerts, made),
            made=made,
            namespace="n",
            javascript=javascript,
            links=link,
        )
        for link in (give, nowhere)
    ]
    found = re.findall(r'href="(https://[^"]+)"', pages[0])
    (incident,) = incidents_of(alerts, made)
    wanted = give(FINDING, (iso(incident.record.start - timedelta(hours=6)), "now"))
    assert [unescape(path) for path in found] == [wanted.dashboard, wanted.search]
    assert "https://kibana.example" not in pages[1]
