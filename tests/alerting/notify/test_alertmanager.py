"""The real Alertmanager has one alert per incident, from its opening to its end."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from mlmon.alerting.alerts.store import AlertStore
from mlmon.alerting.incidents.incident import IncidentStatus
from mlmon.alerting.notify.alertmanager import FAR, payloads
from mlmon.alerting.notify.alertmanager_client import send, silences
from mlmon.alerting.publish import Alerting
from mlmon.alerting.settings import AlertingSettings, load_alerting_settings
from mlmon.analyzers.base.finding import Severity
from mlmon.analyzers.base.window import DAY, HOUR, parse_time
from mlmon.analyzers.run.findings_store import FindingStore
from mlmon.commands import app
from mlmon.elastic.errors import UserError
from tests.support.histories import spell
from tests.support.incident_records import incident_of
from tests.support.receivers import Alertmanager, alertmanager

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlmon.alerting.incidents.record import IncidentRecord
    from mlmon.elastic.client.cluster import Cluster

CONFIG = Path(__file__).parents[3] / "deploy" / "alertmanager.yml"
NOW = datetime.now(UTC).replace(microsecond=0)
JOB = {"analyzer": "job_health", "metric": "missed.runs", "service": "scheduler"}
FALLBACK = {"analyzer": "fallback_rate", "metric": "fallback.rate"}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alertmanager]:
    """An Alertmanager with the configuration that is shipped."""
    with alertmanager(tmp_path_factory.mktemp("alertmanager"), CONFIG.read_text()) as one:
        yield one


def incident(name: str, **known: Any) -> IncidentRecord:
    """Return an open incident."""
    return incident_of(id=name, opened=NOW, **known)


def test_the_configuration_is_what_amtool_takes() -> None:
    """Alertmanager's own check passes the shipped file, which has no rule of inhibition."""
    assert "inhibit_rules" not in CONFIG.read_text()
    if shutil.which("amtool") is None:
        pytest.skip("amtool is not installed (Debian's prometheus-alertmanager has it)")
    checked = subprocess.run(
        ["amtool", "check-config", CONFIG], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr


def test_an_incident_that_grows_stays_one_alert_and_ends(running: Alertmanager) -> None:
    """Its labels are the same as warning, as critical and at its end; open, it ends in a year."""
    settings = AlertingSettings(alertmanager_url=running.url)
    for worst in ("warning", "critical"):
        send(payloads([incident("a1", worst=Severity(worst))], "grows", NOW), settings)
        (one,) = running.alerts("grows").values()
        assert one["annotations"]["severity"] == worst
        assert parse_time(one["endsAt"]) == NOW + FAR
    over = incident("a1", status=IncidentStatus.RESOLVED, ended=NOW)
    send(payloads([over], "grows", NOW), settings)
    assert running.alerts("grows") == {}


def test_what_is_muted_is_not_sent() -> None:
    """An acknowledged incident is left out while it is open, and sent when it ends."""
    muted = incident("a1", muted="acknowledged")
    assert payloads([muted], "n", NOW) == []
    assert len(payloads([replace(muted, status=IncidentStatus.RESOLVED)], "n", NOW)) == 1


def test_one_refused_alert_keeps_no_other_back(running: Alertmanager) -> None:
    """The others of its batch arrive, and the refusal is an error with Alertmanager's reason."""
    good, bad = payloads([incident("good"), incident("bad")], "refused", NOW)
    bad["labels"]["not a label"] = "x"
    with pytest.raises(UserError, match="answered 400"):
        send([bad, good], AlertingSettings(alertmanager_url=running.url))
    assert set(running.alerts("refused")) == {"good"}


def test_of_a_pair_one_is_enough(running: Alertmanager) -> None:
    """With one of two Alertmanagers down, alerts arrive at the other, and nothing fails."""
    settings = AlertingSettings(alertmanager_url=f"http://127.0.0.1:9, {running.url}")
    send(payloads([incident("pair")], "pair", NOW), settings)
    assert set(running.alerts("pair")) == {"pair"}


def test_a_test_alert_reaches_it(running: Alertmanager, monkeypatch: pytest.MonkeyPatch) -> None:
    """`mlmon alerting test` sends one that is over after a minute; who did not take it is named."""
    import httpx

    url = f"{running.url},http://127.0.0.1:9"
    monkeypatch.setenv("MLMON_ALERTING_ALERTMANAGER_URL", url)
    result = CliRunner().invoke(app, ["alerting", "test"])
    assert result.exit_code == 1
    taken, missed = result.stdout.splitlines()
    assert taken == f"Alertmanager {running.url}: sent"
    assert missed.startswith("Alertmanager http://127.0.0.1:9: Alertmanager is not reachable")
    alerts = httpx.get(f"{running.url}/api/v2/alerts", params={"filter": 'alertname="mlmon_test"'})
    (one,) = alerts.json()
    assert parse_time(one["endsAt"]) - parse_time(one["startsAt"]) == timedelta(minutes=1)


def test_an_alert_names_what_else_is_affected() -> None:
    """The members of an incident stand in an annotation, for they change."""
    (one,) = payloads([incident("a1", alerts=3, affected=("age", "price"))], "n", NOW)
    assert one["annotations"]["also_affected"] == "2 other alerts: age; price"
    assert "also_affected" not in payloads([incident("a1")], "n", NOW)[0]["annotations"]


def test_silences_are_read_back(running: Alertmanager) -> None:
    """Who silenced an incident in Alertmanager is known to mlmon."""
    import httpx

    matchers = [{"name": "incident_id", "value": "quiet", "isRegex": False, "isEqual": True}]
    times = {"startsAt": NOW.isoformat(), "endsAt": (NOW + DAY).isoformat()}
    body = {"matchers": matchers, "createdBy": "ada", "comment": "known", **times}
    assert httpx.post(f"{running.url}/api/v2/silences", json=body).is_success
    (silence,) = silences(AlertingSettings(alertmanager_url=running.url))
    assert silence["createdBy"] == "ada"


def test_findings_reach_alertmanager_as_one_incident(
    running: Alertmanager, cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dead job and the fallbacks it causes are one alert; when both are calm, none is left."""
    monkeypatch.setenv("MLMON_ALERTING_ALERTMANAGER_URL", running.url)
    begin = NOW - 12 * HOUR
    store = FindingStore(cluster, namespace)
    store.write(
        [
            *spell("occcccc", "refresh", start=begin, **JOB),
            *spell("ooccccc", "stats", start=begin, **FALLBACK),
        ],
        NOW,
    )
    result = Alerting().findings_changed(cluster, namespace, begin, NOW)
    assert not result.failed, result.line
    (one,) = running.alerts(namespace).values()
    assert one["annotations"]["title"] == "Missed runs of refresh"
    assert parse_time(one["startsAt"]) == begin + HOUR
    later = begin + 7 * HOUR
    store.write(
        [
            *spell("oooo", "refresh", start=later, **JOB),
            *spell("oooo", "stats", start=later, **FALLBACK),
        ],
        NOW,
    )
    assert not Alerting().findings_changed(cluster, namespace, later, NOW).failed
    assert running.alerts(namespace) == {}


def test_an_alertmanager_that_is_away_stops_nothing(
    cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Alerts and incidents are stored all the same, and the cycle says what it could not do."""
    monkeypatch.setenv("MLMON_ALERTING_ALERTMANAGER_URL", "http://127.0.0.1:9")
    begin = NOW - 4 * HOUR
    FindingStore(cluster, namespace).write(spell("ccc", start=begin, **FALLBACK), NOW)
    result = Alerting().findings_changed(cluster, namespace, begin, NOW)
    assert result.failed
    assert "Alertmanager is not reachable at http://127.0.0.1:9" in result.line
    assert len(list(AlertStore(cluster, namespace).open())) == 1


def test_an_alertmanager_that_was_away_need_not_wait_for_the_next_cycle(
    running: Alertmanager, cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked again between cycles, a minute later, until it has taken everything."""
    begin, alerting = NOW - 4 * HOUR, Alerting()
    FindingStore(cluster, namespace).write(spell("ccc", start=begin, **FALLBACK), NOW)
    monkeypatch.setenv("MLMON_ALERTING_ALERTMANAGER_URL", "http://127.0.0.1:9")
    assert alerting.findings_changed(cluster, namespace, begin, NOW).failed
    monkeypatch.setenv("MLMON_ALERTING_ALERTMANAGER_URL", running.url)
    lines = [
        alerting.send_due(cluster, namespace, NOW + timedelta(seconds=seconds)).line
        for seconds in (20, 60, 80, 140)
    ]
    assert lines == ["", "sent 1 to Alertmanager", "", ""]
    assert len(running.alerts(namespace)) == 1


def test_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment goes before the file; routes and connectors are named in it."""
    path = tmp_path / "mlmon.toml"
    monkeypatch.setenv("MLMON_CONFIG", str(path))
    path.write_text(
        '[alerting]\nalertmanager_url = "http://one:9093/"\n'
        '[alerting.connectors.chat]\nid = "s"\ntype = ".slack_api"\nto = ["C1"]\n'
        '[alerting.notify.oncall]\ntype = "email"\nto = ["a@example.com"]\n'
    )
    settings = load_alerting_settings()
    assert settings.alertmanagers == ("http://one:9093",)
    assert [reference.id for reference in settings.references()] == ["s"]
    assert settings.notify["oncall"].to == ("a@example.com",)
    monkeypatch.setenv("MLMON_ALERTING_ALERTMANAGER_URL", "http://two:9093,http://three:9093")
    assert load_alerting_settings().alertmanagers == ("http://two:9093", "http://three:9093")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[alerting]\nalert_manager = "x"\n', "alert_manager"),
        ('[alerting.notify.a]\ntype = "email"\n', "alerting.notify.a.to: Field required"),
        ('[alerting.notify.a]\ntype = "webhook"\n', "needs one of url"),
        (
            '[alerting.notify.a]\ntype = "pigeon"\n',
            "type must be one of 'email', 'webhook', 'pagerduty', 'opsgenie', 'apprise'",
        ),
        ('[alerting.notify.a]\nto = ["a@example.com"]\n', "alerting.notify.a: type is missing"),
        (
            '[alerting.notify.a]\ntype = "webhook"\nurl = "http://x"\nhost = "y"\n',
            "unknown setting 'host' (known: ",
        ),
        (
            '[alerting.notify.a]\ntype = "email"\nto = ["a@example.com"]\nusernam = "x"\n',
            "unknown setting 'usernam' (did you mean 'username'?) in [alerting.notify.a]",
        ),
        (
            '[alerting.notify.a]\ntype = "email"\nto = ["a@example.com"]\nport = 0\n',
            "alerting.notify.a.port: ",
        ),
        (
            '[alerting.notify.a]\ntype = "email"\nto = ["a@example.com"]\nusername = "x"\n',
            "a login needs username and one of password_file, password_env, password_keyring",
        ),
        (
            '[alerting.notify.a]\ntype = "email"\nto = ["a@example.com"]\npassword_env = "X"\n',
            "a login needs username and one of",
        ),
        (
            (
                '[alerting.notify.a]\ntype = "email"\nto = ["a@example.com"]\nusername = "x"\n'
                'password_env = "X"\npassword_file = "/x"\n'
            ),
            "give one of password_file, password_env, password_keyring",
        ),
        (
            '[alerting.notify.a]\ntype = "webhook"\nurl = "hooks.example/x"\n',
            "begins with http:// or https:// and names a host",
        ),
        (
            '[alerting.notify.a]\ntype = "webhook"\nurl = "http://[::1/x"\n',
            "begins with http:// or https:// and names a host",
        ),
    ],
)
def test_wrong_settings_name_what_is_wrong(
    text: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A misspelt key or an incomplete route is an error before anything is sent."""
    path = tmp_path / "mlmon.toml"
    monkeypatch.setenv("MLMON_CONFIG", str(path))
    path.write_text(text)
    with pytest.raises(UserError) as raised:
        load_alerting_settings()
    assert expected in f"{raised.value.message} {raised.value.hint}"
