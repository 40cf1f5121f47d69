"""How many requests come when: by the hour of the day and the day of the week."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from mlmon.scoreboard.simulation.requests import Floats

SLOT = timedelta(minutes=5)
SLOT_NS = 300_000_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NIGHT = 0.65
"""Half of the difference between day and night, as a share of the mean."""
WEEKEND = 0.6
BUSIEST_HOUR = 14.0


def nanoseconds(moment: datetime) -> int:
    """Return nanoseconds since the epoch."""
    return (moment - EPOCH) // timedelta(microseconds=1) * 1_000


def moment(at: int) -> datetime:
    """Return a moment of nanoseconds since the epoch."""
    return EPOCH + timedelta(microseconds=at // 1_000)


def slots(start: datetime, end: datetime) -> NDArray[np.int64]:
    """Return the starts of the slots of a period."""
    return np.arange(nanoseconds(start), nanoseconds(end), SLOT_NS, dtype=np.int64)


def hours(at: NDArray[np.int64]) -> Floats:
    """Return the hour of the day (UTC), 0 to 24, with its fraction."""
    result: Floats = at % 86_400_000_000_000 / 3_600_000_000_000
    return result


def expected(at: NDArray[np.int64], daily: int, shift_h: float | Floats = 0.0) -> Floats:
    """Return the expected requests of slots.

    Args:
        at: Starts of slots.
        daily: Requests on a working day.
        shift_h: By how many hours people are early.
    """
    phase = (hours(at) + shift_h - BUSIEST_HOUR) / 24.0 * 2 * np.pi
    # 1970-01-01 was a Thursday; 5 and 6 are Saturday and Sunday.
    weekend = np.isin((at // 86_400_000_000_000 + 3) % 7, (5, 6))
    rate: Floats = daily / 288.0 * (1.0 + NIGHT * np.cos(phase)) * np.where(weekend, WEEKEND, 1.0)
    return rate


def arrivals(rng: Generator, at: NDArray[np.int64], rates: Floats) -> NDArray[np.int64]:
    """Draw moments of requests, in order; microseconds, as logs hold them."""
    starts = np.repeat(at, rng.poisson(rates))
    within = rng.integers(0, SLOT_NS // 1_000, len(starts)) * 1_000
    return np.sort(starts + within)
