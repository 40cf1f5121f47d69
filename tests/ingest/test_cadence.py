"""What costs time leaves time for the lines."""

from hypothesis import given
from hypothesis import strategies as st

from mlmon.ingest.pipeline import Cadence


@given(
    interval=st.floats(0.001, 10),
    costs=st.lists(st.floats(0.0001, 100), min_size=20, max_size=60),
)
def test_at_most_a_fifth_of_the_time_is_spent(interval: float, costs: list[float]) -> None:
    """However long each turn takes: from one to the next, four times as long passes without it."""
    cadence = Cadence(interval)
    now, spent = 0.0, 0.0
    for cost in costs:
        now = max(now, cadence.due)
        assert cadence.is_due(now)
        cadence.done(now, now + cost)
        now, spent = now + cost, spent + cost
        assert not cadence.is_due(now)
    assert spent <= max(now, cadence.due) / 5 * 1.000001


def test_what_is_cheap_keeps_its_interval() -> None:
    """A second stays a second, and it can be hurried."""
    cadence = Cadence(1.0)
    cadence.done(10.0, 10.05)
    assert cadence.due == 11.0
    cadence.hurry()
    assert cadence.is_due(10.1)
