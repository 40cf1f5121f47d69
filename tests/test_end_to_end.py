"""The whole way by the commands a user types, and what kills in the middle of it leave."""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from mlmon.analyzers.base.finding import Severity
from mlmon.analyzers.checks import discover
from mlmon.analyzers.run.findings_store import FindingStore
from mlmon.dashboards.definitions import dashboards
from mlmon.dashboards.definitions.drift import MOVED_MOST
from mlmon.dashboards.definitions.searches import SEARCHES
from mlmon.dashboards.definitions.state_now import WORST_BY_ANALYZER
from mlmon.dashboards.links.links import evidence, surroundings
from mlmon.dashboards.model.condition import EVERYTHING, Exists, is_
from mlmon.elastic.client.cluster import Cluster
from mlmon.elastic.errors import ClusterBusyError
from tests.support.compiled_queries import failed_queries
from tests.support.drawn_panels import choices, drawn, filled_charts, of_times, pictures
from tests.support.grafana_data_source import compare

pytestmark = pytest.mark.long

DAYS = 6
PREDICTIONS = 9_000
NAMESPACE = "end_to_end"
SMALL = {
    "5xx burst",
    "400 burst",
    "503 after a failed reload",
    "Client ratings missing",
    "Concept drift",
    "Description encoder replaced",
}
"""Incidents that are over within an hour or so, a handful of requests at this traffic; one of six
hours that only labels show, some 200 of them; and one that a request in ten shows, some 30."""

Mlmon = Callable[..., str]


def lines(logs: Path) -> Iterator[dict[str, Any]]:
    """Yield every logged event."""
    for path in sorted(logs.glob("*.jsonl")):
        with path.open() as file:
            yield from map(json.loads, file)


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short scenario: its logs, models and truth."""
    folder = tmp_path_factory.mktemp("end-to-end") / "scenario"
    words = ["--out", str(folder), "--end", "2026-03-15", "--days", str(DAYS)]
    words += ["--predictions", str(PREDICTIONS), "--seed", "11"]
    subprocess.run([sys.executable, "-m", "mlmon.autobid.scenario", *words], check=True)
    return folder


@pytest.fixture(scope="module")
def environment(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of the commands: this session's node, a namespace and a home of their own."""
    home = tmp_path_factory.mktemp("mlmon-home")
    settings = {"ELASTICSEARCH_URL": cluster.url, "NAMESPACE": f"{NAMESPACE}_{os.getpid()}"}
    settings |= {"HOME": str(home)}
    return {**os.environ, **{f"MLMON_{name}": value for name, value in settings.items()}}


@pytest.fixture(scope="module")
def mlmon(environment: dict[str, str]) -> Mlmon:
    """Run a command to its end and return what it printed."""

    def run(*words: str) -> str:
        command = [sys.executable, "-m", "mlmon", *words]
        return subprocess.run(
            command, env=environment, check=True, stdout=subprocess.PIPE, text=True
        ).stdout

    return run


def kill_when(
    environment: dict[str, str], words: Sequence[str], reached: Callable[[], bool]
) -> bool:
    """Start a command and kill it as soon as a condition holds; return whether it was killed."""
    process = subprocess.Popen(
        [sys.executable, "-m", "mlmon", *words], env=environment, stdout=subprocess.DEVNULL
    )
    try:
        while not reached():
            # Asked without a pause, the cluster would be slower at what is waited for.
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=0.01)
                return False
        return True
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def shipped(
    scenario: Path, environment: dict[str, str], mlmon: Mlmon, cluster: Cluster
) -> dict[str, Any]:
    """The scenario, shipped by a shipper that was killed half-way and by its successor."""
    words = ["ship", str(scenario / "logs"), "--once", "--json"]
    streams = f"logs-ml.*-{environment['MLMON_NAMESPACE']}"

    def some_are_stored() -> bool:
        try:
            cluster.refresh(streams)
            return cluster.count(streams) > 0
        except ClusterBusyError:  # the stream has been created just now
            return False

    killed = kill_when(environment, words, some_are_stored)
    account: dict[str, Any] = json.loads(mlmon(*words))
    cluster.refresh(streams)
    return {"killed": killed, "account": account, "streams": streams}


@pytest.fixture(scope="module")
def analyzed(
    scenario: Path,
    shipped: dict[str, Any],
    environment: dict[str, str],
    mlmon: Mlmon,
    cluster: Cluster,
) -> dict[str, Any]:
    """The findings after an analysis that was killed half-way and one that came to its end."""
    assert shipped
    truth = json.loads((scenario / "truth.json").read_text())
    mlmon("baseline", "create", str(scenario / "models"))
    words = ["analyze", "--since", truth["start"], "--until", truth["end"], "--json"]
    profiles = f"mlmon-profiles-{environment['MLMON_NAMESPACE']}-*"

    def some_profiles_are_made() -> bool:
        try:
            return bool(cluster.indices(profiles)) and cluster.count(profiles) > 0
        except ClusterBusyError:  # the index has been created just now
            return False

    killed = kill_when(environment, words, some_profiles_are_made)
    first = json.loads(mlmon(*words))
    return {"killed": killed, "first": first, "again": json.loads(mlmon(*words)), "truth": truth}


def test_a_killed_shipper_and_its_successor_store_every_line_once(
    scenario: Path, shipped: dict[str, Any], cluster: Cluster
) -> None:
    """After kill -9 in the middle, the ids stored are the ids emitted, each exactly once."""
    assert shipped["killed"]
    emitted = Counter(event["event.id"] for event in lines(scenario / "logs"))
    body = {"_source": False, "query": {"match_all": {}}}
    stored = Counter(hit["_id"] for hit in cluster.scan(shipped["streams"], body))
    # Two sums of counters, and not an equation: pytest would print a difference of 30,000 ids.
    assert ((emitted - stored).total(), (stored - emitted).total()) == (0, 0)
    assert shipped["account"]["rejected"] == 0


def test_shipping_again_reads_nothing(
    shipped: dict[str, Any], scenario: Path, mlmon: Mlmon
) -> None:
    """A second run begins where the first one ended."""
    assert shipped
    account = json.loads(mlmon("ship", str(scenario / "logs"), "--once", "--json"))
    assert (account["read"], account["stored"]) == (0, 0)


def test_a_killed_analysis_ends_in_the_same_documents(analyzed: dict[str, Any]) -> None:
    """An analysis after a killed one finds all there is; one more writes nothing new."""
    assert analyzed["killed"]
    assert analyzed["first"]["findings"]["created"] > 0
    assert analyzed["again"]["findings"]["created"] == 0
    assert analyzed["again"]["findings"]["revised"] == 0
    assert analyzed["again"]["severities"] == analyzed["first"]["severities"]


def test_incidents_are_found_and_nothing_before_the_first(
    analyzed: dict[str, Any], mlmon: Mlmon
) -> None:
    """All that 1,500 predictions a day can show are found; before the first one is silence."""
    found = [json.loads(line) for line in mlmon("findings", "--json").splitlines()]
    incidents = analyzed["truth"]["incidents"]
    begin = min(incident["start"] for incident in incidents)
    early = [event for event in found if event["@timestamp"] <= begin]
    assert early == []
    missed = {
        incident["title"] for incident in incidents if not any(shows(f, incident) for f in found)
    }
    assert missed <= SMALL


def shows(finding: dict[str, Any], incident: dict[str, Any]) -> bool:
    """Whether a finding is one the incident is expected in, and of a window that meets it."""
    start, end = (datetime.fromisoformat(finding[f"event.{edge}"]) for edge in ("start", "end"))
    return (
        start < datetime.fromisoformat(incident["end"])
        and end > datetime.fromisoformat(incident["start"])
        and any(
            finding["finding.analyzer"] == expected["analyzer"]
            and finding["finding.metric"] == expected["metric"]
            and expected["subject"] in (None, finding["finding.subject"])
            for expected in incident["expect"]
        )
    )


def test_the_report_shows_what_the_findings_say(
    analyzed: dict[str, Any], scenario: Path, mlmon: Mlmon, tmp_path: Path
) -> None:
    """The report counts the same findings, names every incident, and asks for no other file."""
    assert analyzed
    out = tmp_path / "report.html"
    truth = str(scenario / "truth.json")
    output = json.loads(mlmon("report", "--truth", truth, "--out", str(out), "--json"))
    found = [
        json.loads(line) for line in mlmon("findings", "--severity", "all", "--json").splitlines()
    ]
    assert output["findings"] == len(found)
    page = out.read_text()
    for incident in analyzed["truth"]["incidents"]:
        assert incident["title"] in page
    assert not re.findall(r'(?:src|href)="https?://', page)


def test_every_panel_draws_what_there_is(
    analyzed: dict[str, Any], environment: dict[str, str], cluster: Cluster
) -> None:
    """Every question of every chart is answered, with a value wherever a document could give one.

    What is empty is so for want of documents, and most is not.
    """
    namespace = environment["MLMON_NAMESPACE"]
    window = of_times(analyzed["truth"]["start"], datetime.now(UTC))
    found = list(drawn(cluster, namespace, window))
    assert [panel for panel in found if not panel.values and panel.documents] == []
    # No segments are set here: their dashboard has nothing to draw.
    others = [panel for panel in found if panel.dashboard != "segments"]
    empty = {(panel.dashboard, panel.chart) for panel in others if not panel.values}
    shown = {(panel.dashboard, panel.chart) for panel in found if panel.values}
    assert len(shown) > 3 * len(empty), empty
    # A machine that does other things at the same time may be slow once, not in the middle.
    assert median(panel.seconds for panel in found) < 0.2
    asked = {picture.chart.title: rows for picture, rows in pictures(cluster, namespace, window)}
    assert len(asked) == 3
    rows = asked[WORST_BY_ANALYZER.chart.title]
    assert {row["key"] for row in rows} >= {"service_health", "feature_drift"}
    assert all(part["critical"] for row in rows for part in row["parts"]["buckets"])
    assert asked[MOVED_MOST.chart.title]
    for row in asked[MOVED_MOST.chart.title]:
        known = row["latest"]["hits"]["hits"][0]["_source"]
        assert sum(now for _, now, _ in known["finding.parts"]) == pytest.approx(1, abs=0.01)


def test_after_a_scenario_no_field_is_unknown_and_every_search_runs(
    analyzed: dict[str, Any],
    environment: dict[str, str],
    mlmon: Mlmon,
    cluster: Cluster,
) -> None:
    """As on a new cluster: panels, events, controls, searches, rules and watches are answered.

    `mlmon kibana lint --live` finds nothing, which asks the indices for every field that is named.
    """
    # What this scenario never wrote to is there after the set-up only, as on any cluster.
    mlmon("setup")
    answer = json.loads(mlmon("kibana", "lint", "--live", "--json"))
    assert (answer["problems"], answer["checked"] > 40) == ([], True)
    window = of_times(analyzed["truth"]["start"], datetime.now(UTC))
    number, failed = failed_queries(cluster, environment["MLMON_NAMESPACE"], window)
    assert failed == {}
    assert number > 200


def test_grafana_asks_for_the_same_numbers(
    analyzed: dict[str, Any], environment: dict[str, str], cluster: Cluster
) -> None:
    """The queries that are exported for Grafana get what the panel model's own queries get."""
    window = of_times(analyzed["truth"]["start"], datetime.now(UTC))
    compared, different = compare(cluster, environment["MLMON_NAMESPACE"], window)
    assert different == []
    assert compared > 500


def test_every_search_shows_its_columns(
    analyzed: dict[str, Any], environment: dict[str, str], cluster: Cluster
) -> None:
    """Every saved search runs and is sorted; each column has a value where any document has one."""
    window = of_times(analyzed["truth"]["start"], datetime.now(UTC))
    nothing = set()
    for search in SEARCHES:
        index = search.source.index(environment["MLMON_NAMESPACE"])
        hits = cluster.search(index, search.body(window, size=1_000))["hits"]["hits"]
        seen = {field for hit in hits for field in hit["fields"]}
        for field in set(search.columns) - seen:
            body = search.body(window, Exists(field), size=0)
            assert cluster.count(index, body["query"]) == 0 or len(hits) == 1_000, field
        if not hits:
            nothing.add(search.name)
    assert nothing <= {"rejected_lines", "open_alerts", "all_messages", "store_lines"}


def test_every_alarm_has_its_evidence(
    analyzed: dict[str, Any], environment: dict[str, str], cluster: Cluster
) -> None:
    """The search that an alarming finding links to shows documents, in the time it is opened at."""
    assert analyzed
    namespace = environment["MLMON_NAMESPACE"]
    analyzers = {analyzer.name: analyzer for analyzer in discover()}
    found = list(FindingStore(cluster, namespace).search(severity=Severity.WARNING))
    assert len({finding.analyzer for finding in found}) > 3
    for finding in found[:: max(len(found) // 100, 1)]:
        search, narrowed = evidence(finding, analyzers[finding.analyzer])
        body = search.body(surroundings(finding), narrowed)
        # A job that is silent for longer leaves nothing to show.
        if finding.metric == "missed.runs":
            continue
        assert cluster.count(search.source.index(namespace), body["query"]), finding


def test_a_choice_leaves_most_of_its_dashboard(
    analyzed: dict[str, Any], environment: dict[str, str], cluster: Cluster
) -> None:
    """A control narrows its dashboard: what it leaves empty is the exception."""
    namespace = environment["MLMON_NAMESPACE"]
    window = of_times(analyzed["truth"]["start"], datetime.now(UTC))
    chosen = 0
    for shown in dashboards():
        before = filled_charts(cluster, namespace, window, shown, EVERYTHING)
        for control in shown.controls:
            for value in choices(cluster, namespace, control)[:1]:
                after = filled_charts(cluster, namespace, window, shown, is_(control.field, value))
                assert after <= before
                assert len(after) >= len(before) / 2, (shown.name, control.label, before - after)
                chosen += 1
    assert chosen > 6
