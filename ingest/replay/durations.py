"""Durations as a person writes them: `500ms`, `1s`, `5m`, `2h`, `1d`."""

import re
from datetime import timedelta

_UNITS = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}
_DURATION = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)(ms|s|m|h|d)")


def parse_duration(text: str) -> timedelta:
    """Return a duration longer than nothing.

    Raises:
        ValueError: The text is none.
    """
    match = _DURATION.fullmatch(text)
    duration = float(match[1]) * _UNITS[match[2]] if match else timedelta()
    if not duration:
        raise ValueError(f"{text!r} is no duration: write for example 500ms, 1s, 5m, 2h or 1d")
    return duration
