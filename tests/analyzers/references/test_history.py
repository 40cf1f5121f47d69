"""The past as a moment sees it."""

from datetime import datetime, timedelta

import pytest
from scipy import stats

from mlmon.analyzers.base.limits import CONFIDENCE
from mlmon.analyzers.base.window import DAY, HOUR, Window
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


def test_what_is_usual_does_not_learn_a_lasting_fault(start: datetime) -> None:
    """A share of 0.1 that is 1 for three of four days: usual is 0.1 and what chance may add."""
    counts = [(window, 100 if n >= 48 else 10, 100) for n, window in enumerate(hours(start, 168))]
    history = ShareHistory(counts, 4 * DAY)
    learned, _ = history.before(start + 5 * DAY)
    assert learned == pytest.approx((24 * 0.1 + 72) / 96)
    known = stats.binomtest(240, 2_400).proportion_ci(CONFIDENCE, method="wilson")
    assert history.usual(start + 5 * DAY) == pytest.approx(known.high)
    assert history.usual(start + 2 * DAY) == 0.1
    assert history.usual(start + 7 * DAY) == 1.0
    assert history.usual(start) == 0.0


def test_a_quantile_does_not_learn_a_lasting_fault(start: datetime) -> None:
    """Three of four days lie at 50: their quartile does not count while the day before lay at 1."""
    values = [(window, 50.0 if n >= 48 else 1.0) for n, window in enumerate(hours(start, 168))]
    history = ValueHistory(values, 4 * DAY)
    assert history.quantile_before(start + 5 * DAY, 0.75, 12) == 1.0
    assert history.quantile_before(start + 7 * DAY, 0.75, 12) == 50.0
    assert history.quantile_before(start + 3 * HOUR, 0.75, 12) is None
