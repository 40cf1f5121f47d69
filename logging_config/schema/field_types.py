"""Check whether a JSON value fits a field's type, and convert it to the form that is written."""

from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

import orjson

from mlmon.logging_config.schema.fields import Field

MISFIT: Final = object()
"""Returned for a value that cannot be written under the field."""

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
"""The expected value as text, by field type."""

_INT64: Final = range(-(2**63), 2**63)


def fit(field: Field, value: Any) -> Any:
    """Return the value as it is written, or `MISFIT`; null fits every optional field."""
    if value is None:
        return MISFIT if field.required else None
    if isinstance(value, list):
        if not field.array:
            return MISFIT
        fitted = [_fit_one(field, item) for item in value]
        return MISFIT if any(item is MISFIT for item in fitted) else fitted
    return _fit_one(field, value)


def _fit_one(field: Field, value: Any) -> Any:
    """Return one value that is not a list as it is written, or `MISFIT`."""
    fits: bool
    match field.type:
        case "boolean":
            fits = isinstance(value, bool)
        case "long":
            fits = _is_integer(value) and value in _INT64
        case "double":
            fits = _is_integer(value) or isinstance(value, (float, orjson.Fragment, type(None)))
        case "date":
            return _fit_date(value)
        case _:
            fits = isinstance(value, str) or (field.is_family and isinstance(value, bool))
    return value if fits else MISFIT


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _fit_date(value: Any) -> Any:
    if not isinstance(value, str):
        return MISFIT
    try:
        time = datetime.fromisoformat(value)
        aware = time if time.tzinfo else time.replace(tzinfo=UTC)
        utc = aware.astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return MISFIT
    return utc.isoformat(timespec="microseconds") + "Z"
