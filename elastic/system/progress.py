"""Progress on a terminal."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def show_progress(doing: str = "") -> Iterator[Callable[[str], None]]:
    """Show the current step on standard error where that is a terminal.

    Args:
        doing: The first step; the yielded function sets the next one.
    """
    from mlmon.elastic.system.terminal import terminal_console

    console = terminal_console(stderr=True)
    if not console.is_terminal:
        yield lambda _doing: None
        return
    with console.status(f"{doing} …" if doing else "") as status:
        yield lambda step: status.update(f"{step} …")
