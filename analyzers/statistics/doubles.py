"""The IEEE doubles as one ordered line: each has a place, a next above and a next below.

Between two doubles lies no other number that a `double` field can hold, so that a bucket from v to
the next above v holds v alone.

>>> place(0.0), place(5e-324), place(-5e-324)
(0, 1, -1)
>>> at_place(place(1.5) + 1) == float(next_above([1.5])[0])
True
"""

from __future__ import annotations

import math
import struct
import sys
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def place(value: float) -> int:
    """The place of a double among all doubles; 0 for 0.0 and for -0.0."""
    bits = int(struct.unpack("<q", struct.pack("<d", value))[0])
    return bits if bits >= 0 else -(bits & sys.maxsize)


def at_place(index: int) -> float:
    """The double at a place."""
    magnitude = float(struct.unpack("<d", struct.pack("<q", abs(index)))[0])
    return magnitude if index >= 0 else -magnitude


def next_above(values: ArrayLike) -> NDArray[np.float64]:
    """The least double above each value; infinity above the greatest."""
    with np.errstate(over="ignore"):
        return np.nextafter(np.asarray(values, dtype=np.float64), math.inf)


def next_below(values: ArrayLike) -> NDArray[np.float64]:
    """The greatest double below each value; minus infinity below the least."""
    with np.errstate(over="ignore"):
        return np.nextafter(np.asarray(values, dtype=np.float64), -math.inf)
