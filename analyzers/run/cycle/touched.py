"""Which windows new events fall into: found by when they were ingested, not by looking everywhere.

The cost depends on the new events only. An event becomes visible some time after the moment it
carries in `event.ingested`, so the last stretch is looked at again each time.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from mlmon.analyzers.base.window import DAY, MINUTE, Window, joined
from mlmon.analyzers.event_logs.aggregations import DATED, INGESTED, windows_with, within

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from mlmon.analyzers.base.needs import Needs
    from mlmon.analyzers.event_logs.logs import Logs
    from mlmon.analyzers.profiles.kind import ProfileKind

OVERLAP = 15 * MINUTE
"""An event is visible at the latest so long after it was ingested; what is later, the daily sweep
finds."""


OLDEST_EVENT = 400 * DAY
"""No verdict of today depends on events so old: those of a clock that was reset to 1970 are left
alone. `mlmon analyze` judges any time."""


def touched(kind: ProfileKind[Any], logs: Logs, since: datetime, until: datetime) -> list[Window]:
    """Return the windows of a kind that events ingested since a moment fall into.

    Args:
        kind: The kind.
        logs: The events.
        since: Ingested after this.
        until: Windows that start before this, and not `OLDEST` before; what is dated later is not
            judged yet.
    """
    new = within(INGESTED, gte=since - OVERLAP)
    found: list[Window] = []
    for dataset, date in kind.news or ((kind.dataset, DATED),):
        known = within(date, gte=until - OLDEST_EVENT, lt=until)
        query = {"bool": {"filter": [new, known]}}
        found += windows_with(partial(logs.search, dataset), query, date, kind.step)
    return joined(found)


def affected(changed: Iterable[Window], needs: Needs, until: datetime) -> list[Window]:
    """Return the periods to judge again: those that depend on windows that changed.

    Args:
        changed: Windows with new events.
        needs: Which profiles an analyzer needs of the past.
        until: Later windows are not judged.
    """
    periods = (period for window in changed for period in needs.affected(window))
    ended = (Window(period.start, min(period.end, until)) for period in periods)
    return joined(window for window in ended if window.start < window.end)
