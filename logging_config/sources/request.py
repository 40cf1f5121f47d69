"""The current HTTP request, shared by the middleware and the application."""

from contextvars import ContextVar, Token


class Request:
    """Values of the current request's access event."""

    __slots__ = ("error_code", "status_code")

    def __init__(self) -> None:
        self.status_code: int | None = None
        self.error_code: str | None = None


_request: ContextVar[Request | None] = ContextVar("logging_config_request", default=None)


def current_request() -> Request | None:
    """Return the current request; None outside a request."""
    return _request.get()


def set_error_code(code: str) -> None:
    """Set `error.code` of the current request's access event; no effect outside a request."""
    if request := _request.get():
        request.error_code = code


def enter_request(request: Request) -> Token[Request | None]:
    """Enter a request; pass the returned token to `leave_request`."""
    return _request.set(request)


def leave_request(token: Token[Request | None]) -> None:
    """Leave the request that `enter_request` entered."""
    _request.reset(token)
