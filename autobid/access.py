"""One access event per request, and the context all its events share.

A pure ASGI middleware around the whole application: it continues the caller's W3C `traceparent`
and logs method, path, status and duration once the answer has gone, whoever gave it.
"""

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from logging_config import EventLog, context
from logging_config.trace import parse_traceparent

UNWATCHED = frozenset({"/health", "/metrics"})
"""Paths whose requests are not logged: machines ask for them every few seconds."""


class AccessLog:
    """Logs the requests an application answers."""

    def __init__(self, app: ASGIApp, log: EventLog) -> None:
        self.app = app
        self.log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["path"] in UNWATCHED:
            await self.app(scope, receive, send)
            return
        status, started = 500, time.perf_counter_ns()

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        with context(fresh=True, **_ids(scope)):
            try:
                await self.app(scope, receive, watch)
            finally:
                self.log.access(
                    method=scope["method"],
                    path=scope["path"],
                    status_code=status,
                    duration_ns=time.perf_counter_ns() - started,
                    error_code=scope.get("state", {}).get("error_code"),
                )


def _ids(scope: Scope) -> dict[str, str]:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    span = parse_traceparent(headers.get("traceparent", ""))
    return span.to_fields() if span else {}
