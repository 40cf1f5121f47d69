"""What became of the lines: read = stored + duplicate + refused, once everything is decided."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Self

_MOST_REASONS = 100


@dataclass(slots=True)
class Tally:
    """Counts of lines, in all or of one file.

    Attributes:
        read: Lines read; blank ones are not counted.
        stored: Lines stored.
        duplicate: Lines that were there before.
        refused: Lines kept in the dead letters.
        bytes: Bytes of the lines read.
    """

    read: int = 0
    stored: int = 0
    duplicate: int = 0
    refused: int = 0
    bytes: int = 0

    @property
    def decided(self) -> int:
        """Lines whose fate is known."""
        return self.stored + self.duplicate + self.refused


@dataclass(slots=True)
class Account(Tally):
    """Counts of one run.

    Attributes:
        retried: How often a line was sent again.
        reasons: How often lines were refused, by reason.
    """

    retried: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    def refuse(self, reason: str) -> None:
        """Count a refused line; reasons beyond the first hundred are counted together."""
        self.refused += 1
        known = reason in self.reasons or len(self.reasons) < _MOST_REASONS
        self.reasons[reason if known else "other reasons"] += 1

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """Return the account that `to_json` wrote.

        Raises:
            TypeError: It is something else.
        """
        return cls(**{**value, "reasons": Counter(value.get("reasons"))})

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
