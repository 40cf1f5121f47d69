"""A node that has bad days: a proxy before a real one that refuses, delays, cuts and forgets.

The one fake of the project's tests. What it lets through reaches the real Elasticsearch, so that
what is stored in the end can be counted there. The idea is elastic/mock-es's, and dlt's `dummy`.
"""

import http.client
import json
import random
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

ITEM_ERRORS = {
    "item_429": (429, "es_rejected_execution_exception"),
    "item_503": (503, "unavailable_shards_exception"),
    "item_400": (400, "document_parsing_exception"),
    "item_403": (403, "security_exception"),
}


@dataclass(frozen=True, slots=True)
class Odds:
    """How often what goes wrong, each from 0 to 1.

    Attributes:
        busy: The request is answered 429.
        error: The request is answered 503, carried out or not.
        cut_before: The connection is cut before the work is done.
        cut_after: The connection is cut after the work is done, before it is answered.
        half_answer: The work is done, and the connection is cut in the middle of the answer.
        half_closed: The work is done; the answer's half of the connection is closed in the middle
            of the answer, the other half stays open.
        bad_request: The request is answered 400, as by a proxy.
        empty: The work is done; the answer is 200 without a body, as by a proxy.
        page: The work is done; the answer is 200 with a page for people, as by a proxy.
        slow: The answer comes `delay_s` late.
        drip: The answer comes in 20 pieces, `delay_s` apart in all.
        silent: The work is done; nothing comes for `silent_s`, then the connection is closed.
        item_429: An item is turned away.
        item_503: An item is answered 503, half of them carried out all the same.
        item_400: An item is refused for good.
        item_403: An item is refused for want of a privilege.
        delay_s: How late a slow answer comes.
        silent_s: How long a silent connection stays open.
        largest: Size in bytes above which a request is answered 413; 0 for no limit.
        certain: After how many draws without it a fault with odds is given once for certain; 0 for
            never.
    """

    busy: float = 0.0
    error: float = 0.0
    cut_before: float = 0.0
    cut_after: float = 0.0
    half_answer: float = 0.0
    half_closed: float = 0.0
    bad_request: float = 0.0
    empty: float = 0.0
    page: float = 0.0
    slow: float = 0.0
    drip: float = 0.0
    silent: float = 0.0
    item_429: float = 0.0
    item_503: float = 0.0
    item_400: float = 0.0
    item_403: float = 0.0
    delay_s: float = 0.05
    silent_s: float = 5.0
    largest: int = 0
    certain: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer."""

    status: int
    body: bytes
    content_type: str = "application/json"

    @classmethod
    def error(cls, status: int, kind: str) -> Self:
        """Return an error as Elasticsearch words it."""
        error = {"type": kind, "reason": "injected"}
        return cls(status, json.dumps({"error": error, "status": status}).encode())


_NO_FAULT = Answer(0, b"")
_DRIPS = 20


@dataclass
class FaultInjector:
    """The proxy; a context manager that serves on loopback while it is entered.

    Attributes:
        node: URL of the real node.
        odds: How often what goes wrong; may be changed while it serves.
        seed: Of the odds.
        faults: How often each fault was given.
        refused: Ids of the items that were refused for good.
        item_error: Status, type and reason with which every item is answered; None lets them pass.
        meanwhile: Called once, between the next bulk request of log lines and the cut that follows.
        deletions_refused: Whether documents may not be deleted.
        refused_text: Every request that holds these bytes is answered 400; empty for none.
        most_refusals: How often one and the same request may be answered 400; None for any number.
        before: Called once with the next bulk request of log lines, before it reaches the node.
    """

    node: str
    odds: Odds = field(default_factory=Odds)
    seed: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    refused: set[str] = field(default_factory=set)
    item_error: tuple[int, str, str] | None = None
    meanwhile: Callable[[], object] | None = None
    before: Callable[[bytes], object] | None = None
    deletions_refused: bool = False
    refused_text: bytes = b""
    most_refusals: int | None = None

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._refusals: Counter[bytes] = Counter()
        self._draws: Counter[str] = Counter()
        self._lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"injector": self})
        self._server = _Server(("127.0.0.1", 0), handler)

    @property
    def url(self) -> str:
        """Where it serves."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def close_all(self) -> None:
        """Accept no connection any more, as a node that has ended."""
        self._server.shutdown()
        self._server.socket.close()

    def hits(self, fault: str) -> bool:
        """Draw whether a fault is given, and count it."""
        odds = getattr(self.odds, fault)
        with self._lock:
            self._draws[fault] += 1
            is_late = 0 < self.odds.certain < self._draws[fault] and not self.faults[fault]
            hit = self._random.random() < odds or (odds > 0 and is_late)
            self.faults[fault] += hit
        return hit

    def refuses(self, body: bytes) -> bool:
        """Draw whether a request is answered 400, unless it was as often as one may be."""
        if self.refused_text and self.refused_text in body:
            self.faults["refused_text"] += 1
            return True
        if self.most_refusals is not None:
            with self._lock:
                if self._refusals[body] >= self.most_refusals:
                    return False
        hit = self.hits("bad_request")
        with self._lock:
            self._refusals[body] += hit
        return hit

    def tosses(self) -> bool:
        """Return true in one of two cases."""
        with self._lock:
            return self._random.random() < 0.5

    def forward(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        """Let the real node answer."""
        parts = urlsplit(self.node)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return Answer(answer.status, answer.read(), answer.headers.get("content-type", ""))
        finally:
            connection.close()


class _Server(ThreadingHTTPServer):
    """Says nothing of clients that are killed in the middle of a request."""

    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Pass over what a client's end causes."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _Handler(BaseHTTPRequestHandler):
    """Gives faults to bulk requests; passes everything else through."""

    protocol_version = "HTTP/1.1"
    injector: FaultInjector

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        is_bulk = self.path.startswith("/_bulk")
        try:
            answer = self._bulk(body) if is_bulk else self._forward(body)
        except (OSError, http.client.HTTPException):
            answer = None
        if answer is None:
            self.close_connection = True
            with suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.send_response(answer.status)
        self.send_header("content-type", answer.content_type)
        self.send_header("content-length", str(len(answer.body)))
        self.send_header("x-elastic-product", "Elasticsearch")
        self.end_headers()
        if is_bulk:
            self._send_badly(answer.body)
        else:
            self.wfile.write(answer.body)

    def _send_badly(self, body: bytes) -> None:
        """Send the body of an answer, or half of it, or piece by piece."""
        injector = self.injector
        for fault, how in (("half_answer", socket.SHUT_RDWR), ("half_closed", socket.SHUT_WR)):
            if injector.hits(fault):
                self.wfile.write(body[: len(body) // 2])
                self.close_connection = True
                with suppress(OSError):
                    self.connection.shutdown(how)
                    # The client's half stays open until it closes it.
                    self.connection.settimeout(injector.odds.silent_s)
                    self.connection.recv(1)
                return
        pieces = _DRIPS if injector.hits("drip") else 1
        size = -(-len(body) // pieces)
        for start in range(0, len(body), size or 1):
            if start:
                time.sleep(injector.odds.delay_s / pieces)
            self.wfile.write(body[start : start + size])

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _serve  # noqa: N815 - http.server's names

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _forward(self, body: bytes) -> Answer:
        # Elasticsearch refuses a versioned type in one of them alone.
        headers = {name: self.headers.get(name, "*/*") for name in ("accept", "content-type")}
        return self.injector.forward(self.command, self.path, headers, body)

    def _bulk(self, body: bytes) -> Answer | None:
        """Answer a bulk request; None cuts the connection."""
        injector = self.injector
        if injector.before and b'"logs-ml.' in body:
            act, injector.before = injector.before, None
            act(body)
        if injector.meanwhile and b'"logs-ml.' in body:
            act, injector.meanwhile = injector.meanwhile, None
            self._forward(body)
            act()
            return None
        early = self._early_fault(body)
        if early is not _NO_FAULT:
            return early
        if injector.hits("slow"):
            time.sleep(injector.odds.delay_s)
        if injector.hits("error"):
            if injector.tosses():
                self._forward(body)
            return Answer.error(503, "unavailable_shards_exception")
        answer = self._items(body)
        if injector.hits("silent"):
            time.sleep(injector.odds.silent_s)
            return None
        return None if injector.hits("cut_after") else self._replaced(answer)

    def _replaced(self, answer: Answer) -> Answer:
        """Return the answer, or what a proxy gives in its place."""
        if self.injector.hits("empty"):
            return Answer(200, b"")
        if self.injector.hits("page"):
            return Answer(200, b"<html>Log in</html>", "text/html")
        return answer

    def _early_fault(self, body: bytes) -> Answer | None:
        """Return the answer of a fault before the work; None cuts the connection."""
        injector = self.injector
        if 0 < injector.odds.largest < len(body):
            injector.faults["too_large"] += 1
            return Answer.error(413, "content_too_long_exception")
        if injector.hits("cut_before"):
            return None
        if injector.refuses(body):
            return Answer.error(400, "illegal_argument_exception")
        if injector.item_error:
            return self._refuse_all(body, *injector.item_error)
        if injector.hits("busy"):
            return Answer.error(429, "es_rejected_execution_exception")
        return _NO_FAULT

    def _refuse_all(self, body: bytes, status: int, kind: str, reason: str) -> Answer:
        """Answer every item alike, as where the cluster takes nothing from anybody."""
        self.injector.faults["item_error"] += 1
        error = {"create": {"status": status, "error": {"type": kind, "reason": reason}}}
        items = [error] * (body.count(b"\n") // 2)
        return Answer(200, json.dumps({"errors": True, "items": items}).encode())

    def _items(self, body: bytes) -> Answer:
        """Let some items through and answer for the others."""
        if body.startswith(b'{"delete"'):
            return self._deletions(body)
        lines = body.split(b"\n")
        pairs = list(zip(lines[0:-1:2], lines[1:-1:2], strict=True))
        faults = [self._item_fault() for _ in pairs]
        passed = b"".join(
            action + b"\n" + document + b"\n"
            for (action, document), fault in zip(pairs, faults, strict=True)
            if fault is None or fault == "item_503_stored"
        )
        answer = self._forward(passed) if passed else Answer(200, b'{"items":[]}')
        if answer.status != 200:
            return answer
        value = json.loads(answer.body)
        real = iter(value["items"])
        items = []
        for (action, _), fault in zip(pairs, faults, strict=True):
            stored = next(real) if fault is None or fault == "item_503_stored" else None
            items.append(stored if fault is None else self._error(fault, action))
        return Answer(200, json.dumps({"errors": True, "items": items}).encode())

    def _deletions(self, body: bytes) -> Answer:
        if not self.injector.deletions_refused:
            return self._forward(body)
        error = {"status": 403, "error": {"type": "security_exception", "reason": "injected"}}
        items = [{"delete": error}] * body.count(b"\n")
        return Answer(200, json.dumps({"errors": True, "items": items}).encode())

    def _item_fault(self) -> str | None:
        fault = next((fault for fault in ITEM_ERRORS if self.injector.hits(fault)), None)
        if fault == "item_503" and self.injector.tosses():
            return "item_503_stored"
        return fault

    def _error(self, fault: str, action: bytes) -> dict[str, Any]:
        status, kind = ITEM_ERRORS[fault.removesuffix("_stored")]
        if fault == "item_400":
            self.injector.refused.add(json.loads(action)["create"]["_id"])
        return {"create": {"status": status, "error": {"type": kind, "reason": "injected"}}}
