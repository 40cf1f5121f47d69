"""Round moments of a time range, and the format that names them."""

from math import ceil
from typing import Final

MINUTE_SECONDS: Final = 60
HOUR_SECONDS: Final = 60 * MINUTE_SECONDS
DAY_SECONDS: Final = 24 * HOUR_SECONDS
MONTH: Final = 28 * DAY_SECONDS
STEPS: Final = (
    *(minutes * MINUTE_SECONDS for minutes in (1, 5, 10, 15, 30)),
    *(hours * HOUR_SECONDS for hours in (1, 2, 3, 6, 12)),
    *(days * DAY_SECONDS for days in (1, 2, 3, 4, 7, 14, 28, 91, 364, 728, 1820)),
)


def ticks(since: float, until: float, most: int) -> tuple[list[float], str]:
    """Return at most `most` round moments of a range, and the format to write them in.

    Args:
        since: Start of the range, in seconds since the epoch.
        until: Its end, likewise.
        most: How many labels fit.

    Returns:
        The moments, likewise, and a format of d3-time-format and strftime: times of day within a
        day, the date too where the range has more days than one.
    """
    step = next((step for step in STEPS if until - since < step * most), STEPS[-1])
    first = ceil(since / step) * step
    count = int((until - first) // step) + 1
    if step < DAY_SECONDS:
        form = "%H:%M" if until - since <= DAY_SECONDS else "%-d %b %H:%M"
    else:
        form = "%-d %b" if step < MONTH else "%b %Y"
    return [first + number * step for number in range(count)], form
