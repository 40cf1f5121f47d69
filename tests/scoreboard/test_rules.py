"""Peers' rules against the libraries and formulas they stand for."""

import numpy as np
import pytest

from mlmon.scoreboard.peers.rules import RULES, Column, PeerRule, Reference

RNG = np.random.default_rng(7)
NUMBERS = RNG.normal(0.0, 1.0, 6_000)
LETTERS = np.array(["a", "b", "c"], dtype=object)
CATEGORIES = LETTERS[RNG.choice(3, 6_000, p=(0.5, 0.3, 0.2))]


def _reference(rows: Column, size: int) -> Reference:
    days = tuple(RNG.choice(rows, size) for _ in range(10))
    return Reference(rows, days)


def _rule(name: str) -> PeerRule:
    return next(rule for rule in RULES if rule.name.startswith(name))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_rule_sees_a_large_shift(rule: PeerRule) -> None:
    """A shift by two standard deviations, and categories turned round, drift by every rule."""
    assert rule.drifts(_reference(NUMBERS, 2_000), RNG.normal(2.0, 1.0, 2_000))
    turned = LETTERS[RNG.choice(3, 2_000, p=(0.1, 0.2, 0.7))]
    assert rule.drifts(_reference(CATEGORIES, 2_000), turned)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_no_rule_judges_too_few_rows(rule: PeerRule) -> None:
    """Of four rows nothing is said, however far they lie off."""
    assert not rule.drifts(_reference(NUMBERS, 2_000), np.full(4, 9.0))


def test_significance_alarms_on_one_day_in_twenty() -> None:
    """P < 0.05 without any drift alarms as often as it says: within five standard deviations."""
    rule, reference = _rule("p < 0.05"), _reference(NUMBERS, 10)
    alarms = sum(rule.drifts(reference, RNG.choice(NUMBERS, 300)) for _ in range(400))
    assert abs(alarms - 20) < 5 * (400 * 0.05 * 0.95) ** 0.5


def test_elastic_view_agrees_with_the_plain_test() -> None:
    """Counted over percentiles, the Kolmogorov-Smirnov test sees the shift the plain one sees."""
    shifted = RNG.normal(0.15, 1.0, 3_000)
    for name in ("p < 0.05", "Elastic"):
        assert _rule(name).drifts(_reference(NUMBERS, 10), shifted)


def test_psi_follows_its_formula() -> None:
    """Shares 0.5 and 0.5 against 0.8 and 0.2: PSI is 0.3 ln 4 = 0.416; 0.55 and 0.45: 0.02."""
    rule, letters = _rule("PSI"), np.array(["a"] * 50 + ["b"] * 50, dtype=object)
    reference = Reference(letters, ())
    assert rule.drifts(reference, np.array(["a"] * 80 + ["b"] * 20, dtype=object))
    assert not rule.drifts(reference, np.array(["a"] * 55 + ["b"] * 45, dtype=object))


@pytest.mark.parametrize(("shift", "drifts"), [(0.09, False), (0.11, True)])
def test_evidently_limit_is_a_tenth_of_the_spread(shift: float, *, drifts: bool) -> None:
    """A shift of the whole distribution moves the Wasserstein distance by as much."""
    spread = float(np.std(NUMBERS))
    assert _rule("Evidently").drifts(Reference(NUMBERS, ()), NUMBERS + shift * spread) is drifts
