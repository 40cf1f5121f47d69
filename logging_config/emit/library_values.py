"""Values of numpy, pandas, torch and alike as values of Python.

They are recognized by their attributes, because importing their libraries is expensive.
"""

import math
from typing import Any, Final

from mlmon.logging_config.schema.fields import MAX_ITEMS

_TIMES: Final = ("M", "m")
"""numpy's kinds of times and durations."""


def to_python(value: Any) -> Any:
    """Convert a value of such a library; return others unchanged.

    A missing value is NaN, a duration is a `timedelta`.
    """
    kind = type(value)
    if kind.__name__ == "NAType":  # pandas.NA, which cannot even be compared
        return math.nan
    is_scalar = not getattr(value, "ndim", 0)
    if hasattr(kind, "dtype") and hasattr(kind, "item") and is_scalar:
        return _scalar(value)
    if hasattr(kind, "tolist"):
        flat = value.ravel() if getattr(value, "size", 0) > MAX_ITEMS else value
        part = flat[: MAX_ITEMS + 1]
        if kind.__module__ == "numpy" and value.dtype.kind in _TIMES:
            return list(map(to_python, part))
        return part.tolist()
    return value


def _scalar(value: Any) -> Any:
    """Return the Python value of a number, time or array without dimensions."""
    if hasattr(type(value), "filled") and value.mask:  # of a masked array
        return math.nan
    item = value.item()
    if getattr(value.dtype, "kind", "") in _TIMES and (item is None or type(item) is int):
        return math.nan if item is None else _time(value)
    return item if type(item) is not type(value) else float(item)


def _time(value: Any) -> Any:
    """Return a time or duration of which numpy makes a bare integer.

    Its unit is finer than Python's; or it lies beyond Python's years, and is shown as text.
    """
    try:
        item = value.astype(f"{value.dtype.kind}8[us]").item()
    except TypeError:  # months and years have no fixed length
        return str(value)
    return str(value) if type(item) is int else item
