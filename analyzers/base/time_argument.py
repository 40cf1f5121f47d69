"""Times as they are typed: a moment, or how long ago."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlmon.analyzers.base.window import Window, parse_time
from mlmon.elastic.errors import WrongValueError
from mlmon.formatting import parse_duration

if TYPE_CHECKING:
    from datetime import datetime, timedelta


def time_argument(text: str, now: datetime) -> datetime:
    """Read `now`, `14d` (that long ago; also s, m, h, w), or an ISO-8601 time (UTC without a zone).

    Raises:
        WrongValueError: It is neither.
    """
    if text == "now":
        return now
    for read in (parse_time, lambda ago: now - parse_duration(ago)):
        try:
            return read(text)
        except (ValueError, OverflowError):
            continue
    raise WrongValueError(
        f"{text!r} is not a time",
        "Write an ISO time such as 2026-11-22T14:00, or how long ago, such as 14d, 6h or now.",
    )


def check_order(since: datetime | None, until: datetime | None) -> None:
    """Check that a period, open at an end that is None, holds time.

    Raises:
        WrongValueError: It holds none.
    """
    if since and until and since >= until:
        raise WrongValueError(
            "There is no time between --since and --until", "Give the earlier one first."
        )


def window_argument(text: str, now: datetime) -> Window:
    """Read a window: `START/END`, each as `time_argument` reads them, or a length up to now.

    `2026-11-20/2026-11-22` is the interval of ISO 8601 (4.4.1); `14d/7d` the week before the last
    one, `7d` the last one.

    Raises:
        WrongValueError: It is neither, or holds no time.
    """
    start, divided, end = text.partition("/")
    window = Window(time_argument(start, now), time_argument(end, now) if divided else now)
    if window.start >= window.end:
        raise WrongValueError(f"There is no time in {text!r}", "Write the earlier time first.")
    return window


def length_argument(text: str) -> timedelta:
    """Read a length of time: a number of ms, s, m, h, d or w, such as `5m`.

    Raises:
        WrongValueError: It is none, or nothing at all.
    """
    try:
        return parse_duration(text)
    except ValueError:
        raise WrongValueError(
            f"{text!r} is not a length of time",
            "Write a number and its unit, such as 30s, 5m, 1h or 7d.",
        ) from None
