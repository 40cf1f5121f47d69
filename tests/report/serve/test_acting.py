"""People act on incidents in a browser: as in the terminal, and nobody else does."""

from __future__ import annotations

import http.client
import json
import logging
import re
import threading
import uuid
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from typer.testing import CliRunner

from mlmon.alerting.actions.incident_actions import IncidentActions
from mlmon.alerting.incidents.store import IncidentStore
from mlmon.commands import app
from mlmon.report.serve.acts import ACTS
from tests.support.browser import started_browser
from tests.support.serving import BEGIN, NOW, TOKEN, Visitor, happen, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlmon.alerting.incidents.record import IncidentRecord
    from mlmon.elastic.client.cluster import Cluster
    from mlmon.report.serve.server import Server

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def untouched(cluster: Cluster) -> str:
    """The namespace of a critical incident on which nobody ever acts."""
    name = f"untouched_{uuid.uuid4().hex[:8]}"
    happen(cluster, name, "occc")
    return name


@pytest.fixture(scope="module")
def refusing(cluster: Cluster, untouched: str) -> Iterator[Server]:
    """A server that is asked for what it has to refuse."""
    with serving(cluster, untouched) as running:
        yield running


@pytest.fixture
def eve(refusing: Server) -> Iterator[Visitor]:
    """Someone who signed in there."""
    with Visitor(refusing) as visitor:
        assert visitor.sign_in("eve").status_code == 303
        yield visitor


@pytest.fixture
def server(cluster: Cluster, namespace: str) -> Iterator[Server]:
    """A server over one critical incident, to which people sign in with a token."""
    happen(cluster, namespace, "occc")
    with serving(cluster, namespace) as running:
        yield running


@pytest.fixture
def ada(server: Server) -> Iterator[Visitor]:
    """Someone who signed in."""
    with Visitor(server) as visitor:
        assert visitor.sign_in("ada").status_code == 303
        yield visitor


def the_one(cluster: Cluster, namespace: str) -> IncidentRecord:
    """Return the only incident."""
    (found,) = IncidentStore(cluster, namespace).overlapping(BEGIN)
    return found


def acts(cluster: Cluster, namespace: str) -> list[tuple[str, str, str]]:
    """Return what people did: kind, who and why."""
    _, _, changes = IncidentActions(cluster, namespace).show(the_one(cluster, namespace).id)
    return [
        (change["change.kind"], change["change.by"], change["change.text"])
        for change in changes
        if "change.by" in change
    ]


def test_every_act_is_kept_as_in_the_terminal(
    ada: Visitor, cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each button leads to the change that the command of the same name stores."""
    name = the_one(cluster, namespace).id
    forms = {
        "acknowledge": {"why": "on it"},
        "assign": {"to": "bob", "why": "his model"},
        "comment": {"why": "the client team knows"},
        "snooze": {"length": "2h", "why": "until they deploy"},
        "feedback": {"verdict": "fixed", "why": "rolled back"},
        "resolve": {"why": "the model is gone"},
    }
    assert set(forms) == {act.name for act in ACTS}
    for act, form in forms.items():
        answer = ada.act(name, act, **form)
        assert (answer.status_code, act) == (303, act)
        assert answer.headers["location"] == f"/incidents/{name}?done={act}"
    page = acts(cluster, namespace)
    assert [(kind, by) for kind, by, _ in page] == [
        (kind, "ada")
        for kind in ("acknowledged", "assigned", "commented", "snoozed", "feedback", "closed")
    ]
    assert [text for *_, text in page] == [form["why"] for form in forms.values()]
    assert the_one(cluster, namespace).status == "resolved"
    monkeypatch.setenv("MLMON_ELASTICSEARCH_URL", cluster.url)
    monkeypatch.setenv("MLMON_NAMESPACE", namespace)
    shown = CliRunner().invoke(app, ["incidents", "show", name]).stdout
    for form in forms.values():
        assert f"by ada: {form['why']}" in shown
    assert "<strong>closed</strong> by ada" in ada.get(f"/incidents/{name}").text


def test_without_a_way_to_sign_in_the_page_only_shows(cluster: Cluster, untouched: str) -> None:
    """There is no form, the command for the terminal instead, and a POST is refused."""
    name = the_one(cluster, untouched).id
    with serving(cluster, untouched, people=None) as server, Visitor(server) as visitor:
        page = visitor.get(f"/incidents/{name}").text
        assert "Missing values of price" in page
        assert "<form" not in page
        assert f"mlmon incidents ack {name[:8]}" in page
        assert visitor.get("/sign-in").status_code == 404
        assert visitor.post(f"/incidents/{name}/acknowledge", form="x").status_code == 401
    assert acts(cluster, untouched) == []


def test_a_link_does_nothing_by_itself(eve: Visitor, cluster: Cluster, untouched: str) -> None:
    """Loading the page of an act, as scanners of mail do, changes nothing; its button does."""
    name = the_one(cluster, untouched).id
    for act in ACTS:
        assert eve.get(f"/incidents/{name}/{act.name}").status_code == 200
    assert acts(cluster, untouched) == []


FOREIGN = {
    "no form token": ({}, {"form": ""}),
    "another form token": ({}, {"form": "0" * 64}),
    "another site": ({"Origin": "https://evil.example"}, {}),
    "another port": ({"Origin": "http://127.0.0.1:1"}, {}),
    "no origin": ({"Origin": ""}, {}),
    "a hidden origin": ({"Origin": "null"}, {}),
    "a cross-site request": ({"Sec-Fetch-Site": "cross-site"}, {}),
    "a same-site request": ({"Sec-Fetch-Site": "same-site"}, {}),
}


@pytest.mark.parametrize("how", FOREIGN)
def test_a_foreign_form_is_refused(
    eve: Visitor, cluster: Cluster, untouched: str, how: str
) -> None:
    """A form that another site sends with a person's cookie does nothing, nor signs anybody in."""
    headers, fields = FOREIGN[how]
    name = the_one(cluster, untouched).id
    path = f"/incidents/{name}/acknowledge"
    answer = eve.post(path, headers, **(eve.hidden(path) | fields))
    assert answer.status_code == 403
    assert "did not come from a page of this server" in answer.text
    secret = {"name": "eve", "secret": TOKEN}
    hidden = eve.hidden("/sign-in") | fields
    assert eve.post("/sign-in", headers, **hidden, **secret).status_code == 403
    assert acts(cluster, untouched) == []


def test_another_persons_form_is_refused(
    eve: Visitor, refusing: Server, cluster: Cluster, untouched: str
) -> None:
    """The token of a form belongs to the session in which its page was loaded."""
    path = f"/incidents/{the_one(cluster, untouched).id}/acknowledge"
    with Visitor(refusing) as bob:
        bob.sign_in("bob")
        assert eve.post(path, **bob.hidden(path)).status_code == 403
    assert acts(cluster, untouched) == []


def test_another_host_gets_nothing(eve: Visitor, cluster: Cluster, untouched: str) -> None:
    """A name that another site lets point here is refused, for forms as for pages."""
    path = f"/incidents/{the_one(cluster, untouched).id}/acknowledge"
    hidden = eve.hidden(path)
    port = urlsplit(eve.origin).port
    for host in (f"evil.example:{port}", "evil.example", "127.0.0.1"):
        headers = {"Host": host, "Origin": f"http://{host}"}
        assert eve.post(path, headers, **hidden).status_code == 421
    assert acts(cluster, untouched) == []


def test_who_is_not_signed_in_cannot_act(
    refusing: Server, cluster: Cluster, untouched: str
) -> None:
    """Without a session, with a made-up one, and after signing out, nothing is done."""
    path = f"/incidents/{the_one(cluster, untouched).id}/acknowledge"
    with Visitor(refusing) as eve:
        eve.get(path)
        assert eve.post(path, form="x").status_code == 401
        (cookie,) = eve.client.cookies
        eve.client.cookies.set(cookie, "made-up", domain="127.0.0.1")
        assert eve.post(path, form="x").status_code == 401
    with Visitor(refusing) as ada:
        ada.sign_in()
        hidden = ada.hidden(path)
        kept = dict(ada.client.cookies)
        assert ada.post("/sign-out", **hidden).status_code == 303
        ada.client.cookies.update(kept)
        assert ada.post(path, **hidden).status_code == 401
    assert acts(cluster, untouched) == []


def test_guessing_a_token_is_slow(cluster: Cluster, untouched: str) -> None:
    """After five wrong ones an address waits a minute, and the right one does not help."""
    with serving(cluster, untouched) as server, Visitor(server) as eve:
        statuses = [eve.sign_in("eve", f"guess {number}").status_code for number in range(6)]
        assert statuses == [403] * 5 + [429]
        assert eve.sign_in("eve", TOKEN).status_code == 429


def test_no_secret_is_in_a_log_or_an_address(
    server: Server, cluster: Cluster, namespace: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither token, form token nor session appears in what is logged, linked or shown."""
    caplog.set_level(logging.DEBUG)
    name = the_one(cluster, namespace).id
    with Visitor(server) as ada:
        signed_in = ada.sign_in()
        done = ada.act(name, "acknowledge")
        (session,) = dict(ada.client.cookies).values()
        pages = ada.get(f"/incidents/{name}").text + signed_in.text + done.text
        form = ada.hidden(f"/incidents/{name}/comment")["form"]
        addresses = f"{signed_in.headers['location']} {done.headers['location']}"
    logged = "\n".join(
        record.getMessage() for record in caplog.records if not record.name.startswith("httpcore")
    )
    for secret in (TOKEN, session):
        assert secret not in pages + addresses + logged
    assert form not in addresses + logged


def test_a_session_is_the_browsers_alone(refusing: Server) -> None:
    """Its cookie is hidden from scripts, not sent with other sites' forms, and new at each time."""
    with Visitor(refusing) as bob:
        before = bob.get("/sign-in").headers["set-cookie"]
        after = bob.sign_in("bob").headers["set-cookie"]
    for cookie in (before, after):
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
    assert before.split(";")[0] != after.split(";")[0]
    assert before.split("=")[0] == f"mlmon_{urlsplit(refusing.url).port}"


def test_closed_and_unknown_incidents(ada: Visitor, cluster: Cluster, namespace: str) -> None:
    """A closed one is not acknowledged, and says so; an unknown one is 404; feedback still goes."""
    name = the_one(cluster, namespace).id
    path = f"/incidents/{name}/acknowledge"
    hidden = ada.hidden(path)
    assert ada.act(name, "resolve").status_code == 303
    late = ada.post(path, **hidden)
    assert late.status_code == 409
    assert "The incident has changed" in late.text
    seen = IncidentActions(cluster, namespace).mark(the_one(cluster, namespace))
    refused = ada.post(path, **(hidden | {"seen": seen}))
    assert refused.status_code == 409
    assert "is resolved" in refused.text
    assert "nothing to acknowledge" in ada.get(path).text
    for unknown in ("ffffffffffffffffffff", "abc", "%2e%2e", "%00", "a" * 3000):
        assert ada.get(f"/incidents/{unknown}").status_code == 404
        assert ada.post(f"/incidents/{unknown}/acknowledge", **hidden).status_code == 404
    assert ada.get(f"/incidents/{name}/explode").status_code == 404
    assert ada.act(name, "feedback", verdict="false_alarm").status_code == 303
    assert [kind for kind, *_ in acts(cluster, namespace)] == ["closed", "feedback"]


@pytest.mark.parametrize(
    ("act", "form", "why"),
    [
        ("assign", {"to": "  "}, "Give a name"),
        ("comment", {"why": ""}, "Write a comment"),
        ("snooze", {"length": "8d"}, "too long to snooze"),
        ("snooze", {"length": "soon"}, "not a length of time"),
        ("feedback", {"verdict": "splendid"}, "No verdict was chosen"),
        ("feedback", {}, "No verdict was chosen"),
    ],
)
def test_what_cannot_be_done_is_reported(
    eve: Visitor, cluster: Cluster, untouched: str, act: str, form: dict[str, str], why: str
) -> None:
    """The page of the act comes back with the reason, and what was typed."""
    name = the_one(cluster, untouched).id
    answer = eve.act(name, act, **form)
    assert answer.status_code == 422
    assert why in answer.text
    assert acts(cluster, untouched) == []


def test_what_is_no_form_is_refused(eve: Visitor, cluster: Cluster, untouched: str) -> None:
    """JSON, a body without end, bytes that are no text, and a thousand fields."""
    path = f"/incidents/{the_one(cluster, untouched).id}/acknowledge"
    form = "application/x-www-form-urlencoded"
    wrong = [
        ("application/json", b"{}", 415),
        ("multipart/form-data; boundary=x", b"", 415),
        (form, b"why=" + b"x" * 100_000, 413),
        (form, b"why=%ff\xff", 400),
        (form, b"&".join(b"a%d=1" % number for number in range(1000)), 400),
    ]
    for kind, body, status in wrong:
        headers = {"content-type": kind, "origin": eve.origin}
        answer = eve.client.post(path, content=body, headers=headers)
        assert answer.status_code == status
    assert acts(cluster, untouched) == []


def test_two_people_at_once(ada: Visitor, server: Server, cluster: Cluster, namespace: str) -> None:
    """Of two who press the same button, one has it; the other sees who, and nothing is lost."""
    name = the_one(cluster, namespace).id
    path = f"/incidents/{name}/acknowledge"
    with Visitor(server) as bob:
        bob.sign_in("bob")
        both = [(ada, ada.hidden(path)), (bob, bob.hidden(path))]
        answers: dict[str, Any] = {}
        at_once = threading.Barrier(2)

        def press(who: Visitor, hidden: dict[str, str], by: str) -> None:
            at_once.wait()
            answers[by] = who.post(path, **hidden)

        threads = [
            threading.Thread(target=press, args=(*one, by))
            for one, by in zip(both, ("ada", "bob"), strict=True)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        statuses = {by: answer.status_code for by, answer in answers.items()}
        assert sorted(statuses.values()) == [303, 409]
        (first,) = (by for by, status in statuses.items() if status == 303)
        (second,) = statuses.keys() - {first}
        assert the_one(cluster, namespace).acknowledged_by == first
        assert f"{first} acknowledged it already" in answers[second].text
        again = {"ada": ada, "bob": bob}[second]
        assert again.act(name, "acknowledge", why="taking over").status_code == 303
    assert the_one(cluster, namespace).acknowledged_by == second
    assert [by for _, by, _ in acts(cluster, namespace)] == [first, second]


def test_two_people_at_once_lose_nothing(cluster: Cluster, namespace: str) -> None:
    """Comment and acknowledgement from two processes both stand in the incident's document."""
    happen(cluster, namespace, "occc")
    name = the_one(cluster, namespace).id
    people = [IncidentActions(cluster, namespace) for _ in range(6)]
    at_once = threading.Barrier(len(people))

    def work(number: int) -> None:
        at_once.wait()
        if number % 2:
            people[number].assign(name, f"person {number}", "ada", f"{number}", NOW)
        else:
            people[number].acknowledge(name, f"person {number}", f"{number}", NOW)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(people))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(acts(cluster, namespace)) == len(people)
    document = the_one(cluster, namespace)
    assert document.acknowledged_by.startswith("person ")
    assert document.assignee.startswith("person ")


def test_headers_protect_every_page(eve: Visitor, cluster: Cluster, untouched: str) -> None:
    """Pages, refusals, redirects and files carry a policy, and none may be framed or kept."""
    name = the_one(cluster, untouched).id
    paths = ["/", "/overview", "/incidents", f"/incidents/{name}", "/nothing/at/all", "/sign-in"]
    for path in paths:
        headers = eve.get(path).headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "form-action 'self'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert "server" not in headers
    page = eve.get(f"/incidents/{name}").text
    assert "<script" not in page
    assert " style=" not in page


@contextmanager
def chromium(width: int) -> Iterator[tuple[Any, list[str]]]:
    """A page of a real browser, and what its console says."""
    problems: list[str] = []
    with started_browser() as browser:
        page = browser.new_page(viewport={"width": width, "height": 844})
        page.on("console", lambda message: problems.append(message.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        yield page, problems


def test_from_a_message_on_a_telephone(server: Server, cluster: Cluster, namespace: str) -> None:
    """The link of a message, on 390 pixels: sign in, acknowledge, see it in the audit trail.

    Nothing makes a page scroll sideways, what is to be pressed is as large as a thumb needs, and
    each field has a name.
    """
    name = the_one(cluster, namespace).id
    sideways = "document.documentElement.scrollWidth"
    nameless = """() => [...document.querySelectorAll('input:not([type=hidden]), textarea, button')]
        .filter((one) => !(one.textContent.trim() || one.labels?.length)).length"""
    with chromium(390) as (page, problems):
        page.goto(f"{server.url}incidents/{name}/acknowledge")
        assert page.evaluate(sideways) == 390
        page.get_by_role("link", name="Sign in to act").click()
        page.get_by_label("Your name").wait_for()
        assert page.evaluate(sideways) == 390
        assert page.evaluate(nameless) == 0
        page.get_by_label("Your name").fill("ada")
        page.get_by_label("Token").fill(TOKEN)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"**/incidents/{name}/acknowledge")
        page.get_by_label("Why").fill("on it")
        button = page.get_by_role("button", name="Acknowledge")
        assert button.bounding_box()["height"] >= 44
        button.click()
        page.wait_for_url(f"**/incidents/{name}?done=acknowledge")
        assert page.get_by_role("status").inner_text() == "Done: acknowledge."
        assert page.evaluate(sideways) == 390
        assert "acknowledged by ada" in page.locator(".people").inner_text()
        assert "on it" in page.locator("#changes li").first.inner_text()
        page.get_by_text("Give feedback", exact=True).first.click()
        page.get_by_label("False alarm").check()
        page.get_by_role("button", name="Give feedback").click()
        page.wait_for_url("**?done=feedback")
        assert page.evaluate(nameless) == 0
        page.get_by_role("button", name="Sign out").click()
        page.wait_for_url("**/incidents")
        page.goto(f"{server.url}incidents/{name}")
        assert page.get_by_role("button", name="Acknowledge").count() == 0
        assert problems == []
    assert [kind for kind, *_ in acts(cluster, namespace)] == ["acknowledged", "feedback"]
    assert the_one(cluster, namespace).feedback == "false_alarm"


def test_another_sites_form_in_a_real_browser(
    refusing: Server, cluster: Cluster, untouched: str, tmp_path: Path
) -> None:
    """A page of another origin sends a form with the cookie of who signed in: nothing is done."""
    name = the_one(cluster, untouched).id
    evil = tmp_path / "evil.html"
    evil.write_text(
        f'<form method="post" action="{refusing.url}incidents/{name}/acknowledge">'
        '<input name="form" value="x"><button>Win a prize</button></form>'
    )
    with chromium(800) as (page, _):
        page.goto(f"{refusing.url}sign-in")
        page.get_by_label("Your name").fill("ada")
        page.get_by_label("Token").fill(TOKEN)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/incidents")
        page.goto(evil.as_uri())
        page.get_by_role("button").click()
        page.wait_for_url("**/acknowledge")
        # The cookie is not sent with another site's form (SameSite), so nobody is signed in.
        assert "Sign in to act" in page.locator(".notice").inner_text()
    assert acts(cluster, untouched) == []


def test_the_start_page_leads_to_the_incident(
    eve: Visitor, cluster: Cluster, untouched: str
) -> None:
    """Open incidents link to their pages, and the list has them too."""
    name = the_one(cluster, untouched).id
    for path in ("/overview", "/incidents"):
        assert f'<a href="/incidents/{name}">' in eve.get(path).text


def test_idle_connections_are_dropped(cluster: Cluster, untouched: str) -> None:
    """400 connections that send nothing hold no thread each; the page answers, and they are closed.

    Above the limit the longest wait ends at once, the others when their time is over.
    """
    with serving(cluster, untouched, request_s=2.0) as server:
        port = urlsplit(server.url).port
        before = threading.active_count()
        idle = [http.client.HTTPConnection("127.0.0.1", port, timeout=60) for _ in range(400)]
        for connection in idle:
            connection.connect()
        half = idle[-1]
        assert half.sock is not None
        half.sock.sendall(b"GET /state HTTP/1.1\r\nHost: ")
        with Visitor(server) as visitor:
            assert visitor.get("/state").status_code == 200
        assert server.connections <= 101
        # The pool that asks Elasticsearch may grow by what one request needs.
        assert threading.active_count() - before <= 4
        for connection in idle:
            assert connection.sock is not None
            with suppress(ConnectionResetError):
                assert connection.sock.recv(1) == b""
            connection.close()
        with Visitor(server) as visitor:
            assert visitor.get("/state").status_code == 200


def test_json_of_changes_has_who_when_and_why(
    ada: Visitor, cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An act on the page is in `mlmon incidents show --json`, with its time."""
    name = the_one(cluster, namespace).id
    ada.act(name, "comment", why="<b>bold</b>")
    monkeypatch.setenv("MLMON_ELASTICSEARCH_URL", cluster.url)
    monkeypatch.setenv("MLMON_NAMESPACE", namespace)
    shown = json.loads(CliRunner().invoke(app, ["incidents", "show", name, "--json"]).stdout)
    (change,) = (change for change in shown["changes"] if change.get("change.by"))
    assert change["change.text"] == "<b>bold</b>"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT.*Z", change["@timestamp"])
    assert "&lt;b&gt;bold&lt;/b&gt;" in ada.get(f"/incidents/{name}").text
