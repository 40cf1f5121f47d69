"""Alertmanager itself is told of alerts, mutes what a cause explains, and hears when they end."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import yaml

from mlmon.alerting.alerts.store import AlertStore
from mlmon.alerting.causes import explain
from mlmon.alerting.notify.alertmanager import KEPT, alerts
from mlmon.alerting.notify.alertmanager_client import send
from mlmon.alerting.notify.alertmanager_config import config
from mlmon.alerting.publish import follow
from mlmon.alerting.settings import AlertingSettings, load_alerting_settings
from mlmon.analyzers.base.alert_policy import INGEST, LAYERS
from mlmon.analyzers.base.finding import Severity
from mlmon.analyzers.base.window import DAY, HOUR, MINUTE, iso, parse_time
from mlmon.analyzers.run.findings_store import FindingStore
from mlmon.elastic.errors import UserError
from tests.support.histories import all_episodes, changed, rule, spell

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlmon.alerting.alerts.alert import Alert
    from mlmon.elastic.client.cluster import Cluster

CONFIG = Path(__file__).parents[3] / "deploy" / "alertmanager.yml"
PROGRAM = "prometheus-alertmanager"
NOW = datetime.now(UTC).replace(microsecond=0)
SETTINGS = AlertingSettings()


def alert(layer: str, age: int = 3, **known: Any) -> Alert:
    """Return an open critical alert of a layer that opened some minutes ago."""
    (found,) = all_episodes(rule(1, 1, layer=layer, name=layer), spell("c", layer, analyzer=layer))
    opened = NOW - age * MINUTE
    return changed(found, since=opened - HOUR, opened=opened, severity_since=opened, **known)


@dataclass(frozen=True)
class Running:
    """An Alertmanager at work."""

    url: str

    def told(self, namespace: str) -> dict[str, Any]:
        """Return its alerts of a namespace by layer and severity, once it has heard."""
        answer = httpx.get(
            f"{self.url}/api/v2/alerts", params={"filter": f'namespace="{namespace}"'}
        )
        return {
            f"{each['labels']['layer']} {each['labels']['severity']}": each
            for each in answer.json()
        }

    def muted(self, namespace: str, count: int) -> set[str]:
        """Return which of a namespace's alerts are inhibited, once it has judged that many."""
        for _ in range(200):
            found = self.told(namespace)
            states = Counter(each["status"]["state"] for each in found.values())
            if len(found) == count and not states["unprocessed"]:
                return {name for name, each in found.items() if each["status"]["inhibitedBy"]}
            time.sleep(0.02)
        raise AssertionError(f"not judged: {found}")


@pytest.fixture(scope="module")
def alertmanager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Run the real Alertmanager with the configuration that is shipped."""
    if shutil.which(PROGRAM) is None:
        pytest.skip(f"{PROGRAM} is not installed (Debian has it)")
    folder = tmp_path_factory.mktemp("alertmanager")
    text = config().replace("group_wait: 30s", "group_wait: 10ms")
    (folder / "alertmanager.yml").write_text(
        text.replace("group_interval: 5m", "group_interval: 50ms")
    )
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
    process = subprocess.Popen(
        [
            PROGRAM,
            f"--config.file={folder / 'alertmanager.yml'}",
            f"--storage.path={folder}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--cluster.listen-address=",
        ],
        stderr=subprocess.DEVNULL,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        _await(url)
        yield Running(url)
    finally:
        process.terminate()
        process.wait(10)


def _await(url: str) -> None:
    for _ in range(500):
        try:
            if httpx.get(f"{url}/-/ready").is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.02)
    raise AssertionError(f"{url} does not start")


def test_the_configuration_is_what_amtool_takes() -> None:
    """The configuration holds the chain of causes, and Alertmanager's own check passes it."""
    rules = yaml.safe_load(config())["inhibit_rules"]
    sources = {each["source_matchers"][0] for each in rules}
    assert sources == {f'layer="{layer}"' for layer in LAYERS[:-1] if layer != INGEST}
    if shutil.which("amtool") is None:
        pytest.skip("amtool is not installed (Debian's prometheus-alertmanager has it)")
    checked = subprocess.run(
        ["amtool", "check-config", CONFIG], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr
    assert f"{len(rules)} inhibit rules" in checked.stdout


SCENES: list[tuple[str, list[Alert]]] = [
    ("chain", [alert("job", 9), alert("fallback", 6), alert("feature"), alert("score")]),
    ("apart", [alert("fallback", service="one"), alert("feature", service="two")]),
    ("jobs", [alert("job", service="scheduler"), alert("feature", model_name="a")]),
    ("models", [alert("feature", model_name="a"), alert("score", model_name="b")]),
    ("model", [alert("feature", model_name="a", service="x"), alert("score", model_name="a")]),
    ("one", [alert("feature", model_name="a"), alert("business")]),
    ("mild", [alert("job", 9, severity=Severity.WARNING), alert("score")]),
    (
        "milder",
        [
            alert("job", 9, severity=Severity.WARNING),
            alert("score", severity=Severity.WARNING),
        ],
    ),
]


@pytest.mark.parametrize(("name", "scene"), SCENES, ids=[name for name, _ in SCENES])
def test_what_a_cause_inhibits_is_muted(
    alertmanager: Running, name: str, scene: list[Alert]
) -> None:
    """Alertmanager mutes exactly the alerts that mlmon says are inhibited."""
    explained = [explain(each, scene) for each in scene]
    causes = {each.id: each for each in explained}
    send(alerts(explained, name, NOW, causes), alertmanager.url, SETTINGS)
    inhibited = {f"{each.layer} {each.severity}" for each in explained if each.inhibited_by}
    assert alertmanager.muted(name, len(scene)) == inhibited
    assert name not in {"chain", "jobs", "model", "one", "milder"} or inhibited


def test_what_ends_is_resolved_and_unmutes(alertmanager: Running) -> None:
    """A cause that ends is gone from Alertmanager at once; what is left is muted no more."""
    scene = [alert("job", 9), alert("score")]
    send(alerts(scene, "ends", NOW, {}), alertmanager.url, SETTINGS)
    assert alertmanager.muted("ends", 2) == {"score critical"}
    over = [replace(scene[0], ended=NOW - MINUTE), scene[1]]
    send(alerts(over, "ends", NOW, {}), alertmanager.url, SETTINGS)
    assert alertmanager.muted("ends", 1) == set()


def test_what_grows_worse_is_told_as_critical(alertmanager: Running) -> None:
    """The warning ends and the critical one begins: one alert is left, with what to read."""
    worse = replace(alert("job", 9), severity_since=NOW - MINUTE)
    effect = explain(alert("score", 2), [worse])
    mild = replace(worse, severity=Severity.WARNING, severity_since=worse.opened)
    send(alerts([mild], "worse", NOW, {}), alertmanager.url, SETTINGS)
    assert set(alertmanager.told("worse")) == {"job warning"}
    told = alerts(
        [worse, effect],
        "worse",
        NOW,
        {worse.id: worse},
        runbooks="https://runbooks.example/",
        dashboard="https://kibana.example/",
    )
    send(told, alertmanager.url, SETTINGS)
    found = alertmanager.told("worse")
    assert set(found) == {"job critical", "score critical"}
    score = found["score critical"]
    assert score["annotations"]["summary"] == "score ks of score"
    assert score["annotations"]["description"] == "score is c in window 1."
    assert score["annotations"]["runbook_url"] == "https://runbooks.example/docs/analyzers/drift.md"
    assert "job ks of job" in score["annotations"]["perhaps_because_of"]
    assert score["generatorURL"] == "https://kibana.example/"
    assert parse_time(score["startsAt"]) == effect.opened
    assert parse_time(score["endsAt"]) == NOW + KEPT


def test_a_withdrawn_alert_ends(alertmanager: Running) -> None:
    """What never was, as late logs say, is resolved where it had been told."""
    scene = [alert("feature")]
    send(alerts(scene, "withdrawn", NOW, {}), alertmanager.url, SETTINGS)
    assert alertmanager.muted("withdrawn", 1) == set()
    gone = [replace(each, withdrawn=True) for each in scene]
    send(alerts(gone, "withdrawn", NOW, {}), alertmanager.url, SETTINGS)
    assert alertmanager.muted("withdrawn", 0) == set()


def test_findings_reach_alertmanager(
    alertmanager: Running, cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an analysis what is open is told, and what ended of late; then that nothing is open."""
    monkeypatch.setenv("MLMON_ALERTING_ALERTMANAGER_URL", alertmanager.url)
    begin = NOW - 8 * HOUR
    job = {"analyzer": "job_health", "metric": "missed.runs", "service": "scheduler"}
    fallback = {"analyzer": "fallback_rate", "metric": "fallback.rate"}
    store = FindingStore(cluster, namespace)
    store.write(
        [
            *spell("occccc", "refresh", start=begin, **job),
            *spell("ooccco", "stats", start=begin, **fallback),
        ],
        NOW,
    )
    followed = follow(cluster, namespace, begin, NOW)
    assert followed.line.endswith("2 told to Alertmanager")
    assert not followed.failed
    assert alertmanager.muted(namespace, 2) == {"fallback critical"}
    later = begin + 6 * HOUR
    store.write(
        [
            *spell("o", "refresh", start=later, **job),
            *spell("oo", "stats", start=later, **fallback),
        ],
        NOW,
    )
    assert follow(cluster, namespace, later, NOW).line.endswith("2 told to Alertmanager")
    assert alertmanager.muted(namespace, 0) == set()
    assert list(AlertStore(cluster, namespace).recent(NOW + DAY)) == []


def test_an_alertmanager_that_is_away_stops_nothing(
    cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The alerts are stored all the same, and the run says what it could not do."""
    monkeypatch.setenv("MLMON_ALERTING_ALERTMANAGER_URL", "http://127.0.0.1:9")
    begin = NOW - 4 * HOUR
    FindingStore(cluster, namespace).write(spell("ccc", analyzer="fallback_rate", start=begin), NOW)
    followed = follow(cluster, namespace, begin, NOW)
    assert followed.failed
    assert "Alertmanager is not reachable at http://127.0.0.1:9" in followed.line
    assert len(list(AlertStore(cluster, namespace).open())) == 1


def test_what_alertmanager_refuses_is_said(alertmanager: Running) -> None:
    """An answer that is no success is an error with the reason in it."""
    (wrong,) = alerts([alert("job")], "refused", NOW, {})
    wrong["labels"]["not a label"] = "x"
    with pytest.raises(UserError, match="answered 400"):
        send([wrong], alertmanager.url, SETTINGS)


def test_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment goes before the file; connectors are named in it; mistakes are explained."""
    path = tmp_path / "mlmon.toml"
    monkeypatch.setenv("MLMON_CONFIG", str(path))
    path.write_text(
        '[alerting]\nalertmanager_url = "http://one:9093/"\n'
        '[alerting.connectors.oncall]\nid = "p"\ntype = ".pagerduty"\nlevel = "critical"\n'
        '[alerting.connectors.chat]\nid = "s"\ntype = ".slack_api"\nto = ["C1"]\n'
    )
    settings = load_alerting_settings()
    assert settings.alertmanager_url == "http://one:9093"
    assert [
        (reference.id, reference.level.value, reference.to) for reference in settings.references()
    ] == [
        ("s", "warning", ("C1",)),
        ("p", "critical", ()),
    ]
    monkeypatch.setenv("MLMON_ALERTING_ALERTMANAGER_URL", "http://two:9093")
    assert load_alerting_settings().alertmanager_url == "http://two:9093"
    path.write_text('[alerting]\nalert_manager = "x"\n')
    with pytest.raises(UserError, match="alert_manager"):
        load_alerting_settings()
    path.write_text('[alerting.connectors.chat]\nid = "s"\ntype = ".jira"\n')
    with pytest.raises(UserError, match=r"CONNECTORS: Input should be .*'.pagerduty'"):
        load_alerting_settings()


def test_times_are_those_of_the_data() -> None:
    """An open alert ends in a day unless told again; each severity has its own time."""
    worse = replace(alert("job", 9), severity_since=NOW - MINUTE)
    told = alerts([worse], "n", NOW, {})
    assert json.loads(json.dumps(told)) == told
    assert [(each["labels"]["severity"], each["startsAt"], each["endsAt"]) for each in told] == [
        ("warning", iso(worse.opened), iso(worse.severity_since)),
        ("critical", iso(worse.severity_since), iso(NOW + KEPT)),
    ]
