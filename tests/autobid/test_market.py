"""The simulated market does what it declares."""

from datetime import UTC, datetime

import numpy as np
import pytest
from scipy.special import expit

from mlmon.autobid.market import MISSING, SHARES, Jobs, Population, draw_jobs

SIZE = 40_000


@pytest.fixture(scope="module")
def jobs() -> Jobs:
    """Many jobs around the clock."""
    rng = np.random.default_rng(1)
    return draw_jobs(rng, Population(1), rng.uniform(0.0, 24.0, SIZE))


def test_success_follows_the_log_odds(jobs: Jobs) -> None:
    """Drawn successes are as frequent as the true probabilities say, in every tenth of them."""
    truth = expit(jobs.log_odds)
    succeeded = jobs.draw_success(np.random.default_rng(2))
    for part in np.array_split(np.argsort(truth), 10):
        error = np.sqrt(truth[part].mean() * (1 - truth[part].mean()) / len(part))
        assert abs(succeeded[part].mean() - truth[part].mean()) < 4 * error


def test_a_drifted_taste_shows_in_outcomes_alone() -> None:
    """From the same chance, drifted jobs look like the others and other ones of them succeed."""
    population, hours = Population(1), np.full(SIZE, 12.0)
    drifted = np.arange(SIZE) % 2 == 0
    usual = draw_jobs(np.random.default_rng(3), population, hours)
    changed = draw_jobs(np.random.default_rng(3), population, hours, drifted)
    for name, column in usual.numeric.items():
        assert np.array_equal(column, changed.numeric[name], equal_nan=True)
    for name, values in usual.categorical.items():
        assert np.array_equal(values, changed.categorical[name])
    assert np.array_equal(usual.log_odds[~drifted], changed.log_odds[~drifted])
    before, after = usual.log_odds[drifted], changed.log_odds[drifted]
    assert abs(np.corrcoef(before, after)[0, 1]) < 0.5
    price = np.log(usual.numeric["bid_price"] / usual.numeric["client_budget"])[drifted]
    assert np.corrcoef(price, before)[0, 1] < -0.2
    assert np.corrcoef(price, after)[0, 1] > 0.2


@pytest.mark.parametrize("feature", sorted(SHARES))
def test_categories_are_as_frequent_as_declared(jobs: Jobs, feature: str) -> None:
    """The shares are those of the table."""
    for category, share in SHARES[feature].items():
        assert np.mean(jobs.categorical[feature] == category) == pytest.approx(share, abs=0.015)


@pytest.mark.parametrize("feature", sorted(MISSING))
def test_values_are_left_out_as_often_as_declared(jobs: Jobs, feature: str) -> None:
    """The share of missing values is that of the table."""
    assert np.isnan(jobs.numeric[feature]).mean() == pytest.approx(MISSING[feature], abs=0.006)


def test_statistics_measure_ability() -> None:
    """A profile's success rate is near its ability; new profiles have none; the date is given."""
    population, at = Population(1), datetime(2026, 11, 3, tzinfo=UTC)
    stats = {statistic.profile_id: statistic for statistic in population.statistics(at)}
    assert len(stats) == (~population.is_new).sum()
    known = [index for index, name in enumerate(population.names) if name in stats]
    rates = [stats[population.names[index]].success_rate for index in known]
    assert np.corrcoef(rates, population.ability[known])[0, 1] > 0.8
    assert {stat.last_updated_at for stat in stats.values()} == {at}
