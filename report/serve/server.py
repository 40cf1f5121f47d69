"""The web server of `mlmon serve`: loopback only, reads only, its own files only."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from mlmon.elastic.errors import UserError
from mlmon.report.serve.pages import START, Pages, asset

if TYPE_CHECKING:
    from mlmon.elastic.client.cluster import Cluster

LOOPBACK: Final = "127.0.0.1"
_TYPES: Final = {"css": "text/css", "js": "text/javascript"}
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


class Server(ThreadingHTTPServer):
    """Serves the dashboards of one namespace.

    Args:
        cluster: Where the answers are.
        namespace: Environment.
        port: On loopback; 0 takes a free one.
        runbooks: URL that the paths of runbooks follow; empty where none is set.

    Raises:
        UserError: The port is taken.
    """

    daemon_threads = True

    def __init__(
        self, cluster: Cluster, namespace: str, port: int = 0, *, runbooks: str = ""
    ) -> None:
        self.pages = Pages(cluster, namespace, runbooks=runbooks)
        try:
            super().__init__((LOOPBACK, port), _Handler)
        except OSError as error:
            raise UserError(
                f"Port {port} cannot be listened on: {error.strerror}",
                "Choose another with --port; 0 takes a free one.",
            ) from error

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{LOOPBACK}:{self.server_port}/"

    @property
    def hosts(self) -> set[str]:
        """The names it answers to.

        Another site's name that is made to point here (DNS rebinding) is not among them.
        """
        return {f"{name}:{self.server_port}" for name in (LOOPBACK, "localhost")}


class _Handler(BaseHTTPRequestHandler):
    """Answers one visitor."""

    server: Server
    server_version = "mlmon"
    sys_version = ""

    def do_GET(self) -> None:
        """Answer with a page, a part of one, the state, or a file."""
        if self.headers.get("Host") not in self.server.hosts:
            self._answer(HTTPStatus.MISDIRECTED_REQUEST, "text/plain", b"not for this host\n")
            return
        address = urlsplit(self.path)
        parts = address.path.strip("/").split("/")
        try:
            self._route(parts, address.query)
        except UserError as error:
            text = f"{error.message}\n{error.hint}\n"
            self._answer(HTTPStatus.BAD_GATEWAY, "text/plain", text.encode())

    def _route(self, parts: list[str], query: str) -> None:
        now, pages = datetime.now(UTC), self.server.pages
        found: str | bytes | None = None
        kind = "text/html"
        match parts:
            case [""]:
                self.send_response(HTTPStatus.FOUND)
                self.send_header("Location", f"/{START}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            case ["state"]:
                found, kind = pages.state(), "text/plain"
            case ["assets", name]:
                found, kind = asset(name), _TYPES.get(name.rpartition(".")[2], "text/plain")
            case [name]:
                found = pages.page(name, query, now)
            case [name, "content"]:
                found = pages.content(name, query, now)
        if found is None:
            self._answer(HTTPStatus.NOT_FOUND, "text/plain", b"there is no such page\n")
            return
        body = found.encode() if isinstance(found, str) else found
        self._answer(HTTPStatus.OK, kind, body)

    def _answer(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        headers = {
            "Content-Type": f"{kind}; charset=utf-8",
            "Content-Length": str(len(body)),
            "Content-Security-Policy": _POLICY,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "max-age=3600" if kind in _TYPES.values() else "no-store",
        }
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Log nothing about requests."""
