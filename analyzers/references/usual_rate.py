"""The rate of events that is usual: an upper bound that does not learn a fault. Pure.

Days with the highest rates are left out, so a fault of yesterday does not hide the same fault
today. A rate that was certainly higher at another time, such as the last hours or this time of last
week, counts at its upper end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlmon.analyzers.base.limits import CONFIDENCE
from mlmon.analyzers.statistics.binomial_tail import binomial_tail
from mlmon.analyzers.statistics.wilson import wilson_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

FEWEST_KNOWN = 100
"""Rows of the past from which on a rate is known."""
WORST_DAYS = 2
"""Of seven days, so many with the highest rates do not count."""
_WEEK = 7

Counts = tuple[int, int]
"""Events, and the rows among which they were counted."""


def usual_rate(days: Sequence[Counts], others: Sequence[Counts] = ()) -> float | None:
    """Return the upper end of the usual rate; None where too little is known.

    Args:
        days: Of each day before.
        others: Of times whose rate counts where it is certainly higher.

    >>> usual_rate([(0, 2_000)] * 5 + [(400, 2_000)] * 2) == usual_rate([(0, 2_000)] * 5)
    True
    """
    known = sorted((events / rows, events, rows) for events, rows in days if rows)
    kept = known[: len(known) - WORST_DAYS * len(known) // _WEEK]
    events, rows = sum(events for _, events, _ in kept), sum(rows for _, _, rows in kept)
    if rows < FEWEST_KNOWN:
        return None
    rate = wilson_interval(events, rows, CONFIDENCE).high
    higher = [
        wilson_interval(events, rows, CONFIDENCE).high
        for events, rows in others
        if events and binomial_tail(events, rows, rate) < 1 - CONFIDENCE
    ]
    return max([rate, *higher])
