"""Feature drift: distance of each feature from the training set.

Numbers are compared by the Kolmogorov-Smirnov distance, categories by total variation (tested by
chi-squared, with Cramér's V), over the day before every hour. Another drift test can be chosen for
all features or for one, in mlmon.toml (docs/drift-tests.md):

    [analyzers.feature_drift]
    test = "psi"
    [analyzers.feature_drift.features.price]
    test = "wasserstein"

An alarm needs an effect whose lower bound, less the sampling error, passes its limit, and
significance after Benjamini-Hochberg over the day's features. A small sample needs a larger drift
to alarm, but any sample can alarm. The verdict is `ok` only where a critical drift would be
detected with a power of 0.9, and where the distance lies below the limit.

Where a day allows neither, the days before it are added: 2, 3, 7, 14 days, until there is a
verdict. So little traffic gets a verdict (165 predictions a day after 2 days), and a lasting shift
near the limit is found once the sampling error has become small: with a training set of 20,000
rows, a distance of 0.142 at 2,200 predictions a day after 2 days, one of 0.12 after 7 days.

A day is full of a large shift only after hours. So every hour the last 2, 3, 6 and 12 hours are
judged besides, and yield nothing but an alarm that leaves no doubt (drift/early_drift.py): each
hour lies beyond the limit, and together they differ by more than the limit both from training and
from the same hours of seven to thirteen days before (twice as far as these differ among
themselves), by distances that are certainly no chance (all looks at a model together give 0.01
false alarms a month at most: a probability of 3.5e-7 a look for 10 features, 3.5e-8 for 100). One
such window opens an alert: at 2,000 predictions a day a KS distance of 0.4 after two hours by day.

Where buckets leave open whether a number's Kolmogorov-Smirnov distance passes a limit, its day is
counted again over ten times as many (drift/refinement_kind.py), while the logs are there.

A distance above the limit that does not alarm is `unknown`, never `ok`: its sentence says by how
much the feature moved and what hides the rest: sampling error, buckets, or the number of
comparisons. Below the limit the sentence says by how much the feature moved.

A Sunday may differ from training because it is a Sunday. An alarm of a number therefore mentions
when the same day of past weeks was alike (whose numbers are read only then), in any version. It
remains an alarm: the model was trained on other traffic.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, ClassVar

from mlmon.analyzers.base.alert_policy import AlertPolicy
from mlmon.analyzers.base.analyzer import Analyzer, limits_of
from mlmon.analyzers.base.finding import Finding, Severity
from mlmon.analyzers.base.metric import Metric
from mlmon.analyzers.base.needs import Needs
from mlmon.analyzers.base.reference_part import ReferencePart
from mlmon.analyzers.base.runbook import (
    CATEGORY_LINES,
    FEATURE_CAUSES,
    FIX_SOURCE,
    NUMBER_LINES,
    Runbook,
)
from mlmon.analyzers.base.window import HOUR
from mlmon.analyzers.checks.feature_drift.side_by_side import (
    categories_side_by_side,
    numbers_side_by_side,
)
from mlmon.analyzers.drift.chosen_tests import ChosenTests
from mlmon.analyzers.drift.early_drift import EARLY, early_feature
from mlmon.analyzers.drift.feature_comparison import ComparedFeature, compare_features
from mlmon.analyzers.drift.methods import kolmogorov_smirnov, total_variation
from mlmon.analyzers.drift.moved import (
    categories_moved,
    distance_sentence,
    numbers_moved,
    onset,
)
from mlmon.analyzers.drift.refinement import Refinements, still_open
from mlmon.analyzers.drift.refinement_kind import KIND as REFINEMENT
from mlmon.analyzers.drift.weekly_drift import PAST_WEEKS, Hours, with_past_weeks
from mlmon.analyzers.profiles.kinds.prediction import KIND as PREDICTION
from mlmon.analyzers.profiles.kinds.prediction import PredictionProfile
from mlmon.analyzers.profiles.one_per_version import counted_once
from mlmon.analyzers.profiles.quantities import merge
from mlmon.analyzers.references.daily_window import DAILY_LOOKBACK, DailyWindow, daily_windows
from mlmon.analyzers.references.growing_window import LENGTHS, POOLED, PooledHours
from mlmon.analyzers.settings import AnalyzersSettings
from mlmon.formatting import count, cut, moment, number, span

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from mlmon.analyzers.base.analysis_context import AnalysisContext
    from mlmon.analyzers.base.finding import FindingPart
    from mlmon.analyzers.base.identity import FindingIdentity
    from mlmon.analyzers.base.window import Window
    from mlmon.analyzers.baselines.baseline import Baseline
    from mlmon.analyzers.drift.drift import Drift
    from mlmon.analyzers.drift.method import DriftMethod

NUMBERS, CATEGORIES = kolmogorov_smirnov.METHOD.metric, total_variation.METHOD.metric
MOST_NEW, OTHERS = 20, "(other features)"


class FeatureDrift(Analyzer[PredictionProfile]):
    """Distance of each feature's day from the training set.

    Args:
        tests: The drift tests of the features; by default those that mlmon.toml chooses.
    """

    name = "feature_drift"
    question = "Are features distributed as in the training set?"
    advice = (
        "Check what changed at the feature's source at the time in the sentence: a unit, a "
        "default, a release, a new market. Findings of `fallback_rate` before it mean that "
        "defaults took the place of values. If the new distribution is right, retrain on it and "
        "make a baseline; until then, treat scores with caution."
    )
    runbooks: ClassVar = {
        "total_variation": Runbook(CATEGORY_LINES, FEATURE_CAUSES, FIX_SOURCE),
        "": Runbook(NUMBER_LINES, FEATURE_CAUSES, FIX_SOURCE),
    }
    windows = LENGTHS
    early = EARLY
    needs = (
        Needs("prediction", DAILY_LOOKBACK, weeks=PAST_WEEKS, pooled=POOLED),
        Needs(REFINEMENT, DAILY_LOOKBACK),
    )
    metrics: tuple[Metric, ...] = (
        Metric(
            NUMBERS,
            "Drift of numeric features",
            "How large is the KS distance of each numeric feature from training (0 to 1)?",
            kolmogorov_smirnov.METHOD.limits,
        ),
        Metric(
            CATEGORIES,
            "Drift of categorical features",
            "Which share of predictions would need another category to match training?",
            total_variation.METHOD.limits,
            unit="ratio",
        ),
    )
    alert_policy = AlertPolicy(on="warning", after=2, of=3, layer="feature", step=HOUR)

    def __init__(self, tests: ChosenTests | None = None) -> None:
        self._tests = tests or ChosenTests.of(AnalyzersSettings.load().feature_drift)
        usual = {metric.name: metric for metric in self.metrics}
        self.metrics = tuple(
            usual.get(method.metric) or _metric(method) for method in self._tests.methods()
        )
        self.limits = limits_of(self.metrics)

    def reference_part(self, identity: FindingIdentity) -> ReferencePart | None:
        """Return the feature of the training set; a finding about all has none."""
        return ReferencePart("feature", identity.subject) if identity.subject else None

    def evaluate(self, context: AnalysisContext[PredictionProfile]) -> Iterator[Finding]:
        """Yield a finding per hour, model version in service, and feature."""
        refinements, past = Refinements(context), _PastTraffic(context)
        for day in daily_windows(context):
            skip_reason = day.skip_reason() or day.incomplete()
            if skip_reason or day.baseline is None:
                metric = self._tests.numeric().metric
                yield self.unknown(metric, None, day.window, str(skip_reason), **day.about)
            else:
                for finding in self._judge(day, day.baseline, refinements, past):
                    moved = finding.severity.alarming and finding.subject in day.baseline.numeric
                    yield past.compared(finding, day.baseline) if moved else finding
                yield from self._early(day, day.baseline, past)

    def _judge(
        self, day: DailyWindow, baseline: Baseline, refinements: Refinements, past: _PastTraffic
    ) -> Iterator[Finding]:
        traffic = merge(day.traffic)

        def longer() -> tuple[datetime, PooledHours]:
            return day.window.end, past.pooled(baseline)

        samples = {day.window: DriftSample(day.window, traffic, day.traffic)}
        for compared in compare_features(
            self._tests, traffic, baseline, day.traffic, refinements, longer, self.windows
        ):
            window = compared.window or day.window
            if compared.drift is None or (compared.skip_reason and not compared.severity.alarming):
                yield self.unknown(
                    compared.method.metric,
                    compared.feature,
                    window,
                    f"{compared.skip_reason} {span(window)}.",
                    sample_count=compared.rows,
                    **day.about,
                )
                continue
            if window not in samples:
                hours = past.pooled(baseline).within(window)
                samples[window] = DriftSample(window, merge(hours), hours)
            yield self._finding(day, baseline, samples[window], compared, compared.drift)
        yield from self._all_unexpected(day, baseline, traffic.present)

    def _early(self, day: DailyWindow, baseline: Baseline, past: _PastTraffic) -> Iterator[Finding]:
        """Yield the features whose last hours drifted without doubt; others have no finding."""
        hours: dict[datetime, list[PredictionProfile]] = {}
        for hour in day.traffic:
            if hour.window.start >= day.window.end - EARLY[-1]:
                hours.setdefault(hour.window.start, []).append(hour)
        last = hours.get(day.window.end - HOUR, [])
        for feature in baseline.features if last else ():
            if any(feature in hour.hidden for hour in last):
                continue
            numeric = feature in baseline.numeric
            method = self._tests.numeric(feature) if numeric else self._tests.categorical(feature)
            side = early_feature(feature, method, baseline, partial(past.hours_of_any, baseline))
            early = side.drift(day.window.end, hours)
            if early is None:
                continue
            own = [hour for hour in day.traffic if hour.window.start >= early.window.start]
            sample = DriftSample(early.window, merge(own), own)
            rows, chance = early.drift.sample_count, early.drift.p_value
            compared = ComparedFeature(method, feature, rows, early.drift, "", chance)
            judged = self._finding(day, baseline, sample, compared, early.drift)
            reason = f"{judged.reason.removesuffix('.')}; {early.sentence(method.title)}."
            yield replace(judged, certain=True, reason=reason)

    def _finding(
        self,
        day: DailyWindow,
        baseline: Baseline,
        sample: DriftSample,
        compared: ComparedFeature,
        drift: Drift,
    ) -> Finding:
        feature, traffic = compared.feature, sample.traffic
        where = f"{count(drift.sample_count, 'prediction')} {span(sample.window)}"
        distance = f"{compared.method.title} {number(drift.value)}"
        began: dict[str, datetime] = {}
        note = baseline.accepted_note(ReferencePart("feature", feature))
        if compared.severity.alarming:
            hour = _first_hour(sample.hours, baseline, feature)
            began = {"onset_start": hour.start, "onset_end": hour.end}
            reason = (
                f"{feature} drifted: {_moved(traffic, baseline, feature)}; "
                f"{distance} in {where}, since about {moment(hour.start)}"
                f"{still_open(drift)}{_beyond(drift, compared.severity)}{note}."
            )
        else:
            moved = distance_sentence(drift, compared.q_value, distance, where)
            reason = f"{feature}{moved}{note}."
        return self.finding(
            compared.method.metric,
            feature,
            sample.window,
            compared.severity,
            reason=reason,
            q_value=compared.q_value,
            parts=_parts(traffic, baseline, feature) or None,
            **began,
            **day.about,
            **drift.measured(),
        )

    def _all_unexpected(
        self, day: DailyWindow, baseline: Baseline, present: Mapping[str, int]
    ) -> Iterator[Finding]:
        """Yield what the baseline does not have, or has as the other type; of many some by name."""
        known = {field for field in present if _name(field) in baseline.features}
        new = sorted(present.keys() - known)
        for field in (*sorted(known), *new[:MOST_NEW]):
            yield self._unexpected(day, field, present[field], known=field in known)
        if more := new[MOST_NEW:]:
            names = ", ".join(cut(_name(field)) for field in more[:3])
            reason = (
                f"{count(len(more), 'more feature')} that the training set of {day.title} does not "
                f"have arrived {span(day.window)}, such as {names}: check whether feature names "
                "contain values."
            )
            metric = self._tests.numeric().metric
            yield self.unknown(metric, OTHERS, day.window, reason, **day.about)

    def _unexpected(self, day: DailyWindow, field: str, times: int, *, known: bool) -> Finding:
        kind, feature = _kind_and_name(field)
        reason = (
            f"{feature} arrives as {kind} in {count(times, 'prediction')} {span(day.window)}, "
            "but not in training: these values are not compared."
            if known
            else f"{feature} is logged but not in the training set of {day.title}: not compared."
        )
        tests = self._tests
        method = tests.numeric(feature) if kind == "numeric" else tests.categorical(feature)
        # A feature that changed its type has a finding under its own metric too.
        subject = f"{feature} ({kind})" if known else feature
        return self.unknown(method.metric, subject, day.window, reason, **day.about)


@dataclass(frozen=True, slots=True)
class DriftSample:
    """What a verdict is about: a day, or several.

    Args:
        window: The time.
        traffic: Its predictions.
        hours: The profiles that these are the sum of, in order of time.
    """

    window: Window
    traffic: PredictionProfile
    hours: Sequence[PredictionProfile]


class _PastTraffic:
    """Past hours, read and added where a verdict asks for them."""

    def __init__(self, context: AnalysisContext[PredictionProfile]) -> None:
        self._context = context
        self._known = {baseline.id: baseline for baseline in context.baselines.values()}
        self._once: dict[str, list[PredictionProfile]] = {}
        self._hours: dict[tuple[str, str], Hours] = {}
        self._pools: dict[tuple[str, datetime | None], PooledHours] = {}
        self._any: dict[str, dict[datetime, list[PredictionProfile]]] = {}

    def pooled(self, baseline: Baseline) -> PooledHours:
        """Return the hours over a baseline's edges, as far back as windows grow.

        Hours before a change that was accepted are left out.
        """
        since = baseline.counted_since("feature")
        if (baseline.id, since) not in self._pools:
            self._pools[baseline.id, since] = PooledHours(
                profile
                for profile in self._context.pooled(PREDICTION)
                if profile.model[0] == baseline.model_name
                and profile.baseline_id == baseline.id
                and (since is None or profile.window.start >= since)
            )
        return self._pools[baseline.id, since]

    def hours_of_any(self, baseline: Baseline, window: Window) -> list[PredictionProfile]:
        """Return the model's hours in a time further back, of any version, each once."""
        since = baseline.counted_since("feature")
        if baseline.id not in self._any:
            own = (
                profile
                for profile in self._context.pooled(PREDICTION)
                if profile.model[0] == baseline.model_name
            )
            found: dict[datetime, list[PredictionProfile]] = {}
            for hour in counted_once(own, baseline.id, self._known):
                found.setdefault(hour.window.start, []).append(hour)
            self._any[baseline.id] = found
        of = self._any[baseline.id]
        starts = [hour.start for hour in window.split(HOUR) if since is None or hour.start >= since]
        return [hour for start in starts for hour in of.get(start, ())]

    def compared(self, finding: Finding, baseline: Baseline) -> Finding:
        """Return an alarm of a number, compared with the same day of past weeks."""
        feature = str(finding.subject)
        if (baseline.id, feature) not in self._hours:
            self._hours[baseline.id, feature] = Hours(
                (profile.window.start, profile.model[1], profile.numeric[feature])
                for profile in self._traffic(baseline)
                if feature in profile.numeric
            )
        return with_past_weeks(finding, self._hours[baseline.id, feature])

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


def _metric(method: DriftMethod) -> Metric:
    """Return the metric of a drift test that is not a default one."""
    title = method.title
    question = f"How far has each feature moved from the training set, by its {title}?"
    return Metric(method.metric, f"Drift by {title}", question, method.limits, unit=method.unit)


def _name(field: str) -> str:
    """Return a feature's name without its type."""
    return _kind_and_name(field)[1]


def _kind_and_name(field: str) -> tuple[str, str]:
    kind, _, name = field.removeprefix("ml.features.").partition(".")
    return kind, name


def _moved(traffic: PredictionProfile, baseline: Baseline, feature: str) -> str:
    """Describe what moved in a feature."""
    if feature in baseline.numeric:
        return numbers_moved(traffic.numeric[feature], baseline.numeric[feature])
    known = baseline.categorical[feature]
    return categories_moved(traffic.categorical[feature].counted(known.counts), known.counted)


def _parts(traffic: PredictionProfile, baseline: Baseline, feature: str) -> tuple[FindingPart, ...]:
    """Return the feature's day and its training set side by side."""
    if feature in baseline.numeric:
        return numbers_side_by_side(traffic.numeric[feature], baseline.numeric[feature])
    return categories_side_by_side(traffic.categorical[feature], baseline.categorical[feature])


def _first_hour(hours: Sequence[PredictionProfile], baseline: Baseline, feature: str) -> Window:
    """Return the hour in which a feature began to move."""
    if feature in baseline.numeric:
        rows = [profile.numeric[feature].counts for profile in hours]
        hour = onset(rows, baseline.numeric[feature].counts, ordered=True)
    else:
        reference = baseline.categorical[feature]
        names = list(reference.counts)
        found = [profile.categorical[feature] for profile in hours]
        rows = [
            (*(categories.counts[name] for name in names), categories.outside)
            for categories in found
        ]
        counts = (*(reference.counts[name] for name in names), reference.rest)
        hour = onset(rows, counts, ordered=False)
    return hours[hour].window


def _beyond(drift: Drift, severity: Severity) -> str:
    """Say which limit an alarm passes, and what chance may explain."""
    limits = drift.limits
    limit = limits.critical if severity is Severity.CRITICAL else limits.warning
    return f"; at least {number(drift.low)} is certain, limit {number(limit)}"
