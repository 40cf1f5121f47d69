"""When to send again: exponential back-off with full jitter, until shutdown.

Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015: a wait drawn evenly
from zero to the exponential bound spreads the shippers that were turned away together.
"""

from collections.abc import Callable
from random import Random
from threading import Event
from typing import TypeVar

from mlmon.elastic.errors import ClusterBusyError, ClusterUnreachableError

FIRST_S = 0.25
LONGEST_S = 30.0

_Result = TypeVar("_Result")


class StoppedError(Exception):
    """Shutdown was requested before the work was done."""


class RetryPolicy:
    """Waits between attempts.

    Args:
        shutdown: Ends every wait when set.
        random: Source of the jitter.
    """

    def __init__(self, shutdown: Event, random: Random | None = None) -> None:
        self._shutdown = shutdown
        self._random = random or Random()

    def delay_s(self, attempt: int) -> float:
        """Return the seconds to wait before a repetition (1 is the first)."""
        bound = min(LONGEST_S, FIRST_S * 2 ** min(attempt - 1, 32))
        return self._random.uniform(0.0, bound)

    def wait(self, attempt: int) -> None:
        """Wait before a repetition.

        Raises:
            StoppedError: Shutdown was requested.
        """
        if self._shutdown.wait(self.delay_s(attempt)):
            raise StoppedError

    def until_reachable(
        self, action: Callable[[], _Result], report: Callable[[str], None]
    ) -> _Result:
        """Repeat an action until the cluster can be reached; return its result.

        Args:
            action: A call to the cluster.
            report: Called with the reason before each wait.

        Raises:
            StoppedError: Shutdown was requested first.
            UserError: Waiting would not help.
        """
        attempt = 0
        while True:
            try:
                return action()
            except (ClusterUnreachableError, ClusterBusyError) as error:
                attempt += 1
                report(error.message)
                self.wait(attempt)
