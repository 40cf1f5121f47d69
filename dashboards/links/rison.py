"""Rison, the notation in which Kibana keeps its state in URLs (https://github.com/Nanonid/rison).

Kibana's own encoder, `@kbn/rison`, writes the same; what it leaves plain is quoted here as well
where that is shorter to see to be right: every text stands in quotes.
"""

from __future__ import annotations

import re
from typing import Any

_SPECIAL = re.compile(r"([!'])")
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")


def rison(value: Any) -> str:
    """Return a JSON value in Rison.

    Raises:
        TypeError: It is no JSON value.
    """
    match value:
        case None:
            return "!n"
        case bool():
            return "!t" if value else "!f"
        case int() | float():
            return repr(value).replace("+", "")
        case str():
            return "'" + _SPECIAL.sub(r"!\1", value) + "'"
        case list() | tuple():
            return f"!({','.join(map(rison, value))})"
        case dict():
            return f"({','.join(f'{_key(key)}:{rison(member)}' for key, member in value.items())})"
    raise TypeError(f"{type(value).__name__} has no form in Rison")


def _key(key: str) -> str:
    return key if _PLAIN.fullmatch(key) else rison(key)
