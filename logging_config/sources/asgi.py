"""ASGI middleware: one access event per request; its ids are on every event logged meanwhile.

Pure ASGI (https://asgi.readthedocs.io), for any framework: `app.add_middleware(AccessLog)`.
"""

import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from mlmon.logging_config.configuration import process_log
from mlmon.logging_config.emit.context import enter, leave, make_id
from mlmon.logging_config.emit.event_log import EventLog
from mlmon.logging_config.emit.ids import is_id, parse_traceparent, trusted
from mlmon.logging_config.sources.request import Request, enter_request, leave_request

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_FAILED: Final = 500
_CLIENT_GONE: Final = 499  # nginx's status for a client that closed the connection


class AccessLog:
    """Logs each request with the trace id of `traceparent` and the request id of `x-request-id`.

    Missing ids are generated; the response has the request id in `x-request-id`. Query strings are
    not logged, because they may hold secrets.

    Args:
        app: the application.
        log: the log; the process-wide one when None.

    Raises:
        ConfigurationError: no log is configured.
    """

    def __init__(self, app: App, log: EventLog | None = None) -> None:
        self.app = app
        self._log = log or process_log()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        span = parse_traceparent(headers.get(b"traceparent", b"").decode("latin-1"))
        request_id = _request_id(headers.get(b"x-request-id", b"").decode("latin-1"))
        ids = {"http.request.id": request_id, **(span.to_fields() if span else {})}
        token = enter(ids, fresh=True)
        try:
            await self._serve(scope, receive, send, request_id.encode())
        finally:
            leave(token)

    async def _serve(self, scope: Scope, receive: Receive, send: Send, request_id: bytes) -> None:
        request = Request()
        token = enter_request(request)
        started = time.perf_counter_ns()

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                request.status_code = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request_id)]
            await send(message)

        failure: BaseException | None = None
        try:
            await self.app(scope, receive, send_with_id)
        except BaseException as error:
            failure = error
            raise
        finally:
            self._log.access(
                method=scope["method"],
                path=scope["path"],
                status_code=request.status_code or _status_of(failure),
                duration_ns=time.perf_counter_ns() - started,
                error_code=request.error_code,
                error=failure,
            )
            leave_request(token)


def _request_id(header: str) -> str:
    return trusted(header) if is_id(header) else make_id()


def _status_of(failure: BaseException | None) -> int:
    """Return the status of a request that got no response."""
    from asyncio import CancelledError  # slow to import; an ASGI server has imported it already

    return _CLIENT_GONE if isinstance(failure, CancelledError) else _FAILED
