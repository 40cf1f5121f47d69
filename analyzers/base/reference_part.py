"""Which part of a baseline a finding compares with: what an accepted change moves."""

from __future__ import annotations

from typing import Literal, NamedTuple

PartKind = Literal["feature", "score", "segment", "metric"]


class ReferencePart(NamedTuple):
    """A part of a baseline.

    Args:
        kind: Kind of part.
        name: The feature, the segment such as `country=DE`, or the metric; empty for the score.
    """

    kind: PartKind
    name: str = ""

    @property
    def title(self) -> str:
        """The part as people read it."""
        return f"{self.kind} {self.name}".strip()
