"""Each feature of a day compared with its baseline by its drift test, and the verdict.

An alarm needs an effect whose conservative end passes the limit, and significance after
Benjamini-Hochberg over all comparisons made. Both hold at any size of the sample, so any sample
can alarm. The size decides only whether a feature is called unchanged: where a critical drift would
be detected with a power of 0.9, and the distance lies below the limit.

Where a day has no such verdict, because its sample is too small or its distance lies above the
limit within the sampling error, the days before it are added, up to two weeks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mlmon.analyzers.base.finding import Severity
from mlmon.analyzers.drift.method import measured
from mlmon.analyzers.drift.methods import kolmogorov_smirnov
from mlmon.analyzers.references.growing_window import LENGTHS, longer_windows
from mlmon.analyzers.statistics.benjamini_hochberg import FALSE_DISCOVERY_RATE, q_values
from mlmon.analyzers.statistics.empty_sample import EmptySampleError
from mlmon.formatting import count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime, timedelta

    from mlmon.analyzers.base.window import Window
    from mlmon.analyzers.baselines.baseline import Baseline
    from mlmon.analyzers.drift.chosen_tests import ChosenTests
    from mlmon.analyzers.drift.drift import Drift
    from mlmon.analyzers.drift.method import DriftMeasurement, DriftMethod, T
    from mlmon.analyzers.drift.refinement import Refinements
    from mlmon.analyzers.profiles.kinds.prediction import PredictionProfile
    from mlmon.analyzers.references.growing_window import PooledHours


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
        q_value: Of the drift, over all comparisons of the day; 1 where it cannot be compared.
        window: The longer window of its sample; None where that is the day.
    """

    method: DriftMethod
    feature: str
    rows: int
    drift: Drift | None
    skip_reason: str
    q_value: float = 1.0
    window: Window | None = None

    @property
    def severity(self) -> Severity:
        """The verdict; `unknown` where there is neither an alarm nor proof that there is none."""
        if self.drift is None:
            return Severity.UNKNOWN
        severity = self.drift.severity
        if severity.alarming and self.q_value <= FALSE_DISCOVERY_RATE:
            return severity
        is_ok = severity is Severity.OK and not self.skip_reason
        return Severity.OK if is_ok else Severity.UNKNOWN

    @property
    def near_limit(self) -> bool:
        """Whether the distance lies above the limit of a warning, the conservative end below."""
        return self.drift is not None and self.drift.near_limit

    @property
    def settled(self) -> bool:
        """Whether a longer sample could not change the verdict: it alarms, or excludes a drift."""
        return self.passes_limit or not (self.skip_reason or self.near_limit)

    @property
    def passes_limit(self) -> bool:
        """Whether the conservative end passes the limit of a warning."""
        return self.drift is not None and self.drift.low >= self.drift.limits.warning


def compare_features(
    tests: ChosenTests,
    traffic: PredictionProfile,
    baseline: Baseline,
    hours: Sequence[PredictionProfile] = (),
    refinements: Refinements | None = None,
    longer: Callable[[], tuple[datetime, PooledHours]] | None = None,
    lengths: Sequence[timedelta] = LENGTHS,
) -> list[ComparedFeature]:
    """Compare every feature of a baseline.

    Args:
        tests: The drift test of each feature.
        traffic: The day's predictions.
        baseline: What they are compared with.
        hours: The profiles that the traffic is the sum of, where there are refinements.
        refinements: Finer counts of numbers; without them distances have wider bounds.
        longer: Returns the end of the day, and the hours before it that are added where the day
            alone has no verdict; called only then. None: nothing is added.
        lengths: Of the windows to which the day grows.
    """
    found = [
        *_numbers(tests, traffic, baseline, hours, refinements),
        *_categories(tests, traffic, baseline),
    ]
    made = list(found)
    if longer is not None and not all(compared.settled for compared in found):
        end, pool = longer()
        found = [
            compared
            if compared.feature in traffic.hidden
            else _grown(compared, baseline, end, pool, made, lengths)
            for compared in found
        ]
    # A feature that cannot be compared takes part with p = 1, which calls nothing else.
    corrected = q_values([one.drift.p_value if one.drift else 1.0 for one in made])
    by_comparison = {id(one): q_value for one, q_value in zip(made, corrected, strict=True)}
    return [replace(compared, q_value=by_comparison[id(compared)]) for compared in found]


def _grown(
    day: ComparedFeature,
    baseline: Baseline,
    end: datetime,
    pool: PooledHours,
    made: list[ComparedFeature],
    lengths: Sequence[timedelta],
) -> ComparedFeature:
    """Return the comparison of the shortest window that is settled; all made are added to `made`.

    A day that lies near the limit is not called unchanged because the days before it were calm:
    there, only a longer window that alarms counts.
    """
    best, rows = day, day.rows
    for window in longer_windows(end, lengths):
        if best.settled:
            break
        longer = _once(day, baseline, window, pool)
        if longer is None or longer.rows <= rows:
            continue
        rows = longer.rows
        made.append(longer)
        if longer.passes_limit or best.skip_reason:
            best = longer
    return best


def _once(
    day: ComparedFeature, baseline: Baseline, window: Window, pool: PooledHours
) -> ComparedFeature | None:
    """Compare a feature in a longer window; what has the same hours as one before is known."""
    reference = baseline.numeric.get(day.feature) or baseline.categorical.get(day.feature)
    key = day.feature, day.method.name
    found = pool.compared(key, window, reference, lambda: _of_window(day, baseline, window, pool))
    return None if found is None else replace(found, window=window)


def _of_window(
    day: ComparedFeature, baseline: Baseline, window: Window, pool: PooledHours
) -> ComparedFeature | None:
    """Compare a feature in a longer window; None where it has no values there."""
    feature, method = day.feature, day.method
    if feature in baseline.numeric:
        numbers = pool.numbers(window, feature, lambda hour: hour.numeric.get(feature))
        if numbers is None:
            return None
        sides = [numbers], [baseline.numeric[feature]]
        return _compare(feature, method, method.numeric, numbers.n, sides)
    categories = pool.categories(window, feature)
    if categories is None:
        return None
    known = baseline.categorical[feature]
    counts = categories.counted(known.counts), known.counted
    return _compare(feature, method, method.categorical, categories.n, counts)


def _numbers(
    tests: ChosenTests,
    traffic: PredictionProfile,
    baseline: Baseline,
    hours: Sequence[PredictionProfile],
    refinements: Refinements | None,
) -> Iterator[ComparedFeature]:
    for feature, numbers in sorted(baseline.numeric.items()):
        if feature in traffic.hidden:
            yield _hidden(feature, tests.numeric(feature), traffic)
            continue
        sample, method = traffic.numeric[feature], tests.numeric(feature)
        compared = _compare(feature, method, method.numeric, sample.n, ([sample], [numbers]))
        if compared.drift is not None and refinements and method is kolmogorov_smirnov.METHOD:
            drift = refinements.drift(feature, sample, hours, baseline)
            compared = replace(compared, drift=drift)
        yield compared


def _categories(
    tests: ChosenTests, traffic: PredictionProfile, baseline: Baseline
) -> Iterator[ComparedFeature]:
    for feature, known in sorted(baseline.categorical.items()):
        if feature in traffic.hidden:
            yield _hidden(feature, tests.categorical(feature), traffic)
            continue
        categories, method = traffic.categorical[feature], tests.categorical(feature)
        sides = categories.counted(known.counts), known.counted
        yield _compare(feature, method, method.categorical, categories.n, sides)


def _hidden(feature: str, method: DriftMethod, traffic: PredictionProfile) -> ComparedFeature:
    reason = f"{feature} is {traffic.hidden[feature]} by the log's redaction: not compared"
    return ComparedFeature(method, feature, 0, None, reason)


def _compare(
    feature: str,
    method: DriftMethod,
    comparison: DriftMeasurement[T] | None,
    rows: int,
    sides: tuple[T, T],
) -> ComparedFeature:
    if comparison is None:
        types = " and ".join(method.feature_types)
        reason = f"The drift test {method.name} of {feature} is for {types} features only,"
        return ComparedFeature(method, feature, rows, None, reason)
    try:
        reason = _too_few(feature, method, comparison, rows, sides[1])
    except EmptySampleError as error:
        reason = f"{feature} cannot be compared by the drift test {method.name}: {error},"
        return ComparedFeature(method, feature, rows, None, reason)
    if rows < comparison.fewest:
        return ComparedFeature(method, feature, rows, None, reason)
    drift = measured(method, comparison, *sides)
    if isinstance(drift, str):
        # The number of rows is the plainer reason where both hold.
        return ComparedFeature(method, feature, rows, None, reason or f"{feature} is {drift},")
    return ComparedFeature(method, feature, rows, drift, reason)


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
