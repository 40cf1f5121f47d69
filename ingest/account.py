"""What became of the lines: read = stored + duplicate + refused, once everything is decided."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Account:
    """Counts of lines of one run.

    Attributes:
        read: Lines read; blank ones are not counted.
        stored: Lines stored.
        duplicate: Lines that were there before.
        refused: Lines kept in the dead letters.
        retried: How often a line was sent again.
        bytes: Bytes of the lines read.
        reasons: How often lines were refused, by reason.
    """

    read: int = 0
    stored: int = 0
    duplicate: int = 0
    refused: int = 0
    retried: int = 0
    bytes: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def decided(self) -> int:
        """Lines whose fate is known."""
        return self.stored + self.duplicate + self.refused

    def refuse(self, reason: str) -> None:
        """Count a refused line; reasons beyond the first hundred kinds are counted together."""
        self.refused += 1
        known = reason in self.reasons or len(self.reasons) < 100  # noqa: PLR2004 - bounded memory
        self.reasons[reason if known else "other"] += 1

    def to_json(self) -> dict[str, Any]:
        """Return the account as a JSON object."""
        return {
            "read": self.read,
            "stored": self.stored,
            "duplicate": self.duplicate,
            "refused": self.refused,
            "retried": self.retried,
            "bytes": self.bytes,
            "reasons": dict(self.reasons.most_common(10)),
        }
