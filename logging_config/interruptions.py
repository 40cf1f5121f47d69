"""Distinguish an exception that a value raised from one that only passes through the log.

The log replaces a value whose own methods raise. An exception of the program, such as the time
limit that a signal handler raises, may arrive while the log is at work: it belongs to the caller.
"""

import sys
from inspect import CO_VARARGS
from itertools import pairwise
from traceback import walk_tb
from types import FrameType
from typing import Any, Final

_OWN: Final = __name__.rpartition(".")[0]
_ENDING: Final = (KeyboardInterrupt, SystemExit, GeneratorExit)
_ENDING_NAMES: Final = frozenset(
    {  # not imported, because most programs do not have them
        "asyncio.exceptions.CancelledError",
        "trio.Cancelled",
        "greenlet.GreenletExit",
        "gevent.timeout.Timeout",
        "eventlet.timeout.Timeout",
    }
)


def is_interruption(error: BaseException) -> bool:
    """Whether an exception must reach the log's caller, because no value raised it.

    It ends a task, a thread or the process; or a signal handler raised it; or another thread set it
    in this one (`PyThreadState_SetAsyncExc`).
    """
    kind = type(error)
    if issubclass(kind, _ENDING) or not _ENDING_NAMES.isdisjoint(map(_full_name, kind.__mro__)):
        return True
    frames = [frame for frame, _ in walk_tb(error.__traceback__)]
    if any(_is_signal_handler(frame, interrupted) for interrupted, frame in pairwise(frames)):
        return True
    if not frames or not _is_set_by_a_thread(error):
        return False
    # Between the log and a method of a value there is that method's frame.
    return _is_own(frames[-1]) or all(_is_own(frame) or _is_standard(frame) for frame in frames)


def _full_name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _is_signal_handler(frame: FrameType, interrupted: FrameType) -> bool:
    """Whether a function was called with the frame that it interrupted, as Python calls handlers.

    The handler itself is not looked up: its signal may have another one by now.
    """
    code = frame.f_code
    is_variadic = bool(code.co_flags & CO_VARARGS)
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount + is_variadic]
    values = frame.f_locals
    return any(_holds(values.get(name), interrupted) for name in names)


def _holds(value: Any, frame: FrameType) -> bool:
    if type(value) is tuple:  # the handler's `*args`
        return any(item is frame for item in value)
    return value is frame


def _is_own(frame: FrameType) -> bool:
    name = frame.f_globals.get("__name__")
    return type(name) is str and name.startswith(f"{_OWN}.")


def _is_standard(frame: FrameType) -> bool:
    name = frame.f_globals.get("__name__")
    return type(name) is str and name.partition(".")[0] in sys.stdlib_module_names


def _is_set_by_a_thread(error: BaseException) -> bool:
    """Whether an exception that ends in code of the log, or below it, was set by another thread.

    Such a thread gives the exception's class only. A method in C that raises an exception whose
    class is written in Python describes what is wrong.
    """
    kind = type(error)
    if str(kind.__module__).partition(".")[0] in sys.stdlib_module_names:
        return False
    module = sys.modules.get(kind.__module__)
    is_python = str(getattr(module, "__file__", "")).endswith(".py") or module is _main()
    return is_python and not error.args and not kind.__module__.startswith(f"{_OWN}.")


def _main() -> Any:
    return sys.modules.get("__main__")
