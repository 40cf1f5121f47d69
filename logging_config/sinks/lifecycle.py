"""What becomes of open logs when the process ends, is told to end, or forks."""

import atexit
import os
import signal
import sys
import threading
from types import FrameType
from typing import Any, Final, Protocol
from weakref import WeakSet


class Living(Protocol):
    """What has to be told of the process's fate."""

    def close(self) -> None:
        """Write out what is held."""

    def before_fork(self) -> None:
        """Come to rest."""

    def after_fork(self, *, in_child: bool) -> None:
        """Go on."""


_open: Final[WeakSet[Living]] = WeakSet()


def watch(log: Living) -> None:
    """Close the log at exit, and bring it through forks."""
    _open.add(log)


def close_on_sigterm() -> None:
    """Close the open logs on SIGTERM, then end as before.

    Only where SIGTERM would have ended the process at once: a service with a handler of its own
    ends through `atexit`.
    """
    in_main = threading.current_thread() is threading.main_thread()
    if in_main and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _end)


def _end(number: int, _: FrameType | None) -> None:
    _close_all()
    _come_to_rest()  # no thread is to be killed in the middle of a line
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def _close_all() -> None:
    for log in list(_open):
        log.close()


def _come_to_rest() -> None:
    """Let no write be under way, in any thread."""
    for log in list(_open):
        log.before_fork()


def _after_fork(*, in_child: bool) -> None:
    for log in list(_open):
        log.after_fork(in_child=in_child)
    if in_child:
        _close_with_multiprocessing()


def _close_with_multiprocessing() -> None:
    """Close the logs of a child of `multiprocessing`, which ends without calling `atexit`.

    Its finalizers are forgotten when the child begins, hence the detour.
    """
    util: Any = sys.modules.get("multiprocessing.util")
    if util is not None:
        util.register_after_fork(_open, lambda _: util.Finalize(None, _close_all, exitpriority=0))


atexit.register(_close_all)
os.register_at_fork(
    before=_come_to_rest,
    after_in_parent=lambda: _after_fork(in_child=False),
    after_in_child=lambda: _after_fork(in_child=True),
)
