"""A clean environment for each test, and a server that answers as a test wants."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from mlmon.elastic.settings import load_settings
from mlmon.elastic.system.folders import cache_folder


@pytest.fixture(scope="session")
def cache() -> Path:
    """The folder of downloads outside the tests, so that nothing is fetched for each test."""
    return cache_folder(load_settings())


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cache: Path) -> None:  # noqa: ARG001 - cache is found before
    for name in list(os.environ):
        if name.startswith("MLMON_") and not name.startswith("MLMON_TEST_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@dataclass
class Answer:
    """An answer of the server.

    Attributes:
        status: HTTP status.
        body: JSON value.
        product: Whether it names Elasticsearch as the product.
        cut: Close the connection without an answer.
        half: Close it after half of the body.
        garbled: Leave out the end of the JSON.
    """

    status: int = 200
    body: Any = field(default_factory=dict)
    product: bool = True
    cut: bool = False
    half: bool = False
    garbled: bool = False


class FaultServer(ThreadingHTTPServer):
    """Answers from a list, the last one again and again, and keeps what it was asked."""

    answers: list[Answer]
    requests: list[tuple[str, str, dict[str, str], bytes]]

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"

    def say(self, *answers: Answer) -> None:
        """Set the next answers."""
        self.answers = list(answers)
        self.requests = []


class _Handler(BaseHTTPRequestHandler):
    server: FaultServer
    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        sent = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.requests.append((self.command, self.path, headers, sent))
        answers = self.server.answers
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        self.close_connection = True
        if answer.cut:
            return
        body = json.dumps(answer.body).encode()[: -1 if answer.garbled else None]
        self.send_response(answer.status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        if answer.product:
            self.send_header("x-elastic-product", "Elasticsearch")
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if answer.half else body)

    do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815 - http.server's names

    def log_message(self, *_: object) -> None:
        """Say nothing on standard error."""


@pytest.fixture
def fault_server() -> Iterator[FaultServer]:
    """A server on loopback that answers 200 with an empty object until told otherwise."""
    server = FaultServer(("127.0.0.1", 0), _Handler)
    server.say(Answer())
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def answer() -> type[Answer]:
    """The class of answers, which tests cannot import."""
    return Answer


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch, closed_port: int) -> None:
    """Downloads go through a proxy that is not there."""
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{closed_port}")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "")


@pytest.fixture
def closed_port() -> int:
    """A port of loopback on which nothing listens."""
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        return server.server_port
