"""The fields by which a line that a shipper kept of a rejected one is known."""

from collections.abc import Mapping
from typing import Final

ORIGINAL: Final = "event.original"
ORIGINAL_BASE64: Final = "event.original_base64"
"""The rejected line where it is not UTF-8."""
REASON: Final = "error.message"


def is_dead_letter(event: Mapping[str, object]) -> bool:
    """Return whether an event is what a shipper keeps of a rejected line."""
    original = event.keys() & {ORIGINAL, ORIGINAL_BASE64}
    return bool(original) and REASON in event and "event.id" not in event
