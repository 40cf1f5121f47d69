"""Times as they are typed."""

from datetime import UTC, datetime, timedelta

import pytest

from analyzers.time_argument import time_argument
from elastic.errors import UserError

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
