"""Reads JSON that orjson refuses: half a surrogate pair, a number beyond double's range.

Both are JSON by RFC 8259. Elasticsearch stores such an event, whoever sent it, and returns its
bytes: one of them would make every search that finds it fail.
"""

import json
import re
from typing import Any, Final

_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_MOST_DIGITS: Final = 310
"""No integer with more is within double's range."""


def loads(data: bytes) -> Any:
    """Decode JSON; half a surrogate pair becomes U+FFFD, a number beyond double an infinity.

    Raises:
        ValueError: It is not JSON.
    """
    try:
        value = json.loads(data, parse_int=_integer, parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    return _without_surrogates(value)


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= _MOST_DIGITS else float(digits)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return value if value.isascii() else _SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_without_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {
            _without_surrogates(name): _without_surrogates(item) for name, item in value.items()
        }
    return value
