"""Text for a terminal: broken between words, and indented; as it is where a program reads it.

Rich leaves colours out where NO_COLOR is set or no terminal reads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_LEAST = 40
"""Columns below which a terminal breaks lines itself."""


def terminal_console() -> Console:
    """Return the console of standard output, which changes nothing but colours by itself."""
    from rich.console import Console

    return Console(highlight=False)


def print_line(console: Console, line: Text, *, first: int = 0, rest: int = 2) -> None:
    """Print a line; where it is longer than the terminal is wide, go on below it.

    Args:
        console: The console.
        line: The line.
        first: Columns that it is indented by.
        rest: Columns that what follows below is indented by.
    """
    from rich.text import Text

    if not console.is_terminal or console.width < _LEAST:
        console.print(Text(" " * first).append_text(line), soft_wrap=True)
        return
    head, *more = line.wrap(console, console.width - first, overflow="fold", no_wrap=False)
    console.print(Text(" " * first).append_text(head), soft_wrap=True)
    if more:
        below = line[len(head.plain) :]
        # The text is cut where it was broken, without the space that stood there.
        below = below[len(below.plain) - len(below.plain.lstrip()) :]
        for part in below.wrap(console, console.width - rest, overflow="fold", no_wrap=False):
            console.print(Text(" " * rest).append_text(part), soft_wrap=True)
