"""Times, spans and numbers as people read them. All times are UTC."""

from datetime import UTC, datetime
from math import floor, log10
from typing import Final

SHARE: Final = "ratio"
"""The unit of shares from 0 to 1, as panels write it; they are shown as percentages."""
DIGITS: Final = 3
MINUTE: Final = 60
HOUR: Final = 3600
DAY: Final = 86400
NANOSECONDS: Final = "ns"
"""The unit of durations in logs (ECS); people read them in milliseconds, seconds or minutes."""
_LENGTHS: Final = ((60 * 10**9, "min"), (10**9, "s"), (10**6, "ms"))


def clock(seconds: float) -> str:
    """Return a moment to the minute: `12 Jan 14:05`."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment.day} {moment:%b %H:%M}"


def moment(seconds: float) -> str:
    """Return a moment with its year: `12 Jan 2026, 14:05`."""
    when = datetime.fromtimestamp(seconds, UTC)
    return f"{when.day} {when:%b %Y, %H:%M}"


def machine(seconds: float) -> str:
    """Return a moment in ISO 8601, for the `datetime` attribute of `<time>`."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def span(seconds: float) -> str:
    """Return a length of time in its two largest units: `3 h 20 min`."""
    minutes = round(seconds / MINUTE)
    days, rest = divmod(minutes, DAY // MINUTE)
    hours, minutes = divmod(rest, HOUR // MINUTE)
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{minutes} min"


def number(value: float | None, unit: str = "") -> str:
    """Return a value with three significant digits and its unit; a dash for None."""
    if value is None:
        return "\u2013"
    if unit == SHARE:
        return f"{_digits(100 * value)} %"
    if unit == NANOSECONDS:
        size, unit = length(value)
        value = value / size
    return f"{_digits(value)} {unit}".strip()


def length(nanoseconds: float) -> tuple[float, str]:
    """Return how many nanoseconds a readable unit has, and the unit: `(1e6, "ms")`.

    Args:
        nanoseconds: The greatest length that is shown in it.
    """
    return next(
        ((float(size), unit) for size, unit in _LENGTHS if abs(nanoseconds) >= size), (1e6, "ms")
    )


def rounded(value: float | None, digits: int = 4) -> float | None:
    """Return a value to some significant digits, for drawing."""
    if value is None or value == 0:
        return value
    return round(value, digits - 1 - floor(log10(abs(value))))


def many(count: int, one: str, several: str = "") -> str:
    """Return a count with its noun: `1 check`, `2 checks`, `12,000 checks`."""
    return f"{count:,} {one if count == 1 else several or one + 's'}"


def words(name: str) -> str:
    """Return a name from code as a heading: `service_health` is `Service health`."""
    text = name.replace("_", " ").strip()
    return text[:1].upper() + text[1:]


def _digits(value: float) -> str:
    """Return a number with three significant digits, without an exponent where it can be read."""
    if value == 0:
        return "0"
    short = rounded(value, DIGITS) or 0.0
    if abs(short) >= 10 ** (DIGITS - 1):
        return f"{short:,.0f}"
    return f"{short:.{DIGITS}g}"
