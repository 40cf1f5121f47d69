"""The current HTTP request, shared by the middleware, the application and the server's log."""

from collections import OrderedDict
from collections.abc import Mapping
from contextvars import ContextVar, Token
from typing import Any, Final
from urllib.parse import quote

from mlmon.logging_config.emit.context import current_fields, reset
from mlmon.logging_config.interruptions import is_interruption

_MARK: Final = "_mlmon_context"
_MAX_ANSWERED_OUTSIDE: Final = 256
_answered_outside: OrderedDict[tuple[str, str, str], None] = OrderedDict()


class Request:
    """Values of the current request's access event."""

    __slots__ = ("client_gone", "duration_ns", "error_code", "status_code")

    def __init__(self) -> None:
        self.status_code: int | None = None
        self.error_code: str | None = None
        self.duration_ns: int | None = None
        self.client_gone = False


_request: ContextVar[Request | None] = ContextVar("logging_config_request", default=None)


def set_error_code(code: str) -> None:
    """Set `error.code` of the current request's access event; no effect outside a request."""
    if request := _request.get():
        request.error_code = code


def enter_request(request: Request) -> Token[Request | None]:
    """Enter a request; pass the returned token to `leave_request`."""
    return _request.set(request)


def leave_request(token: Token[Request | None]) -> None:
    """Leave the request that `enter_request` entered."""
    reset(_request, token)


def leave_answer_to_server(client: Any, method: str, path: str) -> None:
    """Remember a request that was logged, and whose answer an outer layer makes."""
    try:
        if len(_answered_outside) >= _MAX_ANSWERED_OUTSIDE:
            _answered_outside.popitem(last=False)
        _answered_outside[f"{client[0]}:{client[1]}", method, quote(path)] = None
    except Exception as raised:  # servers other than uvicorn may describe a client differently
        if is_interruption(raised):
            raise


def is_logged(client: Any, method: str, path: str) -> bool:
    """Whether the middleware has logged, or is to log, a request that the server logs, too."""
    if _request.get() is not None:
        return True
    return _answered_outside.pop((client, method, path), 1) is None


def mark_failure(error: BaseException) -> None:
    """Keep the current context with an exception, which the server logs outside of it."""
    try:
        setattr(error, _MARK, current_fields())
    except Exception as raised:  # an exception's class may forbid attributes
        if is_interruption(raised):
            raise


def failure_context(error: Any) -> Mapping[str, Any]:
    """Return the context of the request or run that raised an exception; empty if unknown."""
    try:
        fields = vars(error).get(_MARK)
    except BaseException as raised:
        if is_interruption(raised):
            raise
        return {}
    return fields if type(fields) is dict else {}
