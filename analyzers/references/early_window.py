"""Short windows in which events are too many for any doubt. Pure.

A window alarms early if so many events are certainly no chance at the usual rate. One burst is not
enough: the window must show it without its worst part, and its last part must show it too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlmon.analyzers.base.window import Window
from mlmon.analyzers.statistics.binomial_tail import binomial_tail
from mlmon.formatting import number, percent

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime, timedelta

FEWEST_EVENTS = 3
WITHOUT_WORST = 0.001
"""Largest probability of what is left without the worst part."""


@dataclass(frozen=True, slots=True)
class EarlyWindow:
    """A window that leaves no doubt.

    Args:
        window: The shortest.
        usual: The rate that was reckoned with.
        chance: The probability of so many events at that rate.
    """

    window: Window
    usual: float
    chance: float

    @property
    def sentence(self) -> str:
        """Part of a sentence: why there is no doubt."""
        return (
            f"certain: at a usual rate of {percent(self.usual)} the probability of this is "
            f"{number(self.chance)}"
        )


def early_window(
    parts: Sequence[tuple[Window, int, int]],
    end: datetime,
    lengths: Sequence[timedelta],
    usual: Callable[[Window], float | None],
    certain: float,
) -> EarlyWindow | None:
    """Return the shortest window that ends at a moment and leaves no doubt; None if none does.

    Args:
        parts: With events and rows, in order of time; those of the longest window at least.
        end: The moment.
        lengths: Of the windows, shortest first; of two parts at least.
        usual: Returns the usual rate before a window; None where it is not known.
        certain: The probability below which a window leaves no doubt.
    """
    if not parts or parts[-1][0].end != end or not parts[-1][1]:
        return None
    for length in lengths:
        window = Window(end - length, end)
        counts = [(events, rows) for part, events, rows in parts if part.start >= window.start]
        events, rows = sum(events for events, _ in counts), sum(rows for _, rows in counts)
        if events < FEWEST_EVENTS:
            continue
        rate = usual(window)
        if rate is None:
            return None
        chance = binomial_tail(events, rows, rate)
        worst = max(counts)
        left = binomial_tail(events - worst[0], rows - worst[1], rate)
        if chance <= certain and left <= WITHOUT_WORST:
            return EarlyWindow(window, rate, chance)
    return None
