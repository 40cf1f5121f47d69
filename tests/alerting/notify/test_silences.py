"""mlmon shows as silenced what the real Alertmanager silences."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from mlmon.alerting.actions.incident_actions import IncidentActions
from mlmon.alerting.incidents.sentences import row
from mlmon.alerting.incidents.store import IncidentStore
from mlmon.alerting.notify.alertmanager import payloads
from mlmon.alerting.notify.alertmanager_client import send, silences
from mlmon.alerting.notify.silences import matches, silenced_by
from mlmon.alerting.settings import AlertingSettings
from mlmon.analyzers.base.window import DAY, HOUR
from mlmon.report.stored_incidents import open_incidents
from tests.support.incident_records import incident_of
from tests.support.receivers import Alertmanager, alertmanager
from tests.support.serving import Visitor, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlmon.alerting.incidents.record import IncidentRecord
    from mlmon.elastic.client.cluster import Cluster

CONFIG = Path(__file__).parents[3] / "deploy" / "alertmanager.yml"
NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alertmanager]:
    """An Alertmanager with the configuration that is shipped."""
    with alertmanager(tmp_path_factory.mktemp("alertmanager"), CONFIG.read_text()) as one:
        yield one


def incidents() -> list[IncidentRecord]:
    """Return open incidents of several models, and of a service without one."""
    about: list[dict[str, Any]] = [
        {"opened_by_service": "api", "opened_by_model": "autobid"},
        {"opened_by_service": "api", "opened_by_model": "autobid-eu"},
        {"opened_by_service": "bid.eu", "opened_by_model": "pricing"},
        {"opened_by_service": "scheduler", "opened_by_environment": "prod"},
    ]
    return [
        incident_of(id=f"incident{number}", opened=NOW - HOUR, **known)
        for number, known in enumerate(about)
    ]


def matcher(text: str) -> dict[str, Any]:
    """Return the matcher that Alertmanager's own page would make of a text."""
    for sign, regex, equal in (("=~", True, True), ("!~", True, False), ("!=", False, False)):
        name, found, value = text.partition(sign)
        if found:
            return {"name": name, "value": value, "isRegex": regex, "isEqual": equal}
    name, _, value = text.partition("=")
    return {"name": name, "value": value, "isRegex": False, "isEqual": True}


def put_silence(running: Alertmanager, *texts: str) -> str:
    """Make a silence; return its id."""
    times = {"startsAt": NOW.isoformat(), "endsAt": (NOW + DAY).isoformat()}
    matchers = [matcher(text) for text in texts]
    body = {"matchers": matchers, "createdBy": "ada", "comment": "known", **times}
    answer = httpx.post(f"{running.url}/api/v2/silences", json=body)
    assert answer.is_success, answer.text
    return str(answer.json()["silenceID"])


@pytest.mark.parametrize(
    "texts",
    [
        ("incident_id=incident1",),
        ("model=autobid",),
        ("model!=autobid",),
        ("model=~auto.*",),
        ("model=~auto",),
        ("model=~autobid|pricing",),
        ("model!~auto.*",),
        ("model=~.+",),
        ("model!~.+",),
        ("model=~(?i)AUTOBID",),
        ("service=bid.eu", "model=~p.*"),
        ("service=~bid.eu|scheduler", "model!=pricing"),
        ("environment=prod",),
        ("environment!=prod", "model!=pricing"),
        ("alertname=mlmon_incident", "service=api"),
        ("alertname=mlmon_incident", "unknown=x"),
        ("alertname=mlmon_incident", "unknown!=x"),
    ],
    ids=" ".join,
)
def test_what_alertmanager_silences_is_shown_as_silenced(
    running: Alertmanager, texts: tuple[str, ...]
) -> None:
    """The same incidents, for each kind of matcher, of labels that are there and that are not."""
    settings, name = AlertingSettings(alertmanager_url=running.url), f"n{uuid.uuid4().hex[:8]}"
    found = incidents()
    send(payloads(found, name, NOW), settings)
    silence = put_silence(running, f"namespace={name}", *texts)
    theirs = {
        alert["labels"]["incident_id"]
        for alert in httpx.get(f"{running.url}/api/v2/alerts").json()
        if alert["labels"].get("namespace") == name and alert["status"]["silencedBy"]
    }
    ours = silenced_by(silences(settings), found, name)
    assert set(ours) == theirs
    assert all(by == f"ada until {NOW + DAY:%Y-%m-%d %H:%M} UTC (known)" for by in ours.values())
    assert silenced_by(silences(settings), found, "other") == {}
    assert httpx.delete(f"{running.url}/api/v2/silence/{silence}").is_success
    assert silenced_by(silences(settings), found, name) == {}


def test_a_regular_expression_that_python_does_not_read_matches_nothing() -> None:
    """Neither does its negation: nothing is shown that may not be so."""
    for equal in (True, False):
        known = {"name": "model", "value": r"\pL+", "isRegex": True, "isEqual": equal}
        assert not matches([known], {"model": "autobid"})


def test_a_silence_by_model_is_shown_everywhere(
    running: Alertmanager, cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the list, on the incident, in the report's incidents and on the page; not on another."""
    monkeypatch.setenv("MLMON_ALERTING_ALERTMANAGER_URL", running.url)
    found = incidents()
    IncidentStore(cluster, namespace).write(found)
    put_silence(running, f"namespace={namespace}", "model=autobid")
    actions = IncidentActions(cluster, namespace)
    by = actions.silenced(actions.listed())
    assert set(by) == {"incident0"}
    sentence = f"silenced in Alertmanager by {by['incident0']}"
    assert sentence in list(row(found[0], NOW, by.get("incident0")))
    assert {one.record.id: one.silenced for one in open_incidents(cluster, namespace)} == {
        incident.id: by.get(incident.id, "") for incident in found
    }
    with serving(cluster, namespace) as server, Visitor(server) as ada:
        assert sentence in ada.get("/incidents/incident0").text
        assert sentence not in ada.get("/incidents/incident1").text
        assert ada.get("/incidents").text.count("silenced in Alertmanager") == 1
