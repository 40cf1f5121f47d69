"""`mlmon tune`: the same past under other limits, on a real Elasticsearch."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from mlmon.alerting.actions.incident_actions import IncidentActions
from mlmon.alerting.actions.tuning import JudgedPast, compared
from mlmon.alerting.alerts.evaluation import evaluate
from mlmon.alerting.alerts.replay import AlertReplay
from mlmon.alerting.alerts.store import AlertStore
from mlmon.alerting.incidents.correlation import correlate
from mlmon.alerting.incidents.verdict import Verdict
from mlmon.alerting.publish import update
from mlmon.alerting.settings import AlertingSettings
from mlmon.analyzers.base.window import DAY, HOUR, MINUTE, Window, iso
from mlmon.analyzers.run.engine import analyze
from mlmon.analyzers.run.findings_store import FindingStore
from mlmon.commands import app
from mlmon.elastic.errors import UserError, WrongValueError
from mlmon.elastic.exit_codes import ExitCode
from mlmon.logging_config import Service, open_log
from tests.support.histories import START, spell

if TYPE_CHECKING:
    from pathlib import Path

    from mlmon.alerting.incidents.incident import Incident
    from mlmon.elastic.client.cluster import Cluster

pytestmark = pytest.mark.long

PERIOD = Window(START, START + 26 * HOUR)
NOW = PERIOD.end + HOUR
PER_HOUR = 240
FAILING = {6: 8, 13: 20, 20: 2}
"""One request in so many fails in the hours from then on: mild, too mild to alarm, severe."""
HOURS_OF_FAILURE = 3
RULE = '[[analyzers.rules]]\nanalyzer = "service_health"\nmetric = "http.5xx.rate"\n'
Tune = Callable[..., tuple[int, dict[str, Any]]]


def every(hour: int) -> int:
    """Return of how many requests of an hour one fails, 0 for none."""
    return next((of for at, of in FAILING.items() if at <= hour < at + HOURS_OF_FAILURE), 0)


def lines(path: Path) -> list[dict[str, Any]]:
    """Log a day of requests with the real log."""
    now = [0]
    begin = int(START.timestamp() * 1e9)
    with open_log(Service("api"), path=path, clock=lambda: now[0], entity_id="api-1") as log:
        for number in range(int(PERIOD.hours) * PER_HOUR):
            now[0] = begin + number * int(HOUR.total_seconds() * 1e9) // PER_HOUR
            of = every(number // PER_HOUR)
            status = 500 if of and number % of == 0 else 200
            log.access(method="POST", path="/predict", status_code=status, duration_ns=20_000_000)
    events = [json.loads(line) for line in path.read_text().splitlines()]
    return [event | {"event.ingested": event["@timestamp"]} for event in events]


@pytest.fixture(scope="module")
def namespace() -> str:
    """A namespace of this file: its day is judged once."""
    return f"tuning_{uuid.uuid4().hex[:8]}"


@pytest.fixture(scope="module")
def judged(
    cluster: Cluster, namespace: str, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """A day that is judged: the ids of the mild and of the severe incident."""
    actions = []
    for event in lines(tmp_path_factory.mktemp("log") / "api.jsonl"):
        action = {"_index": f"logs-ml.access-{namespace}", "_id": event["event.id"]}
        actions += [json.dumps({"create": action}), json.dumps(event)]
    answer = cluster.bulk("\n".join([*actions, ""]).encode(), filter_path="errors")
    assert not answer["errors"]
    analyze(cluster, namespace, PERIOD, now=NOW)
    update(cluster, namespace, START - DAY, NOW, AlertingSettings())
    severe, mild = IncidentActions(cluster, namespace).listed(START - DAY)
    return {"mild": mild.id, "severe": severe.id}


@pytest.fixture
def tune(cluster: Cluster, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tune:
    """Run `mlmon tune` with limits in TOML; return the exit code and the JSON."""
    monkeypatch.setenv("MLMON_ELASTICSEARCH_URL", cluster.url)
    monkeypatch.setenv("MLMON_NAMESPACE", namespace)
    monkeypatch.chdir(tmp_path)

    def run(limits: str, *words: str) -> tuple[int, dict[str, Any]]:
        file = tmp_path / "limits.toml"
        file.write_text(limits)
        about = ["--since", iso(PERIOD.start), "--until", iso(PERIOD.end), "--json"]
        done = CliRunner().invoke(app, ["tune", "--limits", str(file), *about, *words])
        if isinstance(done.exception, UserError):
            raise done.exception
        return done.exit_code, json.loads(done.stdout)

    return run


def stored(cluster: Cluster, namespace: str) -> dict[str, Any]:
    """Return every document that mlmon keeps of a namespace."""
    cluster.refresh(f"mlmon-*-{namespace}*")
    return {hit["_id"]: hit["_source"] for hit in cluster.scan(f"mlmon-*-{namespace}*", {})}


@pytest.mark.usefixtures("judged")
def test_limits_that_change_nothing_give_what_is_stored(
    tune: Tune, cluster: Cluster, namespace: str
) -> None:
    """Judged in memory, incidents and messages are the stored ones; no document is written."""
    before = stored(cluster, namespace)
    code, found = tune(RULE + "warning = 0.02\ncritical = 0.1\n")
    assert code == ExitCode.DONE
    assert stored(cluster, namespace) == before
    assert (found["gained"], found["lost"], found["milder"]) == ([], [], [])
    assert found["in_force"] == found["proposed"]
    changes = [one for one in before.values() if "change.kind" in one]
    published = {"opened", "grew", "resolved", "reopened"}
    assert found["in_force"]["incidents"] == 2
    assert found["in_force"]["messages"] == sum(
        change["change.kind"] in published for change in changes
    )
    a_week = found["in_force"]["messages"] * 168 / 26
    assert found["in_force"]["messages_per_week"] == pytest.approx(a_week)


def test_an_incident_that_is_lost(
    tune: Tune, cluster: Cluster, namespace: str, judged: dict[str, str]
) -> None:
    """It is named with its first sentence; it is a regression where it was confirmed true."""
    actions, milder = IncidentActions(cluster, namespace), RULE + "warning = 0.25\ncritical = 0.3\n"
    actions.feedback(judged["mild"], Verdict.FALSE_ALARM, "ada", "", NOW)
    code, found = tune(milder)
    assert code == ExitCode.DONE
    (lost,) = found["lost"]
    shown = actions.show(judged["mild"])
    assert lost["title"] == shown[0].title
    assert lost["sentence"] == shown[1][0].opened_reason
    assert found["proposed"]["messages"] < found["in_force"]["messages"]
    assert found["feedback"]["false_alarms_in_force"] == 1
    assert found["feedback"]["false_alarms_proposed"] == 0
    actions.feedback(judged["mild"], Verdict.FIXED, "ada", "", NOW + MINUTE)
    code, found = tune(milder)
    assert code == ExitCode.FAILED
    assert found["feedback"]["confirmed_lost"] == [judged["mild"]]
    assert found["regressions"] == [
        f"{lost['title']} ({judged['mild'][:8]}), which was confirmed true, is lost or milder."
    ]


def test_a_confirmed_incident_that_is_no_longer_critical(
    tune: Tune, cluster: Cluster, namespace: str, judged: dict[str, str]
) -> None:
    """It is milder, and a regression: routes of critical incidents would not hear of it."""
    IncidentActions(cluster, namespace).feedback(judged["severe"], Verdict.FIXED, "ada", "", NOW)
    code, found = tune(RULE + "critical = 0.9\n")
    assert code == ExitCode.FAILED
    assert found["lost"] == []
    assert len(found["milder"]) == 1
    assert found["feedback"]["confirmed_lost"] == [judged["severe"]]


@pytest.mark.usefixtures("judged")
def test_an_incident_that_is_gained(tune: Tune, tmp_path: Path) -> None:
    """More messages are a regression unless so many are allowed."""
    (tmp_path / "mlmon.toml").write_text(RULE + "warning = 0.25\ncritical = 0.3\n")
    usual = RULE + "warning = 0.02\n"
    code, found = tune(usual)
    assert code == ExitCode.FAILED
    (gained,) = found["gained"]
    assert gained["severity"] == "warning"
    assert "messages a week instead of" in found["regressions"][0]
    assert tune(usual, "--more-messages", "20")[0] == ExitCode.DONE


@pytest.mark.usefixtures("judged")
def test_limits_in_force_are_those_of_the_settings(
    tune: Tune, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """mlmon.toml is what is compared with, and a variable of the environment is not in the file."""
    (tmp_path / "mlmon.toml").write_text(RULE + "enabled = false\n")
    _, found = tune(RULE + "warning = 0.25\ncritical = 0.3\n")
    assert (found["in_force"]["incidents"], found["proposed"]["incidents"]) == (0, 1)
    rules = [{"analyzer": "service_health", "metric": "http.5xx.rate", "enabled": False}]
    monkeypatch.setenv("MLMON_ANALYZERS_RULES", json.dumps(rules))
    (tmp_path / "mlmon.toml").unlink()
    _, found = tune(RULE + "warning = 0.25\ncritical = 0.3\n")
    assert (found["in_force"]["incidents"], found["proposed"]["incidents"]) == (0, 1)


@pytest.mark.parametrize("limits", ["", "[alerting]\n", RULE + "warning = 'high'\n"])
def test_a_file_without_limits_is_refused(tune: Tune, limits: str) -> None:
    """Nothing is compared with nothing, and a wrong value is named."""
    with pytest.raises(WrongValueError, match=r"limits\.toml|warning"):
        tune(limits)


def test_a_period_that_nobody_judged_is_an_error(
    tune: Tune, emptied: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A check in CI does not pass because there are no profiles."""
    monkeypatch.setenv("MLMON_NAMESPACE", emptied)
    with pytest.raises(UserError, match="Nothing can be judged between"):
        tune(RULE + "warning = 0.02\ncritical = 0.1\n")


def test_people_read_it(
    cluster: Cluster,
    namespace: str,
    judged: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The terminal shows both sides, each lost incident with its sentence, and each regression."""
    monkeypatch.setenv("MLMON_ELASTICSEARCH_URL", cluster.url)
    monkeypatch.setenv("MLMON_NAMESPACE", namespace)
    IncidentActions(cluster, namespace).feedback(judged["mild"], Verdict.FIXED, "ada", "", NOW)
    file = tmp_path / "limits.toml"
    file.write_text(RULE + "warning = 0.25\ncritical = 0.3\n")
    about = ["--since", iso(PERIOD.start), "--until", iso(PERIOD.end)]
    done = CliRunner().invoke(app, ["tune", "--limits", str(file), *about])
    assert done.exit_code == ExitCode.FAILED
    assert "incidents: 2 in force, 1 under" in done.stdout
    assert "lost: warning 2026-03-02 06:" in done.stdout
    assert re.search(r"[12] confirmed true, 1 of them lost or milder", done.stdout)
    assert "regression: 5xx error rate of /predict" in done.stdout


def test_alerts_in_memory_are_the_stored_ones(cluster: Cluster, emptied: str) -> None:
    """Also where a version was replaced, was closed unseen, or has gaps, and in parts."""
    namespace = emptied
    about = {"analyzer": "feature_drift", "metric": "ks.distance", "model_name": "m"}
    findings = [
        *spell("oowwwu..ww" + "o" * 700, "price", model_version="1", **about),
        *spell("ooww", "rating", model_version="0", **about),
        *spell("owcc" + "." * 600 + "o" * 4, "missing_since", model_version="1", **about),
        *spell("o" * 20 + "wwuuuwcooo", "price", model_version="2", **about),
    ]
    FindingStore(cluster, namespace).write(findings, START)
    evaluate(cluster, namespace, START - DAY)
    kept = {alert.id: alert for alert in AlertStore(cluster, namespace).overlapping(START - DAY)}
    last = max(finding.end for finding in findings)
    for cut in (last, START + 8 * HOUR):
        replay = AlertReplay()
        replay.take(finding for finding in findings if finding.end <= cut)
        replay.take(finding for finding in findings if finding.end > cut)
        assert {alert.id: alert for alert in replay.alerts(last)} == kept
    assert {alert.ending for alert in kept.values()} >= {"calm", "replaced"}


def _past(letters: str, metric: str, metrics: set[str], **known: Any) -> JudgedPast:
    replay = AlertReplay()
    replay.take(spell(letters, "price", analyzer="feature_drift", metric=metric, **known))
    incidents: list[Incident] = correlate(replay.alerts())
    return JudgedPast(tuple(incidents), {"feature_drift": frozenset(metrics)})


def test_another_drift_test_is_about_the_same_feature() -> None:
    """Its metric has another name, and the incident is kept; of another feature it is not."""
    before = _past("oowwwooo", "ks.distance", {"ks.distance"})
    after = _past("ooowwooo", "psi", {"psi"})
    found = compared(PERIOD, before, after, [], {})
    assert (found.gained, found.lost) == ((), ())
    both = {"ks.distance", "psi"}
    found = compared(
        PERIOD,
        replace(before, metrics={"feature_drift": frozenset(both)}),
        _past("oooww", "psi", both),
        [],
        {},
    )
    assert (len(found.gained), len(found.lost)) == (1, 1)
    other = _past("ooowwooo", "psi", {"psi"}, service="another")
    found = compared(PERIOD, before, other, [], {})
    assert (len(found.gained), len(found.lost)) == (1, 1)
    later = _past("o" * 30 + "wwooo", "ks.distance", {"ks.distance"})
    found = compared(PERIOD, before, later, [], {})
    assert (len(found.gained), len(found.lost)) == (1, 1)
