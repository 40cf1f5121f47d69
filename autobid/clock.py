"""Time as the service sees it: nanoseconds since the epoch, the machine's or a simulation's."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

NanosecondClock: TypeAlias = Callable[[], int]
"""Returns nanoseconds since the Unix epoch."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND = 1_000_000_000
MINUTE_NS = 60 * SECOND
HOUR_NS = 60 * MINUTE_NS
DAY_NS = 24 * HOUR_NS


def to_datetime(nanoseconds: int) -> datetime:
    """The moment in UTC, cut to whole microseconds."""
    return EPOCH + timedelta(microseconds=nanoseconds // 1000)


def to_nanoseconds(moment: datetime) -> int:
    """The inverse of `to_datetime`; `moment` must be aware of its time zone."""
    return (moment - EPOCH) // timedelta(microseconds=1) * 1000


@dataclass(slots=True)
class SimulatedClock:
    """A clock that keeps its time until it is set: `now` is in nanoseconds since the epoch."""

    now: int

    def __call__(self) -> int:
        """The simulated time in nanoseconds."""
        return self.now

    def advance(self, nanoseconds: int) -> None:
        """Let time pass."""
        self.now += nanoseconds
