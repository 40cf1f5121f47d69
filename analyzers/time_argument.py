"""Times as they are typed: a moment, or how long ago."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

from analyzers.window import parse_time
from elastic.errors import UserError

if TYPE_CHECKING:
    from datetime import datetime

_AGO = re.compile(r"(\d+)\s*([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def time_argument(text: str, now: datetime) -> datetime:
    """Read `now`, `14d` (that long ago; also m, h, w), or an ISO-8601 time (UTC without a zone).

    Raises:
        UserError: It is neither.
    """
    if text == "now":
        return now
    ago = _AGO.fullmatch(text.strip())
    try:
        if ago:
            return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        return parse_time(text)
    except (ValueError, OverflowError):
        raise UserError(
            f"{text!r} is not a time",
            "Write an ISO time such as 2026-11-22T14:00, or how long ago, such as 14d, 6h or now.",
        ) from None
