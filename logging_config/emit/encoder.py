"""Encode an event as strict JSON: with orjson's speed where that is exact, else with care."""

from typing import Any, Final

import orjson

from mlmon.logging_config.emit.conform import Conformer, is_clean
from mlmon.logging_config.schema.limits import MAX_LINE, MAX_REMEMBERED, MAX_TEXT

_SHORT: Final = 64
_messages: dict[str, bytes] = {}

_NOTHING: Final[list[str]] = []

Encoded = tuple[bytes, bytes, list[str]]
"""An event's message and its fields as JSON, and what was wrong about the values' types."""


def encode(message: Any, fields: dict[Any, Any], conformer: Conformer) -> Encoded:
    """Encode an event; nothing in it raises, and `ml.log.changes` says what was changed."""
    try:
        text = _messages.get(message) or _encode_message(message)
        written = conformer.as_planned(fields) if text else None
        if written is not None:
            json = orjson.dumps(written)
            if len(json) <= MAX_LINE:
                return text, json, _NOTHING
    except Exception:  # noqa: BLE001, S110 -- a key's or value's own methods may raise anything
        pass
    return _encode_carefully(message, fields, conformer)


def _encode_message(message: Any) -> bytes:
    """Encode a message that needs no change, and remember a short one; empty if it needs one."""
    if not is_clean(message, longest=MAX_TEXT):
        return b""
    text = orjson.dumps(message)
    if len(text) <= _SHORT:
        if len(_messages) >= MAX_REMEMBERED:
            _messages.clear()
        _messages[message] = text
    return text


def _encode_carefully(message: Any, fields: dict[Any, Any], conformer: Conformer) -> Encoded:
    placing = conformer.one_by_one(fields)
    text = orjson.dumps(placing.text(message, conformer.rules.message))
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
