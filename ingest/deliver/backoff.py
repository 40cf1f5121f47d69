"""How long to wait before sending again: exponential back-off with full jitter.

Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015: a wait drawn evenly
from zero to the exponential bound spreads the shippers that were turned away together.
"""

from random import Random

FIRST_S = 0.25
LONGEST_S = 30.0


def wait_s(attempt: int, random: Random) -> float:
    """Return the seconds to wait before the given attempt (1 is the first repetition)."""
    bound = min(LONGEST_S, FIRST_S * 2 ** min(attempt - 1, 32))
    return random.uniform(0.0, bound)
