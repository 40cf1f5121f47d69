"""Success rate of the approved predictions of each segment, against the rate expected from scores.

The expected rate follows from the same segment's labels in the training set, score by score
(`statistics/expected_rate.py`). So segments that always succeeded less often than others raise no
alarm, nor does a day with other scores than usual; segments of opposite sign, or of another size
than usual, cannot hide a decline of the total.

While labels of a segment are missing, its interval covers every possible outcome of them. The
expected number is estimated from the same segment's older days: labels of one part of the traffic
may arrive later than those of another.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from mlmon.analyzers.base.finding import Severity
from mlmon.analyzers.base.limits import Limits
from mlmon.analyzers.base.window import Window
from mlmon.analyzers.baselines.segments import segment_name
from mlmon.analyzers.performance.label_maturity import MATURITY_LOOKBACK, OLD_ENOUGH, Coverage
from mlmon.analyzers.performance.labeled_window import LABEL_CONFIDENCE
from mlmon.analyzers.profiles.kinds.label import FeatureOutcomes
from mlmon.analyzers.profiles.kinds.segment import KIND as SEGMENTS
from mlmon.analyzers.profiles.kinds.segment import segments_of
from mlmon.analyzers.statistics.benjamini_hochberg import FALSE_DISCOVERY_RATE, q_values
from mlmon.analyzers.statistics.difference import difference
from mlmon.analyzers.statistics.expected_rate import expected_rate
from mlmon.analyzers.statistics.interval import Estimate, Interval
from mlmon.analyzers.statistics.wilson import wilson_interval
from mlmon.formatting import count, percent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mlmon.analyzers.base.analysis_context import AnalysisContext
    from mlmon.analyzers.baselines.baseline import Baseline
    from mlmon.analyzers.performance.labeled_window import LabeledWindow
    from mlmon.analyzers.profiles.kinds.label import LabelProfile, SegmentOutcomes
    from mlmon.analyzers.profiles.kinds.segment import SegmentCounts, SegmentProfile
    from mlmon.analyzers.statistics.labeled_scores import LabeledScores

    P = TypeVar("P", LabelProfile, SegmentProfile)

SUCCESS_LIMITS = Limits(
    -0.05, -0.10, "below", "difference to the rate expected from scores of the same segment"
)
MIN_SEGMENT_LABELS = 50
"""The least labels of approved predictions by which a segment is judged."""

MOST_NAMED = 3
DIVIDED = 0.99
"""From this share of older labels with a feature on, they show which share of labels arrives."""


@dataclass(frozen=True, slots=True)
class SegmentSuccess:
    """The approved predictions of one segment.

    Args:
        segment: As `finding.segment` names it, such as `country=DE`.
        coverage: Approved predictions, and the labeled ones of them.
        current: The share that succeeded, within what missing labels leave open.
        expected: The share expected from their scores.
        change: The difference.
        p_value: The chance of so few successes, if the missing labels are all successes.
        training_rows: Labeled rows of the training set that the promise is made by.
    """

    segment: str
    coverage: Coverage
    current: Estimate
    expected: Estimate
    change: Estimate
    p_value: float
    training_rows: int

    def severity(self, q_value: float) -> Severity:
        """Return the severity after control of the false discovery rate."""
        judge = SUCCESS_LIMITS.judge if self.coverage.mature else SUCCESS_LIMITS.judge_bounds
        severity = judge(self.change.interval.low, self.change.interval.high)
        if not severity.alarming or q_value <= FALSE_DISCOVERY_RATE:
            return severity
        return Severity.OK if self.coverage.mature else Severity.UNKNOWN

    def describe(self) -> str:
        """Sentence part with the success rate and the expected rate."""
        return (
            f"{percent(self.current.value)} of {self.coverage.labeled:,}, "
            f"{percent(self.expected.value)} expected from scores"
        )


@dataclass(frozen=True, slots=True)
class SegmentVerdict:
    """One segment with its verdict."""

    success: SegmentSuccess
    q_value: float
    severity: Severity


@dataclass(frozen=True, slots=True)
class SegmentVerdicts:
    """The segments of a model version's day.

    Args:
        judged: Those with enough labels, in order of their names.
        left_out: Why others are not judged, each a part of a sentence.
    """

    judged: tuple[SegmentVerdict, ...] = ()
    left_out: tuple[str, ...] = ()

    def worst(self) -> str | None:
        """Name the segments below expectation, the farthest first; None if none is."""
        short = [verdict for verdict in self.judged if verdict.severity.alarming]
        if not short:
            return None
        short.sort(key=lambda verdict: verdict.success.change.interval.high)
        named = [
            f"{verdict.success.segment} ({verdict.success.describe()})"
            for verdict in short[:MOST_NAMED]
        ]
        return (
            f"{len(short)} of {count(len(self.judged), 'segment')} below expectation, first "
            f"{', '.join(named)}"
        )


class SegmentSuccesses:
    """The segments of each model version's day.

    Args:
        context: Label profiles, with segment profiles.
    """

    def __init__(self, context: AnalysisContext[LabelProfile]) -> None:
        self._labels = context
        self._predictions: AnalysisContext[SegmentProfile] = context.of(SEGMENTS)

    def of(self, day: LabeledWindow) -> SegmentVerdicts:
        """Judge the segments of a day; none where the baseline divides nothing or has no labels."""
        baseline = day.baseline
        if baseline is None or not baseline.segments or day.labels is None:
            return SegmentVerdicts()
        if not any(
            segment.positives for of in baseline.segments.values() for segment in of.values()
        ):
            return SegmentVerdicts(left_out=("the training set's segments hold no labels",))
        found = list(self._found(day, baseline, day.labels.segments))
        enough = [success for success in found if isinstance(success, SegmentSuccess)]
        small = [success for success in found if isinstance(success, str)]
        corrected = q_values([success.p_value for success in enough])
        return SegmentVerdicts(
            tuple(
                SegmentVerdict(segment, q_value, segment.severity(q_value))
                for segment, q_value in zip(enough, corrected, strict=True)
            ),
            tuple(_left_out(day.labels, baseline, small)),
        )

    def _found(
        self, day: LabeledWindow, baseline: Baseline, known: Mapping[str, FeatureOutcomes]
    ) -> Iterator[SegmentSuccess | str]:
        """Yield each segment of the baseline, by its name alone where it has too few labels."""
        window = day.day.window
        predicted = self._predicted(window, baseline)
        older = self._older(window, baseline, day.coverage.approved.reached)
        for feature, values in sorted(baseline.segments.items()):
            of_feature = known[feature].values if feature in known else {}
            for value, training in sorted(values.items()):
                name = segment_name(feature, value)
                outcomes, reference = (
                    of_feature.get(value),
                    training.labeled(baseline.segment_edges),
                )
                if (
                    not outcomes
                    or outcomes.labeled < MIN_SEGMENT_LABELS
                    or not reference
                    or not reference.n
                ):
                    yield name
                    continue
                approved = max(predicted[name], outcomes.labeled)
                coverage = Coverage(approved, outcomes.labeled, older.reached(feature, name))
                yield _success(name, outcomes, coverage, reference)

    def predictions(self, window: Window, baseline: Baseline) -> SegmentCounts:
        """Return all predictions of a window by segment, with their scores."""
        return segments_of(_over(baseline, self._predictions.within(window)))

    def _predicted(self, window: Window, baseline: Baseline) -> Counter[str]:
        """Return the approved predictions of each segment."""
        counted: Counter[str] = Counter()
        for profile in _over(baseline, self._predictions.within(window)):
            for feature, values in profile.segments.items():
                for value, approvals in values.items():
                    counted[segment_name(feature, value)] += approvals.approved
        return counted

    def _older(self, window: Window, baseline: Baseline, overall: float) -> _Older:
        """Return what is known of the days from which the share of labels that come is known."""
        before = Window(window.start - MATURITY_LOOKBACK, window.start - OLD_ENOUGH)
        labeled: Counter[str] = Counter()
        divided: Counter[str] = Counter()
        approved = 0
        for profile in _over(baseline, self._labels.within(before)):
            approved += profile.approved.labeled
            for feature, of in profile.segments.items():
                divided[feature] += of.approved
                for value, labels in of.values.items():
                    labeled[segment_name(feature, value)] += labels.labeled
        return _Older(overall, self._predicted(before, baseline), labeled, divided, approved)


@dataclass(frozen=True, slots=True)
class _Older:
    """Approved predictions of older days and the labels of them.

    Args:
        overall: The share of all approved predictions that is labeled in the end.
        predicted: Approved predictions by segment.
        labeled: The labeled ones of them.
        divided: Labels for which a feature was looked up, by feature.
        approved: Labels of approved predictions.
    """

    overall: float
    predicted: Counter[str]
    labeled: Counter[str]
    divided: Counter[str]
    approved: int

    def reached(self, feature: str, segment: str) -> float:
        """Return the share of a segment's approved predictions that is labeled in the end."""
        known = self.divided[feature] >= DIVIDED * self.approved
        if not known or self.predicted[segment] < MIN_SEGMENT_LABELS:
            return self.overall
        return min(1.0, self.labeled[segment] / self.predicted[segment])


def _over(baseline: Baseline, profiles: Sequence[P]) -> Iterator[P]:
    """Yield the profiles of a baseline's own version over it."""
    for profile in profiles:
        if profile.baseline_id == baseline.id and profile.model == baseline.model:
            yield profile


def _success(
    segment: str, outcomes: SegmentOutcomes, coverage: Coverage, reference: LabeledScores
) -> SegmentSuccess:
    labeled, succeeded = outcomes.labeled, outcomes.succeeded
    missing = 0 if coverage.mature else round(coverage.missing_share * coverage.predictions)
    rows = labeled + missing
    current = Estimate(
        succeeded / labeled,
        Interval(
            wilson_interval(succeeded, rows, LABEL_CONFIDENCE).low,
            wilson_interval(succeeded + missing, rows, LABEL_CONFIDENCE).high,
        ),
    )
    expected = expected_rate(outcomes.scores(reference.edges), reference, LABEL_CONFIDENCE)
    ends = expected.estimate.interval
    return SegmentSuccess(
        segment,
        coverage,
        current,
        expected.estimate,
        difference(current.value, current.interval, expected.estimate.value, ends),
        expected.p_value(succeeded + missing, rows),
        reference.n,
    )


def _left_out(labels: LabelProfile, baseline: Baseline, small: Sequence[str]) -> Iterator[str]:
    """Yield sentence parts about what is not judged."""
    if small:
        yield (
            f"{count(len(small), 'segment')} had fewer than {MIN_SEGMENT_LABELS} labels of "
            f"approved predictions, such as {small[0]}"
        )
    approved = labels.approved.labeled
    for feature in sorted(name for name, values in baseline.segments.items() if values):
        known = labels.segments.get(feature, FeatureOutcomes())
        if known.other:
            yield (
                f"{percent(known.other / approved)} of the labels are of another {feature} "
                "than the segments', or of none"
            )
        if known.approved < approved:
            yield (
                f"{percent(1 - known.approved / approved)} of the labels were joined before "
                f"{feature} divided the traffic"
            )
