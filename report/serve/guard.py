"""Protection of every request to `mlmon serve`: own host names only, and security headers."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from mlmon.report.serve.reach import Reach

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_HEADERS: Final = {
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Not `no-referrer`: with it browsers send `Origin: null` with our own forms.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_STRICT: Final = "max-age=31536000"


class Guard:
    """Refuses other hosts' names and gives each response its headers.

    Args:
        app: What answers.
        reach: The names it answers to.
    """

    def __init__(self, app: ASGIApp, reach: Reach) -> None:
        self._app = app
        self._reach = reach

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""

        async def protected(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    # A report of another library comes with a policy that allows it less.
                    headers.setdefault(name, value)
                if scope["scheme"] == "https":
                    headers["Strict-Transport-Security"] = _STRICT
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        answer: Any = self._app
        if Headers(scope=scope).get("host") not in self._reach.hosts:
            answer = PlainTextResponse("not for this host\n", HTTPStatus.MISDIRECTED_REQUEST)
        await answer(scope, receive, protected)


def is_own(headers: Headers, reach: Reach) -> bool:
    """Return whether a request that changes something comes from one of our own pages.

    Browsers name the origin of every POST, and newer ones what it is to us.
    """
    if headers.get("sec-fetch-site", "same-origin") != "same-origin":
        return False
    origin = headers.get("origin", "")
    return origin in reach.origins and origin.partition("://")[2] == headers.get("host")
