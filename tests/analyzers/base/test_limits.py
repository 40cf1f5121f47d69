"""Limits are judged by the end of the interval that speaks for calm."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlmon.analyzers.base.alert_policy import AlertPolicy
from mlmon.analyzers.base.finding import Severity
from mlmon.analyzers.base.limits import Limits, Multiples

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


@pytest.mark.parametrize(
    ("low", "high", "severity"),
    [
        (0.25, 0.35, Severity.CRITICAL),
        (-0.35, -0.25, Severity.CRITICAL),
        (-0.35, -0.15, Severity.WARNING),
        (-0.35, -0.05, Severity.OK),
        (-0.35, 0.35, Severity.OK),
    ],
)
def test_both_sides_are_bad(low: float, high: float, severity: Severity) -> None:
    """The end that is nearer to zero decides, and an interval around zero never alarms."""
    limits = replace(ABOVE, two_sided=True)
    assert limits.judge(low, high) is severity
    assert limits.judge(-high, -low) is severity


def test_bounds_of_both_sides_are_undecided() -> None:
    """A value that may be anything from -0.3 to 0.05 is neither ok nor an alarm."""
    limits = replace(ABOVE, two_sided=True)
    assert limits.judge_bounds(-0.3, 0.05) is Severity.UNKNOWN
    assert limits.judge_bounds(-0.05, 0.05) is Severity.OK


def test_limits_only_move_away_from_calm() -> None:
    """What was usual may make limits laxer, never stricter."""
    assert ABOVE.at_least(0.3, 0.1) == Limits(0.3, 0.2)
    assert BELOW.at_least(40.0, 1.0) == Limits(30.0, 1.0, "below")


def test_an_alert_that_can_never_hold_is_refused() -> None:
    """More windows than are looked at cannot count."""
    with pytest.raises(ValueError, match="never"):
        AlertPolicy(on="warning", after=4, of=3, layer="score")


def test_multiples_of_the_usual_value_move_the_limits_outwards_only() -> None:
    """Three and six times the usual value count where they are wider than the plain limits."""
    limits = Limits(0.1, 0.3, multiples=Multiples(3, 6, "usual"))
    assert (limits.relative_to(0.01).warning, limits.relative_to(0.01).critical) == (0.1, 0.3)
    assert (limits.relative_to(0.2).warning, limits.relative_to(0.2).critical) == pytest.approx(
        (0.6, 1.2)
    )
    low = Limits(0.8, 0.5, "below", multiples=Multiples(0.9, 0.6, "usual"))
    assert low.relative_to(0.5).warning == pytest.approx(0.45)
    assert low.relative_to(1.0).warning == 0.8


def test_a_wide_spread_moves_the_limits_further() -> None:
    """Of 1.5 times the usual value and six deviations above it, the farther one counts."""
    limits = Limits(1.0, 2.0, multiples=Multiples(1.5, 2.5, "usual", spreads=(6, 12)))
    assert limits.relative_to(100.0, 1.0).warning == 150.0
    assert limits.relative_to(100.0, 10.0).warning == 160.0
    assert limits.relative_to(100.0, 20.0).critical == 340.0


def test_what_is_declared_is_what_the_documents_show() -> None:
    """The sentence about limits is made of the numbers that decide."""
    limits = Limits(
        25, 60, meaning="ms", multiples=Multiples(1.5, 2.5, "the median", spreads=(6, 12))
    )
    assert limits.description == (
        "ms, at least 1.5 and 2.5 times the median, "
        "and 6 and 12 robust standard deviations above it"
    )
    with pytest.raises(ValueError, match="not declared as multiples"):
        ABOVE.relative_to(1.0)


@given(st.floats(0.0, 0.999))
def test_a_share_can_always_pass_its_limits(usual: float) -> None:
    """However large the usual share is, a share of 1 is critical, and the usual one is calm."""
    declared = Limits(0.05, 0.25, measures="rate", multiples=Multiples(3, 6, "the past week's"))
    limits = declared.relative_to(usual)
    assert limits.warning <= limits.critical < 1
    assert limits.judge(1.0, 1.0) is Severity.CRITICAL
    assert limits.judge(usual, usual) is Severity.OK


@pytest.mark.parametrize(
    ("limits", "value", "low", "high", "unproven"),
    [
        (ABOVE, 0.12, 0.08, 0.16, True),
        (ABOVE, 0.12, 0.11, 0.13, False),  # proven
        (ABOVE, 0.09, 0.05, 0.13, False),  # within the limit
        (ABOVE, -0.5, -0.6, 0.2, False),  # far from what is bad
        (BELOW, 25.0, 15.0, 35.0, True),
        (BELOW, 25.0, 15.0, 29.0, False),
        (replace(ABOVE, two_sided=True), -0.12, -0.16, -0.08, True),
        (replace(ABOVE, two_sided=True), -0.12, -0.13, -0.11, False),
        (replace(ABOVE, two_sided=True), 0.12, 0.08, 0.16, True),
    ],
)
def test_beyond_the_limit_without_proof(
    limits: Limits, value: float, low: float, high: float, *, unproven: bool
) -> None:
    """The value lies beyond the limit of a warning, and its interval reaches within it."""
    assert limits.unproven(value, low, high) is unproven
