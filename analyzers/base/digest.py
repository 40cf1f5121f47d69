"""A short fingerprint of a JSON value, of which ids are made."""

import hashlib
from typing import Any

import orjson


def digest(value: Any) -> str:
    """Return 20 hexadecimal digits (80 bits) of a JSON value (times in UTC): equal for equal."""
    text = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(text).hexdigest()[:20]
