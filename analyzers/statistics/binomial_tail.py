"""Binomial tail: how likely are so many events or more, where each row has one by chance?

    P(X >= x) = I(p; x, n - x + 1)

for n rows that have the event independently with probability p, and the regularised incomplete
beta function I. It is exact at every n, and keeps its digits where it is tiny.

Paper: Clopper, C. J. & Pearson, E. S. (1934). The use of confidence or fiducial limits illustrated
in the case of the binomial. Biometrika 26, 404-413.

>>> binomial_tail(3, 3, 0.1) == 0.1**3
True
>>> binomial_tail(0, 10, 0.1)
1.0
"""

from __future__ import annotations

from scipy import special


def binomial_tail(events: int, rows: int, rate: float) -> float:
    """Return the chance of at least so many events.

    Args:
        events: How many rows have it.
        rows: All rows.
        rate: The chance of each, 0 to 1.

    Raises:
        ValueError: There are more events than rows.
    """
    if events > rows:
        raise ValueError(f"{events} events in {rows} rows")
    return float(special.betainc(events, rows - events + 1, rate)) if events > 0 else 1.0
