"""One thing that is wrong with an artefact."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlmon.kibana.emit.artefact import Artefact


@dataclass(frozen=True, slots=True)
class Problem:
    """A finding of the lint.

    Args:
        artefact: What it is wrong with.
        path: Where in its body.
        message: What is wrong.
    """

    artefact: Artefact
    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.artefact.kind} {self.artefact.id}{self.path}: {self.message}"
