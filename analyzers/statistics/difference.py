"""The difference of two independent estimates, from the interval of each.

With estimates a in [l, u] and b in [m, v] at one confidence, a - b lies at that confidence in

    (a - b) - sqrt((a - l)^2 + (v - b)^2)  to  (a - b) + sqrt((u - a)^2 + (b - m)^2)

(method of variance estimates recovery, MOVER): it needs no formula for either's variance, and keeps
their intervals' asymmetry. With Wilson's intervals it is Newcombe's (two_proportions.py).

The chance of such a decline where there is none is read from the conservative end of the interval:
its distance is so many standard errors (Altman & Bland). An interval that is too wide gives too
large a chance.

Papers: Zou, G. Y. & Donner, A. (2008). Construction of confidence limits about effect measures: a
general approach. Statist. Med. 27, 1693-1702. Altman, D. G. & Bland, J. M. (2011). How to obtain
the P value from a confidence interval. BMJ 343, d2304.

>>> change = difference(0.8, Interval(0.692, 0.876), 0.6, Interval(0.490, 0.700))
>>> round(change.value, 3), round(change.interval.low, 3), round(change.interval.high, 3)
(0.2, 0.053, 0.334)
"""

from __future__ import annotations

import math

from scipy import special

from mlmon.analyzers.statistics.interval import Estimate, Interval


def difference(
    current: float, current_interval: Interval, reference: float, reference_interval: Interval
) -> Estimate:
    """The current minus the reference, each with its interval of the same confidence."""
    change = current - reference
    below = math.hypot(
        max(0.0, current - current_interval.low), max(0.0, reference_interval.high - reference)
    )
    above = math.hypot(
        max(0.0, current_interval.high - current), max(0.0, reference - reference_interval.low)
    )
    return Estimate(change, Interval(change - below, change + above))


def chance_of_decline(change: Estimate, confidence: float) -> float:
    """The one-sided p-value of a change that is so low or lower.

    Args:
        change: the difference with its two-sided interval.
        confidence: of the interval.
    """
    above = change.interval.high - change.value
    if above <= 0:
        return 0.0 if change.value < 0 else 1.0
    error = above / float(special.ndtri(0.5 + confidence / 2))
    return float(special.ndtr(change.value / error))
