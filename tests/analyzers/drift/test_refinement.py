"""Verdicts that a hundred buckets leave open, decided by finer ones."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from scipy import stats

from mlmon.analyzers.base.analysis_context import AnalysisContext
from mlmon.analyzers.base.finding import Finding
from mlmon.analyzers.base.window import DAY, HOUR, Window, iso
from mlmon.analyzers.baselines.baseline import Baseline
from mlmon.analyzers.baselines.store import BaselineStore
from mlmon.analyzers.checks.feature_drift.feature_drift import FeatureDrift
from mlmon.analyzers.checks.score_shift.score_shift import ScoreShift
from mlmon.analyzers.drift.methods.kolmogorov_smirnov import numeric_drift
from mlmon.analyzers.drift.refinement import Refinements
from mlmon.analyzers.drift.refinement_kind import RefinementKind, RefinementProfile
from mlmon.analyzers.run.engine import Analysis, analyze
from mlmon.analyzers.run.findings_store import FindingStore
from mlmon.analyzers.statistics.buckets import Buckets
from mlmon.elastic.client.cluster import Cluster

Events = list[dict[str, Any]]
PRICE = "ml.features.numeric.price"


def drift_of(values: np.ndarray[Any, Any], of: Buckets) -> Any:
    """Return the drift of raw values over a baseline's edges."""
    return numeric_drift(Buckets.from_values(values, of.edges), of)


@pytest.fixture(scope="session")
def training(draw_rows: Callable[..., Any]) -> np.ndarray[Any, Any]:
    """The prices of the baseline's training set."""
    return np.asarray(draw_rows(np.random.default_rng(1), 20_000)["price"])


@pytest.fixture
def events(predictions_of: Callable[..., Events], baseline: Baseline) -> Events:
    """A day of predictions whose prices moved so far that buckets leave the verdict open."""
    day = predictions_of(24, 40)
    prices = np.array([event[PRICE] for event in day])
    factor = next(
        factor
        for factor in np.linspace(1.2, 1.8, 601)
        if drift_of(prices * factor, baseline.numeric["price"]).left_open
        and not drift_of(prices * factor, baseline.finer["price"]).left_open
    )
    return [event | {PRICE: event[PRICE] * float(factor)} for event in day]


@pytest.fixture
def shipped(
    cluster: Cluster,
    namespace: str,
    baseline: Baseline,
    events: Events,
    ship: Callable[[Events], None],
) -> Events:
    """Ship that day and make the baseline; returns the day."""
    ship(events)
    BaselineStore(cluster, namespace).write([baseline])
    return events


@pytest.fixture
def run(cluster: Cluster, namespace: str, start: datetime) -> Callable[..., Analysis]:
    """Judge the day's last hour."""

    def act(last: float = 24) -> Analysis:
        period = Window(start + 23 * HOUR, start + timedelta(hours=last))
        chosen = [FeatureDrift(), ScoreShift()]
        return analyze(cluster, namespace, period, now=start + 2 * DAY, analyzers=chosen)

    return act


@pytest.fixture
def run_unrefined(
    run: Callable[..., Analysis], monkeypatch: pytest.MonkeyPatch
) -> Callable[[], None]:
    """Judge it without counting anything again."""

    def act() -> None:
        with monkeypatch.context() as patch:
            patch.setattr(RefinementKind, "profile_keys", lambda *_: {})
            run()

    return act


@pytest.fixture
def price(cluster: Cluster, namespace: str, start: datetime) -> Callable[[], Finding]:
    """Return the latest finding of the day's price."""

    def find() -> Finding:
        found = FindingStore(cluster, namespace).search(until=start + DAY, analyzer="feature_drift")
        (finding,) = [finding for finding in found if finding.subject == "price"]
        return finding

    return find


@pytest.fixture
def delete_logs(cluster: Cluster, namespace: str) -> Callable[[], None]:
    """Delete the logs of predictions, as retention does."""

    def act() -> None:
        stream = f"logs-ml.prediction-{namespace}"
        (old,) = cluster.data_streams(stream)[stream]
        cluster.rollover(stream)
        assert cluster.delete_index(old)

    return act


def test_an_open_verdict_is_decided_and_stays_so(
    shipped: Events,
    baseline: Baseline,
    training: np.ndarray[Any, Any],
    run: Callable[..., Analysis],
    price: Callable[[], Finding],
    delete_logs: Callable[[], None],
) -> None:
    """The finer interval holds scipy's distance, decides, and outlives the logs it was made of."""
    assert run().profiles["refinement"] == 24
    finding = price()
    prices = np.array([event[PRICE] for event in shipped])
    exact = stats.ks_2samp(prices, training).statistic
    coarse = drift_of(prices, baseline.numeric["price"])
    assert finding.low is not None
    assert finding.high is not None
    assert finding.low <= exact <= finding.high
    assert finding.high - finding.low < coarse.high - coarse.low
    assert finding.value == pytest.approx(exact, abs=0.001)
    assert "buckets leave" not in finding.reason
    assert run().profiles["refinement"] == 0
    delete_logs()
    again = run()
    assert again.profiles["refinement"] == 0
    assert sum(finding.revised + finding.created for finding in again.written.values()) == 0
    assert price() == finding


def test_a_day_of_a_dozen_rows_is_not_counted_again(
    cluster: Cluster,
    namespace: str,
    baseline: Baseline,
    events: Events,
    ship: Callable[[Events], None],
    run: Callable[..., Analysis],
) -> None:
    """What chance leaves open of so few is many times what the buckets do."""
    ship(events[::80])
    BaselineStore(cluster, namespace).write([baseline])
    done = run()
    assert done.profiles["refinement"] == 0
    assert done.profiles["prediction"] == 12


def test_logs_that_are_gone_leave_it_open(
    shipped: Events,
    run: Callable[..., Analysis],
    price: Callable[[], Finding],
    delete_logs: Callable[[], None],
    run_unrefined: Callable[[], None],
) -> None:
    """Where the day was profiled and never refined, the wider interval stays and is reported."""
    run_unrefined()
    delete_logs()
    analysis = run()
    assert shipped
    assert analysis.failures == {}
    assert analysis.profiles["refinement"] == 0
    assert "buckets leave" in price().reason


def test_logs_that_are_gone_in_part_are_not_counted(
    shipped: Events,
    ship: Callable[[Events], None],
    run: Callable[..., Analysis],
    price: Callable[[], Finding],
    delete_logs: Callable[[], None],
    run_unrefined: Callable[[], None],
) -> None:
    """A counting that misses events of the first one is not stored; the other hours' are."""
    run_unrefined()
    delete_logs()
    ship(shipped[7:])
    assert run().profiles["refinement"] == 23
    assert "buckets leave" in price().reason
    assert run().profiles["refinement"] == 0


def test_late_events_are_counted_again(
    shipped: Events,
    ship: Callable[[Events], None],
    run: Callable[..., Analysis],
    price: Callable[[], Finding],
    start: datetime,
) -> None:
    """An hour that gets late events has its finer counts made again, and the verdict follows."""
    run()
    before = price()
    ship([shipped[0] | {"event.ingested": iso(start + 1.5 * DAY)}])
    analysis = run()
    assert analysis.profiles["prediction"] == 1
    assert analysis.profiles["refinement"] in (0, 1)
    assert price().sample_count == before.sample_count + 1  # type: ignore[operator]
    assert run().profiles["refinement"] == 0


def test_counts_of_other_events_are_not_used(
    steady_hours: Callable[..., list[Any]], baseline: Baseline, start: datetime
) -> None:
    """Finer counts that do not add up to the sample's, or lack an hour, change no verdict."""
    numbers, finer = baseline.numeric["price"], baseline.finer["price"]
    rng = np.random.default_rng(3)
    prices = rng.lognormal(3.0, 0.8, (24, 40))
    factor = next(
        factor
        for factor in np.linspace(1.2, 1.8, 601)
        if drift_of(prices.ravel() * factor, numbers).left_open
    )

    def move(hour: int, rows: dict[str, Any]) -> None:
        rows["price"] = prices[hour] * factor

    hours = steady_hours(24, 40, change=move)
    exact = [
        RefinementProfile(
            replace(
                profile.profile_key,
                kind="refinement",
                series=(*profile.profile_key.series, "price"),
            ),
            profile.watermark,
            counts=Buckets.from_values(prices[index] * factor, finer.edges).counts,
        )
        for index, profile in enumerate(hours)
    ]
    sample = Buckets.from_values(prices.ravel() * factor, numbers.edges)
    period = Window(start, start + DAY)

    def judged(refinements: list[RefinementProfile]) -> Any:
        context: AnalysisContext[Any] = AnalysisContext(
            period, hours, {}, {"refinement": refinements}
        )
        return Refinements(context).drift("price", sample, hours, baseline)

    coarse = numeric_drift(sample, numbers)
    assert judged(exact) == drift_of(prices.ravel() * factor, finer)
    assert judged(exact[1:]) == coarse
    shifted = replace(exact[0], counts=(40, *([0] * len(finer.edges))))
    assert judged([shifted, *exact[1:]]) == coarse
    assert judged([]) == coarse
