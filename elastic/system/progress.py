"""What is being done, shown to a person who waits."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def shown_progress(doing: str = "") -> Iterator[Callable[[str], None]]:
    """Show what is being done on standard error while that is a terminal.

    Args:
        doing: What is done first; the function given changes it.
    """
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _doing: None
        return
    with console.status(f"{doing} …" if doing else "") as status:
        yield lambda step: status.update(f"{step} …")
