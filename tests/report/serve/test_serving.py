"""`mlmon serve` on the real node in a real browser: drawn, narrowed, refreshed, loopback only."""

import http.client
import re
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from mlmon.alerting.publish import update
from mlmon.alerting.settings import AlertingSettings
from mlmon.analyzers.base.finding import Finding, Severity
from mlmon.analyzers.base.window import DAY, HOUR, iso
from mlmon.analyzers.run.findings_store import FindingStore
from mlmon.dashboards.definitions import dashboards
from mlmon.elastic.client.cluster import Cluster
from mlmon.elastic.errors import UserError
from mlmon.report.html.incident_list import MOST_MEMBERS
from mlmon.report.serve.request import page_request
from mlmon.report.serve.server import Server
from tests.support.browser import started_browser
from tests.support.histories import spell

pytestmark = pytest.mark.long

START = datetime(2026, 3, 2, tzinfo=UTC)
RANGE = "since=2026-03-02&until=2026-03-03"


def finding(hour: int, severity: Severity = Severity.OK, **more: Any) -> Finding:
    """Return a finding of an hour."""
    known: dict[str, Any] = {
        "analyzer": "service_health",
        "metric": "latency.mean",
        "subject": "/predict",
        "start": START + timedelta(hours=hour),
        "end": START + timedelta(hours=hour + 1),
        "severity": severity,
        "value": 20.0 + hour,
        "reason": f"hour {hour}",
        "service": "api",
    }
    return Finding.of(**(known | more))


@pytest.fixture
def server(cluster: Cluster, namespace: str, ship: Callable[..., None]) -> Iterator[Server]:
    """A server over a day of requests and findings of two services."""
    ship(
        {
            "@timestamp": iso(START + timedelta(minutes=10 * number)),
            "event.dataset": "ml.access",
            "event.ingested": iso(START + timedelta(minutes=10 * number)),
            "service.name": "api" if number % 2 else "other",
            "url.path": "/predict",
            "http.response.status_code": 500 if number == 7 else 200,
            "event.duration": 20_000_000 + number,
        }
        for number in range(144)
    )
    store = FindingStore(cluster, namespace)
    alarm = finding(5, Severity.CRITICAL, reason="<b>100 %</b> of requests failed.")
    store.write([alarm, *(finding(hour) for hour in range(6, 20))], START)
    with Server(cluster, namespace) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield running
        running.shutdown()


def get(server: Server, path: str, host: str | None = None) -> tuple[int, str]:
    """Return status and body of an address."""
    parts = urlsplit(server.url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    connection.request("GET", path, headers={"Host": host} if host else {})
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer.status, body


def findings(server: Server, query: str) -> str:
    """Return the overview's section of findings, which opens with a click."""
    page = get(server, f"/overview?{query}")[1]
    (number,) = re.findall(r'data-later="(\d+)"><summary>Warning and critical findings', page)
    return get(server, f"/overview/section/{number}?{query}")[1]


def test_pages_and_what_is_none(server: Server) -> None:
    """Every dashboard answers; unknown pages are 404; a wrong range is explained on the page."""
    assert urlsplit(server.url).hostname == "127.0.0.1"
    for dashboard in dashboards():
        status, body = get(server, f"/{dashboard.name}?{RANGE}")
        assert status == 200
        assert f"<h1>{dashboard.title}</h1>" in body
    assert get(server, "/nothing")[0] == 404
    assert get(server, "/assets/..%2f..%2fpyproject.toml")[0] == 404
    status, body = get(server, "/overview?since=yesterday")
    assert status == 200
    assert "is not a time" in body
    assert "&lt;b&gt;100 %&lt;/b&gt; of requests failed." in findings(server, RANGE)


def test_another_sites_name_is_refused(server: Server) -> None:
    """A name that another site lets point here (DNS rebinding) gets no data."""
    port = urlsplit(server.url).port
    assert get(server, "/state", f"localhost:{port}")[0] == 200
    assert get(server, "/state", f"evil.example:{port}")[0] == 421


def test_a_choice_narrows_what_it_can(server: Server) -> None:
    """With a service chosen, requests of the other are not counted, findings without it gone."""
    chosen = f"{RANGE}&service.name=other"
    assert "of requests failed" in findings(server, RANGE)
    assert "of requests failed" not in findings(server, chosen)
    other = get(server, f"/overview/content?{chosen}")[1]
    assert '"s":"All requests","v":' in other


def test_open_incidents_stand_on_the_start_page(
    server: Server, cluster: Cluster, namespace: str
) -> None:
    """They are narrowed by service like the rest, and are on no other dashboard."""
    FindingStore(cluster, namespace).write(
        [finding(hour, Severity.CRITICAL, reason=f"<i>{hour}</i>") for hour in range(20, 24)], START
    )
    update(cluster, namespace, START - timedelta(days=1), START, AlertingSettings())
    listed = [
        get(server, address)[1].count('<li class="incident critical">')
        for address in ("/overview", "/overview?service.name=other", "/ingest")
    ]
    assert listed == [1, 0, 0]
    assert "&lt;i&gt;" in get(server, "/overview")[1].split("</section>")[0]


def test_a_tile_leads_to_its_dashboard_with_the_same_choices(server: Server) -> None:
    """The link of a tile carries the time range and what was chosen."""
    body = get(server, f"/overview/content?{RANGE}&service.name=other")[1]
    (link,) = re.findall(r'<a href="(/ingest[^"]*)">Log completeness</a>', body)
    query = parse_qsl(urlsplit(unescape(link)).query)
    assert query == [*parse_qsl(RANGE), ("service.name", "other")]
    assert get(server, unescape(link))[0] == 200


def test_what_an_address_may_say() -> None:
    """What no dashboard has a control for is passed over, ranges are checked."""
    overview = next(dashboard for dashboard in dashboards() if dashboard.name == "overview")
    request = page_request("since=6h&service.name=api&finding.id=x", overview, "7d")
    assert request.chosen == (("service.name", "api"),)
    assert request.kept == ()
    assert request.window(START).length == timedelta(hours=6)
    assert page_request("", overview, "7d").window(START).length == timedelta(days=7)
    for query in ("since=500d", "since=now&until=1h", "since=tomorrow"):
        with pytest.raises(UserError):
            page_request(query, overview, "7d").window(START)


def test_a_choice_survives_a_dashboard_without_its_control(server: Server) -> None:
    """On the way over a dashboard that it does not narrow, it stays in every link and form."""
    chosen = "&service.name=other"
    body = get(server, f"/performance?{RANGE}{chosen}")[1]
    links = re.findall(r'<a href="(/service_health[^"]*)">', body)
    assert links
    assert all(unescape(link).endswith(chosen) for link in links)
    assert body.count('<input type="hidden" name="service.name" value="other">') >= 1
    assert 'name="finding.segment"' not in get(server, f"/segments?{RANGE}")[1]


def test_a_section_is_asked_for_when_it_is_opened(server: Server) -> None:
    """The page lacks the charts of analyzers; opened, a section draws its own."""
    assert get(server, f"/service_health/section/99?{RANGE}")[0] == 404
    assert get(server, f"/gone/section/1?{RANGE}")[0] == 404
    assert "Mean latency" not in get(server, f"/service_health?{RANGE}")[1]
    with started_browser() as browser:
        page = browser.new_page()
        page.goto(f"{server.url}service_health?{RANGE}")
        section = page.locator("details.board-section", has_text="Service health").first
        section.locator("summary").click()
        chart = section.locator("figure.picture", has_text="Mean latency")
        chart.locator("svg path").first.wait_for(state="attached", timeout=30_000)
        assert section.get_by_text("Loading").count() == 0


def test_it_is_drawn_and_refreshes(server: Server, cluster: Cluster, namespace: str) -> None:
    """In Chromium every picture is drawn, nothing is complained of, nothing leaves the machine.

    A finding that arrives, and the incident that comes of it, appear without a reload; the incident
    stands before everything else. A section that was opened stays open.
    """
    text: list[str] = []
    asked: set[str | None] = set()
    with started_browser() as browser:
        page = browser.new_page()
        page.on("console", lambda message: text.append(message.text))
        page.on("pageerror", lambda error: text.append(str(error)))
        page.on("request", lambda request: asked.add(urlsplit(request.url).hostname))
        page.goto(f"{server.url}overview?{RANGE}")
        page.wait_for_selector("body[data-pictures=drawn]", state="attached")
        pictures = page.locator("figure.picture").count()
        assert pictures >= 3
        assert page.locator("figure.picture[data-drawn='1'] svg path").count() >= pictures
        page.locator("details.board-section > summary").first.click()
        arrived = [
            finding(hour, Severity.CRITICAL, reason=f"This one arrived later: {hour}.")
            for hour in range(20, 24)
        ]
        FindingStore(cluster, namespace).write(arrived, START + timedelta(hours=1))
        page.get_by_text("This one arrived later: 21.").wait_for(timeout=30_000)
        assert page.locator("#incidents .incident").count() == 0
        update(cluster, namespace, START - timedelta(days=1), START, AlertingSettings())
        page.locator("#incidents .incident").first.wait_for(timeout=30_000)
        first = page.locator("#content section, #content figure").first
        assert first.get_attribute("id") == "incidents"
    assert text == []
    assert asked == {"127.0.0.1"}


def test_ranges_are_buttons_and_exact_times_are_picked() -> None:
    """A range is a link that keeps the choices; a picked time is read as UTC."""
    overview = next(dashboard for dashboard in dashboards() if dashboard.name == "overview")
    request = page_request("since=2026-03-01T10:00&until=2026-03-02T10:00", overview, "7d")
    assert request.window(START).start == datetime(2026, 3, 1, 10, tzinfo=UTC)
    again = page_request("since=7d&until=1d&service.name=a", overview, "7d").with_since("6h")
    assert (again.since, again.until, again.chosen) == ("6h", "now", (("service.name", "a"),))


def test_no_incident_is_no_all_clear_where_nothing_was_judged(
    cluster: Cluster, namespace: str
) -> None:
    """The namespace may be misspelled: it is named, and no page shows that all is well."""
    with Server(cluster, namespace) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        for path in ("/overview", "/incidents"):
            page = get(server, path)[1]
            assert f"Nothing has been judged in namespace <code>{namespace}</code>" in page
            assert "No open incident" not in page
        FindingStore(cluster, namespace).write(spell("oo", start=START), START)
        for path in ("/overview", "/incidents"):
            assert "No open incident" in get(server, path)[1]
        server.shutdown()


def test_an_incidents_own_page_lists_all_its_alerts(cluster: Cluster, namespace: str) -> None:
    """Those that the list leaves out, too."""
    about = {"analyzer": "data_quality", "metric": "missing.rate", "model_name": "autobid"}
    for number in range(MOST_MEMBERS + 3):
        findings = spell("occcc", f"f{number:02}", start=START, **about)
        FindingStore(cluster, namespace).write(findings, START)
    update(cluster, namespace, START - DAY, START + 6 * HOUR, AlertingSettings())
    with Server(cluster, namespace) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        (name,) = re.findall(r'href="/incidents/(\w+)"', get(server, "/incidents")[1])[:1]
        page = get(server, f"/incidents/{name}")[1]
        server.shutdown()
    assert page.count("Missing values of f") >= MOST_MEMBERS + 3
    assert "more alert" not in page
