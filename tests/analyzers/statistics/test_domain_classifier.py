"""The domain classifier sees what can be seen, and its interval is as wide as it must be."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from mlmon.analyzers.statistics.domain_classifier import auc, domain_auc
from mlmon.analyzers.statistics.empty_sample import EmptySampleError


def test_the_area_is_that_of_scikit_learn() -> None:
    """With ties and without, the area is `roc_auc_score`; its error is that of many samples."""
    rng = np.random.default_rng(2)
    for decimals in (1, 8):
        positives = np.round(rng.normal(0.7, 1, 80), decimals)
        negatives = np.round(rng.normal(0, 1, 120), decimals)
        truth = np.repeat([True, False], [80, 120])
        expected = roc_auc_score(truth, np.concatenate([positives, negatives]))
        assert auc(positives, negatives)[0] == pytest.approx(expected, abs=1e-12)
    drawn = [auc(rng.normal(0.7, 1, 80), rng.normal(0, 1, 120)) for _ in range(500)]
    assert np.mean([variance for _, variance in drawn]) == pytest.approx(
        np.var([area for area, _ in drawn]), rel=0.15
    )


def test_equal_samples_cannot_be_distinguished() -> None:
    """Of 40 pairs from one distribution hardly any is called different at 95 %."""
    rng = np.random.default_rng(3)
    found = [
        domain_auc(rng.normal(size=(150, 6)), rng.normal(size=(200, 6)), 0.95) for _ in range(40)
    ]
    assert sum(estimate.interval.low > 0.5 for estimate in found) <= 3
    assert np.mean([estimate.value for estimate in found]) == pytest.approx(0.5, abs=0.03)


def test_a_shift_is_seen_as_well_as_it_can_be() -> None:
    """For a shift the best area is known, and with many rows it is nearly reached."""
    rng = np.random.default_rng(4)
    shift = np.full(8, 0.3)
    found = domain_auc(rng.normal(size=(1_000, 8)) + shift, rng.normal(size=(1_000, 8)))
    # Of two normal laws whose means are |shift| standard deviations apart.
    best = 0.726
    assert found.value == pytest.approx(best, abs=0.03)
    assert found.interval.contains(best)


def test_a_change_of_spread_is_seen() -> None:
    """Samples with one centre and other spreads are distinguished, by the squares."""
    rng = np.random.default_rng(5)
    found = domain_auc(rng.normal(0, 1.5, (400, 6)), rng.normal(0, 1, (400, 6)))
    assert found.interval.low > 0.65


def test_more_columns_than_rows() -> None:
    """Long vectors do not let the classifier see what is not there, and it sees what is."""
    rng = np.random.default_rng(6)
    y = rng.normal(size=(150, 200))
    assert domain_auc(rng.normal(size=(150, 200)), y).interval.contains(0.5)
    assert domain_auc(rng.normal(0.3, 1, (150, 200)), y).interval.low > 0.8


def test_constant_and_perfect_columns() -> None:
    """A coordinate that never varies is no harm; one that separates all gives an area of one."""
    rng = np.random.default_rng(7)
    x, y = rng.normal(size=(60, 3)), rng.normal(size=(60, 3))
    x[:, 0] = y[:, 0] = 1.0
    assert domain_auc(x, y).interval.low < 0.5
    x[:, 1] += 100
    assert domain_auc(x, y).value == 1.0


def test_too_few_rows() -> None:
    """Below two rows a fold and sample there is no variance, and no area."""
    rng = np.random.default_rng(8)
    with pytest.raises(EmptySampleError):
        domain_auc(rng.normal(size=(9, 2)), rng.normal(size=(50, 2)))
