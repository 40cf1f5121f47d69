"""Times as they are typed."""

from datetime import UTC, datetime, timedelta

import pytest

from mlmon.analyzers.base.time_argument import time_argument, window_argument
from mlmon.analyzers.base.window import Window
from mlmon.elastic.errors import UserError

NOW = datetime(2026, 3, 16, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "ago"),
    [("now", timedelta(0)), ("14d", timedelta(days=14)), ("90m", timedelta(minutes=90))],
)
def test_how_long_ago(text: str, ago: timedelta) -> None:
    """A length of time is counted back from now."""
    assert time_argument(text, NOW) == NOW - ago


def test_a_moment() -> None:
    """An ISO time is that moment."""
    assert time_argument("2026-03-02", NOW) == datetime(2026, 3, 2, tzinfo=UTC)


@pytest.mark.parametrize("text", ["yesterday", "14", "d", "2026-13-01", "99999999999w", ""])
def test_what_is_not_a_time(text: str) -> None:
    """Anything else is refused with examples of what to write."""
    with pytest.raises(UserError) as caught:
        time_argument(text, NOW)
    assert "14d" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "days"),
    [("7d", (7, 0)), ("14d/7d", (14, 7)), ("2026-03-09T12:00/2026-03-14T12:00Z", (7, 2))],
)
def test_a_window(text: str, days: tuple[int, int]) -> None:
    """Two times with a slash between them, or how long up to now."""
    start, end = (NOW - timedelta(days=day) for day in days)
    assert window_argument(text, NOW) == Window(start, end)


@pytest.mark.parametrize("text", ["7d/14d", "now", "7d/", "/7d", "2026-03-02/soon"])
def test_what_is_not_a_window(text: str) -> None:
    """A window that holds no time, or whose ends are no times, is refused."""
    with pytest.raises(UserError):
        window_argument(text, NOW)
