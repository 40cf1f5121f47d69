"""Which windows new events fall into: found by when they were ingested, not by looking everywhere.

The cost depends on the new events only. An event becomes visible some time after the moment it
carries in `event.ingested`, so the last stretch is looked at again each time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analyzers.profile.aggregations import DATE, INGESTED, within
from analyzers.window import DAY, MINUTE, Window, from_milliseconds

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime, timedelta

    from analyzers.profile.kind import ProfileKind
    from analyzers.profile.logs import Logs

OVERLAP = 15 * MINUTE
"""An event is visible at the latest so long after it was ingested; what is later, the daily sweep
finds."""


OLDEST = 400 * DAY
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
    known = within("@timestamp", gte=until - OLDEST, lt=until)
    interval = f"{kind.step // MINUTE}m"
    body = {
        "size": 0,
        "track_total_hits": False,
        "query": {"bool": {"filter": [new, known]}},
        "aggs": {"windows": {"date_histogram": {**DATE, "fixed_interval": interval}}},
    }
    buckets = logs.search(kind.dataset, body)["aggregations"]["windows"]["buckets"]
    starts = (from_milliseconds(bucket["key"]) for bucket in buckets)
    return joined(Window(start, start + kind.step) for start in starts)


def joined(windows: Iterable[Window]) -> list[Window]:
    """Return the least windows, in order, that cover the same time; ones that touch become one."""
    spans: list[Window] = []
    for window in sorted(windows):
        if spans and window.start <= spans[-1].end:
            spans[-1] = Window(spans[-1].start, max(spans[-1].end, window.end))
        else:
            spans.append(window)
    return spans


def affected(
    touched_windows: Iterable[Window], lookback: timedelta, until: datetime
) -> list[Window]:
    """Return the periods to judge again: a verdict depends on `lookback` before its window's end.

    Args:
        touched_windows: Windows with new events.
        lookback: How far back an analyzer looks before the window it judges.
        until: Later windows are not judged.
    """
    periods = (Window(each.start, min(each.end + lookback, until)) for each in touched_windows)
    return joined(each for each in periods if each.start < each.end)
