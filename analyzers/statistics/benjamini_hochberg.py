"""Benjamini-Hochberg: of many tests, which stand when at most a share q may be false alarms?

A test's q-value is the least false-discovery rate at which it is still called: with p-values in
ascending order p_(1) <= … <= p_(m),

    q_(i) = min over j >= i of m p_(j) / j.

Calling all tests with q-value <= q keeps the expected share of false calls at or below q, for
independent tests and for positively dependent ones. It does not help where every null is a little
false, as with a million rows: that takes an effect size as well. Computed by scipy.stats.

Paper: Benjamini, Y. & Hochberg, Y. (1995). Controlling the false discovery rate: a practical and
powerful approach to multiple testing. J. R. Statist. Soc. B 57, 289-300.

>>> q_values([0.01, 0.04, 0.03, 0.5])
(0.04, 0.05333333333333333, 0.05333333333333333, 0.5)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

FALSE_DISCOVERY_RATE = 0.01
"""The share of false alarms that the analyzers accept among those they raise."""


def q_values(p_values: Sequence[float]) -> tuple[float, ...]:
    """The q-value of each p-value, in the order given.

    Raises:
        ValueError: a p-value is not within [0, 1].
    """
    from scipy import stats

    p = np.asarray(p_values, dtype=np.float64)
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError("a p-value is not within [0, 1]")
    # p * m / m may round to less than p.
    return tuple(np.maximum(stats.false_discovery_control(p), p).tolist())
