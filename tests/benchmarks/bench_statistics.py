"""How long verdicts take from profiles, against scipy and scikit-learn on the raw rows in memory.

Run `python -m tests.benchmarks.bench_statistics`. One window: 1,000,000 rows, 16 features of 100
reference quantiles each. Reading the rows out of Elasticsearch, which the peers need and profiles
do not, is left out of the peers' times.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy import stats
from sklearn import metrics

from mlmon.analyzers.drift.methods import kolmogorov_smirnov as ks
from mlmon.analyzers.drift.methods.jensen_shannon import of_numbers as jensen_shannon
from mlmon.analyzers.drift.methods.psi import of_numbers as psi
from mlmon.analyzers.drift.methods.total_variation import total_variation
from mlmon.analyzers.drift.methods.wasserstein import wasserstein
from mlmon.analyzers.statistics.benjamini_hochberg import q_values
from mlmon.analyzers.statistics.buckets import Buckets, merge
from mlmon.analyzers.statistics.calibration import expected_calibration_error
from mlmon.analyzers.statistics.categories import CategoryCounts
from mlmon.analyzers.statistics.cbpe import estimate_performance
from mlmon.analyzers.statistics.chi_squared import chi_squared
from mlmon.analyzers.statistics.confusion import Confusion
from mlmon.analyzers.statistics.edges import quantile_edges
from mlmon.analyzers.statistics.labeled_scores import LabeledScores
from mlmon.analyzers.statistics.losses import brier, log_loss
from mlmon.analyzers.statistics.percentiles import percentile
from mlmon.analyzers.statistics.roc_auc import confidence_interval, roc_auc

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS = 1_000_000
FEATURES = 16
HOURS = 24 * 90


def seconds(work: Callable[[], object], repeats: int) -> float:
    """The least time of several runs."""
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times)


def drift_verdicts(current: Buckets, reference: Buckets) -> None:
    """The verdicts of a window on 16 numeric features: distance, decision, p- and q-values."""
    chances = []
    for _ in range(FEATURES):
        distance = ks.ks_distance(current, reference)
        ks.undecided_buckets(current, reference, limit=0.1)
        chances.append(ks.p_value(distance.low, current.n, reference.n))
    q_values(chances)


def every_drift_statistic(current: Buckets, reference: Buckets) -> None:
    """All distances and three percentiles of 16 numeric features."""
    drift_verdicts(current, reference)
    for _ in range(FEATURES):
        wasserstein(current, reference)
        psi([current], [reference])
        jensen_shannon([current], [reference])
        for share in (0.5, 0.95, 0.99):
            percentile(current, share)


def categorical_verdicts(current: dict[str, int], reference: dict[str, int]) -> None:
    """Total variation and chi-squared of 16 features with 100 categories."""
    for _ in range(FEATURES):
        total_variation(CategoryCounts(current), CategoryCounts(reference))
        chi_squared(current, reference)


def performance(rows: LabeledScores) -> None:
    """Every performance measure of one labeled window."""
    roc_auc(rows)
    confidence_interval(rows)
    table = Confusion.at(rows, 0.5)
    table.precision()
    table.recall()
    table.f1()
    log_loss(rows)
    brier(rows)
    expected_calibration_error(rows)


def estimated(scores: Buckets, reference: LabeledScores) -> None:
    """Performance without labels, not taken from the cache."""
    estimate_performance.cache_clear()
    estimate_performance(scores, reference, 0.5)


def raw_performance(labels: np.ndarray, scores: np.ndarray) -> None:
    """The same by scikit-learn, on raw rows."""
    metrics.roc_auc_score(labels, scores)
    decided = scores >= 0.5
    metrics.precision_recall_fscore_support(labels, decided, average="binary")
    metrics.log_loss(labels, scores)
    metrics.brier_score_loss(labels, scores)


def measurements() -> list[tuple[str, float, float | None]]:
    """What was measured: (work, seconds from profiles, seconds from raw rows)."""
    random = np.random.default_rng(0)
    reference, current = random.lognormal(size=ROWS), random.lognormal(0.02, size=ROWS)
    edges = quantile_edges(reference)
    f, g = Buckets.from_values(current, edges), Buckets.from_values(reference, edges)
    scores = random.beta(2, 2, size=ROWS)
    labels = random.random(ROWS) < scores
    labeled = LabeledScores.from_rows(scores, labels, (*quantile_edges(scores)[:-1], 1.0))
    x, y = (
        {f"c{k}": int(n) for k, n in enumerate(random.multinomial(ROWS, [0.01] * 100))}
        for _ in range(2)
    )
    hours = [Buckets.from_values(part, edges) for part in np.array_split(current, 720)] * 3
    raw_ks = seconds(lambda: stats.ks_2samp(current, reference, method="asymp"), 2) * FEATURES
    raw_w = seconds(lambda: stats.wasserstein_distance(current, reference), 2) * FEATURES
    raw_labeled = seconds(lambda: raw_performance(labels, scores), 2)
    plain = labeled.all()
    return [
        ("KS verdicts, 16 features", seconds(lambda: drift_verdicts(f, g), 20), raw_ks),
        (
            "all drift statistics, 16 features",
            seconds(lambda: every_drift_statistic(f, g), 10),
            raw_ks + raw_w,
        ),
        ("16 features of 100 categories", seconds(lambda: categorical_verdicts(x, y), 10), None),
        ("performance, labeled", seconds(lambda: performance(labeled), 10), raw_labeled),
        ("performance, CBPE", seconds(lambda: estimated(plain, labeled), 5), None),
        (f"16 sums of {HOURS} profiles", seconds(lambda: merge(hours), 3) * FEATURES, None),
    ]


def main() -> None:
    """Print the table."""
    table = Table("work", "from profiles", "from raw rows", "ratio")
    for work, ours, theirs in measurements():
        peer = ("", "") if theirs is None else (f"{theirs:.3f} s", f"{theirs / ours:.0f}")
        table.add_row(work, f"{ours:.4f} s", *peer)
    Console().print(table)


if __name__ == "__main__":
    main()
