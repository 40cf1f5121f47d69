"""Whether `create` alone keeps a line from being stored twice: only within one backing index."""

import time
from collections.abc import Callable
from typing import Protocol

from mlmon.elastic.errors import ClusterError

_FRESH_S = 5.0


class Streams(Protocol):
    """What is asked of a `Cluster`."""

    def data_streams(self, pattern: str) -> dict[str, list[str]]:
        """Return the data streams that match, each with its backing indices."""


class Rollovers:
    """Tells whether a data stream has more than one backing index.

    Args:
        streams: The cluster.
        pattern: The data streams.
        clock: Seconds that only grow.
    """

    def __init__(
        self, streams: Streams, pattern: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._streams = streams
        self._pattern = pattern
        self._clock = clock
        self._asked = float("-inf")
        self._happened = False

    def __call__(self) -> bool:
        """Return whether what another shipper stored may lie in an earlier backing index."""
        if not self._happened and self._clock() - self._asked > _FRESH_S:
            self._asked = self._clock()
            try:
                found = self._streams.data_streams(self._pattern)
            except ClusterError:
                # Not to be known now: looking a line up in vain costs less than storing it twice.
                return True
            self._happened = any(len(indices) > 1 for indices in found.values())
        return self._happened
