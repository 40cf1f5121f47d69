"""Receivers of messages that run here: a webhook, an SMTP server, an Alertmanager."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from tests.support.loopback import free_port, listening

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import EmailMessage
    from pathlib import Path

ALERTMANAGER = "prometheus-alertmanager"
_FAILURE = 300


@dataclass(frozen=True)
class Received:
    """One request: its method, its path, its headers and the JSON of its body."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class WebhookReceiver:
    """Keeps what is sent to it; answers with `status`.

    Args:
        api_url: Where it listens, without a path.
        requests: What it was sent, in order.
        status: What it answers from now on.
        statuses: What it answered.
        times: When.
    """

    api_url: str
    requests: list[Received] = field(default_factory=list)
    status: int = 200
    statuses: list[int] = field(default_factory=list)
    times: list[datetime] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The URL of a webhook."""
        return f"{self.api_url}/hook"

    @property
    def bodies(self) -> list[Any]:
        """The JSON of each request, in order."""
        return [request.body for request in self.requests]

    def bodies_taken(self) -> list[Any]:
        """Return the bodies that were answered with success."""
        return [
            body
            for body, status in zip(self.bodies, self.statuses, strict=True)
            if status < _FAILURE
        ]


@contextmanager
def webhook_receiver() -> Iterator[WebhookReceiver]:
    """Run a webhook receiver on loopback."""

    class Handler(BaseHTTPRequestHandler):
        """Keeps bodies."""

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = json.loads(self.rfile.read(length) or b"null")
            headers = dict(self.headers)
            received.requests.append(Received(self.command, self.path, headers, body))
            received.statuses.append(received.status)
            received.times.append(datetime.now(UTC))
            self.send_response(received.status)
            self.end_headers()

        do_GET = do_PUT = do_POST  # noqa: N815 - the base calls them so

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
            """Print nothing."""

    with listening(Handler) as url:
        received = WebhookReceiver(url)
        yield received


@dataclass
class MailServer:
    """Keeps the e-mails it takes; `refuse` is the answer to the next ones.

    Args:
        port: Where it listens on loopback.
        mails: What it took, in order.
        refuse: A whole SMTP answer such as `550 no such user`; None takes everything.
        refuse_sender: The same as the answer to a sender.
        unknown: A recipient that it refuses.
        slow_s: So long it takes to take an e-mail.
        farewell: Its answer to QUIT.
    """

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    refuse: str | None = None
    refuse_sender: str | None = None
    unknown: str = ""
    slow_s: float = 0.0
    farewell: str = "221 Bye"

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name
        self, _server: Any, _session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        """Take a sender, or refuse it."""
        if self.refuse_sender is not None:
            return self.refuse_sender
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: Any, _session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        """Take a recipient, or refuse it."""
        if address == self.unknown:
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_QUIT(self, _server: Any, _session: Any, _envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        """Say farewell."""
        return self.farewell

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        """Take one e-mail, or refuse it."""
        if self.refuse is not None:
            return self.refuse
        if self.slow_s:
            await asyncio.sleep(self.slow_s)
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))  # type: ignore[arg-type]
        return "250 OK"


@contextmanager
def mail_server(password: str | None = None) -> Iterator[MailServer]:
    """Run a real SMTP server on loopback that takes logins with a password."""

    def login(_server: Any, _session: Any, _envelope: Any, _mechanism: str, given: Any) -> Any:
        return AuthResult(success=given.password == str(password).encode())

    kept = MailServer(port=free_port())
    controller = Controller(
        kept,
        hostname="127.0.0.1",
        port=kept.port,
        authenticator=login,
        auth_require_tls=False,
    )
    controller.start()
    try:
        yield kept
    finally:
        controller.stop()


@dataclass(frozen=True)
class Alertmanager:
    """An Alertmanager at work."""

    url: str

    def alerts(self, namespace: str) -> dict[str, Any]:
        """Return its firing alerts of a namespace by the incident they are about."""
        answer = httpx.get(
            f"{self.url}/api/v2/alerts", params={"filter": f'namespace="{namespace}"'}
        )
        return {
            alert["labels"]["incident_id"]: alert
            for alert in answer.json()
            if "incident_id" in alert["labels"]
        }


@contextmanager
def alertmanager(folder: Path, configuration: str) -> Iterator[Alertmanager]:
    """Run the real Alertmanager of Debian; skip the test where it is not installed."""
    if shutil.which(ALERTMANAGER) is None:
        pytest.skip(f"{ALERTMANAGER} is not installed (Debian has it)")
    (folder / "alertmanager.yml").write_text(configuration)
    port = free_port()
    process = subprocess.Popen(
        [
            ALERTMANAGER,
            f"--config.file={folder / 'alertmanager.yml'}",
            f"--storage.path={folder}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--cluster.listen-address=",
        ],
        stderr=subprocess.DEVNULL,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        until_ready(url)
        yield Alertmanager(url)
    finally:
        process.terminate()
        process.wait(10)


def until_ready(url: str) -> None:
    """Wait until a server of Prometheus's family says that it is ready."""
    for _ in range(500):
        try:
            if httpx.get(f"{url}/-/ready").is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.02)
    raise AssertionError(f"{url} does not start")
