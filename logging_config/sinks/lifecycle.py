"""Close open logs at exit, on SIGTERM and on SIGHUP, and keep them consistent across forks."""

import atexit
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any, Final, Protocol
from weakref import WeakSet

from mlmon.logging_config.errors import warn_once
from mlmon.logging_config.sinks.sink import CLOSE_TIMEOUT_S


class OpenLog(Protocol):
    """A log that must be closed at exit and be prepared for forks."""

    def close(self, timeout_s: float = CLOSE_TIMEOUT_S) -> None:
        """Write all held lines."""

    def before_fork(self) -> None:
        """Finish the current write."""

    def after_fork(self, *, in_child: bool) -> None:
        """Continue after a fork."""


_open: Final[WeakSet[OpenLog]] = WeakSet()
_finalizers: Final[dict[str, Any]] = {}
_SIGNALS: Final = (signal.SIGTERM, signal.SIGHUP)
_state: Final[set[str]] = set()
before_end: list[Callable[[], object]] = []
"""Called in a child of `multiprocessing` that ends, before its logs are closed."""


def register(log: OpenLog) -> None:
    """Close the log at exit and keep it consistent across forks."""
    _open.add(log)
    _close_with_multiprocessing()


def close_on_signals() -> None:
    """Close the open logs on SIGTERM and SIGHUP (a terminal was closed), then end as before.

    Only on a signal that has the default handler: a service with its own handler ends through
    `atexit`, and `nohup` ignores SIGHUP.

    Python lets only the main thread set handlers, and another library may set the default one
    again, as asyncio does with a handler that it removes. A writer that starts looks again.
    """
    _state.add("closes on signals")
    if threading.current_thread() is threading.main_thread():
        look_after_signals()


def look_after_signals() -> None:
    """Close on signals that have the default handler again, or warn once if that cannot be set."""
    if "closes on signals" not in _state or "ends" in _state:
        return
    lost = [number for number in _SIGNALS if signal.getsignal(number) is signal.SIG_DFL]
    if lost and threading.current_thread() is threading.main_thread():
        for number in lost:
            signal.signal(number, _on_signal)
    elif signal.SIGTERM in lost:
        warn_once(
            "SIGTERM has its default handler, so that it ends the process without writing the "
            "lines that wait: call configure in the main thread, or log.close() in a handler"
        )


def _on_signal(number: int, _: FrameType | None) -> None:
    if "ends" in _state:
        return  # a second signal interrupts this handler, which ends the process in bounded time
    _state.add("ends")
    try:
        _close_all()
        _quiesce()  # no thread may be killed in the middle of a line
    finally:
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)


def _open_logs() -> list[OpenLog]:
    """Return the open logs, while other threads may open more."""
    while True:
        with suppress(RuntimeError):  # the set has changed during the iteration
            return list(_open)


def _close_all() -> None:
    """Close the open logs, all of them within one deadline."""
    deadline = time.monotonic() + CLOSE_TIMEOUT_S
    for log in _open_logs():
        log.close(max(deadline - time.monotonic(), 0.0))


def _quiesce() -> None:
    """Wait until no write is running in any thread, each for a second at most."""
    for log in _open_logs():
        log.before_fork()


def _after_fork(*, in_child: bool) -> None:
    for log in _open_logs():
        log.after_fork(in_child=in_child)
    if in_child:
        _state.discard("ends")
        _close_with_multiprocessing()


def _close_with_multiprocessing() -> None:
    """Close the logs of a child of `multiprocessing`, or of Celery, which ends without `atexit`.

    A log may be opened by the child's target, by its module, or by its parent. The child clears
    the finalizers when it starts, so they are registered now and again after that.
    """
    for name in ("multiprocessing.util", "billiard.util"):
        util: Any = sys.modules.get(name)
        if util is not None and hasattr(util, "Finalize"):  # else it is being imported
            if name not in _finalizers:
                util.register_after_fork(_open, lambda _, name=name: _finalize(name))
            _finalize(name)


def _finalize(name: str) -> None:
    finalizer = _finalizers.get(name)
    if finalizer is None or not finalizer.still_active():
        util = sys.modules[name]
        _finalizers[name] = util.Finalize(_open, _end_child, exitpriority=0)


def _end_child() -> None:
    for call in before_end:
        call()
    _close_all()


atexit.register(_close_all)
os.register_at_fork(
    before=_quiesce,
    after_in_parent=lambda: _after_fork(in_child=False),
    after_in_child=lambda: _after_fork(in_child=True),
)
