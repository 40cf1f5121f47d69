"""ASGI middleware: one access event per request; its ids are on every event logged meanwhile.

Pure ASGI (https://asgi.readthedocs.io), for any framework: `app.add_middleware(AccessLog)`.
"""

import time
from collections.abc import Awaitable, Callable, MutableMapping
from functools import partial
from traceback import walk_tb
from typing import Any, Final

from mlmon.logging_config.configuration import current_log
from mlmon.logging_config.emit.context import enter, leave, make_id
from mlmon.logging_config.emit.event_log import EventLog
from mlmon.logging_config.emit.ids import is_id, parse_traceparent, trusted
from mlmon.logging_config.errors import FieldTypeError, warn_once
from mlmon.logging_config.sources.request import (
    Request,
    enter_request,
    failure_context,
    leave_answer_to_server,
    leave_request,
    mark_failure,
)

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_FAILED: Final = 500
_LOGGED: Final = "mlmon.logging_config.logged"
_CLIENT_GONE: Final = 499  # nginx's status for a client that closed the connection
_BODIES: Final = frozenset({"http.response.body", "http.response.zerocopysend"})


class BrokenResponseError(Exception):
    """A response that began and did not end, as the access event's error."""


class AccessLog:
    """Logs each request with the trace id of `traceparent` and the request id of `x-request-id`.

    Missing ids are generated; the response has the request id in `x-request-id`. Query strings are
    not logged, because they may hold secrets. A response that breaks off is logged as an error.
    Of several, such as one more on a mounted application, the outermost logs the request.

    Args:
        app: the application.
        log: the log; the process-wide one when None. Without one the requests are served, and a
            warning is written once.
    """

    def __init__(self, app: App, log: EventLog | None = None) -> None:
        self.app = app
        self._log = log
        self._with_error_response: App | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http" or _LOGGED in scope:
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        span = parse_traceparent(headers.get(b"traceparent", b"").decode("latin-1"))
        request_id = _request_id(headers.get(b"x-request-id", b"").decode("latin-1"))
        ids = {"http.request.id": request_id, **(span.to_fields() if span else {})}
        token = enter(ids, fresh=True)
        # Not a context variable: a request to another application of the same process inherits
        # those, but not the scope.
        scope[_LOGGED] = True
        try:
            await self._serve(scope, receive, send, request_id.encode())
        finally:
            scope.pop(_LOGGED, None)
            leave(token)

    async def _serve(self, scope: Scope, receive: Receive, send: Send, request_id: bytes) -> None:
        request = Request()
        token = enter_request(request)
        started = time.perf_counter_ns()

        async def send_with_id(message: Message) -> None:
            kind = message["type"]
            if kind == "http.response.start":
                request.status_code = message["status"]
                headers = [pair for pair in message.get("headers", ()) if not _is_id_header(pair)]
                message["headers"] = [*headers, (b"x-request-id", request_id)]
            await send(message)
            if kind == "http.response.pathsend" or (
                kind in _BODIES and not message.get("more_body", False)
            ):
                request.duration_ns = time.perf_counter_ns() - started

        async def receive_until_gone() -> Message:
            message = await receive()
            if message["type"] == "http.disconnect":
                request.client_gone = True
            return message

        failure: BaseException | None = None
        try:
            await self._app_of(scope)(scope, receive_until_gone, send_with_id)
        except BaseException as error:
            failure = error
            mark_failure(error)
            raise
        finally:
            self._write(scope, request, failure, time.perf_counter_ns() - started)
            leave_request(token)

    def _write(
        self, scope: Scope, request: Request, failure: BaseException | None, elapsed_ns: int
    ) -> None:
        """Write the request's access event."""
        is_complete = request.duration_ns is not None
        is_gone = request.client_gone or _is_cancelled(failure)
        status_code, error_code, error = request.status_code, request.error_code, failure
        if status_code is None:
            status_code = _CLIENT_GONE if is_gone else _FAILED
            error = None if is_gone else error
            leave_answer_to_server(scope.get("client"), scope["method"], scope["path"])
        elif not is_complete:
            reason = "client_disconnected" if is_gone else "response_incomplete"
            # Not by its truth: a value such as an array has none.
            error_code = reason if error_code is None else error_code
            error = failure or BrokenResponseError(f"the response broke off ({reason})")
        elif status_code < _FAILED and failure is not None:
            if _is_older_than_end(failure):
                error_code = "response_incomplete" if error_code is None else error_code
            else:
                error = None  # of a background task, which the server logs
        log = self._log or current_log()
        try:
            log.access(
                method=scope["method"],
                path=scope["path"],
                status_code=status_code,
                duration_ns=request.duration_ns if is_complete else elapsed_ns,
                error_code=error_code,
                error=error,
            )
        except FieldTypeError as wrong:  # in development; the request is served all the same
            warn_once(str(wrong))

    def _app_of(self, scope: Scope) -> App:
        """Return the application; with Starlette, one that answers its exceptions itself.

        Starlette answers an exception outside of all middleware, where neither the request's id
        nor its context is known. As its outermost middleware, this one answers in the same way.
        Below another one it leaves the answer to Starlette, because the other may make one before,
        and only has the request's id added.
        """
        if self._with_error_response is None:
            self._with_error_response = _with_error_response(self.app, scope, type(self))
        return self._with_error_response


def _with_error_response(app: App, scope: Scope, own: type) -> App:
    outer = scope.get("app")
    middleware = getattr(outer, "user_middleware", None)
    if not middleware:
        return app
    from starlette.middleware.errors import ServerErrorMiddleware  # loaded by the application

    if getattr(middleware[0], "cls", None) is not own:
        stack = getattr(outer, "middleware_stack", None)
        if isinstance(stack, ServerErrorMiddleware):
            _add_id_to_error_responses(stack)
        return app
    handlers: Any = getattr(outer, "exception_handlers", {})
    handler = handlers.get(_FAILED) or handlers.get(Exception)
    debug = bool(getattr(outer, "debug", False))
    answering: Any = ServerErrorMiddleware(app, handler=handler, debug=debug)
    return answering  # type: ignore[no-any-return]


def _add_id_to_error_responses(outermost: Any) -> None:
    """Make Starlette's outermost layer add the id of the failed request to its answers.

    It calls these attributes when an exception reaches it: the first failure has the id, too.

    Args:
        outermost: a `ServerErrorMiddleware`; changed in place.
    """
    outermost.error_response = _with_id(outermost.error_response)
    outermost.debug_response = _with_id(outermost.debug_response)
    if outermost.handler is not None:
        outermost.handler = _with_id(outermost.handler)


def _with_id(respond: Callable[..., Any]) -> Callable[..., Any]:
    def add(response: Any, error: Exception) -> Any:
        request_id = failure_context(error).get("http.request.id")
        if request_id is not None:
            response.headers["x-request-id"] = request_id
        return response

    def respond_with_id(request: Any, error: Exception) -> Any:
        return add(respond(request, error), error)

    async def await_with_id(request: Any, error: Exception) -> Any:
        return add(await respond(request, error), error)

    from inspect import iscoroutinefunction  # an ASGI server has imported it already

    called = respond
    while isinstance(called, partial):
        called = called.func
    is_async = iscoroutinefunction(called) or iscoroutinefunction(type(called).__call__)
    return await_with_id if is_async else respond_with_id


def _is_older_than_end(failure: BaseException) -> bool:
    """Whether an exception came before the end of its response, which was sent all the same.

    Starlette's `BaseHTTPMiddleware` ends a response that broke off as if it were complete, and then
    raises its exception (Kludex/starlette#1459). A background task also fails below it, but after
    the end of the response.
    """
    modules: set[str] = set()
    failures = [failure]
    while failures:
        error = failures.pop()
        modules |= {
            frame.f_globals.get("__name__", "") for frame, _ in walk_tb(error.__traceback__)
        }
        failures += getattr(error, "exceptions", ())  # of a group
    return "starlette.middleware.base" in modules and "starlette.background" not in modules


def _is_id_header(pair: Any) -> bool:
    return bytes(pair[0]).lower() == b"x-request-id"


def _request_id(header: str) -> str:
    return trusted(header) if is_id(header) else make_id()


def _is_cancelled(failure: BaseException | None) -> bool:
    if failure is None:
        return False
    from asyncio import CancelledError  # slow to import; an ASGI server has imported it already

    return isinstance(failure, CancelledError)
