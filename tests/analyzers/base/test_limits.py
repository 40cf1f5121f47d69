"""Limits are judged by the end of the interval that speaks for calm."""

import pytest

from mlmon.analyzers.base.alert_policy import AlertPolicy
from mlmon.analyzers.base.finding import Severity
from mlmon.analyzers.base.limits import Limits

ABOVE = Limits(0.1, 0.2)
BELOW = Limits(30.0, 5.0, "below")


@pytest.mark.parametrize(
    ("low", "high", "severity"),
    [
        (0.0, 0.9, Severity.OK),
        (0.1, 0.9, Severity.WARNING),
        (0.19, 0.21, Severity.WARNING),
        (0.2, 0.3, Severity.CRITICAL),
    ],
)
def test_large_values_are_bad(low: float, high: float, severity: Severity) -> None:
    """The lower end decides: noise that reaches over the limit does not alarm."""
    assert ABOVE.judge(low, high) is severity


@pytest.mark.parametrize(
    ("low", "high", "severity"),
    [(0.0, 31.0, Severity.OK), (0.0, 30.0, Severity.WARNING), (0.0, 4.0, Severity.CRITICAL)],
)
def test_small_values_are_bad(low: float, high: float, severity: Severity) -> None:
    """The upper end decides."""
    assert BELOW.judge(low, high) is severity


def test_limits_only_move_away_from_calm() -> None:
    """What was usual may make limits laxer, never stricter."""
    assert ABOVE.at_least(0.3, 0.1) == Limits(0.3, 0.2)
    assert BELOW.at_least(40.0, 1.0) == Limits(30.0, 1.0, "below")


def test_an_alert_that_can_never_hold_is_refused() -> None:
    """More windows than are looked at cannot count."""
    with pytest.raises(ValueError, match="never"):
        AlertPolicy(on="warning", after=4, of=3, layer="score")
