"""The past as a moment sees it."""

from datetime import datetime, timedelta

from mlmon.analyzers.base.window import HOUR, Window
from mlmon.analyzers.references.history import ShareHistory, ValueHistory


def hours(start: datetime, count: int) -> list[Window]:
    """Return consecutive hours."""
    return [Window(start + n * HOUR, start + (n + 1) * HOUR) for n in range(count)]


def test_only_whole_windows_of_the_past_are_seen(start: datetime) -> None:
    """Windows that reach past the moment, lie beyond reach, or have no value are not seen."""
    values = [(window, None if n == 5 else float(n)) for n, window in enumerate(hours(start, 10))]
    history = ValueHistory(values, timedelta(hours=4))
    assert history.before(start + 8 * HOUR).tolist() == [4.0, 6.0, 7.0]
    assert history.before(start + 7.5 * HOUR).tolist() == [4.0, 6.0]
    assert history.before(start).tolist() == []


def test_shares_are_pooled(start: datetime) -> None:
    """A share of the past is that of all its events, not a mean of shares."""
    counts = [(window, n, 10 * (n + 1)) for n, window in enumerate(hours(start, 5))]
    history = ShareHistory(counts, timedelta(hours=2))
    assert history.before(start + 5 * HOUR) == ((3 + 4) / 90, 90)
    assert history.before(start) == (0.0, 0)
