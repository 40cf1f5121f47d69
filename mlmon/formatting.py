"""How numbers, durations, times and names are written for people, everywhere: one set of units.

Times are UTC. The standard library only, so that every package can import it.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from math import floor, log10
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

RATIO: Final = "ratio"
"""The unit of shares from 0 to 1, which are written as percentages."""
NANOSECONDS: Final = "ns"
"""The unit of durations in logs (ECS `event.duration`)."""
SECONDS: Final = "s"
DASH: Final = "\u2013"
"""Stands where there is no value."""

_THOUSANDS, _HUGE = 1_000.0, 1e15
_TWO_DIGITS = 10
_LONGEST_NAME = 40
_UNITS: Final = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
_AXIS_UNITS: Final = (("d", 172_800, 86_400), ("h", 7_200, 3_600), ("min", 120, 60), ("s", 1, 1))
"""Unit, the seconds from which an axis is labeled in it, and its own seconds."""
_SIZES: Final = (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3))
_DURATION: Final = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)\s*(ms|s|m|h|d|w)")
_LENGTHS: Final = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}


class Period(Protocol):
    """A time range."""

    @property
    def start(self) -> datetime:
        """Its first moment."""

    @property
    def end(self) -> datetime:
        """The first moment after it."""


def percent(share: float) -> str:
    """Write a share with two significant digits.

    >>> percent(0.2213), percent(0.0004), percent(0.0)
    ('22 %', '0.04 %', '0 %')
    """
    value = 100 * share
    whole = abs(value) >= _TWO_DIGITS or value == 0
    return f"{value:.0f} %" if whole else f"{value:.2g} %"


def number(value: float | None, unit: str = "") -> str:
    """Write a measurement with three significant digits and its unit; a dash for None.

    A number from 1,000 on is written out; a power of ten stands only where it is huge. What is too
    small for a double's full precision is written as 0: such numbers stand for "just above 0".

    >>> number(0.31415), number(5.0), number(1234567.0), number(1e308)
    ('0.314', '5', '1,234,567', '1e+308')
    >>> number(0.1234, RATIO), number(18_200_000, NANOSECONDS), number(2.5, "requests/s")
    ('12.3 %', '18.2 ms', '2.5 requests/s')
    """
    if value is None:
        return DASH
    if abs(value) < sys.float_info.min:
        value = 0.0
    match unit:
        case "ratio":
            return f"{number(100 * value)} %"
        case "ns":
            return duration(value / 1e9)
        case "s":
            return duration(value)
        case "bytes":
            return size(value)
    text = f"{value:,.0f}" if _THOUSANDS <= abs(value) < _HUGE else f"{value:.3g}"
    return f"{text} {unit}".rstrip()


def signed(value: float) -> str:
    """Write a change with its sign.

    >>> signed(0.0521), signed(-1.5)
    ('+0.0521', '-1.5')
    """
    return f"{value:+.3g}"


def rounded(value: float | None, digits: int = 4) -> float | None:
    """Return a value with some significant digits, for drawing."""
    if value is None or value == 0:
        return value
    return round(value, digits - 1 - floor(log10(abs(value))))


def size(value: float) -> str:
    """Write a number of bytes.

    >>> size(512), size(1_300_000)
    ('512 bytes', '1.3 MB')
    """
    for unit, least in _SIZES:
        if abs(value) >= least:
            return f"{value / least:.3g} {unit}"
    return f"{value:.0f} bytes"


def count(value: int, noun: str, plural: str = "") -> str:
    """Write a number of things.

    >>> count(1, "request"), count(2310, "request"), count(2, "entry", "entries")
    ('1 request', '2,310 requests', '2 entries')
    """
    return f"{value:,} {noun if value == 1 else plural or f'{noun}s'}"


def duration(length: float | timedelta) -> str:
    """Write a duration, in seconds or as a timedelta: below a minute with three digits.

    From a minute on it has its two largest units.

    >>> duration(0.0234), duration(42.0), duration(90), duration(12_000), duration(97_200)
    ('23.4 ms', '42 s', '1 min 30 s', '3 h 20 min', '1 d 3 h')
    """
    seconds = length.total_seconds() if isinstance(length, timedelta) else length
    sign, seconds = "-" if seconds < 0 else "", abs(seconds)
    for (large, whole), (small, part) in pairwise(_UNITS):
        total = round(seconds / part) * part
        if total >= whole:
            count_large, rest = divmod(total, whole)
            return f"{sign}{count_large:,} {large}" + (f" {rest // part} {small}" if rest else "")
    if seconds >= 1 or not seconds:
        return f"{sign}{seconds:.3g} s"
    return f"{sign}{1_000 * seconds:.3g} ms"


def axis_unit(greatest: float, unit: str) -> tuple[float, str]:
    """Return what the values of an axis are divided by to be read, and their unit then.

    >>> axis_unit(18_200_000, NANOSECONDS), axis_unit(600, SECONDS), axis_unit(600, "requests")
    ((1000000.0, 'ms'), (60.0, 'min'), (1.0, 'requests'))
    """
    per_second = {NANOSECONDS: 1e9, SECONDS: 1.0}.get(unit)
    if per_second is None:
        return 1.0, unit
    for name, least, seconds in _AXIS_UNITS:
        if abs(greatest) >= least * per_second:
            return seconds * per_second, name
    return per_second / 1_000, "ms"


def compact_duration(length: timedelta) -> str:
    """Return a duration in its largest whole unit, as Elasticsearch and Kibana write it.

    >>> compact_duration(timedelta(minutes=90)), compact_duration(timedelta(days=1))
    ('90m', '1d')
    """
    seconds = int(length.total_seconds())
    for unit, whole in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds % whole == 0:
            return f"{seconds // whole}{unit}"
    return f"{seconds}s"


def parse_duration(text: str) -> timedelta:
    """Return the duration that a person or `compact_duration` wrote, such as `500ms` or `1d`.

    Raises:
        ValueError: The text is none, or is zero.
    """
    match = _DURATION.fullmatch(text.strip())
    length = float(match[1]) * _LENGTHS[match[2]] if match else timedelta()
    if not length:
        raise ValueError(f"{text!r} is no duration: write for example 500ms, 1s, 5m, 2h or 1d")
    return length


def moment(when: datetime | float) -> str:
    """Write a time to the minute; a number is seconds since the epoch.

    >>> moment(0.0)
    '1970-01-01 00:00 UTC'
    """
    return f"{_utc(when):%Y-%m-%d %H:%M} UTC"


def short_moment(when: datetime | float) -> str:
    """Write a time to the minute without its year, for tables and axes that name the range.

    >>> short_moment(0.0)
    '1 Jan 00:00'
    """
    utc = _utc(when)
    return f"{utc.day} {utc:%b %H:%M}"


def about_when(when: datetime, now: datetime) -> str:
    """Write a time that is only roughly known: the hour today, the weekday this week, or the date.

    >>> now = datetime(2026, 3, 2, 9, tzinfo=UTC)
    >>> [about_when(now + timedelta(days=days), now) for days in (0.2, 3, 20)]
    ['13:48 UTC', 'Thursday', '22 March']
    """
    utc, today = _utc(when), _utc(now)
    if utc.date() == today.date():
        return f"{utc:%H:%M} UTC"
    if utc - today < timedelta(days=6):
        return f"{utc:%A}"
    return f"{utc.day} {utc:%B}"


def machine_moment(when: datetime | float) -> str:
    """Return a time to the second in ISO 8601, for the `datetime` attribute of `<time>`."""
    return f"{_utc(when):%Y-%m-%dT%H:%M:%SZ}"


def span(period: Period) -> str:
    """Write a time range, naming each day once."""
    start, end = period.start, period.end
    if end - start == timedelta(days=1) and start.time() == time.min:
        return f"on {start:%Y-%m-%d} (UTC)"
    if start.date() == (end - timedelta(seconds=1)).date():
        return f"from {start:%H:%M} to {end:%H:%M} UTC on {start:%Y-%m-%d}"
    return f"from {moment(start)} to {moment(end)}"


def listed(names: Sequence[str], most: int = 4) -> str:
    """Write names one after the other; of many only the first ones.

    >>> listed(["1"]), listed(["1", "2", "3"]), listed(list("123456789"))
    ('1', '1, 2 and 3', '1, 2, 3, 4 and 5 more')
    """
    if len(names) > most:
        names = [*names[:most], f"{len(names) - most} more"]
    return " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)


def with_names(noun: str, names: Sequence[str]) -> str:
    """Write things of one kind by their names.

    >>> with_names("version", ["7"]), with_names("version", ["6", "7"])
    ('version 7', 'versions 6 and 7')
    """
    return f"{noun}{'' if len(names) == 1 else 's'} {listed(names)}"


def heading(name: str) -> str:
    """Return a name from code as a heading.

    >>> heading("service_health")
    'Service health'
    """
    text = name.replace("_", " ").strip()
    return text[:1].upper() + text[1:]


def excerpt(text: str, most: int = 160) -> str:
    r"""Write the first line of a message, cut where it is too long for a sentence.

    >>> excerpt("no connection\nTraceback …"), excerpt("a very long message", most=10)
    ('no connection', 'a very lo…')
    """
    line = (text.strip().splitlines() or [""])[0].rstrip(". ")
    return cut(line, most)


def named(category: str) -> str:
    """Write a category, quoted where a reader would not see all of it, cut where it is too long.

    >>> named("ai_services"), named(""), named(" DE"), named("abc" * 20)
    ('ai_services', "''", "' DE'", 'abcabcabcabcabcabcabcabcabcabcabcabcabc…')
    """
    shown = cut(category)
    return shown if shown and shown == shown.strip() and shown.isprintable() else repr(shown)


def visible(text: str) -> str:
    r"""Write a text of any origin for a reader: what is not seen of it is escaped as in JSON.

    Those are control characters, which steer a terminal, and such as change the direction of what
    follows. Line ends and tabs stay, and so do spaces of any width.

    >>> visible("caf\u00e9 \x1b[31m\ngone \u202eover")
    'café \\u001b[31m\ngone \\u202eover'
    """
    if text.isprintable():
        return text
    return "".join(
        letter if letter.isprintable() or letter in "\n\t" else _escaped(letter) for letter in text
    )


def one_line(text: str) -> str:
    r"""Write a text of any origin in one line: `visible`, and line ends and tabs are escaped, too.

    >>> one_line("gone\n\x07")
    'gone\\n\\u0007'
    """
    return text if text.isprintable() else visible(text).replace("\n", "\\n").replace("\t", "\\t")


def indented(text: str, columns: int) -> str:
    r"""Write the further lines of a text indented, so that none looks like an entry of its own.

    Any line end counts, also those of Unicode; empty lines are left out.

    >>> indented("it hangs\n\nResolved: all clear\r\n", 4)
    'it hangs\n    Resolved: all clear'
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return f"\n{' ' * columns}".join(lines)


def _escaped(letter: str) -> str:
    """Return a character as JSON escapes it, so that a line of JSON keeps its meaning."""
    if unicodedata.category(letter) == "Zs":
        return letter
    units = letter.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[start : start + 4]}" for start in range(0, len(units), 4))


def cut(text: str, most: int = _LONGEST_NAME) -> str:
    """Write at most so many characters of a text."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _utc(when: datetime | float) -> datetime:
    return when.astimezone(UTC) if isinstance(when, datetime) else datetime.fromtimestamp(when, UTC)
