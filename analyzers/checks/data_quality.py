"""Data quality: missing, out-of-range and unseen values per feature.

Per feature: the share without a value, the share of numbers outside the training set's range, and
the share of categories the training set does not have. Rates carry Wilson's interval and are
compared with the training set's own rates. Of a list each value counts, as in Elasticsearch; once
that makes more values than predictions, the share of missing values is unknown.

A window should hold 100 predictions at the rate of the day before: it lasts 1 or 6 hours, or a day.
Where it is longer than an hour, every hour the last 2, 3, 6 and 12 hours are judged besides, as far
as they are shorter. They yield nothing but an alarm, and only one that leaves no doubt: the
conservative end passes the limit as in any window, and so many predictions with the fault are
certainly no chance at its usual rate (exact binomial test; all looks at a model together give 0.01
false alarms a month at most: a probability of 2e-7 a look for 10 features, 2e-8 for 100). The usual
rate is the upper end of that of the two days before without their last 12 hours, or training's or
that of the same time of the day before, if higher. The window must show it without its worst hour,
and in its last hour: one client's batch is not enough. One such window opens an alert. At 2,000
predictions a day a fault of 15 % is found after 2 hours by day, one of 5 % after 3.

Per model version whose training set has scores: the share of predictions without a usable score
(NaN, infinite, or none at all). A service that scores is to score always, so the limits are not
moved by any usual share. A model that logged no score for two days, only decisions, is not judged.

Per model version: the share of predictions with features that are stored but not indexed, because
the log brought more names than the shipper lets into the mapping. No check sees these features.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from mlmon.analyzers.base.alert_policy import AlertPolicy
from mlmon.analyzers.base.analysis_context import AnalysisContext
from mlmon.analyzers.base.analyzer import Analyzer
from mlmon.analyzers.base.certain import certain_below
from mlmon.analyzers.base.finding import Finding
from mlmon.analyzers.base.limits import CONFIDENCE, Limits, Multiples
from mlmon.analyzers.base.metric import Metric
from mlmon.analyzers.base.needs import Needs
from mlmon.analyzers.base.runbook import (
    CATEGORY_LINES,
    FIX_SOURCE,
    NUMBER_LINES,
    PREDICTION_LINES,
    Runbook,
)
from mlmon.analyzers.base.window import DAY, HOUR, Window, floor
from mlmon.analyzers.profiles.kinds.prediction import PREDICTION_STEP, PredictionProfile
from mlmon.analyzers.profiles.one_per_version import one_per_version
from mlmon.analyzers.profiles.quantities import merge
from mlmon.analyzers.references import cadence
from mlmon.analyzers.references.early_window import EarlyWindow, early_window
from mlmon.analyzers.references.usual_rate import usual_rate
from mlmon.analyzers.statistics.wilson import wilson_interval
from mlmon.formatting import count, named, number, percent, span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime, timedelta

    from mlmon.analyzers.base.finding import Finding
    from mlmon.analyzers.baselines.baseline import Baseline

MISSING, OUTSIDE, UNSEEN = "missing.rate", "out_of_range.rate", "unseen_category.rate"
UNINDEXED, UNSCORED = "unindexed.rate", "missing_score.rate"
UNSCORED_LIMITS = Limits(
    0.05, 0.20, meaning="share of the predictions, regardless of what is usual", measures="rate"
)
SHOWN = 3
DAYS = 2 * DAY
EARLY = (2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR)
EXPECTED_PREDICTIONS, MIN_PREDICTIONS = 100, 20


@dataclass(frozen=True, slots=True)
class FeatureFault:
    """How many predictions of a window have one fault in one feature.

    Args:
        metric: The fault.
        feature: Name of the feature.
        count: Predictions with it.
        rows: Predictions that could have it.
        usual: Share of training rows with it, or expected to have it.
        description: What the faulty values are, for the sentence.
        detail: Which they are.
    """

    metric: str
    feature: str
    count: int
    rows: int
    usual: float
    description: str
    detail: str = ""

    def limits(self, declared: Limits, rows: int) -> Limits:
        """Return its metric's limits, moved by how often it is usual.

        Args:
            declared: The metric's.
            rows: Training rows.
        """
        if self.metric != MISSING:
            return declared.relative_to(self.usual)
        usual = wilson_interval(round(self.usual * rows), rows, CONFIDENCE).high
        return replace(
            declared, warning=declared.warning + usual, critical=declared.critical + usual
        )

    def sentence(self, window: Window) -> str:
        """Return how often it occurs, without the full stop."""
        return (
            f"{percent(self.count / self.rows)} of {self.feature} {self.description} "
            f"({self.count:,} of {count(self.rows, 'prediction')} {span(window)}{self.detail}), "
            f"in training {percent(self.usual)}"
        )


class DataQuality(Analyzer[PredictionProfile]):
    """Missing, out-of-range and unseen values per feature."""

    name = "data_quality"
    question = "Do predictions carry the values the model was trained to expect?"
    advice = (
        "Look at predictions with the values the sentence names, `mlmon logs --dataset prediction "
        "--since 7d --field ml.features.missing=FEATURE` or "
        "`--field ml.features.categorical.FEATURE=VALUE`, "
        "and find the client or source they share. A missing value is the source's failure; one "
        "out of range is often a unit; an unseen category is either a typing error upstream or "
        "a new one, for which the model must be retrained. Features that are not indexed come from "
        "names made of values, such as a user id in a feature's name: log the value as the "
        "category of one feature, then roll the data stream over (`POST logs-ml.prediction-"
        "NAMESPACE/_rollover`) and start the shipper again: the next index begins without names. "
        "A score that is missing is often NaN: look for a division by zero or a feature that is "
        "NaN."
    )
    runbooks: ClassVar = {
        "missing.rate": Runbook(
            "--dataset prediction --field ml.features.missing={subject}",
            "The feature's source is down or lost its key; a client leaves the value out.",
            "Fix the source, or inform the client. Scores of these predictions rest on a default.",
        ),
        "out_of_range.rate": Runbook(
            NUMBER_LINES, "A unit, a sign or a scale changed.", FIX_SOURCE
        ),
        "unseen_category.rate": Runbook(
            CATEGORY_LINES, "A spelling upstream; a category that is really new.", FIX_SOURCE
        ),
        "unindexed.rate": Runbook(
            PREDICTION_LINES,
            "Names made of values: an id or a date within a feature's name.",
            "Log the value as the category of one feature, roll the data stream over, and start "
            "the shipper again.",
        ),
        "missing_score.rate": Runbook(
            PREDICTION_LINES,
            "A score that is NaN or infinite: a division by zero, a feature that is NaN; a client "
            "library that logs no score.",
            "Find the first prediction without a score and what changed then; roll that release "
            "or model version back.",
        ),
    }
    windows = cadence.CADENCES
    early = EARLY
    needs = (Needs("prediction", DAYS),)
    metrics = (
        Metric(
            MISSING,
            "Missing values",
            "Which share of predictions lacks the feature?",
            Limits(0.05, 0.20, meaning="above the training set's share", measures="rate"),
            unit="ratio",
        ),
        Metric(
            OUTSIDE,
            "Out-of-range values",
            "Which share of values lies outside the training range?",
            Limits(
                0.01,
                0.05,
                multiples=Multiples(3, 6, "the rate expected by chance"),
                measures="rate",
            ),
            unit="ratio",
        ),
        Metric(
            UNSEEN,
            "Unseen categories",
            "Which share of values is a category training has not seen?",
            Limits(
                0.01,
                0.05,
                multiples=Multiples(3, 6, "the rate expected of rare categories"),
                measures="rate",
            ),
            unit="ratio",
        ),
        Metric(
            UNINDEXED,
            "Features not indexed",
            "Which share of predictions holds features that no check sees?",
            Limits(0.001, 0.5, meaning="share of the predictions"),
            unit="ratio",
        ),
        Metric(
            UNSCORED,
            "Missing scores",
            "Which share of predictions has no usable score?",
            UNSCORED_LIMITS,
            unit="ratio",
        ),
    )
    alert_policy = AlertPolicy(on="warning", after=2, of=3, layer="feature")

    def evaluate(self, context: AnalysisContext[PredictionProfile]) -> Iterator[Finding]:
        """Yield a finding per window, model version, feature and fault."""
        profiles = one_per_version(context.profiles, context.baselines)
        for name in sorted({profile.model[0] for profile in profiles}):
            of_model = [profile for profile in profiles if profile.model[0] == name]
            traffic = AnalysisContext(context.period, of_model)
            events = partial(_predictions, traffic)
            windows = list(
                cadence.windows(
                    context.period, events, EXPECTED_PREDICTIONS, PREDICTION_STEP, self.windows
                )
            )
            for window in windows:
                for model, found in _by_version(traffic.within(window)):
                    yield from self._judge(window, found, context.baselines.get(model), traffic)
            early = EarlyFaults(traffic, context.baselines)
            for end in context.period.ends(PREDICTION_STEP):
                lengths = self._early_lengths(events, end)
                for model, fault in early.alarms(end, lengths, self.limits):
                    yield from self._certain(model, fault, traffic, context.baselines[model])

    def _early_lengths(
        self, events: Callable[[Window], int], end: datetime
    ) -> tuple[timedelta, ...]:
        """Return the lengths of the early windows: those shorter than the day's usual ones."""
        day = floor(end - PREDICTION_STEP, DAY)
        usual = cadence.window_length(
            events(Window(day - DAY, day)), EXPECTED_PREDICTIONS, PREDICTION_STEP, self.windows
        )
        return tuple(length for length in EARLY if length < usual)

    def _certain(
        self,
        model: tuple[str, str],
        found: EarlyFault,
        traffic: AnalysisContext[PredictionProfile],
        baseline: Baseline,
    ) -> Iterator[Finding]:
        """Yield an early alarm; nothing where its effect is not certain to pass the limit."""
        early = found.early
        own = [profile for profile in traffic.within(early.window) if profile.model == model]
        about = _about(own, baseline)
        known = [profile for profile in own if profile.baseline_id == baseline.id]
        if found.metric == UNSCORED:
            if not _scores(traffic, Window(early.window.end - DAYS, early.window.end)):
                return
            judged = self._unscored(early.window, known, about, fewest=1)
        else:
            fault = next(
                fault
                for fault in faults(merge(known), baseline)
                if (fault.metric, fault.feature) == (found.metric, found.feature)
            )
            judged = self._finding(early.window, fault, about, baseline, fewest=1)
        if judged.severity.alarming:
            reason = f"{judged.reason.removesuffix('.')}; {early.sentence}."
            yield replace(judged, certain=True, p_value=early.chance, reason=reason)

    def _judge(
        self,
        window: Window,
        found: Sequence[PredictionProfile],
        baseline: Baseline | None,
        traffic: AnalysisContext[PredictionProfile],
    ) -> Iterator[Finding]:
        name, version = found[0].model
        about = _about(found, baseline)
        yield self._unindexed(window, found, about)
        known = [profile for profile in found if baseline and profile.baseline_id == baseline.id]
        if baseline is None or not known:
            reason = (
                f"There is no baseline for {name} {version} over which the predictions "
                f"{span(window)} are profiled: make it with `mlmon baseline create`."
            )
            yield self.unknown(MISSING, None, window, reason, **about)
            return
        if baseline.score is not None and _scores(traffic, Window(window.end - DAYS, window.end)):
            yield self._unscored(window, known, about)
        sample = merge(known)
        for feature in sorted(sample.hidden.keys() & set(baseline.features)):
            reason = f"{hidden_sentence(feature, sample)} {span(window)}: not compared."
            yield self.unknown(MISSING, feature, window, reason, **about)
        for fault in faults(sample, baseline):
            if fault.feature not in sample.hidden:
                yield self._finding(window, fault, about, baseline)

    def _unindexed(
        self, window: Window, found: Sequence[PredictionProfile], about: dict[str, Any]
    ) -> Finding:
        rows = sum(profile.unindexed_rows for profile in found)
        total = sum(profile.predictions for profile in found)
        names: Counter[str] = sum((profile.unindexed for profile in found), Counter())
        predictions = f"{count(total, 'prediction')} {span(window)}"
        if rows:
            shown = ", ".join(named(name) for name in sorted(names)[:SHOWN])
            reason = (
                f"{percent(rows / total)} of {predictions} hold features that are stored but not "
                f"indexed{f', such as {shown}' if shown else ''}: the log brings more names than "
                "are indexed, and no check sees them."
            )
        else:
            reason = f"None of {predictions} holds features that are not indexed."
        share = rows / total if total else 0.0
        return self.finding(
            UNINDEXED,
            None,
            window,
            self.limits[UNINDEXED].judge(share, share),
            value=share,
            sample_count=total,
            reason=reason,
            **about,
        )

    def _unscored(
        self,
        window: Window,
        found: Sequence[PredictionProfile],
        about: dict[str, Any],
        fewest: int = MIN_PREDICTIONS,
    ) -> Finding:
        rows = sum(profile.predictions for profile in found)
        unscored = sum(profile.unscored for profile in found)
        if rows < fewest:
            reason = (
                f"{count(rows, 'prediction')} {span(window)}, {fewest} are needed for a "
                "verdict on missing scores."
            )
            return self.unknown(UNSCORED, None, window, reason, sample_count=rows, **about)
        interval = wilson_interval(unscored, rows, CONFIDENCE)
        reason = (
            f"{percent(unscored / rows)} of {count(rows, 'prediction')} {span(window)} have no "
            f"usable score ({unscored:,}): none was logged, or it was no finite number."
        )
        return self.finding(
            UNSCORED,
            None,
            window,
            self.limits[UNSCORED].judge(interval.low, interval.high),
            value=unscored / rows,
            low=interval.low,
            high=interval.high,
            sample_count=rows,
            baseline_value=0.0,
            reason=reason,
            **about,
        )

    def _finding(
        self,
        window: Window,
        fault: FeatureFault,
        about: dict[str, Any],
        baseline: Baseline,
        fewest: int = MIN_PREDICTIONS,
    ) -> Finding:
        if fault.rows < fewest:
            reason = (
                f"{count(fault.rows, 'prediction')} with {fault.feature} {span(window)}, "
                f"{fewest} are needed for a verdict."
            )
            return self.unknown(
                fault.metric, fault.feature, window, reason, sample_count=fault.rows, **about
            )
        if fault.count < 0:
            reason = (
                f"{fault.feature} has {fault.rows - fault.count:,} values in "
                f"{count(fault.rows, 'prediction')} {span(window)}: each value of a list counts, "
                "so the number of missing values is unknown; log one value."
            )
            return self.unknown(
                fault.metric, fault.feature, window, reason, sample_count=fault.rows, **about
            )
        limits = fault.limits(self.limits[fault.metric], baseline.rows)
        interval = wilson_interval(fault.count, fault.rows, CONFIDENCE)
        return self.finding(
            fault.metric,
            fault.feature,
            window,
            limits.judge(interval.low, interval.high),
            value=fault.count / fault.rows,
            low=interval.low,
            high=interval.high,
            warning=limits.warning,
            critical=limits.critical,
            sample_count=fault.rows,
            baseline_count=baseline.rows,
            baseline_value=fault.usual,
            reason=f"{fault.sentence(window)}.",
            **about,
        )


@dataclass(frozen=True, slots=True)
class EarlyFault:
    """A fault that leaves no doubt.

    Args:
        metric: The fault.
        feature: Its feature, empty for missing scores.
        early: The window.
    """

    metric: str
    feature: str
    early: EarlyWindow


_FaultCounts = dict[tuple[str, str], tuple[int, int]]
"""Predictions with a fault, and those that could have it, by metric and feature."""


class EarlyFaults:
    """The faults of a model's hours, and how often each is usual.

    Args:
        traffic: Its predictions by hour, one profile for each version.
        baselines: The current baseline of each model version.
    """

    def __init__(
        self,
        traffic: AnalysisContext[PredictionProfile],
        baselines: Mapping[tuple[str, str], Baseline],
    ) -> None:
        self._traffic = traffic
        self._baselines = baselines
        self._hours: dict[tuple[datetime, tuple[str, str]], _FaultCounts] = {}

    def alarms(
        self, end: datetime, lengths: Sequence[timedelta], limits: Mapping[str, Limits]
    ) -> Iterator[tuple[tuple[str, str], EarlyFault]]:
        """Yield the faults of each version that leave no doubt at the end of an hour.

        Args:
            end: That end.
            lengths: Of the early windows.
            limits: By metric: an hour below them is no sign of a fault.
        """
        for model in self._versions(Window(end - HOUR, end)) if lengths else ():
            newest = self._hour(end - HOUR, model)
            certain = certain_below(len(EARLY) * max(1, len(newest)))
            for (metric, feature), (n, rows) in newest.items():
                if not rows or n / rows < limits[metric].warning:
                    continue
                parts = [
                    (hour, *self._hour(hour.start, model).get((metric, feature), (0, 0)))
                    for hour in Window(end - lengths[-1], end).split(HOUR)
                ]
                usual = partial(self._usual, metric, feature, model)
                found = early_window(parts, end, lengths, usual, certain)
                if found is not None:
                    yield model, EarlyFault(metric, feature, found)

    def _usual(
        self, metric: str, feature: str, model: tuple[str, str], window: Window
    ) -> float | None:
        """Return the usual rate before a window: of all versions, each by its own baseline."""
        before = self._sum(metric, feature, Window(window.end - DAYS, window.end - EARLY[-1]))
        then = self._sum(metric, feature, Window(window.start - DAY, window.end - DAY))
        usual = usual_rate([before], [then])
        if usual is None or metric == UNSCORED:
            return usual
        return max(usual, usual_in_training(metric, feature, self._baselines[model]))

    def _sum(self, metric: str, feature: str, window: Window) -> tuple[int, int]:
        found = [
            self._hour(hour.start, model).get((metric, feature), (0, 0))
            for hour in window.split(HOUR)
            for model in self._versions(hour)
        ]
        return sum(n for n, _ in found), sum(rows for _, rows in found)

    def _versions(self, hour: Window) -> list[tuple[str, str]]:
        return sorted({profile.model for profile in self._traffic.within(hour)})

    def _hour(self, start: datetime, model: tuple[str, str]) -> _FaultCounts:
        """Return the faults of one hour of a version, those that do not occur too."""
        if (start, model) not in self._hours:
            self._hours[start, model] = self._counted(Window(start, start + HOUR), model)
        return self._hours[start, model]

    def _counted(self, hour: Window, model: tuple[str, str]) -> _FaultCounts:
        baseline = self._baselines.get(model)
        known = [
            profile
            for profile in self._traffic.within(hour)
            if baseline and (profile.model, profile.baseline_id) == (model, baseline.id)
        ]
        if baseline is None or not known:
            return {}
        sample = merge(known) if len(known) > 1 else known[0]
        found = {
            (fault.metric, fault.feature): (fault.count, fault.rows)
            for fault in faults(sample, baseline)
            if 0 <= fault.count <= fault.rows and fault.feature not in sample.hidden
        }
        if baseline.score is not None:
            found[UNSCORED, ""] = sample.unscored, sample.predictions
        return found


def usual_in_training(metric: str, feature: str, baseline: Baseline) -> float:
    """Return the share of training rows with a fault, or expected to have it."""
    numbers, known = baseline.numeric.get(feature), baseline.categorical.get(feature)
    if metric == MISSING:
        missing = numbers.missing if numbers else known.missing if known else 0
        return missing / baseline.rows
    if numbers is not None:
        # One more row of the same kind is the least or the greatest so often.
        return 2 / (numbers.n + 1)
    return known.expected_unseen if known else 0.0


def hidden_sentence(feature: str, sample: PredictionProfile) -> str:
    """Say what the log did to a feature, up to the window."""
    counts = sample.hashed if feature in sample.hashed else sample.withheld
    return (
        f"{feature} is {sample.hidden[feature]} by the log's redaction in "
        f"{count(counts[feature], 'prediction')}"
    )


def faults(sample: PredictionProfile, baseline: Baseline) -> Iterator[FeatureFault]:
    """Yield every fault of every feature of the baseline, those that do not occur too."""
    for feature, numbers in sorted(baseline.numeric.items()):
        seen = sample.numeric[feature]
        yield _missing(sample, feature, "numeric", seen.n, numbers.missing / baseline.rows)
        outside = seen.counts[0] + seen.counts[-1]
        extremes = f"; now {number(seen.minimum or 0)} to {number(seen.maximum or 0)}"
        description = (
            f"lies outside of {number(numbers.edges[0])} to {number(numbers.maximum or 0)}"
        )
        usual = usual_in_training(OUTSIDE, feature, baseline)
        yield FeatureFault(
            OUTSIDE, feature, outside, seen.n, usual, description, extremes if outside else ""
        )
    for feature, known in sorted(baseline.categorical.items()):
        categories = sample.categorical[feature]
        usual = known.missing / baseline.rows
        yield _missing(sample, feature, "categorical", categories.n, usual)
        if known.rest == 0:
            unseen = categories.unseen.most_common(3)
            names = ", ".join(f"{named(name)}: {n:,}" for name, n in unseen)
            yield FeatureFault(
                UNSEEN,
                feature,
                categories.outside,
                categories.n,
                known.expected_unseen,
                "is a category training has not seen",
                f"; {names}" if names else "",
            )


def _missing(
    sample: PredictionProfile,
    feature: str,
    kind: Literal["numeric", "categorical"],
    present: int,
    usual: float,
) -> FeatureFault:
    other, noun = ("categorical", "category") if kind == "numeric" else ("numeric", "number")
    elsewhere = sample.present.get(f"ml.features.{other}.{feature}", 0)
    ignored = sample.ignored.get(f"ml.features.{kind}.{feature}", 0)
    detail = f"; {elsewhere:,} came as a {noun}" if elsewhere else ""
    if ignored:
        detail += f"; {ignored:,} are not indexed: too long, or more fields than an index may have"
    return FeatureFault(
        MISSING, feature, sample.rows - present, sample.rows, usual, "is missing", detail
    )


def _about(found: Sequence[PredictionProfile], baseline: Baseline | None) -> dict[str, Any]:
    name, version = found[0].model
    return {
        "service": next((profile.service for profile in found if profile.service), None),
        "model_name": name,
        "model_version": version,
        "baseline_id": baseline.id if baseline else None,
    }


def _by_version(
    profiles: Sequence[PredictionProfile],
) -> Iterator[tuple[tuple[str, str], list[PredictionProfile]]]:
    for model in sorted({profile.model for profile in profiles}):
        yield model, [profile for profile in profiles if profile.model == model]


def _predictions(context: AnalysisContext[PredictionProfile], window: Window) -> int:
    return sum(profile.predictions for profile in context.within(window))


def _scores(context: AnalysisContext[PredictionProfile], window: Window) -> int:
    return sum(profile.score.n for profile in context.within(window) if profile.score is not None)
