"""Feature drift: does the traffic look like what the model was trained on?

Numbers are compared by the Kolmogorov-Smirnov distance, categories by total variation (tested by
chi-squared, with Cramér's V), over the day before every hour. A finding needs all of: an effect
whose certain lower bound, less what chance may add, passes its limit; significance after
Benjamini-Hochberg over the day's features; and a sample in which a critical drift would be found
nine times in ten. Where buckets leave open whether a number's distance passes a limit, its day is
counted again over ten times as many (profile/refinement_kind.py), while the logs are there; where
they are not, the verdict stays with the lower bound and the sentence says so.

A Sunday may differ from training for being one. An alarm of a number therefore says so where the
same day of past weeks was like it (whose numbers are read only then), whichever versions served in
them and over whose edges they were counted. It stands all the same: the model was trained on other
traffic.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING

from mlmon.analyzers.base.alert_policy import AlertPolicy
from mlmon.analyzers.base.analyzer import Analyzer
from mlmon.analyzers.base.finding import Finding, Severity
from mlmon.analyzers.base.metric import Metric
from mlmon.analyzers.base.needs import Needs
from mlmon.analyzers.base.window import HOUR
from mlmon.analyzers.checks.feature_drift.side_by_side import (
    categories_side_by_side,
    numbers_side_by_side,
)
from mlmon.analyzers.drift.drift import LIMITS, Drift
from mlmon.analyzers.drift.methods.kolmogorov_smirnov import rows_needed
from mlmon.analyzers.drift.methods.total_variation import categorical_drift
from mlmon.analyzers.drift.methods.total_variation import rows_needed as category_rows_needed
from mlmon.analyzers.drift.moved import categories_moved, numbers_moved, onset
from mlmon.analyzers.drift.refinement import Refinements, still_open
from mlmon.analyzers.drift.refinement_kind import KIND as REFINEMENT
from mlmon.analyzers.drift.weekly_drift import WEEKS, Hours, beside_past_weeks
from mlmon.analyzers.profiles.kinds.prediction import PredictionProfile
from mlmon.analyzers.profiles.one_per_version import counted_once
from mlmon.analyzers.profiles.quantities import merge
from mlmon.analyzers.references.daily_window import LOOKBACK, DailyWindow, daily_windows
from mlmon.analyzers.statistics.benjamini_hochberg import q_values
from mlmon.formatting import count, cut, moment, number, span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from mlmon.analyzers.base.analysis_context import AnalysisContext
    from mlmon.analyzers.base.finding import Part
    from mlmon.analyzers.baselines.baseline import Baseline

NUMBERS, CATEGORIES = "ks.distance", "total_variation"
FALSE_DISCOVERY_RATE = 0.01
MOST_NEW, OTHERS = 20, "(other features)"


@dataclass(frozen=True, slots=True)
class Comparison:
    """A feature compared with its baseline, or why it is not, and how to tell and draw it."""

    metric: str
    feature: str
    drift: Drift | None
    skip_reason: str
    moved: Callable[[], str]
    parts: Callable[[], tuple[Part, ...]]


class FeatureDrift(Analyzer[PredictionProfile]):
    """Distance of each feature's day from the training set."""

    name = "feature_drift"
    question = "Does the traffic look like what the model was trained on?"
    advice = (
        "Ask the feature's source what changed at the hour the sentence names: a unit, a "
        "default, a release, a new market. Findings of `fallback_rate` before it mean that "
        "defaults took the place of values. If the new distribution is right, retrain on it and "
        "make a baseline; until then trust scores less."
    )
    needs = (
        Needs("prediction", LOOKBACK, weeks=WEEKS),
        Needs(REFINEMENT, LOOKBACK),
    )
    metrics = (
        Metric(
            NUMBERS,
            "Drift of numbers",
            "How far has each numeric feature moved from the training set: 0 not at all, 1 wholly?",
            LIMITS,
        ),
        Metric(
            CATEGORIES,
            "Drift of categories",
            "What share of the predictions would need another category to look like training?",
            LIMITS,
            unit="ratio",
        ),
    )
    alert_policy = AlertPolicy(on="warning", after=2, of=3, layer="feature", step=HOUR)

    def evaluate(self, context: AnalysisContext[PredictionProfile]) -> Iterator[Finding]:
        """Yield a finding per hour, model version in service, and feature."""
        refinements, past = Refinements(context), _Past(context)
        for day in daily_windows(context):
            skip_reason = day.skip_reason() or day.incomplete()
            if skip_reason or day.baseline is None:
                yield self.unknown(NUMBERS, None, day.window, str(skip_reason), **day.about)
            else:
                for finding in self._judge(day, day.baseline, refinements):
                    moved = finding.severity.alarming and finding.metric == NUMBERS
                    yield past.beside(finding, day.baseline) if moved else finding

    def _judge(
        self, day: DailyWindow, baseline: Baseline, refinements: Refinements
    ) -> Iterator[Finding]:
        traffic = merge(day.traffic)
        comparisons = list(_compare(day, traffic, baseline, refinements))
        # A feature that cannot be compared takes part with p = 1, which calls nothing else.
        corrected = q_values(
            [comparison.drift.p_value if comparison.drift else 1.0 for comparison in comparisons]
        )
        for each, q_value in zip(comparisons, corrected, strict=True):
            if each.drift is None:
                yield self.unknown(
                    each.metric,
                    each.feature,
                    day.window,
                    f"{each.skip_reason} {span(day.window)}.",
                    **day.about,
                )
            else:
                yield self._finding(day, each, each.drift, q_value)
        yield from self._all_unexpected(day, baseline, traffic.present)

    def _finding(
        self, day: DailyWindow, comparison: Comparison, drift: Drift, q_value: float
    ) -> Finding:
        severity = LIMITS.judge(drift.low, drift.high)
        if q_value > FALSE_DISCOVERY_RATE:
            severity = Severity.OK
        sample = f"{count(drift.sample_count, 'prediction')} {span(day.window)}"
        distance = f"distance {number(drift.value)} in {sample}"
        if severity.alarming:
            reason = (
                f"{comparison.feature} moved: {comparison.moved()}; {distance}, "
                f"since about {_since(day, comparison)}{still_open(drift)}."
            )
        else:
            reason = f"{comparison.feature} is as in training: {distance}{still_open(drift)}."
        return self.finding(
            comparison.metric,
            comparison.feature,
            day.window,
            severity,
            reason=reason,
            q_value=q_value,
            parts=comparison.parts() or None,
            **day.about,
            **drift.measured(),
        )

    def _all_unexpected(
        self, day: DailyWindow, baseline: Baseline, present: Mapping[str, int]
    ) -> Iterator[Finding]:
        """Yield what the baseline does not have, or has as the other type; of many some by name."""
        known = {each for each in present if _name(each) in baseline.features}
        new = sorted(present.keys() - known)
        for field in (*sorted(known), *new[:MOST_NEW]):
            yield self._unexpected(day, field, present[field], known=field in known)
        if more := new[MOST_NEW:]:
            names = ", ".join(cut(_name(each)) for each in more[:3])
            reason = (
                f"{count(len(more), 'more feature')} that the training set of {day.title} does not "
                f"have came {span(day.window)}, such as {names}: is the name of a feature made of "
                "a value?"
            )
            yield self.unknown(NUMBERS, OTHERS, day.window, reason, **day.about)

    def _unexpected(self, day: DailyWindow, field: str, times: int, *, known: bool) -> Finding:
        kind, feature = _kind_and_name(field)
        reason = (
            f"{feature} arrives as {kind} in {count(times, 'prediction')} {span(day.window)}, "
            "which it was not in training: these are not compared."
            if known
            else f"{feature} is in the log but not in the training set of {day.title}: it cannot "
            "be compared."
        )
        metric = NUMBERS if kind == "numeric" else CATEGORIES
        # A feature that changed its type has a finding under its own metric too.
        subject = f"{feature} ({kind})" if known else feature
        return self.unknown(metric, subject, day.window, reason, **day.about)


class _Past:
    """Past hours of numbers, read and summed up where an alarm asks for them."""

    def __init__(self, context: AnalysisContext[PredictionProfile]) -> None:
        self._context = context
        self._known = {baseline.id: baseline for baseline in context.baselines.values()}
        self._once: dict[str, list[PredictionProfile]] = {}
        self._hours: dict[tuple[str, str], Hours] = {}

    def beside(self, finding: Finding, baseline: Baseline) -> Finding:
        """Return an alarm of a number beside the same day of past weeks."""
        feature = str(finding.subject)
        if (baseline.id, feature) not in self._hours:
            self._hours[baseline.id, feature] = Hours(
                (profile.window.start, profile.model[1], profile.numeric[feature])
                for profile in self._traffic(baseline)
                if feature in profile.numeric
            )
        return beside_past_weeks(finding, self._hours[baseline.id, feature])

    def _traffic(self, baseline: Baseline) -> list[PredictionProfile]:
        """Return the model's predictions, each once, over this baseline's edges where they can."""
        if baseline.id not in self._once:
            own = (profile for profile in self._profiles if profile.model[0] == baseline.model_name)
            self._once[baseline.id] = list(counted_once(own, baseline.id, self._known))
        return self._once[baseline.id]

    @cached_property
    def _profiles(self) -> Sequence[PredictionProfile]:
        """All there are, with numbers, in order of time."""
        return self._context.with_part("numeric")


def _compare(
    day: DailyWindow, traffic: PredictionProfile, baseline: Baseline, refinements: Refinements
) -> Iterator[Comparison]:
    for feature, numbers in sorted(baseline.numeric.items()):
        sample = traffic.numeric[feature]
        skip_reason = _obstacle(feature, sample.n, rows_needed(LIMITS.critical, numbers.n))
        drift = None if skip_reason else refinements.drift(feature, sample, day.traffic, baseline)
        moved = partial(numbers_moved, sample, numbers)
        parts = partial(numbers_side_by_side, sample, numbers)
        yield Comparison(NUMBERS, feature, drift, skip_reason, moved, parts)
    for feature, known in sorted(baseline.categorical.items()):
        categories = traffic.categorical[feature]
        sides = categories.counted(known.counts), known.counted
        needed = category_rows_needed(LIMITS.critical, sides[1])
        skip_reason = _obstacle(feature, categories.n, needed)
        drift = None if skip_reason else categorical_drift(*sides)
        moved = partial(categories_moved, *sides)
        parts = partial(categories_side_by_side, categories, known)
        yield Comparison(CATEGORIES, feature, drift, skip_reason, moved, parts)


def _obstacle(feature: str, rows: int, needed: int | None) -> str:
    if needed is None:
        return f"The baseline has too few values of {feature} to find a distance of 0.2,"
    if rows >= needed:
        return ""
    return (
        f"{count(rows, 'prediction')} with a value of {feature}, where {needed} are needed to find "
        f"a distance of {LIMITS.critical} nine times in ten,"
    )


def _name(field: str) -> str:
    """Return a feature's name without its type."""
    return _kind_and_name(field)[1]


def _kind_and_name(field: str) -> tuple[str, str]:
    kind, _, name = field.removeprefix("ml.features.").partition(".")
    return kind, name


def _since(day: DailyWindow, comparison: Comparison) -> str:
    feature, baseline = comparison.feature, day.baseline
    if baseline is None:
        raise ValueError("a day without a baseline has no drift")
    if comparison.metric == NUMBERS:
        rows = [profile.numeric[feature].counts for profile in day.traffic]
        hour = onset(rows, baseline.numeric[feature].counts, ordered=True)
    else:
        reference = baseline.categorical[feature]
        names = list(reference.counts)
        found = [profile.categorical[feature] for profile in day.traffic]
        rows = [
            (*(categories.counts[name] for name in names), categories.outside)
            for categories in found
        ]
        counts = (*(reference.counts[name] for name in names), reference.rest)
        hour = onset(rows, counts, ordered=False)
    return moment(day.traffic[hour].window.start)
