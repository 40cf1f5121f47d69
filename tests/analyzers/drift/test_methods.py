"""Every drift test: its declaration, and that its interval and its power are what they claim."""

from __future__ import annotations

import inspect
import math
import sys
from functools import cache

import numpy as np
import pytest
from scipy import stats

from mlmon.analyzers.drift.drift import ALPHA
from mlmon.analyzers.drift.method import DriftMethod, measured
from mlmon.analyzers.drift.methods import drift_methods
from mlmon.analyzers.statistics.buckets import Buckets
from mlmon.analyzers.statistics.categories import CategoryCounts
from mlmon.analyzers.statistics.edges import quantile_edges
from mlmon.analyzers.statistics.empty_sample import EmptySampleError

METHODS = list(drift_methods().values())
NUMERIC = [method for method in METHODS if method.numeric]
CATEGORICAL = [method for method in METHODS if method.categorical]
ROWS = 1_500
TRIALS = 300
DISTRIBUTIONS = {
    "normal": stats.norm(),
    "lognormal": stats.lognorm(1.0),
    "ties": stats.poisson(2.0),
}


def named(method: DriftMethod) -> str:
    """Name a method in a test's id."""
    return method.name


def test_the_five_methods_are_found() -> None:
    """They are found by import, by the names that mlmon.toml uses."""
    assert list(drift_methods()) == [
        "jensen_shannon",
        "kolmogorov_smirnov",
        "psi",
        "total_variation",
        "wasserstein",
    ]


@pytest.mark.parametrize("method", METHODS, ids=named)
def test_a_method_declares_itself(method: DriftMethod) -> None:
    """It has a type of features, limits in order, a metric of its own, and names its source."""
    assert method.feature_types
    assert 0 < method.limits.warning < method.limits.critical
    assert [other.metric for other in METHODS].count(method.metric) == 1
    comparison = method.numeric or method.categorical
    assert comparison
    source = inspect.getdoc(sys.modules[f"mlmon.analyzers.drift.methods.{method.name}"]) or ""
    assert "Papers: " in source


def numbers(rows: np.ndarray, edges: tuple[float, ...]) -> list[Buckets]:
    """Count rows."""
    return [Buckets.from_values(rows, edges)]


@cache
def equal_populations(name: str) -> list[tuple[Buckets, Buckets]]:
    """Draw 300 pairs of samples of one law, the same for each method."""
    random, law = np.random.default_rng(1), DISTRIBUTIONS[name]
    edges = quantile_edges(law.rvs(4_000, random_state=random))
    return [
        (
            Buckets.from_values(law.rvs(ROWS, random_state=random), edges),
            Buckets.from_values(law.rvs(4_000, random_state=random), edges),
        )
        for _ in range(TRIALS)
    ]


@cache
def shifted_populations(shift: float) -> list[tuple[Buckets, Buckets]]:
    """Draw 300 pairs of normal samples that lie so far apart, the same for each method."""
    random, pairs = np.random.default_rng(3), []
    for _ in range(TRIALS):
        before, now = random.normal(size=4_000), random.normal(shift, size=ROWS)
        edges = quantile_edges(before)
        pairs.append((Buckets.from_values(now, edges), Buckets.from_values(before, edges)))
    return pairs


@pytest.mark.parametrize("method", NUMERIC, ids=named)
@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_equal_populations_are_rarely_called_different(method: DriftMethod, name: str) -> None:
    """Of 300 pairs of samples of one law at most 2 have a conservative end above zero."""
    assert method.numeric
    found = [method.numeric.drift([now], [before]) for now, before in equal_populations(name)]
    assert sum(drift.low > 0 for drift in found) <= 2
    assert np.mean([drift.p_value <= 0.05 for drift in found]) <= 0.08


@pytest.mark.parametrize("method", CATEGORICAL, ids=named)
def test_equal_categories_are_rarely_called_different(method: DriftMethod) -> None:
    """Of 300 pairs of samples of one law at most 2 have a conservative end above zero."""
    random = np.random.default_rng(2)
    shares = [0.4, 0.3, 0.1, 0.1, 0.05, 0.03, 0.02]
    draws = [random.multinomial(size, shares, TRIALS).tolist() for size in (ROWS, 4_000)]
    assert method.categorical
    found = [
        method.categorical.drift(categories(now), categories(before))
        for now, before in zip(*draws, strict=True)
    ]
    assert sum(drift.low > 0 for drift in found) <= 2
    assert np.mean([drift.p_value <= 0.05 for drift in found]) <= 0.08


def categories(counts: list[int]) -> CategoryCounts:
    """Name the categories of some counts."""
    return CategoryCounts({f"c{k}": rows for k, rows in enumerate(counts)})


def true_distance(method: DriftMethod, shift: float) -> float:
    """The distance of two normal laws that lie `shift` standard deviations apart."""
    deciles = stats.norm.ppf(np.arange(11) / 10)
    p, q = np.diff(stats.norm.cdf(deciles - shift)), np.diff(stats.norm.cdf(deciles))
    middle = (p + q) / 2
    divergence = (stats.entropy(p, middle, base=2) + stats.entropy(q, middle, base=2)) / 2
    return {
        "kolmogorov_smirnov": 2 * stats.norm.cdf(shift / 2) - 1,
        "psi": float(stats.entropy(p, q) + stats.entropy(q, p)),
        "jensen_shannon": math.sqrt(divergence),
        "wasserstein": shift,
    }[method.name]


@pytest.mark.parametrize("method", NUMERIC, ids=named)
@pytest.mark.parametrize("shift", [0.1, 0.5, 1.5])
def test_the_interval_holds_the_populations_distance(method: DriftMethod, shift: float) -> None:
    """Of 300 intervals at least 298 reach from below the laws' own distance to above it."""
    distance, held = true_distance(method, shift), 0
    for now, before in shifted_populations(shift):
        assert method.numeric
        drift = method.numeric.drift([now], [before])
        # The deciles of a sample are not those of the law.
        held += drift.low <= distance * 1.02 and drift.high >= distance * 0.98
    assert held >= TRIALS - 2


@pytest.mark.parametrize("method", NUMERIC, ids=named)
def test_the_rows_needed_find_the_critical_drift(method: DriftMethod) -> None:
    """With that many rows a drift of the critical limit is found nine times in ten."""
    random, found = np.random.default_rng(4), 0
    effect = method.limits.critical
    shifts = np.linspace(0, 3, 3_001)
    shift = next(shift for shift in shifts if true_distance(method, shift) >= effect)
    for _ in range(TRIALS):
        before = random.normal(size=6_000)
        edges = quantile_edges(before)
        assert method.numeric
        reference = numbers(before, edges)
        rows = method.numeric.rows_needed(effect, reference)
        assert rows is not None
        now = numbers(random.normal(shift, size=rows), edges)
        found += method.numeric.drift(now, reference).low > 0
    # 300 trials with a chance of 0.9 find 257 or more in 99 of 100 cases.
    assert found >= 257


@pytest.mark.parametrize("method", METHODS, ids=named)
def test_a_small_reference_never_suffices(method: DriftMethod) -> None:
    """Against 20 rows no number of rows finds a critical drift."""
    known = categories([10, 10]) if method.numeric is None else None
    if known:
        assert method.categorical
        assert method.categorical.rows_needed(method.limits.critical, known) is None
    elif method.numeric:
        rows = np.arange(20.0)
        few = numbers(rows, quantile_edges(rows))
        assert method.numeric.rows_needed(method.limits.critical, few) is None


def test_what_cannot_be_measured_has_a_reason() -> None:
    """A constant reference has no standard deviation, and PSI needs one set of edges."""
    methods = drift_methods()
    wasserstein, psi = methods["wasserstein"], methods["psi"]
    constant = numbers(np.full(50, 3.0), quantile_edges([3.0]))
    assert wasserstein.numeric
    with pytest.raises(EmptySampleError):
        wasserstein.numeric.rows_needed(0.2, constant)
    assert "not comparable by wasserstein" in str(
        measured(wasserstein, wasserstein.numeric, constant, constant)
    )
    other = numbers(np.full(50, 3.0), (1.0, 2.0))
    assert "different edges" in str(measured(psi, psi.numeric, constant, other))
    counts = categories([1, 2])
    assert measured(wasserstein, wasserstein.categorical, counts, counts) == (
        "the drift test wasserstein is for numeric features only"
    )


def test_one_outlier_is_no_wasserstein_drift() -> None:
    """A single value of 1e9 moves the distance far and the conservative end not at all."""
    random = np.random.default_rng(5)
    before = random.normal(size=4_000)
    now = np.append(random.normal(size=1_999), 1e9)
    edges = quantile_edges(before)
    method = drift_methods()["wasserstein"]
    assert method.numeric
    drift = method.numeric.drift(numbers(now, edges), numbers(before, edges))
    assert drift.value > 1_000
    assert drift.low == 0
    assert drift.p_value > ALPHA
