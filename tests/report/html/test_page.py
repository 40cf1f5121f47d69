"""The page as text: complete, safe, small, the same each time."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest

from mlmon.analyzers.base.finding import Finding, Severity
from mlmon.analyzers.run.ground_truth import TrueIncident
from mlmon.report.html.charts import MOST_CHARTS
from mlmon.report.html.incident_list import StoredIncident
from mlmon.report.html.page import report_html
from mlmon.report.html.series import record
from mlmon.report.html.view import AnalyzerOfReport
from tests.support.histories import all_alerts, rule
from tests.support.report_scenario import incidents_of, scenario_findings

pytestmark = pytest.mark.long

MADE = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
SCRIPT = "window.vegaEmbed = async () => ({});"
HOSTILE = "</script><script>alert('x')</script><img src=x onerror=alert(1)>\u2028\"'&"


def html(
    findings: list[Finding],
    analyzers: tuple[AnalyzerOfReport, ...] = (),
    truth: tuple[TrueIncident, ...] = (),
) -> str:
    """Return a report with a script that draws nothing."""
    return report_html(
        record(findings), analyzers, truth, made=MADE, namespace="test", javascript=SCRIPT
    )


def finding(**known: str) -> Finding:
    """Return a critical finding of a day without a traffic."""
    about = {
        "analyzer": "feature_drift",
        "metric": "ks.distance",
        "subject": "bid_price",
        "reason": "It moved.",
    }
    return Finding.of(
        **(about | known),
        start=datetime(2026, 11, 2, tzinfo=UTC),
        end=datetime(2026, 11, 2, 1, tzinfo=UTC),
        severity=Severity.CRITICAL,
        value=0.4,
    )


class Elements(HTMLParser):
    """Collects the elements of a page, and what does not close."""

    VOID = frozenset({"meta", "link", "input", "use", "rect", "path"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.found.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Note an element that closes itself."""
        self.found.append((tag, dict(attributes)))

    def handle_endtag(self, tag: str) -> None:
        """Close the last open element, which has to be this one."""
        assert self.open.pop() == tag


def elements(page: str) -> list[tuple[str, dict[str, str | None]]]:
    """Return the elements of a page that is well formed."""
    parser = Elements()
    parser.feed(page)
    parser.close()
    assert parser.open == []
    return parser.found


def test_the_scenarios_report_is_small(findings: list[Finding], scenario_page: str) -> None:
    """Eighteen days, some 90,000 findings and Vega itself stay under 5 MB."""
    assert len(findings) > 80_000
    assert len(scenario_page.encode()) < 5_000_000


def test_a_page_of_nothing_but_alarms_is_small(javascript: str) -> None:
    """Three hundred checks in alarm for a month, each with a sentence of its own: under 5 MB."""
    start, hour = datetime(2026, 11, 1, tzinfo=UTC), timedelta(hours=1)
    alarms = (
        replace(
            finding(subject=f"feature_{check}", reason=f"Window {place}. " + "It moved far. " * 15),
            start=start + place * hour,
            end=start + (place + 1) * hour,
        )
        for check in range(300)
        for place in range(0, 720, 12)
    )
    page = report_html(record(alarms), (), (), made=MADE, namespace="test", javascript=javascript)
    assert len(page.encode()) < 5_000_000
    assert page.count("<figure") == MOST_CHARTS
    assert f"{300 - MOST_CHARTS} more checks with fewer problems without a chart" in page


def test_the_page_is_well_formed_and_its_links_lead_somewhere(scenario_page: str) -> None:
    """Each element closes, no id is given twice, and every link within the page has its target."""
    found = elements(scenario_page)
    ids = [attributes["id"] for _, attributes in found if "id" in attributes]
    targets = {
        attributes["href"] or ""
        for tag, attributes in found
        if tag in {"a", "use"} and "href" in attributes
    }
    assert len(ids) == len(set(ids))
    assert {target.removeprefix("#") for target in targets if target.startswith("#")} <= set(ids)


def test_the_page_loads_nothing(scenario_page: str) -> None:
    """No element names a file or an address to load, and the page's own policy forbids it."""
    found = elements(scenario_page)
    loaded = [
        value
        for tag, attributes in found
        for name, value in attributes.items()
        if name in {"src", "srcset", "data", "poster"} or (name == "href" and tag == "link")
    ]
    assert loaded == ["data:,"]
    assert "default-src 'none'" in scenario_page


def test_the_same_findings_make_the_same_page(
    truth: tuple[TrueIncident, ...], analyzers: tuple[AnalyzerOfReport, ...], short: list[Finding]
) -> None:
    """The page depends on nothing but its input, not on the order of findings either."""
    assert html(short, analyzers, truth) == html(short[::-1], analyzers, truth)


@pytest.mark.parametrize(
    "field",
    ["subject", "reason", "segment", "service", "model_version", "runbook", "metric", "analyzer"],
)
def test_text_from_logs_stays_text(field: str) -> None:
    """Whatever a category, a path or a reason holds, no element is made of it."""
    plain = [tag for tag, _ in elements(html([finding(**{field: "plain"})]))]
    assert [tag for tag, _ in elements(html([finding(**{field: HOSTILE})]))] == plain


def test_specifications_survive_hostile_text() -> None:
    """The JSON inside the page is read back as it was, the sentence in it whole."""
    page = html([finding(reason=HOSTILE)])
    (spec,) = re.findall(r'class="spec">(.*?)</script>', page)
    assert json.loads(spec)["datasets"]["alarms"][0]["r"] == HOSTILE


def test_every_alert_of_the_scenario_is_in_the_table(
    scenario_page: str, findings: list[Finding], incidents: tuple[StoredIncident, ...]
) -> None:
    """Each alert of an incident has a row, and the counts are those of the findings."""
    rows = scenario_page.split('<table class="alerts">')[1].split("</table>", maxsplit=1)[0]
    alerts = [alert for one in incidents for alert in one.alerts]
    assert rows.count("<tr data-severity=") == len(alerts) > 0
    assert rows.count(", open</td>") == sum(alert.ended is None for alert in alerts)
    assert all(f'<span class="subject">{alert.subject}</span>' in rows for alert in alerts)
    critical = sum(one.severity is Severity.CRITICAL for one in findings)
    assert f"{critical:,} critical" in scenario_page


def test_incidents_are_the_first_section(scenario_page: str) -> None:
    """What is wrong stands above everything else; hostile text in an incident stays text."""
    first = re.search(r'<section id="([^"]+)"', scenario_page)
    assert first is not None
    assert first[1] == "incidents"
    section = scenario_page.split('id="incidents"')[1].split("</section>", maxsplit=1)[0]
    assert section.count('<li class="incident ') == 7
    assert 'href="#check-' in section
    headline = scenario_page.split("<h1>")[1].split("</h1>", maxsplit=1)[0]
    number = section.count("open for")
    assert number > 0
    assert f"Critical: {number} open incident" in headline
    assert "judged" not in headline
    assert "judged" in scenario_page.split("</h1>")[1].split("</header>", maxsplit=1)[0]


@pytest.mark.parametrize("field", ["subject", "reason", "service", "model_version", "runbook"])
def test_text_from_logs_stays_text_in_incidents(field: str) -> None:
    """An incident whose likely cause holds markup makes no element of it."""
    pages = []
    for text in ("plain", HOSTILE):
        alarm = finding(**{field: text})
        alerts = all_alerts(rule(1, 1, name=alarm.analyzer), [alarm])
        pages.append(
            report_html(
                record([alarm]),
                (),
                (),
                incidents=incidents_of(alerts, MADE),
                made=MADE,
                namespace="test",
                javascript=SCRIPT,
            )
        )
    assert '<li class="incident ' in pages[0]
    assert [tag for tag, _ in elements(pages[0])] == [tag for tag, _ in elements(pages[1])]


def test_found_and_missed_incidents_are_reported(scenario_page: str) -> None:
    """The quiet incident is missed, the others have their delay; nothing false came before."""
    table = scenario_page.split('id="truth"')[1].split("</section>", maxsplit=1)[0]
    assert "6 of 7 incidents found" in table
    assert table.count("Missed") == 1
    assert "No false finding before the first incident" in table


def test_a_page_without_truth_has_no_scenario(short: list[Finding]) -> None:
    """In real life nothing is shaded and no table of a scenario's incidents stands in the page."""
    page = html(short)
    assert 'id="truth"' not in page
    assert 'class="shade"' not in page


def test_an_analyzer_that_found_nothing_is_not_called_well(
    analyzers: tuple[AnalyzerOfReport, ...],
) -> None:
    """A tile without any finding is unknown."""
    page = html([finding()], analyzers)
    tiles = page.split('class="tiles"')[1].split("</ul>")[0]
    assert tiles.count("No findings in this range") == len(analyzers) - 1
    assert tiles.count('class="tile unknown"') == len(analyzers) - 1


def test_a_check_that_fell_silent_is_unknown() -> None:
    """When one check ends three days before the others, its last verdict is not the present one."""
    found = scenario_findings(4)
    last = max(one.end for one in found) - timedelta(days=3)
    silent = [one for one in found if one.analyzer != "score_shift" or one.end <= last]
    tiles = html(silent).split('class="tiles"')[1].split("</ul>")[0]
    assert tiles.count('class="tile unknown"') == 1


def test_a_report_of_nothing_is_refused() -> None:
    """Without findings there is no page that could be mistaken for a healthy one."""
    with pytest.raises(ValueError, match="at least one finding"):
        html([])


def test_without_an_open_incident_the_headline_shows_what_was_judged(short: list[Finding]) -> None:
    """Alarms that opened no incident are no problem in the headline; unjudged checks are named."""
    known = {"made": MADE, "namespace": "test", "javascript": SCRIPT}
    alarms = [finding(), finding(subject="clicks")]
    unknown = replace(alarms[1], severity=Severity.UNKNOWN)
    for findings, text in (
        (alarms, "No open incident; 2 checks judged in this range"),
        (
            [alarms[0], unknown],
            "No open incident; in this range 1 of 2 checks cannot be judged: 1 ",
        ),
    ):
        page = report_html(record(findings), (), (), incidents=(), **known)
        assert text in page.split("<h1>")[1].split("</h1>")[0]
    page = report_html(record(short), (), (), incidents=None, **known)
    assert "without incidents" in page.split("<h1>")[1].split("</h1>")[0]
    assert 'id="alerts"' not in page
