"""Round moments of a time range, and the format that names them."""

from math import ceil
from typing import Final

MINUTE: Final = 60
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
MONTH: Final = 28 * DAY
STEPS: Final = (
    *(minutes * MINUTE for minutes in (1, 5, 10, 15, 30)),
    *(hours * HOUR for hours in (1, 2, 3, 6, 12)),
    *(days * DAY for days in (1, 2, 3, 4, 7, 14, 28, 91, 364, 728, 1820)),
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
    if step < DAY:
        form = "%H:%M" if until - since <= DAY else "%-d %b %H:%M"
    else:
        form = "%-d %b" if step < MONTH else "%b %Y"
    return [first + number * step for number in range(count)], form
