"""The error for a statistic of nothing: a finding reads it as `unknown`, never as zero.

>>> try:
...     require_rows(current=12, reference=0)
... except EmptySampleError as error:
...     print(error)
the reference sample has no rows
"""

from __future__ import annotations


class EmptySampleError(ValueError):
    """A statistic needs a sample with rows."""


def require_rows(**samples: float) -> None:
    """Raise EmptySampleError that names the first sample whose number of rows is zero."""
    for name, rows in samples.items():
        if rows <= 0:
            raise EmptySampleError(f"the {name} sample has no rows")
