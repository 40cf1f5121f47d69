"""Each feature of a day compared with its baseline by its drift test, and the verdict.

An alarm needs an effect whose conservative end passes the limit, and significance after
Benjamini-Hochberg over all features compared. Both hold at any size of the sample, so any sample
can alarm. The size decides on calm alone: a feature is called unchanged only where a critical drift
would be detected with a power of 0.9; a smaller sample without an alarm is unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlmon.analyzers.base.finding import Severity
from mlmon.analyzers.drift.method import measured
from mlmon.analyzers.drift.methods import kolmogorov_smirnov
from mlmon.analyzers.statistics.benjamini_hochberg import FALSE_DISCOVERY_RATE, q_values
from mlmon.analyzers.statistics.empty_sample import EmptySampleError
from mlmon.formatting import count

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlmon.analyzers.baselines.baseline import Baseline
    from mlmon.analyzers.drift.chosen_tests import ChosenTests
    from mlmon.analyzers.drift.drift import Drift
    from mlmon.analyzers.drift.method import DriftMeasurement, DriftMethod, T
    from mlmon.analyzers.drift.refinement import Refinements
    from mlmon.analyzers.profiles.kinds.prediction import PredictionProfile


@dataclass(frozen=True, slots=True)
class ComparedFeature:
    """A feature compared with its baseline.

    Args:
        method: The drift test of the feature.
        feature: Its name.
        rows: Predictions with a value of it.
        drift: Its distance, None where it cannot be compared.
        skip_reason: Why it cannot be compared, or not be called unchanged, up to the window; empty
            where the sample suffices for both.
        q_value: Of the drift, over all features of the day; 1 where it cannot be compared.
    """

    method: DriftMethod
    feature: str
    rows: int
    drift: Drift | None
    skip_reason: str
    q_value: float

    @property
    def severity(self) -> Severity:
        """The verdict; `unknown` where there is neither an alarm nor a sample to exclude one."""
        if self.drift is None:
            return Severity.UNKNOWN
        severity = self.drift.limits.judge(self.drift.low, self.drift.high)
        if severity.alarming and self.q_value <= FALSE_DISCOVERY_RATE:
            return severity
        return Severity.UNKNOWN if self.skip_reason else Severity.OK


def compare_features(
    tests: ChosenTests,
    traffic: PredictionProfile,
    baseline: Baseline,
    hours: Sequence[PredictionProfile] = (),
    refinements: Refinements | None = None,
) -> list[ComparedFeature]:
    """Compare every feature of a baseline.

    Args:
        tests: The drift test of each feature.
        traffic: The day's predictions.
        baseline: What they are compared with.
        hours: The profiles that the traffic is the sum of, where there are refinements.
        refinements: Finer counts of numbers; without them distances have wider bounds.
    """
    found = [
        *_numbers(tests, traffic, baseline, hours, refinements),
        *_categories(tests, traffic, baseline),
    ]
    # A feature that cannot be compared takes part with p = 1, which calls nothing else.
    corrected = q_values([drift.p_value if drift else 1.0 for *_, drift, _ in found])
    return [
        ComparedFeature(*compared, q_value)
        for compared, q_value in zip(found, corrected, strict=True)
    ]


_Compared = tuple["DriftMethod", str, int, "Drift | None", str]
"""The fields of a compared feature without its q-value."""


def _numbers(
    tests: ChosenTests,
    traffic: PredictionProfile,
    baseline: Baseline,
    hours: Sequence[PredictionProfile],
    refinements: Refinements | None,
) -> Iterator[_Compared]:
    for feature, numbers in sorted(baseline.numeric.items()):
        sample, method = traffic.numeric[feature], tests.numeric(feature)
        compared = _compare(feature, method, method.numeric, sample.n, ([sample], [numbers]))
        if compared[3] is not None and refinements and method is kolmogorov_smirnov.METHOD:
            drift = refinements.drift(feature, sample, hours, baseline)
            compared = (*compared[:3], drift, compared[4])
        yield compared


def _categories(
    tests: ChosenTests, traffic: PredictionProfile, baseline: Baseline
) -> Iterator[_Compared]:
    for feature, known in sorted(baseline.categorical.items()):
        categories, method = traffic.categorical[feature], tests.categorical(feature)
        sides = categories.counted(known.counts), known.counted
        yield _compare(feature, method, method.categorical, categories.n, sides)


def _compare(
    feature: str,
    method: DriftMethod,
    comparison: DriftMeasurement[T] | None,
    rows: int,
    sides: tuple[T, T],
) -> _Compared:
    if comparison is None:
        types = " and ".join(method.feature_types)
        reason = f"The drift test {method.name} of {feature} is for {types} features only,"
        return method, feature, rows, None, reason
    try:
        reason = _too_few(feature, method, comparison, rows, sides[1])
    except EmptySampleError as error:
        reason = f"{feature} cannot be compared by the drift test {method.name}: {error},"
        return method, feature, rows, None, reason
    if rows < comparison.fewest:
        return method, feature, rows, None, reason
    drift = measured(method, comparison, *sides)
    if isinstance(drift, str):
        # The number of rows is the plainer reason where both hold.
        return method, feature, rows, None, reason or f"{feature} is {drift},"
    return method, feature, rows, drift, reason


def _too_few(
    feature: str, method: DriftMethod, comparison: DriftMeasurement[T], rows: int, reference: T
) -> str:
    """Return why a feature cannot be called unchanged, up to its window; empty if it can."""
    critical = method.limits.critical
    needed = comparison.rows_needed(critical, reference)
    if needed is None:
        return (
            f"{feature} cannot be judged: the baseline has too few values of it to detect a "
            f"distance of {critical},"
        )
    if rows >= needed:
        return ""
    return (
        f"{feature} cannot be judged: {count(rows, 'prediction')} with a value of {feature}, where "
        f"{needed} are needed to detect a distance of {critical} with a power of 0.9,"
    )
