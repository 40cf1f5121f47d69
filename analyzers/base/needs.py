"""The profiles that an analyzer needs to judge a window."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from mlmon.analyzers.base.window import DAY, HOUR, WEEK, Window, floor, joined

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Needs:
    """The profiles of one kind that an analyzer needs.

    Args:
        kind: `profile.kind`.
        lookback: How much of the past before the end of the window it judges.
        weeks: In how many weeks before that window it needs the same time of the week, and the day
            before that.
        pooled: How far back it reads on demand, where `lookback` holds too little for a verdict.
    """

    kind: str
    lookback: timedelta = timedelta(0)
    weeks: int = 0
    pooled: timedelta = timedelta(0)

    def windows(self, period: Window) -> list[Window]:
        """Return the disjoint windows whose profiles are needed to judge a period, in order."""
        start = floor(period.start, HOUR)
        past = [
            Window(start - week * WEEK - DAY, period.end - week * WEEK)
            for week in range(1, self.weeks + 1)
        ]
        return joined([Window(start - self.lookback, period.end), *past])

    def on_demand(self, period: Window) -> Window:
        """Return the time whose profiles may be read on demand to judge a period."""
        return Window(floor(period.start, HOUR) - max(self.lookback, self.pooled), period.end)

    def affected(self, changed: Window) -> Iterator[Window]:
        """Yield the periods whose verdicts depend on the profiles of a window."""
        yield Window(changed.start, changed.end + max(self.lookback, self.pooled))
        for week in range(1, self.weeks + 1):
            yield Window(changed.start + week * WEEK, changed.end + week * WEEK + DAY)
