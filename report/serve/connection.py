"""Connections of `mlmon serve`: each has a deadline, and there is a limit of them.

uvicorn closes a connection that is idle after a response, but waits for ever for a first request,
for the rest of a slow one, and for a reader that takes no response. Here a request must be complete
`REQUEST_S` after the connection is made or the last response was sent, and its response be taken
within `RESPONSE_S`. Above the limit the connection goes that has waited longest for a request;
where all of them are being answered, the new one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import asyncio

REQUEST_S: Final = 10.0
RESPONSE_S: Final = 120.0


class TimedConnection(H11Protocol):
    """One connection. A subclass sets the limit, see `limited`.

    Attributes:
        most: Most connections at once.
        request_s: Seconds within which a request must arrive.
    """

    most: int = 100
    request_s: float = REQUEST_S
    _deadline: asyncio.TimerHandle | None = None
    _answering = False
    _waiting_since = 0.0

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for a request; make room where there are too many connections."""
        super().connection_made(transport)
        self._await_request()
        if len(self.connections) > self.most:
            waiting = [
                connection
                for connection in self.connections
                if isinstance(connection, TimedConnection)
                and connection is not self
                and not connection._answering  # noqa: SLF001 - of the same class
            ]
            oldest = min(waiting, key=lambda one: one._waiting_since, default=self)  # noqa: SLF001
            oldest.transport.abort()
            # `connection_lost` follows later; the next one to come must not choose it again.
            self.connections.discard(oldest)

    def data_received(self, data: bytes) -> None:
        """Take a part of a request; a complete one is answered by its deadline."""
        super().data_received(data)
        self._note_request()

    def on_response_complete(self) -> None:
        """Begin to wait for the next request; a large response may still be on its way."""
        self._await_request()
        if self.transport.get_write_buffer_size():
            self._set_deadline(RESPONSE_S)
        super().on_response_complete()
        self._note_request()

    def _note_request(self) -> None:
        """Begin to answer once a request is complete."""
        cycle = self.cycle
        if self._answering or cycle is None or cycle.response_complete or cycle.more_body:
            return
        self._answering = True
        self._set_deadline(RESPONSE_S)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the deadline."""
        if self._deadline is not None:
            self._deadline.cancel()
        super().connection_lost(exc)

    def _await_request(self) -> None:
        self._answering, self._waiting_since = False, self.loop.time()
        self._set_deadline(self.request_s)

    def _set_deadline(self, seconds: float) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = self.loop.call_later(seconds, self.transport.abort)


def limited(most: int, request_s: float = REQUEST_S) -> type[TimedConnection]:
    """Return the class of connections of a server with a limit.

    Args:
        most: Most connections at once.
        request_s: Seconds within which a request must arrive.
    """
    return type("LimitedConnection", (TimedConnection,), {"most": most, "request_s": request_s})
