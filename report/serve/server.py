"""The web server of `mlmon serve`: uvicorn, with deadlines and a limit of connections."""

from __future__ import annotations

import socket
import ssl
import threading
from typing import TYPE_CHECKING, Final, Self

import uvicorn

from mlmon.dashboards.links.links import nowhere
from mlmon.elastic.errors import UserError, WrongValueError
from mlmon.report.serve.app import App
from mlmon.report.serve.connection import REQUEST_S, limited
from mlmon.report.serve.incident_pages import IncidentPages
from mlmon.report.serve.pages import Pages
from mlmon.report.serve.reach import check_reach, reach
from mlmon.report.serve.report_pages import ReportPages
from mlmon.report.serve.settings import ServeSettings

if TYPE_CHECKING:
    from mlmon.analyzers.sample.report_folder import ReportFolder
    from mlmon.dashboards.links.links import Linked
    from mlmon.elastic.client.cluster import Cluster
    from mlmon.report.serve.people import People

_BACKLOG: Final = 128
_END_S: Final = 2
_LONGEST_HEAD: Final = 16 * 1024


class Server:
    """Serves the pages of one namespace.

    Args:
        cluster: Where the answers are.
        namespace: Environment.
        port: Where to listen; 0 takes a free one; None takes the settings'.
        runbooks: URL that the paths of runbooks follow; empty where none is set.
        settings: How it listens.
        people: How people sign in; None where pages only show.
        public_url: How people reach it; None where that is its own address.
        links: Where an incident leads in Kibana.
        reports: Where other libraries' reports lie; None where there are none.
        request_s: Seconds within which a request must arrive.

    Raises:
        UserError: The port is taken, TLS cannot be set up, or others could reach it unprotected.
    """

    def __init__(
        self,
        cluster: Cluster,
        namespace: str,
        port: int | None = 0,
        *,
        runbooks: str = "",
        settings: ServeSettings | None = None,
        people: People | None = None,
        public_url: str | None = None,
        links: Linked = nowhere,
        reports: ReportFolder | None = None,
        request_s: float = REQUEST_S,
    ) -> None:
        settings = settings or ServeSettings.load()
        check_reach(settings, public_url, has_sign_in=people is not None)
        self._socket = _listening(settings.host, settings.port if port is None else port)
        self.reach = reach(settings, public_url, self._socket.getsockname()[1])
        listed = ReportPages(reports)
        self.pages = Pages(cluster, namespace, runbooks=runbooks, links=links, reports=listed)
        app = App(
            self.pages,
            IncidentPages(cluster, namespace, runbooks=runbooks, links=links, reports=listed),
            self.reach,
            people,
        )
        config = uvicorn.Config(
            app.asgi(),
            http=limited(settings.connections, request_s),
            ws="none",
            loop="asyncio",
            lifespan="off",
            # Addresses and cookies stay out of logs: no log of accesses is written at all.
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=_END_S,
            h11_max_incomplete_event_size=_LONGEST_HEAD,
            ssl_certfile=settings.certificate,
            ssl_keyfile=settings.key,
        )
        try:
            config.load()
        except (OSError, ssl.SSLError) as error:
            self._socket.close()
            raise WrongValueError(
                f"TLS cannot be set up with {settings.certificate}: {error}",
                "Correct MLMON_SERVE_CERTIFICATE and MLMON_SERVE_KEY.",
            ) from None
        self._uvicorn = uvicorn.Server(config)
        self._ended = threading.Event()
        self._ended.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self._socket.close()

    @property
    def url(self) -> str:
        """Its URL."""
        return self.reach.url

    @property
    def connections(self) -> int:
        """Number of open connections."""
        return len(self._uvicorn.server_state.connections)

    def serve_forever(self) -> None:
        """Answer until `shutdown`; for a thread of its own."""
        self._ended.clear()
        try:
            self._uvicorn.run(sockets=[self._socket])
        finally:
            self._ended.set()

    def shutdown(self) -> None:
        """Stop, and wait until it has stopped."""
        self._uvicorn.should_exit = True
        self._ended.wait(_END_S * 5)


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise UserError(
            f"Port {port} of {host} cannot be listened on: {error.strerror or error}",
            "Choose another with --port; 0 takes a free one.",
        ) from error
    return listener
