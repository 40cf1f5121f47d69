"""Score shift: distance of the scores from those of the training set.

The Kolmogorov-Smirnov distance between the scores of the day before and the out-of-fold scores of
the training set, judged every hour. It is known within the interval that buckets leave open;
severity uses that interval's lower end less the sampling error. Where the interval contains a
limit, the day is counted again over ten times as many buckets. A small sample needs a larger
distance to alarm, but any sample can alarm. The verdict is `ok` only where a critical distance
would be detected with a power of 0.9 and the distance lies below the limit. Where a day allows
neither, the days before it are added (2, 3, 7, 14 days), until there is a verdict; a distance that
lies above the limit within the sampling error is `unknown`.

Every hour the last 2, 3, 6 and 12 hours are judged besides, and yield nothing but an alarm that
leaves no doubt (drift/early_drift.py): each hour lies beyond the limit, and together they differ by
more than the limit both from training and from the same hours of seven to thirteen days before
(twice as far as these differ among themselves), by distances that are certainly no chance: a
probability of 3.5e-6 a look gives 0.01 false alarms a month at most. One such window opens an
alert.

A shift in some hours only may vanish in a day, and a Sunday may differ from the training set
because it is a Sunday. Therefore the last hour is also compared with the same hour of the week in
the four weeks before, without the least similar one (six hours, or a day, where an hour holds too
few predictions). A shift that has lasted for three weeks is part of that baseline, and still
differs from training. A version that predicted in fewer than three of those weeks is compared with
the versions before it, less the distance of the training sets' scores, as a retrained model may
move its scores on purpose; that is a warning at most (earlier_versions.py).

Predictions without a score are named with their share. Where it passes the limit of `data_quality`
`missing_score.rate`, the scores of the others are not called unchanged: `ok` becomes `unknown`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from mlmon.analyzers.base.alert_policy import AlertPolicy
from mlmon.analyzers.base.analyzer import Analyzer
from mlmon.analyzers.base.finding import Severity
from mlmon.analyzers.base.limits import CONFIDENCE
from mlmon.analyzers.base.metric import Metric
from mlmon.analyzers.base.needs import Needs
from mlmon.analyzers.base.reference_part import ReferencePart
from mlmon.analyzers.base.runbook import BROKEN_INPUTS, PREDICTION_LINES, Runbook
from mlmon.analyzers.base.window import HOUR
from mlmon.analyzers.checks.data_quality import UNSCORED_LIMITS
from mlmon.analyzers.checks.score_shift.earlier_versions import AcrossVersions, EarlierVersions
from mlmon.analyzers.drift.attribution import attribute
from mlmon.analyzers.drift.drift import KS_LIMITS
from mlmon.analyzers.drift.early_drift import EARLY, EarlySide
from mlmon.analyzers.drift.methods.kolmogorov_smirnov import METHOD as KS
from mlmon.analyzers.drift.methods.kolmogorov_smirnov import numeric_drift, rows_needed
from mlmon.analyzers.drift.moved import (
    distance_sentence,
    numbers_moved,
    onset,
    parts_moved,
    undecided_because,
)
from mlmon.analyzers.drift.refinement import Refinements, still_open
from mlmon.analyzers.drift.refinement_kind import KIND as REFINEMENT
from mlmon.analyzers.drift.segment_comparison import most_of_all
from mlmon.analyzers.drift.weekly_drift import (
    PAST_WEEKS,
    Hours,
    WeeklyDrift,
    buckets_of,
    weekly_drift,
    with_past_weeks,
)
from mlmon.analyzers.profiles.kinds.prediction import KIND as PREDICTION
from mlmon.analyzers.profiles.kinds.prediction import SCORE, PredictionProfile
from mlmon.analyzers.profiles.kinds.segment import SegmentProfile, segments_of
from mlmon.analyzers.profiles.quantities import merge as merge_profiles
from mlmon.analyzers.references.daily_window import DAILY_LOOKBACK, DailyWindow, daily_windows
from mlmon.analyzers.references.growing_window import LENGTHS, POOLED, PooledHours, longer_windows
from mlmon.analyzers.statistics.buckets import Buckets, merge
from mlmon.analyzers.statistics.wilson import wilson_interval
from mlmon.formatting import count, moment, number, percent, span, with_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime, timedelta

    from mlmon.analyzers.base.analysis_context import AnalysisContext
    from mlmon.analyzers.base.finding import Finding
    from mlmon.analyzers.base.identity import FindingIdentity
    from mlmon.analyzers.base.window import Window
    from mlmon.analyzers.drift.drift import Drift

METRIC, WEEKLY = "ks.distance", "weekly.ks.distance"


class ScoreShift(Analyzer[PredictionProfile]):
    """Distance of a day's scores from the training set's."""

    name = "score_shift"
    question = "Are scores distributed as in the training set?"
    advice = (
        "Look for findings of `feature_drift`, `data_quality` and `fallback_rate` from the same "
        "hour: inputs that moved explain scores that moved. Without any, compare the model "
        "version in service with the one meant to be. If the change is real and wanted, retrain "
        "and make a baseline of the new version."
    )
    runbooks: ClassVar = {
        "": Runbook(
            PREDICTION_LINES,
            f"{BROKEN_INPUTS}; another model version in service; traffic that really changed.",
            "Follow the inputs of the same hour. Where the change is right, retrain and make a "
            "baseline.",
        )
    }
    windows = LENGTHS
    early = EARLY
    needs = (
        Needs(PREDICTION, DAILY_LOOKBACK, weeks=PAST_WEEKS, pooled=POOLED),
        Needs(REFINEMENT, DAILY_LOOKBACK),
        Needs("segment", DAILY_LOOKBACK),
    )
    metrics = (
        Metric(
            METRIC,
            "Score shift",
            "How large is the KS distance of the scores from training (0 to 1)?",
            KS_LIMITS,
            breakdown="ml.model.version",
        ),
        Metric(
            WEEKLY,
            "Score shift against past weeks",
            "How large is the KS distance of the scores from the same time of past weeks (from the "
            "model's fourth week on)?",
            KS_LIMITS,
            breakdown="ml.model.version",
        ),
    )
    alert_policy = AlertPolicy(on="warning", after=2, of=3, layer="score", step=HOUR)

    def reference_part(self, identity: FindingIdentity) -> ReferencePart:
        """Return the training set's scores: both metrics can take later ones instead."""
        del identity
        return ReferencePart("score")

    def evaluate(self, context: AnalysisContext[PredictionProfile]) -> Iterator[Finding]:
        """Yield a finding per hour and model version in service, two once its weeks are known."""
        segments, refinements = context.of("segment"), Refinements(context)
        past: dict[tuple[str, datetime | None], Hours] = {}
        earlier: dict[str, EarlierVersions] = {}
        pools: _Pools = {}
        pool = partial(_pool, context, pools)
        for day in daily_windows(context):
            finding = self._judge(day, segments, refinements, pool)
            baseline = day.baseline
            if baseline is None or baseline.score is None or day.skip_reason():
                yield finding
                continue
            since = baseline.counted_since("score")
            if (baseline.id, since) not in past:
                past[baseline.id, since] = _hours(context, day.model, baseline.id, since)
            hours = past[baseline.id, since]
            alarming = finding.severity.alarming
            yield with_past_weeks(finding, hours) if alarming else finding
            yield from self._early(day, baseline.score, segments, pool)
            found = weekly_drift(day.window.end, hours, hours)
            if found is not None:
                yield self._weekly(day, found, None)
                continue
            if since is not None:
                # Weeks before the accepted change, of any version, are no longer usual.
                continue
            # All versions' hours are gathered only for a version that is young.
            if baseline.id not in earlier:
                earlier[baseline.id] = EarlierVersions(context, baseline)
            across = earlier[baseline.id].at(day.window.end)
            if across is not None:
                yield self._weekly(day, across.found, across)

    def _early(
        self,
        day: DailyWindow,
        reference: Buckets,
        segments: AnalysisContext[SegmentProfile],
        pool: Callable[[DailyWindow], PooledHours],
    ) -> Iterator[Finding]:
        """Yield that the last hours' scores drifted without doubt; else nothing."""
        hours: dict[datetime, list[PredictionProfile]] = {}
        for hour in day.own:
            hours.setdefault(hour.window.start, []).append(hour)
        side = EarlySide(
            KS,
            reference,
            lambda hour: hour.score,
            lambda before: [
                hour.score for hour in pool(day).within(before) if hour.score is not None
            ],
        )
        early = side.drift(day.window.end, hours)
        if early is None:
            return
        own = [hour for hour in day.own if hour.window.start >= early.window.start]
        scores = merge(hour.score for hour in own if hour.score is not None)
        found = ScoreSample(early.window, scores, early.drift, None, own)
        judged = self._finding(day, found, early.drift, reference, segments)
        reason = f"{judged.reason.removesuffix('.')}; {early.sentence('KS')}."
        yield replace(judged, certain=True, reason=reason)

    def _weekly(
        self, day: DailyWindow, found: WeeklyDrift, across: AcrossVersions | None
    ) -> Finding:
        """Return the finding of the last hours compared with the same ones of past weeks.

        Args:
            day: The day they end.
            found: The comparison.
            across: The same where other versions served in the past weeks, else None.
        """
        drift, window = found.drift, found.window
        sample = f"{count(found.rows, 'score')} of {day.title} {span(window)}"
        under = f" under {with_names('version', across.versions)}" if across else ""
        past = (
            f"{count(found.usual_rows, 'score')} of the nearest {found.weeks - 1} of {found.weeks} "
            f"past weeks{under}"
        )
        severity = Severity.UNKNOWN
        if drift is not None:
            severity = across.severity(drift) if across else drift.severity
        if drift is None or not (found.enough or severity.alarming):
            rule = "too few" if found.needed is None else f"of which {found.needed} are needed"
            reason = f"{sample}, {rule} to detect a distance of {KS_LIMITS.critical} from {past}."
            known = {"sample_count": found.rows, **day.about}
            return self.unknown(WEEKLY, SCORE, window, reason, **known)
        limits = across.limits if across else KS_LIMITS
        limit = limits.critical if severity is Severity.CRITICAL else limits.warning
        if severity.alarming:
            current, usual = buckets_of(found.current), buckets_of(found.usual)
            verdict = f"differ from past weeks: {parts_moved(current, usual, 'in past weeks')}"
        elif severity is Severity.UNKNOWN:
            verdict = (
                f"cannot be told from past weeks because {undecided_because(drift)}{_due(across)}"
            )
        else:
            verdict = "are as in past weeks"
        reason = (
            f"{sample} {verdict}; KS {number(drift.value)} from {past}, limit {number(limit)}"
            f"{_due(across) if severity is not Severity.UNKNOWN else ''}."
        )
        missing = _Unscored(
            profile
            for profile in day.own
            if found.window.start <= profile.window.start < found.window.end
        )
        if severity is Severity.OK and missing.too_many:
            severity = Severity.UNKNOWN
        reason = f"{reason.removesuffix('.')}{missing.note}."
        known = drift.measured() | day.about
        known |= {"warning": limits.warning, "critical": limits.critical}
        return self.finding(WEEKLY, SCORE, window, severity, reason=reason, **known)

    def _judge(
        self,
        day: DailyWindow,
        segments: AnalysisContext[SegmentProfile],
        refinements: Refinements,
        pool: Callable[[DailyWindow], PooledHours],
    ) -> Finding:
        reference = day.baseline.score if day.baseline else None
        skip_reason = day.skip_reason()
        if skip_reason or reference is None or day.baseline is None:
            reason = skip_reason or f"The training set of {day.title} holds no scores."
            return self.unknown(METRIC, SCORE, day.window, reason, **day.about)
        scores = merge(profile.score for profile in day.own if profile.score is not None)
        needed = rows_needed(KS_LIMITS.critical, reference.n)
        found = ScoreSample(day.window, scores, None, needed, day.own)
        if reference.n:
            if scores.n:
                drift = refinements.drift(SCORE, scores, day.own, day.baseline)
                found = replace(found, drift=drift)
            found = found if found.settled else _grown(found, reference, pool(day), self.windows)
        if found.drift is None or not (found.enough or found.severity.alarming):
            return self._too_few(day, found, reference)
        return self._finding(day, found, found.drift, reference, segments)

    def _finding(
        self,
        day: DailyWindow,
        found: ScoreSample,
        drift: Drift,
        reference: Buckets,
        segments: AnalysisContext[SegmentProfile],
    ) -> Finding:
        sample = f"{count(found.scores.n, 'prediction')} {span(found.window)}"
        distance = f"KS {number(drift.value)}"
        began: dict[str, datetime] = {}
        note = day.baseline.accepted_note(ReferencePart("score")) if day.baseline else ""
        missing = _Unscored(found.hours)
        note += missing.note
        if found.severity.alarming:
            hour = _first_hour(found.hours, reference)
            began = {"onset_start": hour.start, "onset_end": hour.end}
            limit = KS_LIMITS.critical if found.severity is Severity.CRITICAL else KS_LIMITS.warning
            reason = (
                f"Scores of {day.title} drifted: {numbers_moved(found.scores, reference)}; "
                f"{distance} in {sample}, since about {moment(hour.start)}"
                f"{_where(day, segments)}{_why(day)}{still_open(drift)}; at least "
                f"{number(drift.low)} is certain, limit {number(limit)}{note}."
            )
        else:
            moved = distance_sentence(drift, drift.p_value, distance, sample)
            reason = f"Scores of {day.title}{moved}{note}."
        severity = found.severity
        if severity is Severity.OK and missing.too_many:
            severity = Severity.UNKNOWN
        return self.finding(
            METRIC,
            SCORE,
            found.window,
            severity,
            reason=reason,
            **day.about,
            **drift.measured(),
            **began,
        )

    def _too_few(self, day: DailyWindow, found: ScoreSample, reference: Buckets) -> Finding:
        rows, needed = found.scores.n, found.needed
        reason = (
            f"Scores of {day.title} cannot be judged: {count(rows, 'score')} "
            f"{span(found.window)}; {needed} are needed to detect a distance of "
            f"{KS_LIMITS.critical} with a power of 0.9."
            if needed is not None
            else f"Scores of {day.title} cannot be judged: its baseline has "
            f"{count(reference.n, 'score')}, too few to detect a distance of {KS_LIMITS.critical}: "
            "make one from more rows."
        )
        return self.unknown(METRIC, SCORE, found.window, reason, sample_count=rows, **day.about)


class _Unscored:
    """The predictions of some hours that have no score, which no distance covers.

    Args:
        hours: Profiles over the baseline's edges.
    """

    def __init__(self, hours: Iterable[PredictionProfile]) -> None:
        known = list(hours)
        self._predictions = sum(hour.predictions for hour in known if hour.score is not None)
        self._count = sum(hour.unscored for hour in known)

    @property
    def too_many(self) -> bool:
        """Whether the scores of the others say too little about all predictions."""
        if not self._count:
            return False
        low = wilson_interval(self._count, self._predictions, CONFIDENCE).low
        return low >= UNSCORED_LIMITS.warning

    @property
    def note(self) -> str:
        """Sentence part that names their share, empty without any."""
        if not self._count:
            return ""
        share = percent(self._count / self._predictions)
        verdict = ", too many to call scores unchanged" if self.too_many else ""
        return f"; {share} of {count(self._predictions, 'prediction')} have no score{verdict}"


@dataclass(frozen=True, slots=True)
class ScoreSample:
    """The scores of a day, or of several, compared with training.

    Args:
        window: Their time.
        scores: How many there are in each bucket.
        drift: Their distance, None without scores.
        needed: Scores at which a critical distance is detected with a power of 0.9; None where
            the baseline has too few.
        hours: The profiles they are the sum of, in order of time.
    """

    window: Window
    scores: Buckets
    drift: Drift | None
    needed: int | None
    hours: Sequence[PredictionProfile]

    @property
    def enough(self) -> bool:
        """Whether a critical distance would be detected."""
        return self.needed is not None and self.scores.n >= self.needed

    @property
    def severity(self) -> Severity:
        """The verdict."""
        if self.drift is None:
            return Severity.UNKNOWN
        severity = self.drift.severity
        if severity.alarming:
            return severity
        return severity if self.enough else Severity.UNKNOWN

    @property
    def settled(self) -> bool:
        """Whether a longer sample could not change the verdict."""
        if self.drift is None:
            return False
        return self.severity.alarming or (self.enough and not self.drift.near_limit)


def _grown(
    day: ScoreSample, reference: Buckets, pool: PooledHours, lengths: Sequence[timedelta]
) -> ScoreSample:
    """Return the sample of the shortest window with a verdict, else that of the longest.

    A day that lies near the limit is not called unchanged because the days before it were calm:
    there, only a longer window that alarms counts.
    """
    best, rows = day, day.scores.n
    for window in longer_windows(day.window.end, lengths):
        if best.settled:
            break
        compare = partial(_of_window, window, reference, pool)
        scores, drift = pool.compared(SCORE, window, reference, compare)
        if scores is None or scores.n <= rows:
            continue
        rows = scores.n
        longer = ScoreSample(window, scores, drift, day.needed, pool.within(window))
        if longer.severity.alarming or not best.enough:
            best = longer
    return best


def _of_window(
    window: Window, reference: Buckets, pool: PooledHours
) -> tuple[Buckets | None, Drift | None]:
    """Return the scores of a window and their drift, each None without any."""
    scores = pool.numbers(window, SCORE, lambda hour: hour.score)
    return scores, numeric_drift(scores, reference) if scores and scores.n else None


def _pool(
    context: AnalysisContext[PredictionProfile], pools: _Pools, day: DailyWindow
) -> PooledHours:
    """Return a version's own hours over its baseline's edges, as far back as windows grow."""
    over = day.baseline.id if day.baseline else ""
    since = day.baseline.counted_since("score") if day.baseline else None
    if (over, since) not in pools:
        pools[over, since] = PooledHours(
            profile
            for profile in context.pooled(PREDICTION)
            if (profile.model, profile.baseline_id) == (day.model, over)
            and (since is None or profile.window.start >= since)
        )
    return pools[over, since]


_Pools = dict[tuple[str, "datetime | None"], PooledHours]
"""Hours by the baseline and by since when its scores are counted."""


def _hours(
    context: AnalysisContext[PredictionProfile],
    model: tuple[str, str],
    baseline: str,
    since: datetime | None,
) -> Hours:
    """Return the scores of a version over its baseline's edges, by the hour.

    Those before a change that was accepted are left out.
    """
    return Hours(
        (profile.window.start, profile.model[1], profile.score)
        for profile in context.profiles
        if profile.score is not None
        and (profile.model, profile.baseline_id) == (model, baseline)
        and (since is None or profile.window.start >= since)
    )


def _due(across: AcrossVersions | None) -> str:
    """Sentence part about the distance that the retraining explains."""
    if across is None:
        return ""
    return f", of which the training sets explain up to {number(across.retrained)}"


def _where(day: DailyWindow, segments: AnalysisContext[SegmentProfile]) -> str:
    if day.baseline is None:
        return ""
    own = [
        profile for profile in segments.within(day.window) if profile.baseline_id == day.baseline.id
    ]
    worst = most_of_all(segments_of(own), day.baseline)
    return f", {worst}" if worst else ""


def _why(day: DailyWindow) -> str:
    if day.baseline is None:
        return ""
    effects = attribute(merge_profiles(day.own), day.baseline).sentence()
    return f"; {effects}" if effects else ""


def _first_hour(own: Sequence[PredictionProfile], reference: Buckets) -> Window:
    """Return the hour in which scores began to move."""
    hours = [profile for profile in own if profile.score is not None]
    counts = [hour.score.counts for hour in hours if hour.score]
    return hours[onset(counts, reference.counts, ordered=True)].window
