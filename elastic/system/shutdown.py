"""Orderly shutdown on a signal."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from threading import Event
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def shutdown_event() -> Iterator[Event]:
    """Yield an event that the first SIGINT or SIGTERM sets; the next one ends the process at once.

    Afterwards the former signal handlers are back.
    """
    shutdown = Event()

    def stop(_signal: int, _frame: object) -> None:
        if shutdown.is_set():
            raise KeyboardInterrupt
        shutdown.set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield shutdown
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
