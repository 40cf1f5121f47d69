"""PagerDuty and Opsgenie get one alert per incident, and its end by the same key.

What a receiver here gets is checked against the shapes that both document: PagerDuty's Events API
v2 (https://developer.pagerduty.com/docs/events-api-v2/trigger-events/), Opsgenie's Alert API
(https://docs.opsgenie.com/docs/alert-api).
"""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest
from pydantic import SecretStr, TypeAdapter, ValidationError

from mlmon.alerting.notify.channels import ChannelRoute
from mlmon.alerting.notify.message import Message, own_message
from mlmon.alerting.notify.opsgenie import Opsgenie
from mlmon.alerting.notify.outbox import STORM
from mlmon.alerting.notify.pagerduty import PagerDuty
from mlmon.alerting.notify.services import ServiceRoute
from mlmon.alerting.publish import deliver, update
from mlmon.alerting.settings import AlertingSettings
from mlmon.analyzers.base.window import HOUR
from mlmon.analyzers.run.findings_store import FindingStore
from tests.support.histories import spell

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlmon.elastic.client.cluster import Cluster

NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
BEGIN = NOW - 10 * HOUR
KEY = "0123456789abcdef0123456789abcdef"
HEALTH = {"analyzer": "data_quality", "metric": "missing.rate", "model_name": "autobid"}
Request = tuple[str, str, dict[str, str], Any]
"""Method, path, headers and body."""


@dataclass
class Api:
    """A stand-in of a service's API: keeps requests, and answers with `status`."""

    url: str = ""
    requests: list[Request] = field(default_factory=list)
    status: int = 202


@contextmanager
def api() -> Iterator[Api]:
    """Run one on loopback."""
    received = Api()

    class Handler(BaseHTTPRequestHandler):
        """Keeps requests."""

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            received.requests.append((self.command, self.path, dict(self.headers), body))
            self.send_response(received.status)
            self.end_headers()

        do_PUT = do_POST  # noqa: N815 - the base calls it so

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    received.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield received
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """A stand-in; a proxy of the environment is not asked for it."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with api() as running:
        yield running


def events(of: Api) -> list[dict[str, Any]]:
    """Return PagerDuty's events, each as its documentation asks for."""
    found = []
    for method, path, headers, body in of.requests:
        assert (method, path) == ("POST", "/v2/enqueue")
        assert headers["Content-Type"] == "application/json"
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
    cluster: Cluster, namespace: str, service: Api, tmp_path: Path
) -> None:
    """Opened, grew worse, over: two triggers and a resolve of one key, in the documented shape."""
    key = tmp_path / "key"
    key.write_text(KEY)
    route = {"type": "pagerduty", "key_file": str(key), "api_url": service.url}
    alerting = AlertingSettings(notify={"oncall": route})
    for letters in ("oww", "owwcc", "owwccooo"):
        happen(cluster, namespace, letters, alerting)
    found = events(service)
    assert [event["event_action"] for event in found] == ["trigger", "trigger", "resolve"]
    assert len({event["dedup_key"] for event in found}) == 1
    assert [event["payload"]["severity"] for event in found[:2]] == ["warning", "critical"]
    assert found[0]["payload"]["source"] == "api"


def test_opsgenie_closes_what_it_created(
    cluster: Cluster, namespace: str, service: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Created with an alias, raised by it when it grows worse, and closed by it."""
    monkeypatch.setenv("GENIE", KEY)
    route = {
        "type": "opsgenie",
        "key_env": "GENIE",
        "api_url": service.url,
        "teams": ["ml"],
    }
    alerting = AlertingSettings(notify={"oncall": route})
    for letters in ("oww", "owwcc", "owwccooo"):
        happen(cluster, namespace, letters, alerting)
    created, again, raised, closed = service.requests
    for _, _, headers, _ in service.requests:
        assert headers["Authorization"] == f"GenieKey {KEY}"
    alias = created[3]["alias"]
    assert 0 < len(alias) <= 512
    assert 0 < len(created[3]["message"]) <= 130
    assert (created[0], created[1], created[3]["priority"]) == ("POST", "/v2/alerts", "P3")
    assert created[3]["responders"] == [{"name": "ml", "type": "team"}]
    assert all(isinstance(value, str) for value in created[3]["details"].values())
    assert again[3]["alias"] == alias
    assert raised[0] == "PUT"
    assert unquote(raised[1]) == f"/v2/alerts/{alias}/priority?identifierType=alias"
    assert raised[3] == {"priority": "P1"}
    assert closed[0] == "POST"
    assert unquote(closed[1]) == f"/v2/alerts/{alias}/close?identifierType=alias"
    assert closed[3].keys() == {"source", "note"}


def test_a_storm_keeps_a_key_for_each_incident(
    cluster: Cluster, namespace: str, service: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One event for many could never be resolved: each incident is triggered by itself."""
    monkeypatch.setenv("PD", KEY)
    route = {"type": "pagerduty", "key_env": "PD", "api_url": service.url}
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
def test_what_an_answer_means(service: Api, status: int, sent: str) -> None:
    """202 is accepted, 400 is wrong for good; too many requests and a fault are tried again."""
    service.status = status
    one = own_message("mlmon cannot judge prod", "away", NOW, severity="critical", thread="prod")
    for channel in (PagerDuty(SecretStr(KEY), service.url), Opsgenie(SecretStr(KEY), service.url)):
        outcome = channel.send(one)
        assert outcome.sent.value == sent
        assert KEY not in outcome.reason


def test_that_mlmon_judges_again_resolves_that_it_cannot(service: Api) -> None:
    """Both have the key of the namespace; a test leaves nothing open."""
    channel = PagerDuty(SecretStr(KEY), service.url)
    for severity in ("critical", "ok"):
        channel.send(own_message("t", "s", NOW, severity=severity, thread="mlmon-judges-prod"))
    channel.send(own_message("mlmon test", "s", NOW, severity="ok", kind="test"))
    actions = [(event["event_action"], event["dedup_key"]) for event in events(service)]
    assert actions[:2] == [("trigger", "mlmon-judges-prod"), ("resolve", "mlmon-judges-prod")]
    assert [action for action, _ in actions[2:]] == ["trigger", "resolve"]
    assert len({key for _, key in actions[2:]}) == 1


def test_urls_of_apprise_go_to_the_channels_that_can_end(service: Api) -> None:
    """A route that names PagerDuty or Opsgenie by apprise's URL resolves, too."""
    route = ServiceRoute(type="service", url=SecretStr(f"pagerduty://{KEY}@token?region=eu"))
    assert route.notifier() == PagerDuty(SecretStr(KEY), "https://events.eu.pagerduty.com")
    genie = ServiceRoute(type="service", url=SecretStr("opsgenie://AbC-1/%23ml"))
    assert genie.notifier() == Opsgenie(SecretStr("AbC-1"), teams=("ml",))
    one = Message("id", "i", "opened", "critical", "x" * 2_000, (), thread="k" * 600)
    PagerDuty(SecretStr(KEY), service.url).send(one)
    (event,) = events(service)
    assert len(event["payload"]["summary"]) == 1_024


def test_a_route_needs_one_key() -> None:
    """None and two are errors of the settings."""
    routes: TypeAdapter[Any] = TypeAdapter(ChannelRoute)
    for keys in ({}, {"key_env": "A", "key_file": "b"}):
        with pytest.raises(ValidationError, match="needs one of key_file, key_env, key_keyring"):
            routes.validate_python({"type": "pagerduty", **keys})
