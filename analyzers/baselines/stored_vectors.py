"""Embeddings as documents hold them: a sample in single precision, base64.

An embedding is broken if it is not a list of finite numbers. Broken ones, and those of another
dimension than most, are counted and not kept.
"""

from __future__ import annotations

import base64
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

_STORED = "<f4"
_LARGEST = float(np.finfo(np.float32).max)
_BYTES = 4


@dataclass(frozen=True, slots=True)
class StoredVectors:
    """A sample of the embeddings of one field.

    Args:
        logged: Embeddings there are.
        seen: Of them, those that were looked at.
        dimensions: Of those, how many have each dimension; broken ones have none.
        dimension: That of the vectors kept, the most frequent; 0 without any.
        data: The vectors kept, their numbers one after the other.
    """

    logged: int = 0
    seen: int = 0
    dimensions: Counter[int] = field(default_factory=Counter)
    dimension: int = 0
    data: str = ""

    @property
    def broken(self) -> int:
        """Embeddings seen that are no list of finite numbers."""
        return self.seen - self.dimensions.total()

    @property
    def rows(self) -> int:
        """Vectors kept."""
        return len(base64.b64decode(self.data)) // (_BYTES * max(self.dimension, 1))

    def vectors(self) -> NDArray[np.float64]:
        """Return the vectors kept, shape (rows, dimension)."""
        numbers = np.frombuffer(base64.b64decode(self.data), dtype=_STORED)
        return numbers.reshape(-1, max(self.dimension, 1)).astype(np.float64)

    def to_body(self) -> dict[str, Any]:
        """Return a JSON value."""
        return {
            "logged": self.logged,
            "seen": self.seen,
            "dimensions": {str(size): rows for size, rows in sorted(self.dimensions.items())},
            "dimension": self.dimension,
            "data": self.data,
        }

    @classmethod
    def from_body(cls, body: dict[str, Any]) -> StoredVectors:
        """Read what `to_body` wrote."""
        dimensions = Counter({int(size): rows for size, rows in body["dimensions"].items()})
        return cls(**(body | {"dimensions": dimensions}))


def store_vectors(
    embeddings: Iterable[Sequence[Any]], most: int, logged: int | None = None
) -> StoredVectors:
    """Keep the first `most` embeddings of the dimension that most have.

    Args:
        embeddings: In the order in which they are to be kept.
        most: Keep so many.
        logged: How many there are, if these are some of them only.
    """
    seen = [_numbers(embedding) for embedding in embeddings]
    whole = [vector for vector in seen if vector is not None]
    dimensions = Counter(vector.size for vector in whole)
    dimension = min(dimensions, key=lambda size: (-dimensions[size], size), default=0)
    kept = [vector for vector in whole if vector.size == dimension][:most]
    data = base64.b64encode(b"".join(vector.tobytes() for vector in kept)).decode()
    return StoredVectors(
        len(seen) if logged is None else logged, len(seen), dimensions, dimension, data
    )


def _numbers(embedding: Sequence[Any]) -> NDArray[np.float32] | None:
    try:
        numbers = np.asarray(embedding, dtype=np.float64)
    except (TypeError, ValueError):
        return None
    # What is not a number, or none that single precision holds, compares as false.
    if numbers.ndim != 1 or numbers.size == 0 or not (np.abs(numbers) <= _LARGEST).all():
        return None
    return numbers.astype(_STORED)
