"""Bring into the log what a program says without a logger: warnings and uncaught exceptions.

They go through Python's logging. What an asyncio task leaves uncaught, asyncio itself logs there.
"""

import logging
import sys
import threading
from types import TracebackType
from typing import Final

_logger: Final = logging.getLogger("uncaught")
_main_hook = sys.excepthook
_thread_hook = threading.excepthook
_unraisable_hook = sys.unraisablehook


def capture_warnings() -> None:
    """Send warnings through the logger `py.warnings`."""
    logging.captureWarnings(capture=True)


def capture_uncaught() -> None:
    """Log the exceptions nothing caught: of the main thread, of others, and of finalizers.

    The former hooks are called too, so that a terminal still shows the traceback.
    """
    global _main_hook, _thread_hook, _unraisable_hook
    if sys.excepthook is not _log_main:
        _main_hook, sys.excepthook = sys.excepthook, _log_main
    if threading.excepthook is not _log_thread:
        _thread_hook, threading.excepthook = threading.excepthook, _log_thread
    if sys.unraisablehook is not _log_unraisable:
        _unraisable_hook, sys.unraisablehook = sys.unraisablehook, _log_unraisable


def _log_main(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if not issubclass(kind, KeyboardInterrupt):
        _logger.critical("Uncaught exception", exc_info=(kind, error, trace))
    _main_hook(kind, error, trace)


def _log_thread(given: threading.ExceptHookArgs) -> None:
    if given.exc_value is not None and not issubclass(given.exc_type, SystemExit):
        name = given.thread.name if given.thread else "?"
        _logger.error("Uncaught exception in thread %s", name, exc_info=given.exc_value)
    _thread_hook(given)


def _log_unraisable(given: "sys.UnraisableHookArgs") -> None:
    _logger.error("Exception that could not be raised", exc_info=given.exc_value)
    _unraisable_hook(given)
