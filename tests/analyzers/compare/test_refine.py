"""What buckets leave open is counted again until the verdict is certain."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from mlmon.analyzers.base.window import HOUR, Window
from mlmon.analyzers.baselines.baseline import Baseline
from mlmon.analyzers.compare.comparison import SCORES, ComparedSide
from mlmon.analyzers.compare.recount import Recount
from mlmon.analyzers.compare.refine import refined
from mlmon.analyzers.drift.drift import ALPHA, KS_LIMITS
from mlmon.analyzers.drift.methods import kolmogorov_smirnov as ks
from mlmon.analyzers.drift.methods.kolmogorov_smirnov import drift_of_parts
from mlmon.analyzers.statistics.buckets import Buckets
from mlmon.elastic.client.cluster import Cluster

Rows = np.ndarray[Any, np.dtype[np.float64]]
COARSE = (0.0, 1.0, 2.0)


def sides(now: Rows, before: Rows) -> tuple[ComparedSide, ComparedSide]:
    """Return both times, each over few edges of its own."""
    current = Buckets.from_values(now, COARSE)
    reference = Buckets.from_values(before, tuple(np.array(COARSE) + 0.1))
    return ComparedSide("now", {"x": [current]}, {}), ComparedSide("before", {"x": [reference]}, {})


def decided(baseline: Baseline, now: Rows, before: Rows) -> tuple[ComparedSide, ComparedSide, int]:
    """Return both sides refined by counting raw rows, and how often they were counted."""
    asked = []

    def count(feature: str, edges: tuple[float, ...]) -> list[Buckets]:
        asked.append(feature)
        return [Buckets.from_values(rows, edges) for rows in (now, before)]

    known = replace(baseline, numeric={"x": Buckets.from_values(before, COARSE)})
    return *refined(*sides(now, before), known, count, with_training=False), len(asked)


@settings(deadline=None, max_examples=25)
@given(shift=st.floats(0.0, 0.9), seed=st.integers(0, 99), tied=st.booleans())
def test_every_verdict_becomes_certain(
    baseline: Baseline, shift: float, seed: int, *, tied: bool
) -> None:
    """At any distance no limit is left open, and the verdict is that of scipy's distance."""
    random = np.random.default_rng(seed)
    now, before = random.normal(1.0 + shift, 1.0, 3_000), random.normal(1.0, 1.0, 4_000)
    if tied:
        now, before = now.round(1), before.round(1)
    current, reference, _ = decided(baseline, now, before)
    drift = drift_of_parts(current.numeric["x"], reference.numeric["x"])
    assert drift.left_open == ()
    exact = stats.ks_2samp(now, before).statistic
    distance = exact - ks.critical_distance(3_000, 4_000, ALPHA)
    verdict = KS_LIMITS.judge(drift.low, drift.high)
    assert verdict is KS_LIMITS.judge(max(0.0, distance), 1.0)


def test_what_is_certain_is_not_counted_again(baseline: Baseline) -> None:
    """A distance that no limit is near costs nothing."""
    random = np.random.default_rng(3)
    far = random.normal(9.0, 1.0, 3_000), random.normal(0.0, 1.0, 3_000)
    current, _, asked = decided(baseline, *far)
    assert asked == 0
    assert current == sides(*far)[0]


def test_logs_of_other_rows_are_not_used(baseline: Baseline) -> None:
    """Where some of the logs are gone, or there are none, the profiles stand."""
    random = np.random.default_rng(3)
    now, before = random.normal(1.3, 1.0, 3_000), random.normal(1.0, 1.0, 4_000)
    open_ = sides(now, before)
    assert drift_of_parts(open_[0].numeric["x"], open_[1].numeric["x"]).left_open
    known = replace(baseline, numeric={"x": Buckets.from_values(before, COARSE)})

    def partly(_feature: str, edges: tuple[float, ...]) -> list[Buckets]:
        return [Buckets.from_values(rows, edges) for rows in (now[:-1], before)]

    assert refined(*open_, known, partly, with_training=False) == open_
    assert refined(*open_, known, lambda *_: None, with_training=False) == open_


def test_training_is_known_over_its_finer_edges(baseline: Baseline) -> None:
    """Traffic is counted over the baseline's thousand edges, once, against training's counts."""
    random, asked = np.random.default_rng(1), []
    numbers = baseline.numeric["price"]
    rows = random.lognormal(3.0 + 0.25, 0.8, 3_000)
    few = numbers.edges[::20]
    current = ComparedSide("now", {"price": [Buckets.from_values(rows, few)]}, {})
    reference = ComparedSide("training", {"price": [numbers.coarsened(few)]}, {})
    assert drift_of_parts(current.numeric["price"], reference.numeric["price"]).left_open

    def count(_feature: str, edges: tuple[float, ...]) -> list[Buckets]:
        asked.append(edges)
        return [Buckets.from_values(rows, edges)]

    now, before = refined(current, reference, baseline, count, with_training=True)
    assert asked == [baseline.finer["price"].edges]
    assert before.numeric["price"] == [baseline.finer["price"]]
    assert drift_of_parts(now.numeric["price"], before.numeric["price"]).left_open == ()


def test_the_logs_are_counted_over_any_edges(
    cluster: Cluster,
    namespace: str,
    start: datetime,
    predictions_of: Callable[..., list[dict[str, Any]]],
    ship: Callable[..., None],
) -> None:
    """On a real cluster each time has the rows that were logged in it, of that model alone."""
    raw: list[dict[str, Any]] = []
    ship(predictions_of(2, 50, change=lambda _hour, rows: raw.append(rows)))
    ship(predictions_of(1, 7, **{"ml.model.name": "other"}))
    hours = [Window(start + hour * HOUR, start + (hour + 1) * HOUR) for hour in range(2)]
    recount = Recount(cluster, namespace, "autobid", hours)
    for feature, column in (("price", "price"), (SCORES, "score")):
        edges = tuple(np.quantile(raw[0][column], [0.0, 0.3, 0.31, 0.9]).tolist())
        found = recount(feature, edges)
        assert found is not None
        for counted, rows in zip(found, raw, strict=True):
            exact = Buckets.from_values(rows[column], edges)
            assert (counted.counts, counted.minimum) == (exact.counts, exact.minimum)
            assert counted.total == pytest.approx(exact.total)
    assert Recount(cluster, f"{namespace}-none", "autobid", hours)("price", (1.0,)) is None
