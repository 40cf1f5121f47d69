"""Feature statistics: mean, median, spread, range and shares of each feature against training.

The day before every sixth hour is compared with the training set. Shifts are counted in robust
standard deviations of the training set: the range from its 10th to its 90th percentile over 2.563,
which for a normal distribution is its standard deviation and which no outlier moves.

Where `feature_drift` alarms for a feature by the test chosen for it, these statistics explain that
alarm and do not repeat it. Where it gives no verdict or no alarm, they alarm themselves: also for
changes which its distance cannot see, a few percent of values so far out that the mean or the
spread moves. Severity uses the conservative end of the interval. One outlier widens that interval
by as much as it moves the value (statistics/moments.py), so it raises no alarm.

A single value or category that certainly doubled its share alarms as well (stuck, or a default that
replaces values), and one that certainly lost half of it (a category that vanished). Of numbers the
values are the training set's buckets of about one percent, and its frequent values one by one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar

from scipy import special

from mlmon.analyzers.base.alert_policy import AlertPolicy
from mlmon.analyzers.base.analyzer import Analyzer
from mlmon.analyzers.base.finding import Severity
from mlmon.analyzers.base.limits import Limits
from mlmon.analyzers.base.metric import Metric
from mlmon.analyzers.base.needs import Needs
from mlmon.analyzers.base.reference_part import ReferencePart
from mlmon.analyzers.base.runbook import (
    CATEGORY_LINES,
    FEATURE_CAUSES,
    FIX_SOURCE,
    NUMBER_LINES,
    PREDICTION_LINES,
    Runbook,
)
from mlmon.analyzers.drift.chosen_tests import ChosenTests
from mlmon.analyzers.drift.drift import ALPHA
from mlmon.analyzers.drift.feature_comparison import compare_features
from mlmon.analyzers.profiles.kinds.prediction import PredictionProfile
from mlmon.analyzers.profiles.quantities import merge
from mlmon.analyzers.references.daily_window import (
    DAILY_LOOKBACK,
    EVALUATION_INTERVAL,
    DailyWindow,
    daily_windows,
)
from mlmon.analyzers.settings import AnalyzersSettings
from mlmon.analyzers.statistics.empty_sample import EmptySampleError
from mlmon.analyzers.statistics.interval import Interval
from mlmon.analyzers.statistics.moments import (
    Moments,
    mean_error,
    unseen_variance,
    variance_interval,
)
from mlmon.analyzers.statistics.percentiles import percentile, percentile_confidence
from mlmon.analyzers.statistics.share_changes import greatest_gain, greatest_loss
from mlmon.analyzers.statistics.wilson import wilson_interval
from mlmon.formatting import count, cut, number, percent, span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlmon.analyzers.base.analysis_context import AnalysisContext
    from mlmon.analyzers.base.finding import Finding
    from mlmon.analyzers.base.identity import FindingIdentity
    from mlmon.analyzers.baselines.baseline import CategoryBaseline
    from mlmon.analyzers.profiles.kinds.prediction import Categories
    from mlmon.analyzers.statistics.buckets import Buckets
    from mlmon.analyzers.statistics.share_changes import ShareChange

MEAN, MEDIAN, SPREAD = "mean.shift", "median.shift", "spread.ratio"
MINIMUM, MAXIMUM, SHARE = "minimum.shift", "maximum.shift", "category.share"
GAINED, LOST = "gained.share", "lost.share"
CONFIDENCE = 1 - ALPHA
MIN_VALUES = 100
MOST_CATEGORIES = 10
# From the tenth to the ninetieth percentile, in standard deviations of a normal distribution.
TENTHS = float(2 * special.ndtri(0.9))


@dataclass(frozen=True, slots=True)
class Statistic:
    """One statistic of one numeric feature, compared with the training set.

    Args:
        metric: What it is.
        value: How far it has moved: a shift in robust standard deviations, or a ratio.
        interval: What sampling error and buckets leave open.
        unmoved: The value of no change, 0 or 1.
        sentence: The statistic now and in training, in the feature's own unit.
    """

    metric: str
    value: float
    interval: Interval
    unmoved: float
    sentence: str

    @property
    def size(self) -> Interval:
        """The change's size, whichever its direction, as the limits count it."""
        low, high = self.interval.low, self.interval.high
        if self.metric == SPREAD:
            greatest = max(high, 1 / low if low > 0 else math.inf)
            return Interval(max(1.0, low, 1 / high if high > 0 else math.inf), greatest)
        return Interval(max(0.0, low, -high), max(-low, high))


class FeatureStatistics(Analyzer[PredictionProfile]):
    """Mean, median, spread, range and shares of each feature's day.

    Args:
        tests: The drift tests by which `feature_drift` judges; by default those that mlmon.toml
            chooses.
    """

    name = "feature_statistics"
    question = "Do each feature's mean, median, spread, range and shares match training?"
    advice = (
        "Look at the feature's largest and smallest values of the day: a mean or spread that "
        "moves while the distribution as a whole does not is caused by few predictions. Find the "
        "client or source these share; a unit, a sign or a default is the usual cause."
    )
    runbooks: ClassVar = {
        "category.share": Runbook(CATEGORY_LINES, FEATURE_CAUSES, FIX_SOURCE),
        "": Runbook(NUMBER_LINES, FEATURE_CAUSES, FIX_SOURCE),
        "gained.share": Runbook(
            PREDICTION_LINES, "A default took the place of values; one client grew.", FIX_SOURCE
        ),
        "lost.share": Runbook(
            PREDICTION_LINES, "A client or market left; a value is written otherwise.", FIX_SOURCE
        ),
    }
    needs = (Needs("prediction", DAILY_LOOKBACK),)
    metrics = (
        Metric(
            MEAN,
            "Mean shift",
            "By how many standard deviations has the mean moved?",
            Limits(0.5, 1.0, meaning="either way; only without an alarm of `feature_drift`"),
            pivot=0.0,
        ),
        Metric(
            MEDIAN,
            "Median shift",
            "By how many standard deviations has the median moved?",
            pivot=0.0,
        ),
        Metric(
            SPREAD,
            "Standard deviation ratio",
            "What is the standard deviation, as a multiple of training?",
            Limits(2.0, 4.0, meaning="or its reciprocal; only without an alarm of `feature_drift`"),
            pivot=1.0,
        ),
        Metric(
            MINIMUM,
            "Minimum shift",
            "By how many standard deviations has the minimum moved?",
            worst="lowest",
        ),
        Metric(MAXIMUM, "Maximum shift", "By how many standard deviations has the maximum moved?"),
        Metric(
            SHARE, "Category shares", "Which share of the values is each category?", unit="ratio"
        ),
        Metric(
            GAINED,
            "Share gained by one value",
            "Which share do the values newly hold that one value or category has gained most of?",
            Limits(
                0.1,
                0.2,
                meaning="of a value whose share at least doubled; only without an alarm of "
                "`feature_drift`",
                measures="distance",
            ),
            unit="ratio",
        ),
        Metric(
            LOST,
            "Share lost by one value",
            "Which share of the values did the value or category hold that has lost most?",
            Limits(
                0.05,
                0.2,
                meaning="of a value whose share at least halved; only without an alarm of "
                "`feature_drift`",
                measures="distance",
            ),
            unit="ratio",
        ),
    )
    alert_policy = AlertPolicy(
        on="warning", after=2, of=2, layer="feature", step=EVALUATION_INTERVAL
    )

    def __init__(self, tests: ChosenTests | None = None) -> None:
        self._tests = tests or ChosenTests.of(AnalyzersSettings.load().feature_drift)

    def reference_part(self, identity: FindingIdentity) -> ReferencePart | None:
        """Return the feature of the training set; a finding about all has none."""
        return ReferencePart("feature", identity.subject) if identity.subject else None

    def evaluate(self, context: AnalysisContext[PredictionProfile]) -> Iterator[Finding]:
        """Yield a finding per sixth hour, model version in service, feature and statistic."""
        for day in daily_windows(context, EVALUATION_INTERVAL):
            skip_reason = day.skip_reason() or day.incomplete()
            if skip_reason or day.baseline is None:
                yield self.unknown(MEAN, None, day.window, str(skip_reason), **day.about)
                continue
            traffic = merge(day.traffic)
            moved = {
                compared.feature
                for compared in compare_features(self._tests, traffic, day.baseline)
                if compared.severity.alarming
            }
            hidden = traffic.hidden
            for feature in sorted(hidden.keys() & set(day.baseline.features)):
                reason = (
                    f"{feature} is {hidden[feature]} by the log's redaction {span(day.window)}."
                )
                yield self.unknown(MEAN, feature, day.window, reason, **day.about)
            for feature, numbers in sorted(day.baseline.numeric.items()):
                if feature in hidden:
                    continue
                sample, seen = traffic.numeric[feature], feature in moved
                yield from self._numbers(day, feature, sample, numbers, seen=seen)
                yield from self._shares(day, values_of(feature, sample, numbers), seen=seen)
            for feature, known in sorted(day.baseline.categorical.items()):
                if feature in hidden:
                    continue
                categories, seen = traffic.categorical[feature], feature in moved
                yield from self._categories(day, feature, categories, known)
                yield from self._shares(day, categories_of(feature, categories, known), seen=seen)

    def _numbers(
        self, day: DailyWindow, feature: str, sample: Buckets, numbers: Buckets, *, seen: bool
    ) -> Iterator[Finding]:
        """Yield the statistics of a number; where feature drift has seen it move, without alarm."""
        skip_reason = _skip_reason(feature, sample, numbers)
        if skip_reason:
            reason = f"{skip_reason} {span(day.window)}."
            yield self.unknown(MEAN, feature, day.window, reason, **day.about)
            return
        for statistic in statistics_of(sample, numbers):
            severity = self.limits[statistic.metric].judge(statistic.size.low, statistic.size.high)
            yield self.finding(
                statistic.metric,
                feature,
                day.window,
                Severity.OK if seen else severity,
                value=statistic.value,
                low=statistic.interval.low,
                high=statistic.interval.high,
                baseline_value=statistic.unmoved,
                sample_count=sample.n,
                baseline_count=numbers.n,
                reason=_sentence(day, feature, statistic, sample, seen=seen, severity=severity),
                **day.about,
            )

    def _categories(
        self, day: DailyWindow, feature: str, sample: Categories, known: CategoryBaseline
    ) -> Iterator[Finding]:
        if sample.n < MIN_VALUES:
            reason = f"{_too_few(feature, sample.n)} {span(day.window)}."
            yield self.unknown(SHARE, feature, day.window, reason, **day.about)
            return
        for name, rows in known.counts.most_common(MOST_CATEGORIES):
            share, usual = sample.counts[name] / sample.n, rows / known.n
            interval = wilson_interval(sample.counts[name], sample.n, CONFIDENCE)
            yield self.finding(
                SHARE,
                f"{feature}: {name}",
                day.window,
                Severity.OK,
                value=share,
                low=interval.low,
                high=interval.high,
                baseline_value=usual,
                sample_count=sample.n,
                baseline_count=known.n,
                reason=f"{percent(share)} of {feature} is {cut(name)!r} in "
                f"{count(sample.n, 'prediction')} {span(day.window)}, in training "
                f"{percent(usual)}.",
                **day.about,
            )

    def _shares(self, day: DailyWindow, values: FeatureValues, *, seen: bool) -> Iterator[Finding]:
        """Yield the value that gained and the one that lost most of its share."""
        if min(values.rows) < MIN_VALUES or not values.names:
            return
        counts = values.current, values.reference, ALPHA, values.rows
        where = f"{count(values.rows[0], 'prediction')} {span(day.window)}"
        for metric, change in ((GAINED, greatest_gain(*counts)), (LOST, greatest_loss(*counts))):
            limits = self.limits[metric]
            severity = limits.judge(change.interval.low, change.interval.high)
            limit = limits.critical if severity is Severity.CRITICAL else limits.warning
            yield self.finding(
                metric,
                values.feature,
                day.window,
                Severity.OK if seen else severity,
                value=change.value,
                low=change.interval.low,
                high=change.interval.high,
                baseline_value=0.0,
                sample_count=values.rows[0],
                baseline_count=values.rows[1],
                reason=f"{_change_sentence(metric, values, change, where, severity)}"
                f", limit {percent(limit)}"
                f"{'; the distribution drifted, see feature_drift' if seen else ''}.",
                **day.about,
            )


@dataclass(frozen=True, slots=True)
class FeatureValues:
    """How many rows have each value of a feature, on both sides.

    Args:
        feature: Its name.
        names: The values, as a sentence names them after "of the values", such as `are 'DE'`.
        current: Rows of the day, per value.
        reference: Rows of the training set, per value.
        rows: All rows with a value, of the day and of the training set.
    """

    feature: str
    names: tuple[str, ...]
    current: tuple[int, ...]
    reference: tuple[int, ...]
    rows: tuple[int, int]


def values_of(feature: str, sample: Buckets, numbers: Buckets) -> FeatureValues:
    """Return the buckets within the training set's range: `data_quality` judges those outside."""
    names = tuple(
        f"are {number(low)}"
        if high <= math.nextafter(low, math.inf)
        else f"lie from {number(low)} to {number(high)}"
        for low, high in pairwise(numbers.edges)
    )
    inside = slice(1, -1)
    rows = (sample.n, numbers.n)
    return FeatureValues(feature, names, sample.counts[inside], numbers.counts[inside], rows)


def categories_of(feature: str, sample: Categories, known: CategoryBaseline) -> FeatureValues:
    """Return the training set's categories; unseen ones too where it pooled its rarer ones.

    Of a category in the rest the training set has at most as many rows as of the rarest that it
    names. Where it names all, `data_quality` judges the unseen ones.
    """
    rare = min(known.counts.values(), default=0)
    unseen = sorted(sample.unseen) if known.rest else []
    names = [*known.counts, *unseen]
    return FeatureValues(
        feature,
        tuple(f"are {cut(name)!r}" for name in names),
        tuple((sample.counts + sample.unseen)[name] for name in names),
        (*known.counts.values(), *(rare for _ in unseen)),
        (sample.n, known.n),
    )


def _change_sentence(
    metric: str, values: FeatureValues, change: ShareChange, where: str, severity: Severity
) -> str:
    """Say which value gained or lost a share, up to the limit."""
    if change.place is None:
        what = "doubled" if metric == GAINED else "lost half of"
        return f"{values.feature}: no value {what} its share in {where}"
    shares = (
        f"{percent(change.now)} of the values {values.names[change.place]} in {where}, "
        f"in training {percent(change.before)}"
    )
    certain = f"a change of {percent(change.interval.low)} is certain"
    if not severity.alarming:
        return f"{values.feature}: {shares}; {certain}"
    cause = (
        "stuck, or a default in place of values"
        if metric == GAINED
        else "it has vanished, or another value replaces it"
    )
    return f"{values.feature}: {shares}: {cause}; {certain}"


def statistics_of(sample: Buckets, numbers: Buckets) -> Iterator[Statistic]:
    """Yield each statistic of a numeric feature; both samples need rows, sums and a scale.

    Args:
        sample: The feature's day.
        numbers: Its training set.
    """
    unit = scale(numbers)
    yield _mean(sample, numbers, unit)
    now, before = (percentile(buckets, 0.5).middle for buckets in (sample, numbers))
    ends = [percentile_confidence(buckets, 0.5, CONFIDENCE) for buckets in (sample, numbers)]
    interval = Interval(ends[0].low - ends[1].high, ends[0].high - ends[1].low)
    yield _shift(MEDIAN, "median", now, before, interval, unit)
    yield _spread(sample, numbers)
    for metric, name in ((MINIMUM, "minimum"), (MAXIMUM, "maximum")):
        now, before = getattr(sample, name) or 0.0, getattr(numbers, name) or 0.0
        yield _shift(metric, name, now, before, Interval.exactly(now - before), unit)


def scale(numbers: Buckets) -> float:
    """Return the robust standard deviation, or where nine tenths are one value the plain one."""
    tenths = percentile(numbers, 0.9).middle - percentile(numbers, 0.1).middle
    # Of a constant, rounding may leave a deviation above zero; its lower end is zero.
    return tenths / TENTHS if tenths > 0 else Moments.of(numbers).deviation().low


def _mean(sample: Buckets, numbers: Buckets, unit: float) -> Statistic:
    now, before = Moments.of(sample).mean, Moments.of(numbers).mean
    error = math.hypot(mean_error(sample, numbers), mean_error(numbers))
    reach = float(special.ndtri(0.5 + CONFIDENCE / 2)) * error
    interval = Interval.exactly(now - before).widened(reach)
    return _shift(MEAN, "mean", now, before, interval, unit)


def _shift(
    metric: str, name: str, now: float, before: float, interval: Interval, unit: float
) -> Statistic:
    value = (now - before) / unit
    sentence = (
        f"{name} {number(now)}, in training {number(before)} "
        f"({number(abs(value))} standard deviations {'above' if value >= 0 else 'below'})"
    )
    return Statistic(
        metric, value, Interval(interval.low / unit, interval.high / unit), 0.0, sentence
    )


def _spread(sample: Buckets, numbers: Buckets) -> Statistic:
    now, before = (Moments.of(buckets).deviation().middle for buckets in (sample, numbers))
    current, reference = (variance_interval(buckets, CONFIDENCE) for buckets in (sample, numbers))
    most = current.high + unseen_variance(sample, numbers, CONFIDENCE)
    low = math.sqrt(current.low / reference.high)
    high = math.sqrt(most / reference.low) if reference.low > 0 else math.inf
    sentence = f"standard deviation {number(now)}, in training {number(before)}"
    return Statistic(SPREAD, now / before, Interval(low, high), 1.0, sentence)


def _skip_reason(feature: str, sample: Buckets, numbers: Buckets) -> str:
    """Return why there is no verdict, up to the window; empty if there is one."""
    if sample.n < MIN_VALUES:
        return _too_few(feature, sample.n)
    if numbers.n < MIN_VALUES:
        return f"The baseline has {count(numbers.n, 'value')} of {feature}, {MIN_VALUES} are needed"
    try:
        Moments.of(sample)
        unit = scale(numbers)
    except EmptySampleError:
        return f"FeatureValues of {feature} are too large to be summed"
    return "" if unit > 0 else f"{feature} is constant in training: shifts are not defined"


def _too_few(feature: str, rows: int) -> str:
    return f"{count(rows, 'prediction')} with a value of {feature}, {MIN_VALUES} are needed"


def _sentence(
    day: DailyWindow,
    feature: str,
    statistic: Statistic,
    sample: Buckets,
    *,
    seen: bool,
    severity: Severity,
) -> str:
    where = f"in {count(sample.n, 'prediction')} {span(day.window)}"
    if seen:
        return (
            f"{feature}: {statistic.sentence} {where}; the distribution drifted, see feature_drift."
        )
    if severity.alarming:
        lowest, highest = number(sample.minimum or 0.0), number(sample.maximum or 0.0)
        return (
            f"{feature}: {statistic.sentence} {where}, while most of the distribution is as in "
            f"training: few outliers cause it; values range from {lowest} to {highest}."
        )
    return f"{feature}: {statistic.sentence} {where}."
