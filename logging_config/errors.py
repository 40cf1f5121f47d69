"""The exceptions of the log, and warnings about the log itself."""

import select
import sys
from typing import Any, Final

from mlmon.logging_config.interruptions import is_interruption


class ConfigurationError(ValueError):
    """The log's configuration is wrong; raised during configuration, never at the first event."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(f"{message} {hint}")
        self.message = message
        self.hint = hint


class FieldTypeError(TypeError):
    """A value has the wrong type: raised in development only."""


_POLLOUT: Final = getattr(select, "POLLOUT", 4)
_warned: set[str] = set()


def warn(message: str) -> None:
    """Write one line about the log itself to standard error; never raises and never waits."""
    try:
        stream: Any = sys.stderr
        if stream is not None and _accepts_output(stream):
            stream.write(f"mlmon.logging_config: {message}\n")
            stream.flush()
    except BaseException as raised:
        if is_interruption(raised):
            raise


def warn_once(message: str) -> None:
    """Warn, but once per process and message."""
    if message not in _warned:
        _warned.add(message)
        warn(message)


def _accepts_output(stream: Any) -> bool:
    """Whether a write to a stream does not wait, such as for a pipe that nobody reads."""
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError, AttributeError):
        return True  # not a file of the system
    return can_write(descriptor, 0)


def can_write(descriptor: int, timeout_s: float) -> bool:
    """Whether a file accepts output within a time; a closed one does, and then raises."""
    if not hasattr(select, "poll"):
        return True
    poll = select.poll()
    poll.register(descriptor, _POLLOUT)
    return bool(poll.poll(timeout_s * 1000))
