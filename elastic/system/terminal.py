"""Text for a terminal: what steers it is escaped; lines are broken between words, and indented.

`escaped_output` is the one boundary through which every command writes. Logs, findings, comments
and names of files hold texts of any origin; a control character in one of them could clear the
screen, and one that changes the direction of writing could hide what stands there. Programs read
lines as they are.

Rich leaves colours out where NO_COLOR is set or no terminal reads.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO, cast

from mlmon.formatting import visible

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from rich.console import Console
    from rich.text import Text

_LEAST = 40
"""Columns below which a terminal breaks lines itself."""


class EscapedStream:
    """A text stream that escapes what steers a terminal; all else is that of the stream below.

    Rich writes past it, for its own colours are control characters: a console of
    `terminal_console` escapes the texts themselves.

    Args:
        rich_proxied_file: The stream below; rich knows it by this name.
    """

    def __init__(self, rich_proxied_file: TextIO) -> None:
        self.rich_proxied_file = rich_proxied_file

    def write(self, text: str) -> int:
        """Write a text; return how many of its characters were written."""
        self.rich_proxied_file.write(visible(text))
        return len(text)

    def writelines(self, lines: Iterator[str]) -> None:
        """Write texts."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.rich_proxied_file, name)


@contextmanager
def escaped_output() -> Iterator[None]:
    """Escape what is written to standard output and standard error."""
    before = sys.stdout, sys.stderr
    # A process without a terminal, as some services are, may have neither.
    sys.stdout, sys.stderr = (
        stream if stream is None else cast("TextIO", EscapedStream(stream)) for stream in before
    )
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def escaped_traceback(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Print an error that nobody caught, as `sys.excepthook`: its text may be of any origin."""
    with escaped_output():
        sys.__excepthook__(kind, error, trace)


def terminal_console(
    *, stderr: bool = False, soft_wrap: bool = False, width: int | None = None
) -> Console:
    """Return a console that changes nothing but colours by itself, and escapes what it prints.

    Args:
        stderr: Whether it writes to standard error.
        soft_wrap: Whether the terminal breaks its lines.
        width: Columns; None for those of the terminal.
    """
    from rich.console import Console

    from mlmon.elastic.system.escaped_console import Escaping

    console = Console(stderr=stderr, highlight=False, soft_wrap=soft_wrap, width=width)
    console.push_render_hook(Escaping())
    return console


def print_text(text: str) -> None:
    """Print a text; further lines of it are indented below the first, so that none looks like one.

    A line of a comment or of an error could otherwise pass for a line of mlmon.
    """
    first, *more = text.splitlines() or [""]
    columns = len(first) - len(first.lstrip()) + 2
    print("\n".join([first, *(" " * columns + line for line in more)]))  # noqa: T201 - its purpose


def print_line(console: Console, line: Text, *, first: int = 0, rest: int = 2) -> None:
    """Print a line; where it is longer than the terminal is wide, go on below it.

    Args:
        console: The console.
        line: The line; what follows a line end in it goes on below it, too.
        first: Columns that it is indented by.
        rest: Columns that what follows below is indented by.
    """
    from rich.text import Text

    from mlmon.elastic.system.escaped_console import escaped

    parts = [part for part in escaped(line).split(allow_blank=True) if part.plain.strip()]
    for number, part in enumerate(parts or [Text()]):
        _print_part(console, part, rest if number else first, rest)


def _print_part(console: Console, line: Text, first: int, rest: int) -> None:
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
