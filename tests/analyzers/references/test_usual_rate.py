"""The usual rate: an upper bound that learns no fault."""

import pytest

from mlmon.analyzers.references.usual_rate import usual_rate
from mlmon.analyzers.statistics.wilson import wilson_interval

CALM = [(2, 2_000)] * 7


def test_it_is_the_upper_end_over_the_five_best_days() -> None:
    """Of seven days alike: that of five days' counts."""
    assert usual_rate(CALM) == wilson_interval(10, 10_000, 0.999).high


@pytest.mark.parametrize("days", [1, 2])
def test_a_fault_of_two_days_is_not_learned(days: int) -> None:
    """A day or two at which a fifth failed change nothing."""
    assert usual_rate([*CALM[days:], *[(400, 2_000)] * days]) == usual_rate(CALM)


def test_a_fault_of_three_days_is_usual() -> None:
    """From the third day on it counts."""
    rate = usual_rate([*CALM[3:], *[(400, 2_000)] * 3])
    assert rate == wilson_interval(408, 10_000, 0.999).high


def test_a_rate_that_is_certainly_higher_lately_counts() -> None:
    """30 of 500 are more than chance allows; 2 of 500 are not."""
    assert usual_rate(CALM, [(30, 500)]) == wilson_interval(30, 500, 0.999).high
    assert usual_rate(CALM, [(2, 500), (0, 0)]) == usual_rate(CALM)


@pytest.mark.parametrize("days", [[], [(0, 0)] * 7, [(1, 99)]])
def test_too_little_is_no_rate(days: list[tuple[int, int]]) -> None:
    """Less than 100 rows are not known."""
    assert usual_rate(days) is None
