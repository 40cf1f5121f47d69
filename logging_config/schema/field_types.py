"""Whether a JSON value fits a field's type, and the form in which it is written."""

from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

import orjson

from mlmon.logging_config.schema.fields import Field

MISFIT: Final = object()
"""Says that a value cannot be written under the field."""

EXPECTED: Final = MappingProxyType(
    {
        "boolean": "true or false",
        "date": "a date and time",
        "double": "a number",
        "keyword": "a text",
        "long": "an integer of 64 bits",
        "match_only_text": "a text",
    }
)
"""What a developer should have given, by field type."""

_INT64: Final = range(-(2**63), 2**63)


def fit(field: Field, value: Any) -> Any:
    """Return the value as the field holds it, or `MISFIT`; null fits any but a required field."""
    if value is None:
        return MISFIT if field.required else None
    if isinstance(value, list):
        if not field.array:
            return MISFIT
        fitted = [fit_one(field, item) for item in value]
        return MISFIT if any(item is MISFIT for item in fitted) else fitted
    return fit_one(field, value)


def fit_one(field: Field, value: Any) -> Any:
    """Fit one value that is not a list."""
    fits: bool
    match field.type:
        case "boolean":
            fits = isinstance(value, bool)
        case "long":
            fits = _is_integer(value) and value in _INT64
        case "double":
            fits = _is_integer(value) or isinstance(value, (float, orjson.Fragment, type(None)))
        case "date":
            return _moment(value)
        case _:
            fits = isinstance(value, str) or (field.is_family and isinstance(value, bool))
    return value if fits else MISFIT


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _moment(value: Any) -> Any:
    if not isinstance(value, str):
        return MISFIT
    try:
        moment = datetime.fromisoformat(value)
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return format_moment(aware)
    except (ValueError, OverflowError):
        return MISFIT


def format_moment(moment: datetime) -> str:
    """Write an aware time as the log does: UTC, microseconds, `Z`."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
