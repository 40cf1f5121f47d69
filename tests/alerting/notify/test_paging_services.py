"""PagerDuty and Opsgenie get one alert per incident, and its end by the same key.

What a receiver here gets is checked against the shapes that both document: PagerDuty's Events API
v2 (https://developer.pagerduty.com/docs/events-api-v2/trigger-events/), Opsgenie's Alert API
(https://docs.opsgenie.com/docs/alert-api).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest
from pydantic import SecretStr, TypeAdapter, ValidationError

from mlmon.alerting.notify.apprise_services import AppriseRoute
from mlmon.alerting.notify.channels import ChannelRoute
from mlmon.alerting.notify.message import Message, own_message
from mlmon.alerting.notify.opsgenie import Opsgenie
from mlmon.alerting.notify.outbox import STORM
from mlmon.alerting.notify.pagerduty import PagerDuty
from mlmon.alerting.publish import deliver, update
from mlmon.alerting.settings import AlertingSettings
from mlmon.analyzers.base.window import HOUR
from mlmon.analyzers.run.findings_store import FindingStore
from tests.support.histories import spell
from tests.support.receivers import WebhookReceiver, webhook_receiver

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlmon.elastic.client.cluster import Cluster

NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
BEGIN = NOW - 10 * HOUR
KEY = "0123456789abcdef0123456789abcdef"
HEALTH = {"analyzer": "data_quality", "metric": "missing.rate", "model_name": "autobid"}


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[WebhookReceiver]:
    """A stand-in of a service's API; a proxy of the environment is not asked for it."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with webhook_receiver() as running:
        running.status = 202
        yield running


def events(of: WebhookReceiver) -> list[dict[str, Any]]:
    """Return PagerDuty's events, each as its documentation asks for."""
    found = []
    for request in of.requests:
        body = request.body
        assert (request.method, request.path) == ("POST", "/v2/enqueue")
        assert request.headers["Content-Type"] == "application/json"
        assert len(body["routing_key"]) == 32
        assert 0 < len(body["dedup_key"]) <= 255
        assert body["event_action"] in {"trigger", "resolve"}
        if body["event_action"] == "trigger":
            payload = body["payload"]
            assert {"summary", "source", "severity"} <= payload.keys()
            assert 0 < len(payload["summary"]) <= 1_024
            assert payload["severity"] in {"critical", "error", "warning", "info"}
            assert all(link.keys() == {"href", "text"} for link in body["links"])
        found.append(body)
    return found


def happen(cluster: Cluster, namespace: str, letters: str, alerting: AlertingSettings) -> None:
    """Store findings, an hour each, bring incidents up to them, and send what is news."""
    findings = spell(letters, "price", start=BEGIN, **HEALTH)
    FindingStore(cluster, namespace).write(findings, NOW)
    update(cluster, namespace, BEGIN, NOW, alerting)
    deliver(cluster, namespace, NOW, alerting)


def test_pagerduty_resolves_what_it_triggered(
    cluster: Cluster, namespace: str, service: WebhookReceiver, tmp_path: Path
) -> None:
    """Opened, grew worse, over: two triggers and a resolve of one key, in the documented shape."""
    key = tmp_path / "key"
    key.write_text(KEY)
    route = {"type": "pagerduty", "key_file": str(key), "api_url": service.api_url}
    alerting = AlertingSettings(notify={"oncall": route})
    for letters in ("oww", "owwcc", "owwccooo"):
        happen(cluster, namespace, letters, alerting)
    found = events(service)
    assert [event["event_action"] for event in found] == ["trigger", "trigger", "resolve"]
    assert len({event["dedup_key"] for event in found}) == 1
    assert [event["payload"]["severity"] for event in found[:2]] == ["warning", "critical"]
    assert found[0]["payload"]["source"] == "api"


def test_opsgenie_closes_what_it_created(
    cluster: Cluster, namespace: str, service: WebhookReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Created with an alias, raised by it when it grows worse, and closed by it."""
    monkeypatch.setenv("GENIE", KEY)
    route = {
        "type": "opsgenie",
        "key_env": "GENIE",
        "api_url": service.api_url,
        "teams": ["ml"],
    }
    alerting = AlertingSettings(notify={"oncall": route})
    for letters in ("oww", "owwcc", "owwccooo"):
        happen(cluster, namespace, letters, alerting)
    created, again, raised, closed = service.requests
    for request in service.requests:
        assert request.headers["Authorization"] == f"GenieKey {KEY}"
    alias = created.body["alias"]
    assert 0 < len(alias) <= 512
    assert 0 < len(created.body["message"]) <= 130
    assert (created.method, created.path) == ("POST", "/v2/alerts")
    assert created.body["priority"] == "P3"
    assert created.body["responders"] == [{"name": "ml", "type": "team"}]
    assert all(isinstance(value, str) for value in created.body["details"].values())
    assert again.body["alias"] == alias
    assert raised.method == "PUT"
    assert unquote(raised.path) == f"/v2/alerts/{alias}/priority?identifierType=alias"
    assert raised.body == {"priority": "P1"}
    assert closed.method == "POST"
    assert unquote(closed.path) == f"/v2/alerts/{alias}/close?identifierType=alias"
    assert closed.body.keys() == {"source", "note"}


def test_a_storm_keeps_a_key_for_each_incident(
    cluster: Cluster, namespace: str, service: WebhookReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One event for many could never be resolved: each incident is triggered by itself."""
    monkeypatch.setenv("PD", KEY)
    route = {"type": "pagerduty", "key_env": "PD", "api_url": service.api_url}
    alerting = AlertingSettings(notify={"oncall": route})
    findings = [
        finding
        for model in range(STORM + 2)
        for finding in spell("occc", start=BEGIN, **(HEALTH | {"model_name": f"m{model}"}))
    ]
    FindingStore(cluster, namespace).write(findings, NOW)
    update(cluster, namespace, BEGIN, NOW, alerting)
    deliver(cluster, namespace, NOW, alerting)
    assert len({event["dedup_key"] for event in events(service)}) == STORM + 2


@pytest.mark.parametrize(
    ("status", "sent"), [(202, "sent"), (400, "refused"), (429, "retry"), (503, "retry")]
)
def test_what_an_answer_means(service: WebhookReceiver, status: int, sent: str) -> None:
    """202 is accepted, 400 is wrong for good; too many requests and a fault are tried again."""
    service.status = status
    one = own_message("mlmon cannot judge prod", "away", NOW, severity="critical", thread="prod")
    for channel in (
        PagerDuty(SecretStr(KEY), service.api_url),
        Opsgenie(SecretStr(KEY), service.api_url),
    ):
        outcome = channel.send(one)
        assert outcome.sent.value == sent
        assert KEY not in outcome.reason


def test_that_mlmon_judges_again_resolves_that_it_cannot(service: WebhookReceiver) -> None:
    """Both have the key of the namespace; a test leaves nothing open."""
    channel = PagerDuty(SecretStr(KEY), service.api_url)
    for severity in ("critical", "ok"):
        channel.send(own_message("t", "s", NOW, severity=severity, thread="mlmon-judges-prod"))
    channel.send(own_message("mlmon test", "s", NOW, severity="ok", kind="test"))
    actions = [(event["event_action"], event["dedup_key"]) for event in events(service)]
    assert actions[:2] == [("trigger", "mlmon-judges-prod"), ("resolve", "mlmon-judges-prod")]
    assert [action for action, _ in actions[2:]] == ["trigger", "resolve"]
    assert len({key for _, key in actions[2:]}) == 1


def test_urls_of_apprise_go_to_the_channels_that_can_end(service: WebhookReceiver) -> None:
    """A route that names PagerDuty or Opsgenie by apprise's URL resolves, too."""
    route = AppriseRoute(type="apprise", url=SecretStr(f"pagerduty://{KEY}@token?region=eu"))
    assert route.notifier() == PagerDuty(SecretStr(KEY), "https://events.eu.pagerduty.com")
    genie = AppriseRoute(type="apprise", url=SecretStr("opsgenie://AbC-1/%23ml"))
    assert genie.notifier() == Opsgenie(SecretStr("AbC-1"), teams=("ml",))
    one = Message("id", "i", "opened", "critical", "x" * 2_000, (), thread="k" * 600)
    PagerDuty(SecretStr(KEY), service.api_url).send(one)
    (event,) = events(service)
    assert len(event["payload"]["summary"]) == 1_024


def test_a_route_needs_one_key() -> None:
    """None and two are errors of the settings."""
    routes: TypeAdapter[Any] = TypeAdapter(ChannelRoute)
    for keys in ({}, {"key_env": "A", "key_file": "b"}):
        with pytest.raises(ValidationError, match="needs one of key_file, key_env, key_keyring"):
            routes.validate_python({"type": "pagerduty", **keys})
