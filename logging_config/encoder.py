"""Encode an event as strict JSON: with orjson's speed where that is exact, else with care."""

from collections.abc import Mapping
from typing import Any

import orjson

from logging_config.conform import as_is, conform, conform_carefully, is_clean
from logging_config.limits import MAX_LINE
from logging_config.rules import Rules

Encoded = tuple[bytes, bytes, list[str]]
"""An event's message and its fields as JSON, and what was wrong about the values' types."""


def encode(message: Any, fields: Mapping[Any, Any], rules: Rules) -> Encoded:
    """Encode an event; nothing in it raises, and `ml.log.changes` says what was changed."""
    try:
        if is_clean(message, rules.message):
            written: Any = fields
            wrong: list[str] = []
            if type(fields) is not dict or not as_is(fields, rules):
                placing = conform(fields, rules)
                written, wrong = placing.written(), placing.wrong
            json = orjson.dumps(written)
            # orjson writes NaN and the infinities as null without a word.
            if b"null" not in json and len(json) <= MAX_LINE:
                return orjson.dumps(message), json, wrong
    except Exception:  # noqa: BLE001, S110 -- a key's or value's own methods may raise anything
        pass
    return _encode_carefully(message, fields, rules)


def _encode_carefully(message: Any, fields: Mapping[Any, Any], rules: Rules) -> Encoded:
    placing = conform_carefully(fields, rules)
    text = orjson.dumps(placing.text(message, rules.message))
    written = placing.written()
    json = orjson.dumps(written)
    return text, json if len(json) <= MAX_LINE else _shorten(written), placing.wrong


def _shorten(written: dict[str, Any]) -> bytes:
    """Cut each value of an event that is too large, and say so."""
    cut = {name: _cut(value) for name, value in written.items()}
    cut["ml.log.changes"] = [*cut.get("ml.log.changes", []), "too_long:*"]
    return orjson.dumps(cut)


def _cut(value: Any) -> Any:
    if isinstance(value, str):
        return value[:256]
    if isinstance(value, list):
        return [_cut(item) for item in value[:64]]
    if isinstance(value, dict):
        return {name: _cut(item) for name, item in list(value.items())[:256]}
    return value
