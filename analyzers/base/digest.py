"""A short fingerprint of a JSON value, of which ids are made."""

import hashlib
import json
from typing import Any

import orjson


def digest(value: Any) -> str:
    """Return 20 hexadecimal digits (80 bits) of a JSON value (times in UTC): equal for equal."""
    try:
        text = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # half a surrogate pair, as of an argument that is no UTF-8
        text = json.dumps(value, sort_keys=True).encode()
    return hashlib.sha256(text).hexdigest()[:20]
