"""How numbers and times are written in a finding's sentence."""

from __future__ import annotations

from datetime import time
from typing import TYPE_CHECKING

from mlmon.analyzers.base.window import DAY, duration

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta

    from mlmon.analyzers.base.window import Window

THOUSANDS, HUGE = 1_000.0, 1e15
TWO_DIGITS = 10
LONGEST_NAME = 40


def percent(share: float) -> str:
    """Write a share with two significant digits.

    >>> percent(0.2213), percent(0.0004), percent(0.0)
    ('22 %', '0.04 %', '0 %')
    """
    value = 100 * share
    rounded = abs(value) >= TWO_DIGITS or value == 0
    return f"{value:.0f} %" if rounded else f"{value:.2g} %"


def number(value: float) -> str:
    """Write a measurement with three significant digits, as a power of ten only if it is huge.

    >>> number(0.31415), number(5.0), number(1234567.0), number(1e308)
    ('0.314', '5', '1,234,567', '1e+308')
    """
    return f"{value:,.0f}" if THOUSANDS <= abs(value) < HUGE else f"{value:.3g}"


def signed(value: float) -> str:
    """Write a change with its sign.

    >>> signed(0.0521), signed(-1.5)
    ('+0.0521', '-1.5')
    """
    return f"{value:+.3g}"


def count(value: int, noun: str, plural: str = "") -> str:
    """Write a number of things.

    >>> count(1, "request"), count(2310, "request"), count(2, "entry", "entries")
    ('1 request', '2,310 requests', '2 entries')
    """
    return f"{value:,} {noun if value == 1 else plural or f'{noun}s'}"


def listed(names: Sequence[str], most: int = 4) -> str:
    """Write names one after the other; of many only the first ones.

    >>> listed(["1"]), listed(["1", "2", "3"]), listed(list("123456789"))
    ('1', '1, 2 and 3', '1, 2, 3, 4 and 5 more')
    """
    if len(names) > most:
        names = [*names[:most], f"{len(names) - most} more"]
    return " and ".join(each for each in (", ".join(names[:-1]), *names[-1:]) if each)


def with_names(noun: str, names: Sequence[str]) -> str:
    """Write things of one kind by their names.

    >>> with_names("version", ["7"]), with_names("version", ["6", "7"])
    ('version 7', 'versions 6 and 7')
    """
    return f"{noun}{'' if len(names) == 1 else 's'} {listed(names)}"


def excerpt(text: str, most: int = 160) -> str:
    r"""Write the first line of a message, cut where it is too long for a sentence.

    >>> excerpt("no connection\nTraceback …"), excerpt("a very long message", most=10)
    ('no connection', 'a very lo…')
    """
    line = (text.strip().splitlines() or [""])[0].rstrip(". ")
    return line if len(line) <= most else f"{line[: most - 1]}…"


def named(category: str) -> str:
    """Write a category, quoted where a reader would not see all of it, cut where it is too long.

    >>> named("ai_services"), named(""), named(" DE"), named("abc" * 20)
    ('ai_services', "''", "' DE'", 'abcabcabcabcabcabcabcabcabcabcabcabcabc…')
    """
    shown = cut(category)
    return shown if shown and shown == shown.strip() and shown.isprintable() else repr(shown)


def cut(name: str) -> str:
    """Write a name of any length, as much of it as a sentence bears."""
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"


def span(window: Window) -> str:
    """Write a window, naming each day once.

    >>> from mlmon.analyzers.base.window import HOUR, Window, parse_time
    >>> noon = parse_time("2026-03-02T12:00Z")
    >>> span(Window(noon, noon + HOUR)), span(Window(noon - DAY / 2, noon + DAY / 2))
    ('from 12:00 to 13:00 UTC on 2026-03-02', 'on 2026-03-02 (UTC)')
    """
    start, end = window.start, window.end
    if window.length == DAY and start.time() == time.min:
        return f"on {start:%Y-%m-%d} (UTC)"
    if start.date() == (end - DAY / 86_400).date():
        return f"from {start:%H:%M} to {end:%H:%M} UTC on {start:%Y-%m-%d}"
    return f"from {moment(start)} to {moment(end)}"


def moment(time: datetime) -> str:
    """Write a time to the minute."""
    return f"{time:%Y-%m-%d %H:%M} UTC"


def lasting(seconds: float) -> str:
    """Write a length of time in the unit that fits it.

    >>> lasting(0.42), lasting(90.0), lasting(150.0), lasting(9_000.0), lasting(200_000.0)
    ('0.42 s', '90 s', '2.5 min', '2.5 h', '2.31 d')
    """
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{number(seconds / size)} {unit}"
    return f"{number(seconds)} s"


def length(span_of_time: timedelta) -> str:
    """Write a length of time in words that fit before a noun.

    >>> from datetime import timedelta
    >>> length(timedelta(hours=24)), length(timedelta(minutes=15))
    ('1d', '15m')
    """
    return duration(span_of_time)
