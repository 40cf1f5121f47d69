"""An exception as ECS's `error.*` fields: type, message and stack trace, never local variables."""

import traceback
from typing import Any

from mlmon.logging_config.schema.limits import MAX_TEXT


def error_fields(error: BaseException | str | None) -> dict[str, Any]:
    """Describe an exception, or an error known by its text alone; none is an empty answer."""
    if error is None:
        return {}
    if not isinstance(error, BaseException):
        return {"error.message": error}
    kind = type(error)
    return {
        "error.type": f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins."),
        "error.message": _text(error),
        "error.stack_trace": _stack_trace(error),
    }


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 -- an exception's own __str__ may raise anything
        return f"<unreadable {type(error).__name__}>"


def _stack_trace(error: BaseException) -> str:
    try:
        text = "".join(traceback.format_exception(error))
    except Exception:  # noqa: BLE001 -- source files and __str__ are outside our control
        return f"<unreadable stack trace of {type(error).__name__}>"
    half = MAX_TEXT // 2 - 1
    # The end holds the cause; the beginning tells the way there.
    return text if len(text) <= MAX_TEXT else f"{text[:half]}…{text[-half:]}"
