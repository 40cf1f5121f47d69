"""Alarms that leave no doubt: one window is enough, at any size of the sample.

The usual windows are long enough to say `ok`, and an alert asks for two of three of them. What is
certain waits for neither. A short window, judged besides the usual ones, yields a finding only
where it alarms and is certain (`Finding.certain`); otherwise it says nothing. It is certain where

- the effect passes the metric's limit as in the usual window: with the conservative end of its
  interval, and
- an exact test against what was usual lately finds it less likely than `certain_below` allows.

All looks of a month share one budget (Bonferroni): the probabilities of all of them together stay
below `FALSE_A_MONTH`, however windows overlap and however often they are judged. Rows that are not
independent may break it; therefore each analyzer also asks for more than one burst.

Paper: Dunn, O. J. (1961). Multiple comparisons among means. JASA 56, 52-64.

>>> certain_below(240) == 0.01 / (240 * 720)
True
"""

from __future__ import annotations

FALSE_A_MONTH = 0.01
"""Early alarms in a month at which nothing has changed, of one analyzer of a service or model."""
HOURS_A_MONTH = 720


def certain_below(looks_an_hour: float) -> float:
    """Return the probability below which one look leaves no doubt.

    Args:
        looks_an_hour: How often an analyzer looks: ends of windows, times their lengths, times
            what is judged.
    """
    return FALSE_A_MONTH / (looks_an_hour * HOURS_A_MONTH)
