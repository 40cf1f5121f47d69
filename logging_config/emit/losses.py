"""Count the events a full queue or a full disk has dropped, to say so in the log itself."""

import time
from threading import RLock
from typing import Final

_PAUSE_S: Final = 1.0


class Losses:
    """Events dropped since it was last told; at most one notice a second."""

    __slots__ = ("_lock", "_next_notice", "pending")

    def __init__(self) -> None:
        self._lock = RLock()  # a signal's handler may tell what its thread is counting
        self._next_notice = 0.0
        self.pending = 0

    def count(self, events: int = 1) -> None:
        """Count dropped events."""
        with self._lock:
            self.pending += events

    def due(self) -> bool:
        """Whether there is something to tell, and the last notice is a second old."""
        return self.pending > 0 and time.monotonic() >= self._next_notice

    def take(self) -> int:
        """Return the count and begin anew."""
        with self._lock:
            pending, self.pending = self.pending, 0
            self._next_notice = time.monotonic() + _PAUSE_S
            return pending
