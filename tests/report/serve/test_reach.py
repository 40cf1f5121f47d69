"""Who reaches `mlmon serve`: loopback freely, others over TLS and signed in only."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from typer.testing import CliRunner

from mlmon.alerting.incidents.people import clean_name
from mlmon.commands import app
from mlmon.elastic.errors import UserError, WrongValueError
from mlmon.report.serve.app import _local
from mlmon.report.serve.people import TokenPeople, people_of
from mlmon.report.serve.reach import check_reach, reach
from mlmon.report.serve.server import Server
from mlmon.report.serve.sessions import LIFETIME_S, Sessions
from mlmon.report.serve.settings import ServeSettings
from tests.support.serving import TOKEN, serving

if TYPE_CHECKING:
    from mlmon.elastic.client.cluster import Cluster
    from mlmon.elastic.settings import Settings

PEM = {"certificate": Path("cert.pem"), "key": Path("key.pem")}
PUBLIC = "https://mlmon.example"


def settings(**known: Any) -> ServeSettings:
    """Return settings of these values."""
    return ServeSettings.load(**known)


@pytest.mark.parametrize(
    ("known", "url", "signed", "why"),
    [
        ({"host": "0.0.0.0"}, PUBLIC, True, "needs TLS"),  # noqa: S104 - refused
        ({"host": "192.0.2.7"}, PUBLIC, True, "needs TLS"),
        ({"host": "::"}, PUBLIC, True, "needs TLS"),
        ({"host": "example.org"}, PUBLIC, True, "needs TLS"),
        ({"host": "192.0.2.7", **PEM}, PUBLIC, False, "needs a way to sign in"),
        ({"host": "0.0.0.0", **PEM}, None, True, "needs the name that people use"),  # noqa: S104
        ({}, PUBLIC, False, "has no way to sign in"),
    ],
)
def test_what_others_reach_is_protected(
    known: dict[str, Any], url: str | None, *, signed: bool, why: str
) -> None:
    """Beyond loopback it needs TLS, a way to sign in and a name; the error says which to set."""
    with pytest.raises(WrongValueError, match=why) as caught:
        check_reach(settings(**known), url, has_sign_in=signed)
    assert "MLMON_" in caught.value.hint


@pytest.mark.parametrize(
    ("known", "url", "signed", "closed", "secure"),
    [
        ({}, None, False, False, False),
        ({"host": "::1"}, None, False, False, False),
        ({"host": "localhost"}, "http://localhost:8050", False, False, False),
        ({}, PUBLIC, True, True, True),
        ({"host": "192.0.2.7", **PEM}, None, True, True, True),
    ],
)
def test_pages_are_closed_to_others(
    known: dict[str, Any], url: str | None, *, signed: bool, closed: bool, secure: bool
) -> None:
    """Only who is on this machine reads without signing in; a proxy's name counts as others'."""
    serve = settings(**known)
    check_reach(serve, url, has_sign_in=signed)
    found = reach(serve, url, 8050)
    assert (found.closed, found.secure) == (closed, secure)


def test_the_names_it_answers_to() -> None:
    """Its own, and the public one as browsers write it: without the scheme's port."""
    found = reach(settings(), PUBLIC + ":443", 8050)
    assert found.hosts == {"127.0.0.1:8050", "localhost:8050", "[::1]:8050", "mlmon.example"}
    assert "https://mlmon.example" in found.origins
    assert "http://mlmon.example" not in found.origins
    six = reach(settings(host="2001:db8::1", **PEM), None, 443)
    assert "[2001:db8::1]" in six.hosts
    assert six.url == "https://[2001:db8::1]:443/"


@given(st.text("/\\a.:@?&=% \t\r\n", max_size=20))
def test_signing_in_leads_back_to_this_server_only(address: str) -> None:
    """Whatever stands in `back`, the redirect stays on the host that the browser is at."""
    led = _local(address)
    for seen in (led, led.replace("\\", "/"), led.strip()):
        parts = urlsplit(urljoin("https://mlmon.example/sign-in", seen))
        assert (parts.scheme, parts.netloc) == ("https", "mlmon.example")


@given(st.text(max_size=300))
def test_a_name_is_one_printable_line(name: str) -> None:
    """What goes into the audit trail holds no line break and no control character."""
    clean = clean_name(name)
    assert clean.isprintable()
    assert len(clean) <= 100
    assert clean == clean_name(clean)


def test_sessions_end() -> None:
    """A session holds for twelve hours, and a form token fits its own session only."""
    sessions = Sessions()
    one, other = sessions.open("ada", 0.0), sessions.open("bob", 0.0)
    assert sessions.person(one, LIFETIME_S - 1) == "ada"
    assert sessions.person(one, LIFETIME_S) is None
    assert sessions.person("", 0.0) is None
    assert sessions.fits(one, sessions.form_token(one))
    assert not sessions.fits(other, sessions.form_token(one))
    assert not sessions.fits("", sessions.form_token(""))
    assert not Sessions().fits(one, sessions.form_token(one))
    sessions.close(one)
    assert sessions.person(one, 1.0) is None


def test_thousands_of_sessions_and_addresses_are_forgotten() -> None:
    """Neither signing in nor failing to lets memory grow without end."""
    sessions = Sessions()
    for number in range(3_000):
        sessions.open(f"person {number}", 0.0)
        sessions.failed(f"192.0.2.{number}", 0.0)
    assert len(sessions._people) == len(sessions._failures) == 1_000
    assert sessions.may_try("192.0.2.2999", 0.0)
    for _ in range(5):
        sessions.failed("192.0.2.1", 10.0)
    assert not sessions.may_try("192.0.2.1", 69.0)
    assert sessions.may_try("192.0.2.1", 70.0)


def test_the_token_comes_from_one_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file, a variable, or the keyring; it is never shown, and is not short."""
    path = tmp_path / "token"
    path.write_text(TOKEN + "\n")
    assert settings(token_file=path).secret_token() == TOKEN
    monkeypatch.setenv("MLMON_SERVE_TOKEN", TOKEN)
    assert settings().secret_token() == TOKEN
    assert TOKEN not in repr(settings())
    with pytest.raises(WrongValueError, match="one of token, token_file and token_keyring"):
        settings(token_file=path)
    monkeypatch.setenv("MLMON_SERVE_TOKEN", "short")
    with pytest.raises(UserError, match="fewer than 16 characters"):
        settings().secret_token()
    monkeypatch.delenv("MLMON_SERVE_TOKEN")
    with pytest.raises(UserError, match="cannot be read"):
        settings(token_file=tmp_path / "gone").secret_token()
    with pytest.raises(WrongValueError, match="go together"):
        settings(certificate=path)
    assert settings().secret_token() is None


def test_the_command_refuses_before_it_connects(monkeypatch: pytest.MonkeyPatch) -> None:
    """Listening for others without TLS is an error of usage, whether or not a cluster answers."""
    monkeypatch.setenv("MLMON_ELASTICSEARCH_URL", "http://127.0.0.1:1")
    result = CliRunner().invoke(app, ["serve", "--host", "0.0.0.0"])  # noqa: S104 - refused
    assert isinstance(result.exception, WrongValueError)
    assert "needs TLS" in str(result.exception)


def test_users_of_a_cluster_without_security(cluster: Cluster) -> None:
    """Where the cluster knows nobody, `cluster_users` is refused with what to set instead."""
    from mlmon.elastic.settings import load_settings

    known: Settings = load_settings(elasticsearch_url=cluster.url)
    with pytest.raises(UserError, match="knows no users") as caught:
        people_of(settings(cluster_users=True), known)
    assert "TOKEN_FILE" in caught.value.hint
    assert people_of(settings(), known) is None
    with pytest.raises(UserError, match="both set"):
        people_of(settings(cluster_users=True, token=TOKEN), known)


@pytest.fixture
def pem(tmp_path: Path) -> dict[str, Path]:
    """A certificate of loopback, signed by itself, and its key."""
    paths = {"certificate": tmp_path / "cert.pem", "key": tmp_path / "key.pem"}
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"]
    command += ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    command += ["-out", str(paths["certificate"]), "-keyout", str(paths["key"])]
    subprocess.run(command, check=True, capture_output=True)
    return paths


def test_over_tls_for_others(cluster: Cluster, namespace: str, pem: dict[str, Path]) -> None:
    """Nothing is shown before signing in; the cookie is for TLS and this host alone."""
    serve = settings(**pem)
    url = "https://mlmon.example"
    with serving(cluster, namespace, settings=serve, public_url=url) as server:
        trust = ssl.create_default_context(cafile=pem["certificate"])
        with httpx.Client(base_url=server.url, verify=trust, trust_env=False, timeout=60) as client:
            for path in ("/overview?since=6h", "/overview/content", "/state", "/incidents"):
                answer = client.get(path)
                assert answer.status_code == 303
                assert answer.headers["location"].startswith("/sign-in?back=%2F")
                assert answer.content == b""
            page = client.get("/sign-in?back=%2Foverview%3Fsince%3D6h")
            assert page.headers["strict-transport-security"]
            cookie = page.headers["set-cookie"]
            assert cookie.startswith("__Host-mlmon_")
            assert "Secure" in cookie
            token = page.text.split('name="form" value="')[1].split('"')[0]
            form = {"form": token, "name": "ada", "secret": TOKEN, "back": "/overview?since=6h"}
            origin = {"Origin": server.url.rstrip("/")}
            answer = client.post("/sign-in", data=form, headers=origin)
            assert answer.headers["location"] == "/overview?since=6h"
            assert client.get("/overview?since=6h").status_code == 200


def test_a_wrong_certificate_is_named(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    """Starting with a file that is no certificate says so."""
    path = tmp_path / "cert.pem"
    path.write_text("no certificate")
    serve = settings(certificate=path, key=path)
    with pytest.raises(UserError, match="TLS cannot be set up"):
        Server(cluster, namespace, settings=serve, people=TokenPeople(TOKEN))


def test_a_taken_port_is_named(cluster: Cluster, namespace: str) -> None:
    """The error says which, and how to choose another."""
    with Server(cluster, namespace) as one:
        port = urlsplit(one.url).port
        with pytest.raises(UserError, match=f"Port {port} of 127.0.0.1 cannot be listened on"):
            Server(cluster, namespace, port)


@pytest.mark.parametrize("url", ["mlmon.example", "https://u:p@x", "https://x/path", "ftp://x"])
def test_a_public_url_is_a_plain_one(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scheme, host and port: the pages lie at its root, and no credentials belong in it."""
    from mlmon.alerting.settings import load_alerting_settings

    monkeypatch.setenv("MLMON_ALERTING_SERVE_URL", url)
    with pytest.raises((WrongValueError, ValidationError)):
        load_alerting_settings()
