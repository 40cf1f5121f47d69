"""Characters that steer a terminal or hide what stands there, and texts that hold them."""

from __future__ import annotations

import unicodedata

HOSTILE = "pri\x1b[2J\x1b[31m\x07\x9b1A\u202e\u2066\r\nResolved: all clear\u2028ce"
"""Clears the screen, writes in red, rings, moves up, turns the direction, adds lines."""


def steering(text: str) -> set[str]:
    """Return the control, format and separator characters of a text, line ends and tabs aside."""
    return {
        letter
        for letter in text
        if letter not in "\n\t" and unicodedata.category(letter) in {"Cc", "Cf", "Cs", "Zl", "Zp"}
    }
