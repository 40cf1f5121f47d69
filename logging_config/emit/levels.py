"""The severities of a line, and the names and numbers that other libraries have for them."""

from types import MappingProxyType
from typing import Any, Final

LOG_LEVELS: Final = ("debug", "info", "warning", "error", "critical")
"""The severities of a line, as `log.level` has them."""

_NUMBERS: Final = ((50, "critical"), (40, "error"), (30, "warning"), (20, "info"))
_OTHER_NAMES: Final = MappingProxyType(
    {
        **dict.fromkeys(("notset", "trace", "verbose"), "debug"),
        **dict.fromkeys(("msg", "notice", "success"), "info"),
        "warn": "warning",
        **dict.fromkeys(("err", "exception", "failure"), "error"),
        **dict.fromkeys(("fatal", "alert", "emergency"), "critical"),
    }
)


def find_level(level: Any) -> str | None:
    """Return the severity of a level given by name, in any case, or by `logging`'s number.

    None where it is neither.
    """
    kind = type(level)  # not `isinstance`: the value's own `__class__` may raise
    if issubclass(kind, (int, float)):
        return next((name for least, name in _NUMBERS if level >= least), "debug")
    if not issubclass(kind, str):
        return None
    name = str.lower(level)
    return name if name in LOG_LEVELS else _OTHER_NAMES.get(name)
