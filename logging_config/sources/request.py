"""The HTTP request being served, as the middleware and the application share it."""

from contextvars import ContextVar, Token


class Request:
    """What the access event will say of the request being served."""

    __slots__ = ("error_code", "status_code")

    def __init__(self) -> None:
        self.status_code: int | None = None
        self.error_code: str | None = None


_request: ContextVar[Request | None] = ContextVar("logging_config_request", default=None)


def current_request() -> Request | None:
    """The request being served, None outside of one."""
    return _request.get()


def set_error_code(code: str) -> None:
    """Give the access event of the current request its `error.code`; outside of one, nothing."""
    if request := _request.get():
        request.error_code = code


def enter_request(request: Request) -> Token[Request | None]:
    """Begin to serve a request; the answer goes to `leave_request`."""
    return _request.set(request)


def leave_request(token: Token[Request | None]) -> None:
    """End what `enter_request` began."""
    _request.reset(token)
