"""Numbered log lines whose contents differ, so that a changed byte shows."""

import json
from typing import Any

from tests.support.numbered_log import NumberedLog

_ADDED = ("event.ingested", "agent.id", "kubernetes.", "container.")
"""Fields that a shipper adds, and beginnings of their names."""
_TEXTS = ("prediction approved", "größer als üblich: 3,2 €", 'a "quote", a \\ and a tab\t', "😀 ok")


class VariedLog(NumberedLog):
    """Lines of 0.3 to 40 KiB in several scripts, each known by its number."""

    def line(self, **changes: Any) -> bytes:
        """Return the next line, in UTF-8."""
        event = json.loads(super().line(message=message(self.count + 1), **changes))
        return json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def message(number: int) -> str:
    """Return the message of the line with a number."""
    text = _TEXTS[number % len(_TEXTS)]
    return text * (2_000 if number % 499 == 0 else number % 7 + 1)


def is_unchanged(event: dict[str, Any]) -> bool:
    """Return whether a stored event is the line that was written under its number."""
    number = event["event.sequence"]
    log = VariedLog(event["process.entity_id"])
    log.count = number - 1
    written = json.loads(log.line())
    return written == {key: value for key, value in event.items() if not key.startswith(_ADDED)}
