"""Messages reach people once, also when the channel or mlmon fails in between."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from mlmon.alerting.actions.incident_actions import IncidentActions
from mlmon.alerting.incidents.store import IncidentStore
from mlmon.alerting.notify.apprise_services import AppriseService
from mlmon.alerting.notify.message import Message
from mlmon.alerting.notify.outbox import GIVEN_UP, LATEST, STORM
from mlmon.alerting.notify.webhook import Webhook
from mlmon.alerting.publish import Alerting, deliver, update
from mlmon.alerting.settings import AlertingSettings, load_alerting_settings
from mlmon.analyzers.base.window import HOUR, MINUTE
from mlmon.analyzers.run.findings_store import FindingStore
from mlmon.commands import app
from mlmon.elastic.indices.names import DELIVERIES, index_name
from mlmon.formatting import moment
from tests.support.histories import spell
from tests.support.receivers import MailServer, WebhookReceiver, mail_server, webhook_receiver

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlmon.alerting.notify.notifier import SendResult
    from mlmon.elastic.client.cluster import Cluster

pytestmark = pytest.mark.long

NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
BEGIN = NOW - 6 * HOUR
HEALTH = {"analyzer": "data_quality", "metric": "missing.rate", "model_name": "autobid"}


@pytest.fixture
def hook() -> Iterator[WebhookReceiver]:
    """A webhook receiver."""
    with webhook_receiver() as receiver:
        yield receiver


@pytest.fixture
def mails() -> Iterator[MailServer]:
    """An SMTP server."""
    with mail_server() as server:
        yield server


def settings(**routes: dict[str, Any]) -> AlertingSettings:
    """Return settings with some routes."""
    return AlertingSettings(notify=routes, runbook_url="https://docs.example/")


def happen(
    cluster: Cluster, namespace: str, letters: str, alerting: AlertingSettings, **known: Any
) -> None:
    """Store findings, one letter an hour from `BEGIN` on, and bring incidents up to them."""
    FindingStore(cluster, namespace).write(
        spell(letters, "price", start=BEGIN, **(HEALTH | known)), NOW
    )
    update(cluster, namespace, BEGIN, NOW, alerting)


def email(mails: MailServer) -> dict[str, Any]:
    """Return a route to a mail server."""
    known = {"port": mails.port, "security": "none", "host": "127.0.0.1"}
    return {"type": "email", "to": ["oncall@example.com"], **known}


def test_one_message_at_the_start_and_one_at_the_end(
    cluster: Cluster, namespace: str, hook: WebhookReceiver, mails: MailServer
) -> None:
    """Two routes each get one message per change, and a second delivery sends nothing."""
    alerting = settings(
        chat={"type": "webhook", "url": hook.url},
        mail={
            "type": "email",
            "to": ["oncall@example.com"],
            "port": mails.port,
            "security": "none",
            "host": "127.0.0.1",
        },
    )
    for letters in ("occc", "occcooo"):
        happen(cluster, namespace, letters, alerting)
        for _ in range(2):
            deliver(cluster, namespace, NOW, alerting)
    assert [body["kind"] for body in hook.bodies] == ["opened", "resolved"]
    assert [mail["Subject"] for mail in mails.mails] == [
        "[critical] Missing values of price, autobid",
        "Resolved: Missing values of price, autobid",
    ]
    assert mails.mails[0]["References"] == mails.mails[1]["References"]


def test_a_message_shows_what_a_person_needs(
    cluster: Cluster, namespace: str, mails: MailServer
) -> None:
    """What, since when, where, how to take it, and an absolute link to the runbook."""
    alerting = settings(
        mail={
            "type": "email",
            "to": ["oncall@example.com"],
            "port": mails.port,
            "security": "none",
            "host": "127.0.0.1",
        }
    )
    happen(cluster, namespace, "occc", alerting)
    deliver(cluster, namespace, NOW, alerting)
    (mail,) = mails.mails
    plain, rich = (mail.get_body([kind]) for kind in ("plain", "html"))
    assert plain is not None
    assert rich is not None
    text = plain.get_content()
    for line in ("What: ", "Since: ", "Where: api, autobid", "Acknowledge: mlmon incidents ack "):
        assert line in text
    assert "Runbook: https://docs.example/docs/analyzers/drift.md#missing.rate" in text
    assert (
        "<a href='https://docs.example/docs/analyzers/drift.md#missing.rate'>Runbook</a>"
        in rich.get_content()
    )


def test_a_channel_that_is_away_gets_it_later_once(
    cluster: Cluster, namespace: str, hook: WebhookReceiver
) -> None:
    """A 503 is tried again with a pause; nothing is lost, and nothing is sent twice."""
    alerting = settings(chat={"type": "webhook", "url": hook.url})
    happen(cluster, namespace, "occc", alerting)
    hook.status = 503
    first = deliver(cluster, namespace, NOW, alerting)
    assert (first.sent, first.waiting, first.failed) == (0, 1, ("chat: retry (HTTP 503)",))
    hook.status = 200
    assert deliver(cluster, namespace, NOW, alerting).sent == 0
    assert deliver(cluster, namespace, NOW + timedelta(minutes=1), alerting).sent == 1
    assert deliver(cluster, namespace, NOW + HOUR, alerting).sent == 0
    assert len(hook.bodies) == 2


def test_one_route_that_fails_keeps_no_other_back(
    cluster: Cluster, namespace: str, hook: WebhookReceiver, tmp_path: Path
) -> None:
    """A route to nowhere, one with an unreadable secret and a refusing one fail by themselves."""
    with webhook_receiver() as refusing:
        refusing.status = 400
        alerting = settings(
            nowhere={"type": "webhook", "url": "http://127.0.0.1:9/"},
            unreadable={"type": "webhook", "url_file": str(tmp_path / "none")},
            refusing={"type": "webhook", "url": refusing.url},
            works={"type": "webhook", "url": hook.url},
        )
        happen(cluster, namespace, "occc", alerting)
        done = deliver(cluster, namespace, NOW, alerting)
    assert done.sent == 1
    assert done.waiting == 2
    assert [line.partition(":")[0] for line in done.failed] == ["nowhere", "refusing", "unreadable"]
    assert len(hook.bodies) == 1


def test_a_mail_server_that_refuses_for_good_is_not_asked_again(
    cluster: Cluster, namespace: str, mails: MailServer
) -> None:
    """550 is kept as refused; 451 is tried again."""
    alerting = settings(
        mail={
            "type": "email",
            "to": ["x@example.com"],
            "port": mails.port,
            "security": "none",
            "host": "127.0.0.1",
        }
    )
    happen(cluster, namespace, "occc", alerting)
    mails.refuse = "451 try later"
    assert deliver(cluster, namespace, NOW, alerting).waiting == 1
    mails.refuse = "550 no such user"
    later = deliver(cluster, namespace, NOW + HOUR, alerting)
    assert later.failed == ("mail: refused (SMTP 550)",)
    mails.refuse = None
    assert deliver(cluster, namespace, NOW + 2 * HOUR, alerting).sent == 0


@pytest.mark.parametrize("refusal", ["login", "sender"])
def test_a_refused_login_or_sender_waits_to_be_corrected(
    cluster: Cluster, namespace: str, refusal: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SMTP 535 and 550 for the sender are about the configuration, not about the message."""
    monkeypatch.setenv("SMTP_PASSWORD", "old")
    login = {"username": "mlmon", "password_env": "SMTP_PASSWORD"} if refusal == "login" else {}
    with mail_server(password="new" if login else None) as mails:
        mails.refuse_sender = None if login else "550 not you"
        alerting = settings(mail=email(mails) | login)
        happen(cluster, namespace, "occc", alerting)
        assert deliver(cluster, namespace, NOW, alerting).waiting == 1
        monkeypatch.setenv("SMTP_PASSWORD", "new")
        mails.refuse_sender = None
        assert deliver(cluster, namespace, NOW + HOUR, alerting).sent == 1
    assert len(mails.mails) == 1


def test_a_server_that_is_slow_or_rude_after_it_took_an_e_mail_gets_it_once(
    cluster: Cluster, namespace: str, mails: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It answers later than a connection may take, and refuses the farewell; one of two is gone."""
    monkeypatch.setattr("mlmon.alerting.notify.email.TIMEOUT_S", 0.2)
    mails.slow_s, mails.farewell, mails.unknown = 0.5, "451 busy", "gone@example.com"
    alerting = settings(mail=email(mails) | {"to": ["oncall@example.com", "gone@example.com"]})
    happen(cluster, namespace, "occc", alerting)
    assert deliver(cluster, namespace, NOW, alerting).sent == 1
    assert deliver(cluster, namespace, NOW + HOUR, alerting).sent == 0
    assert len(mails.mails) == 1
    log = cluster.scan(index_name(DELIVERIES, namespace), {"query": {"match_all": {}}})
    assert [entry["_source"]["delivery.reason"] for entry in log] == [
        "1 of 2 recipients refused: SMTP 550"
    ]


def test_two_processes_send_a_message_once(
    cluster: Cluster, namespace: str, hook: WebhookReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`mlmon analyze` delivers while `mlmon run` is at it: what one sends the other leaves alone.

    Were the first one killed, the message is sent two minutes later.
    """
    alerting = settings(chat={"type": "webhook", "url": hook.url})
    happen(cluster, namespace, "occc", alerting)
    others: list[int] = []

    def meanwhile(channel: Webhook, message: Message) -> SendResult:
        monkeypatch.undo()
        for minutes in (0, 1, 3):
            others.append(deliver(cluster, namespace, NOW + minutes * MINUTE, alerting).sent)
            cluster.refresh(index_name(DELIVERIES, namespace))
        return channel.send(message)

    monkeypatch.setattr(Webhook, "send", meanwhile)
    deliver(cluster, namespace, NOW, alerting)
    assert others == [0, 0, 1]


def test_a_route_that_is_away_is_asked_once_and_nothing_waits_behind_what_it_never_takes(
    cluster: Cluster, namespace: str, hook: WebhookReceiver
) -> None:
    """Of three messages one is tried; after the pause those that were not tried go first."""
    alerting = settings(chat={"type": "webhook", "url": hook.url})
    for model in ("one", "two", "three"):
        happen(cluster, namespace, "occ", alerting, model_name=model)
    hook.status = 503
    for _ in range(2):
        deliver(cluster, namespace, NOW, alerting)
    assert len(hook.bodies) == 1
    deliver(cluster, namespace, NOW + MINUTE, alerting)
    first, second = hook.bodies
    assert first["incident"] != second["incident"]
    hook.status = 200
    assert deliver(cluster, namespace, NOW + HOUR, alerting).sent == 3


def test_killed_between_outbox_and_change_it_is_sent_once(
    cluster: Cluster, namespace: str, hook: WebhookReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that dies with the outbox filled and the change not stored loses nothing."""
    alerting = settings(chat={"type": "webhook", "url": hook.url})

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("mlmon.alerting.incidents.store.IncidentStore.add", killed)
        with pytest.raises(KeyboardInterrupt):
            happen(cluster, namespace, "occc", alerting)
    update(cluster, namespace, BEGIN, NOW, alerting)
    deliver(cluster, namespace, NOW, alerting)
    deliver(cluster, namespace, NOW, alerting)
    assert [body["kind"] for body in hook.bodies] == ["opened"]


def test_a_history_calls_nobody(cluster: Cluster, namespace: str, hook: WebhookReceiver) -> None:
    """Changes that are older than a day, as an analysis of the past finds them, are not sent."""
    alerting = settings(chat={"type": "webhook", "url": hook.url})
    old = spell("occcooo", start=BEGIN - LATEST - 8 * HOUR, **HEALTH)
    FindingStore(cluster, namespace).write(old, NOW)
    update(cluster, namespace, BEGIN - 3 * LATEST, NOW, alerting)
    assert deliver(cluster, namespace, NOW, alerting).sent == 0
    assert hook.bodies == []


def test_what_is_open_is_sent_however_late_it_became_known(
    cluster: Cluster, namespace: str, hook: WebhookReceiver
) -> None:
    """After two days without mlmon, what is still wrong is reported, and later its end, too."""
    alerting = settings(hook={"type": "webhook", "url": hook.url})
    begin = NOW - 2 * LATEST
    letters = "c" * round((NOW - begin) / HOUR)
    store = FindingStore(cluster, namespace)
    store.write(spell(letters, "price", start=begin, **HEALTH), NOW)
    update(cluster, namespace, begin, NOW, alerting)
    deliver(cluster, namespace, NOW, alerting)
    assert [body["kind"] for body in hook.bodies] == ["opened"]
    later = NOW + 3 * LATEST
    store.write(spell("oooo", "price", start=NOW, **HEALTH), later)
    update(cluster, namespace, NOW, later, alerting)
    deliver(cluster, namespace, later, alerting)
    assert [body["kind"] for body in hook.bodies] == ["opened", "resolved"]


def test_one_fault_in_two_environments_is_two_messages(
    cluster: Cluster, namespace: str, hook: WebhookReceiver
) -> None:
    """A receiver that drops repetitions keeps both; text and command name the environment."""
    alerting = settings(hook={"type": "webhook", "url": hook.url})
    names = (namespace, f"{namespace}_b")
    for name in names:
        happen(cluster, name, "occ", alerting)
        deliver(cluster, name, NOW, alerting)
    first, second = hook.bodies
    assert first["id"] != second["id"]
    for name, body in zip(names, hook.bodies, strict=True):
        assert f"namespace {name}" in body["text"]
        assert f"--namespace {name}" in body["text"]


@pytest.mark.parametrize("status", [302, 401, 403, 404, 410, 503])
def test_a_wrong_address_is_tried_until_it_is_corrected(
    cluster: Cluster, namespace: str, hook: WebhookReceiver, status: int
) -> None:
    """What a person corrects a minute later has lost no message."""
    alerting = settings(hook={"type": "webhook", "url": hook.url})
    happen(cluster, namespace, "occ", alerting)
    hook.status = status
    assert deliver(cluster, namespace, NOW, alerting).waiting == 1
    hook.status = 200
    assert deliver(cluster, namespace, NOW + HOUR, alerting).sent == 1


def test_routes_choose_by_severity_service_and_model(
    cluster: Cluster, namespace: str, hook: WebhookReceiver
) -> None:
    """Of two warnings and a critical incident, a route for critical ones of a model gets one."""
    alerting = settings(
        chosen={"type": "webhook", "url": hook.url, "severity": "critical", "models": ["auto*"]}
    )
    happen(cluster, namespace, "owww", alerting)
    happen(cluster, namespace, "occc", alerting, model_name="pricing")
    happen(cluster, namespace, "occc", alerting, model_name="automatic")
    deliver(cluster, namespace, NOW, alerting)
    assert [body["title"] for body in hook.bodies] == [
        "[critical] Missing values of price, automatic"
    ]


def test_whom_an_incident_was_announced_to_gets_its_end(
    cluster: Cluster, namespace: str, hook: WebhookReceiver
) -> None:
    """A cause that becomes known moves an incident to other receivers: they join, none leaves."""
    with webhook_receiver() as jobs:
        alerting = settings(
            features={"type": "webhook", "url": hook.url, "layers": ["feature"]},
            jobs={"type": "webhook", "url": jobs.url, "layers": ["job"]},
        )
        happen(cluster, namespace, "occ", alerting)
        deliver(cluster, namespace, NOW, alerting)
        assert ([body["kind"] for body in hook.bodies], jobs.bodies) == (["opened"], [])
        job = {"analyzer": "job_health", "metric": "failed.runs", "model_name": None}
        known = {"onset_start": BEGIN, "onset_end": BEGIN}
        failed = spell("c", "refresh", start=BEGIN + 4 * HOUR, **job, **known)
        FindingStore(cluster, namespace).write(failed, NOW)
        happen(cluster, namespace, "occ", alerting)
        deliver(cluster, namespace, NOW, alerting)
        assert [body["kind"] for body in hook.bodies] == ["opened"]
        (joined,) = jobs.bodies
        assert joined["kind"] == "opened"
        assert joined["title"] == "[critical] Failed runs of refresh"
        calm = spell("o", "refresh", start=BEGIN + 5 * HOUR, **job)
        FindingStore(cluster, namespace).write(calm, NOW)
        happen(cluster, namespace, "occooo", alerting)
        for _ in range(2):
            deliver(cluster, namespace, NOW, alerting)
        for receiver in (hook, jobs):
            assert [body["kind"] for body in receiver.bodies] == ["opened", "resolved"]


def test_a_new_route_is_told_what_is_open(
    cluster: Cluster, namespace: str, hook: WebhookReceiver
) -> None:
    """Once, and of what it takes; what somebody took, and what ended, is no message."""
    before = settings()
    happen(cluster, namespace, "occ", before)
    happen(cluster, namespace, "oww", before, model_name="mild")
    happen(cluster, namespace, "occ", before, model_name="taken")
    happen(cluster, namespace, "occooo", before, model_name="ended")
    (taken,) = (
        one for one in IncidentStore(cluster, namespace).open() if one.model_name == "taken"
    )
    IncidentActions(cluster, namespace).acknowledge(taken.id, "ada", "", NOW)
    alerting = settings(chat={"type": "webhook", "url": hook.url, "severity": "critical"})
    for _ in range(2):
        happen(cluster, namespace, "occ", alerting)
        deliver(cluster, namespace, NOW, alerting)
    (body,) = hook.bodies
    assert (body["kind"], body["incident"] != taken.id) == ("opened", True)
    assert body["title"] == "[critical] Missing values of price, autobid"
    happen(cluster, namespace, "occooo", alerting)
    deliver(cluster, namespace, NOW, alerting)
    assert [body["kind"] for body in hook.bodies] == ["opened", "resolved"]


@pytest.mark.parametrize(
    ("late", "expected"),
    [
        (timedelta(minutes=5), "noticed {opened}"),
        (timedelta(hours=3), "in alarm since {opened}, noticed {known}"),
    ],
)
def test_a_message_says_when_it_was_noticed(
    cluster: Cluster, namespace: str, hook: WebhookReceiver, late: timedelta, expected: str
) -> None:
    """After a pause of the cycles that is not when it could have been."""
    alerting = settings(chat={"type": "webhook", "url": hook.url})
    FindingStore(cluster, namespace).write(spell("occ", "price", start=BEGIN, **HEALTH), NOW)
    opened = BEGIN + 3 * HOUR
    update(cluster, namespace, BEGIN, opened + late, alerting)
    deliver(cluster, namespace, opened + late, alerting)
    (body,) = hook.bodies
    (since,) = (line for line in body["text"].splitlines() if line.startswith("Since: "))
    assert since.endswith(expected.format(opened=moment(opened), known=moment(opened + late)))


def test_an_end_never_overtakes_its_begin(
    cluster: Cluster, namespace: str, hook: WebhookReceiver
) -> None:
    """What opened, grew worse and ended while the receiver was away is one message, of all three.

    Until the pause after the failed attempt is over, nothing about it is sent.
    """
    alerting = settings(chat={"type": "webhook", "url": hook.url})
    hook.status = 503
    happen(cluster, namespace, "oww", alerting)
    deliver(cluster, namespace, NOW, alerting)
    hook.status = 200
    happen(cluster, namespace, "owwccooo", alerting)
    assert deliver(cluster, namespace, NOW, alerting).sent == 0
    assert deliver(cluster, namespace, NOW + MINUTE, alerting).sent == 1
    (told,) = hook.bodies_taken()
    assert told["kind"] == "resolved"
    assert "Not delivered before: Opened" in told["text"]
    assert "Grew worse" in told["text"]
    assert deliver(cluster, namespace, NOW + HOUR, alerting).sent == 0


def test_what_grew_while_the_receiver_was_away_is_one_begin(
    cluster: Cluster, namespace: str, hook: WebhookReceiver
) -> None:
    """It is as severe as it is by then, and a program sees that it opened."""
    alerting = settings(chat={"type": "webhook", "url": hook.url})
    hook.status = 503
    happen(cluster, namespace, "oww", alerting)
    deliver(cluster, namespace, NOW, alerting)
    hook.status = 200
    happen(cluster, namespace, "owwcc", alerting)
    deliver(cluster, namespace, NOW + MINUTE, alerting)
    (told,) = hook.bodies_taken()
    assert (told["kind"], told["severity"]) == ("opened", "critical")
    assert told["title"] == "[critical] Missing values of price, autobid"


def test_an_incident_that_waits_keeps_no_other_back(
    cluster: Cluster, namespace: str, hook: WebhookReceiver
) -> None:
    """The order holds for one incident; another one's message goes with the next delivery."""
    alerting = settings(chat={"type": "webhook", "url": hook.url})
    hook.status = 503
    happen(cluster, namespace, "occ", alerting)
    deliver(cluster, namespace, NOW, alerting)
    hook.status = 200
    happen(cluster, namespace, "occ", alerting, model_name="other")
    assert deliver(cluster, namespace, NOW, alerting).sent == 1
    assert hook.bodies_taken()[0]["title"].endswith("of price, other")


@pytest.mark.parametrize(
    ("second", "sent"),
    [
        ("ww", ["opened", "resolved", "reopened", "resolved"]),
        ("cc", ["opened", "resolved", "reopened", "reopened", "resolved"]),
    ],
)
def test_what_flaps_is_sent_once_and_ends_after_an_hour_of_calm(
    cluster: Cluster, namespace: str, hook: WebhookReceiver, second: str, sent: list[str]
) -> None:
    """It opens four times in four hours; the later times are sent only where it is worse."""
    alerting = settings(chat={"type": "webhook", "url": hook.url})
    letters = "owwooo" + "wwooo" + second + "ooo" + "wwooo" + "oooooo"
    length = 10 * MINUTE
    begin = NOW - len(letters) * length
    store = FindingStore(cluster, namespace)
    for number, finding in enumerate(
        spell(letters, "price", length=length, start=begin, **HEALTH), 1
    ):
        store.write([finding], finding.end)
        update(cluster, namespace, begin, finding.end, alerting)
        deliver(cluster, namespace, finding.end, alerting)
        if number == len(letters) - 1:
            assert [body["kind"] for body in hook.bodies] == sent[:-1]
    assert [body["kind"] for body in hook.bodies] == sent


def test_a_person_who_closes_an_incident_ends_it_everywhere(
    cluster: Cluster, namespace: str, hook: WebhookReceiver
) -> None:
    """Who was told that it opened is told, once; that its alerts end later is no news then."""
    alerting = settings(chat={"type": "webhook", "url": hook.url})
    happen(cluster, namespace, "occ", alerting)
    deliver(cluster, namespace, NOW, alerting)
    (incident,) = IncidentStore(cluster, namespace).open()
    IncidentActions(cluster, namespace).close(incident.id, "ada", "The service was retired.", NOW)
    for _ in range(2):
        deliver(cluster, namespace, NOW + MINUTE, alerting)
    assert [body["kind"] for body in hook.bodies] == ["opened", "closed"]
    assert hook.bodies[-1]["severity"] == "ok"
    assert "The service was retired." in hook.bodies[-1]["text"]
    happen(cluster, namespace, "occooo", alerting)
    deliver(cluster, namespace, NOW + MINUTE, alerting)
    assert len(hook.bodies) == 2


def test_a_storm_is_one_message(cluster: Cluster, namespace: str, hook: WebhookReceiver) -> None:
    """Many incidents that open at once are one message that lists them."""
    alerting = settings(chat={"type": "webhook", "url": hook.url})
    number = STORM + 5
    findings = [
        finding
        for model in range(number)
        for finding in spell("occc", start=BEGIN, **(HEALTH | {"model_name": f"m{model}"}))
    ]
    FindingStore(cluster, namespace).write(findings, NOW)
    update(cluster, namespace, BEGIN, NOW, alerting)
    deliver(cluster, namespace, NOW, alerting)
    (body,) = hook.bodies
    assert body["title"] == f"[critical] {number} changes of incidents at once"
    assert deliver(cluster, namespace, NOW + GIVEN_UP, alerting).sent == 0


def test_other_services_are_reached_by_apprise(hook: WebhookReceiver) -> None:
    """A URL of apprise takes a message; one it does not know waits to be corrected, unshown."""
    port = hook.url.rpartition(":")[2].partition("/")[0]
    one = Message("id", "i", "opened", "critical", "title", (("What", "it fails"),))
    assert AppriseService(SecretStr(f"json://127.0.0.1:{port}/hook")).send(one).sent.value == "sent"
    assert hook.bodies[0]["title"] == "title"
    wrong = AppriseService(SecretStr("pigeon://s3cret@nowhere")).send(one)
    assert wrong.sent.value == "retry"
    assert "s3cret" not in wrong.reason


def test_a_maintenance_window_holds_messages_back(
    cluster: Cluster, namespace: str, hook: WebhookReceiver
) -> None:
    """What opens in it is sent at its end if it still is open, and never if it ended meanwhile."""
    window = {"name": "retraining", "start": BEGIN.isoformat(), "length": "9h"}
    alerting = AlertingSettings(
        notify={"chat": {"type": "webhook", "url": hook.url}},
        maintenance=[window | {"models": ["autobid", "brief"]}],
    )
    happen(cluster, namespace, "occc", alerting)
    happen(cluster, namespace, "occooo", alerting, model_name="brief")
    happen(cluster, namespace, "occc", alerting, model_name="other")
    assert deliver(cluster, namespace, NOW, alerting).sent == 1
    assert [body["title"] for body in hook.bodies] == ["[critical] Missing values of price, other"]
    after = BEGIN + timedelta(hours=9)
    update(cluster, namespace, BEGIN, after, alerting)
    assert deliver(cluster, namespace, after, alerting).sent == 1
    assert hook.bodies[-1]["title"].endswith("of price, autobid")


def test_what_was_announced_before_a_maintenance_window_ends_after_it(
    cluster: Cluster, namespace: str, hook: WebhookReceiver
) -> None:
    """An end that falls into the window is sent when it is over; it is not withheld for ever."""
    before = settings(chat={"type": "webhook", "url": hook.url})
    happen(cluster, namespace, "occ", before)
    deliver(cluster, namespace, NOW, before)
    window = {"name": "retraining", "start": BEGIN.isoformat(), "length": "9h"}
    during = AlertingSettings(
        notify={"chat": {"type": "webhook", "url": hook.url}}, maintenance=[window]
    )
    happen(cluster, namespace, "occooo", during)
    assert deliver(cluster, namespace, NOW, during).sent == 0
    assert deliver(cluster, namespace, BEGIN + timedelta(hours=9), during).sent == 1
    assert [body["kind"] for body in hook.bodies] == ["opened", "resolved"]


def test_what_is_due_again_is_sent_between_cycles(
    cluster: Cluster,
    namespace: str,
    hook: WebhookReceiver,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """A receiver that was away for a moment need not wait for the next cycle."""
    path = tmp_path / "mlmon.toml"
    path.write_text(f'[alerting.notify.chat]\ntype = "webhook"\nurl = "{hook.url}"\n')
    monkeypatch.setenv("MLMON_CONFIG", str(path))
    monkeypatch.setenv("MLMON_HOME", str(tmp_path))
    assert Alerting().send_due(cluster, namespace, NOW).line == ""
    hook.status = 503
    happen(cluster, namespace, "occ", load_alerting_settings())
    assert Alerting().send_due(cluster, namespace, NOW).failed
    hook.status = 200
    assert Alerting().send_due(cluster, namespace, NOW).line == ""
    assert Alerting().send_due(cluster, namespace, NOW + MINUTE).line == "sent 1 message"
    assert len(hook.bodies_taken()) == 1


def test_a_test_message_shows_which_routes_work(
    hook: WebhookReceiver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`mlmon alerting test` reports each route, and fails where one did not take it."""
    path = tmp_path / "mlmon.toml"
    path.write_text(f'[alerting.notify.chat]\ntype = "webhook"\nurl = "{hook.url}"\n')
    monkeypatch.setenv("MLMON_CONFIG", str(path))
    monkeypatch.setenv("MLMON_ALERTING_HEARTBEAT_URL", hook.url)
    result = CliRunner().invoke(app, ["alerting", "test"])
    heartbeat = "heartbeat: not tested: a call would say that mlmon judges\n"
    assert (result.exit_code, result.stdout) == (0, f"chat: sent\n{heartbeat}")
    hook.status = 400
    result = CliRunner().invoke(app, ["alerting", "test"])
    assert (result.exit_code, result.stdout) == (1, f"chat: refused (HTTP 400)\n{heartbeat}")


def test_a_message_names_what_else_is_affected(
    cluster: Cluster, namespace: str, hook: WebhookReceiver
) -> None:
    """The other alerts by what they are about, up to five; a program gets more of them."""
    alerting = settings(chat={"type": "webhook", "url": hook.url})
    store = FindingStore(cluster, namespace)
    for number in range(8):
        store.write(spell("occ", f"feature {number}", start=BEGIN, **HEALTH), NOW)
    happen(cluster, namespace, "occ", alerting)
    deliver(cluster, namespace, NOW, alerting)
    (body,) = hook.bodies
    (line,) = [line for line in body["text"].splitlines() if line.startswith("Also affected: ")]
    assert line.startswith("Also affected: 8 other alerts: Missing values of feature ")
    assert line.endswith("; and 3 more")
    assert len(body["document"]["incident.affected"]) == 8
