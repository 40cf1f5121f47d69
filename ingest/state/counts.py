"""Counts of lines: read = stored + duplicate + rejected, once everything is decided."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Self

_MOST_REASONS = 100


@dataclass(slots=True)
class LineCounts:
    """Counts of lines, of a run or of one file.

    Attributes:
        read: Lines read, without blank ones.
        stored: Lines stored.
        duplicate: Lines that were stored before, with the same content.
        rejected: Lines kept in the dead letters.
        bytes: Bytes of the lines read.
    """

    read: int = 0
    stored: int = 0
    duplicate: int = 0
    rejected: int = 0
    bytes: int = 0

    @property
    def decided(self) -> int:
        """Lines that are stored, duplicate or rejected."""
        return self.stored + self.duplicate + self.rejected


@dataclass(slots=True)
class RunCounts(LineCounts):
    """Counts of one run.

    Attributes:
        retried: How often a line was sent again.
        reasons: How often lines were rejected, by reason.
    """

    retried: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    def count_rejected(self, reason: str) -> None:
        """Count a rejected line; reasons beyond the first hundred are counted together."""
        self.rejected += 1
        known = reason in self.reasons or len(self.reasons) < _MOST_REASONS
        self.reasons[reason if known else "other reasons"] += 1

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """Return the counts that `to_json` wrote.

        Raises:
            TypeError: A field is missing or unknown.
        """
        return cls(**{**value, "reasons": Counter(value.get("reasons"))})

    def to_json(self) -> dict[str, Any]:
        """Return the counts as a JSON object."""
        return {
            "read": self.read,
            "stored": self.stored,
            "duplicate": self.duplicate,
            "rejected": self.rejected,
            "retried": self.retried,
            "bytes": self.bytes,
            "reasons": dict(self.reasons.most_common(10)),
        }
