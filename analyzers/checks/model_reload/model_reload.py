"""Model reload: failed reloads, versions that wait for one, and outdated versions in service.

Reloads of all processes are counted in the order they were logged: the most failures
in a row within an hour, counted from the last success before it. A version that was trained is in
service once a reload of it succeeded or it has predicted within the past day. Until then the hours
since the first training that did not come into service are judged, against what versions before
it took. Once it is, all predictions should be its own: the share that other versions made is
judged from two hours later on. Where no training is logged within 100 days, only reloads are
judged.

They are judged at each hour's end, and a reload that failed also at the second after it.
"""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from mlmon.analyzers.base.alert_policy import AlertPolicy
from mlmon.analyzers.base.analysis_context import AnalysisContext
from mlmon.analyzers.base.analyzer import Analyzer
from mlmon.analyzers.base.finding import Severity
from mlmon.analyzers.base.limits import CONFIDENCE, Limits, Multiples
from mlmon.analyzers.base.metric import Metric
from mlmon.analyzers.base.needs import Needs
from mlmon.analyzers.base.runbook import PREDICTION_LINES, Runbook
from mlmon.analyzers.base.window import DAY, HOUR, MINUTE, SECOND, Window, floor
from mlmon.analyzers.checks.model_reload.versions_in_service import InService, reloads_by_model
from mlmon.analyzers.event_logs.hits import EVENT_STEP
from mlmon.analyzers.performance.model_versions import versions
from mlmon.analyzers.profiles.kinds.model import RELOAD, ModelEvent, ModelProfile
from mlmon.analyzers.profiles.one_per_version import one_per_version
from mlmon.analyzers.references import cadence
from mlmon.analyzers.statistics.wilson import wilson_interval
from mlmon.formatting import count, duration, excerpt, moment, percent, span

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from mlmon.analyzers.base.finding import Finding
    from mlmon.analyzers.performance.model_versions import ModelVersion
    from mlmon.analyzers.profiles.kinds.prediction import PredictionProfile

FAILURES, WAIT, OUTDATED = "reload.failures", "reload.wait_hours", "outdated.rate"
EXPECTED_PREDICTIONS, MIN_PREDICTIONS = 100, 20
PAST = 100 * DAY
GRACE = 2 * HOUR
"""Two versions may predict at the same time for so long, while a new one is rolled out."""


class ModelReload(Analyzer[ModelProfile]):
    """Reloads that fail, versions that wait for one, and versions that should be gone."""

    name = "model_reload"
    question = "Is the newest trained version in service, and do reloads succeed?"
    advice = (
        "Read the error in the sentence and the reloads' lines, `mlmon logs --dataset model "
        "--field event.action=reload --since 2d`. A model file that cannot be read is to be "
        "published again; the service keeps the version it has, unless it was restarted: then it "
        "answers 503. A version that waits without a failed reload was never requested: check "
        "the trigger that follows `train_model_job`. Predictions of an old version next to a new "
        "one come from a process that missed the reload: restart it. After a rollback they last "
        "until a newer version is in service."
    )
    runbooks: ClassVar = {
        "reload.failures": Runbook(
            "--dataset model --field event.action=reload",
            "The model's file is cut short or missing; the service may not read it.",
            "Publish the file again and reload. Do not restart the service before: it keeps the "
            "version it has, and after a restart has none.",
        ),
        "reload.wait_hours": Runbook(
            "--dataset model",
            "Nothing triggers the reload after a training; reloads fail.",
            "Reload by hand, and check the trigger that follows the training.",
        ),
        "outdated.rate": Runbook(
            PREDICTION_LINES,
            "A process missed the reload; a rollback.",
            "Restart the process that still predicts with the old version.",
        ),
    }
    at_once = True
    needs = (
        Needs("model", PAST),
        Needs("prediction", 3 * DAY),
    )
    metrics = (
        Metric(
            FAILURES,
            "Failed reloads",
            "How many reloads fail in a row?",
            Limits(1, 3, meaning="most failed reloads in a row within the hour"),
            unit="reloads",
            draw="bar",
        ),
        Metric(
            WAIT,
            "Waiting time of trained versions",
            "How many hours does a trained version wait for its reload?",
            Limits(6, 24, meaning="hours", multiples=Multiples(3, 6, "the usual wait")),
            unit="h",
        ),
        Metric(
            OUTDATED,
            "Predictions of outdated versions",
            "Which share of predictions is made by older versions?",
            Limits(
                0.05,
                0.50,
                meaning="from 2 h after another version came into service",
                measures="rate",
            ),
            unit="ratio",
        ),
    )
    # One success closes the alert; without another reload, a failure holds for a week.
    alert_policy = AlertPolicy(
        on="warning", after=1, of=1, layer="deployment", clear=1, silence=7 * DAY
    )

    def evaluate(self, context: AnalysisContext[ModelProfile]) -> Iterator[Finding]:
        """Yield the findings of each model at each hour's end."""
        events = [event for profile in context.profiles for event in profile.events]
        of_model = _by_model(context.of("prediction"), context)
        for window in context.windows(EVENT_STEP):
            seen = self._seen(events, window)
            reloads = reloads_by_model(seen)
            for model, of in sorted(reloads.items()):
                if of[-1].at >= window.start:
                    yield self._failures(model, of, window)
            for model, made in versions(seen).items():
                predicted = partial(_predicted, of_model.get(model))
                known = InService(window, made, reloads.get(model, ()), predicted)
                yield from self._wait(known)
        for event in events:
            at = floor(event.at, SECOND) + SECOND
            new = context.period.start < at <= context.period.end and at != floor(at, EVENT_STEP)
            if event.action == RELOAD and not event.succeeded and new:
                window = Window(at - MINUTE, at)
                for model, of in sorted(reloads_by_model(self._seen(events, window)).items()):
                    if event in of:
                        yield self._failures(model, of, window)
        for model, used in sorted(of_model.items()):
            yield from self._outdated(model, used, events)

    def _seen(self, events: Sequence[ModelEvent], window: Window) -> list[ModelEvent]:
        return [event for event in events if window.end - PAST <= event.at < window.end]

    def _failures(self, model: str, reloads: Sequence[ModelEvent], window: Window) -> Finding:
        in_a_row, worst, error = 0, 0, None
        first: datetime | None = None
        began: datetime | None = None
        for reload in reloads:
            in_a_row = 0 if reload.succeeded else in_a_row + 1
            first = reload.at if in_a_row == 1 else first
            if reload.at >= window.start and in_a_row > worst:
                worst, error, began = in_a_row, reload.error, first
        recent = [reload for reload in reloads if reload.at >= window.start]
        failed = [event for event in recent if not event.succeeded]
        if failed:
            last = recent[-1]
            since = (
                f"version {last.version} was loaded {moment(last.at)}"
                if last.succeeded
                else "none has succeeded since"
            )
            reason = (
                f"{len(failed)} of {count(len(recent), 'reload')} of {model} failed "
                f"{span(window)}, {worst} in a row{f' ({excerpt(error)})' if error else ''}; "
                f"{since}."
            )
        else:
            reason = f"{model} {recent[-1].version} was loaded {moment(recent[-1].at)}."
        return self.finding(
            FAILURES,
            model,
            window,
            self.limits[FAILURES].judge(worst, worst),
            value=float(worst),
            onset_start=began,
            onset_end=began,
            sample_count=len(recent),
            service=recent[-1].service,
            model_name=model,
            reason=reason,
        )

    def _wait(self, known: InService) -> Iterator[Finding]:
        newest, waiting = known.newest, known.waiting()
        about = _about(newest)
        if waiting is None:
            if known.arrived():
                hours = ((known.loaded(newest) or known.window.start) - newest.made) / HOUR
                waited = duration(max(0.0, hours) * HOUR.total_seconds())
                reason = f"{newest.title} came into service {waited} after its training."
                yield self.finding(
                    WAIT,
                    newest.model,
                    known.window,
                    Severity.OK,
                    value=max(0.0, hours),
                    reason=reason,
                    **about,
                )
            return
        trained = f"{newest.title} was trained {moment(newest.made)}"
        if not known.reloads and not known.today:
            reason = f"{trained}; no reload and no prediction of it is logged: state unknown."
            yield self.unknown(WAIT, newest.model, known.window, reason, **about)
            return
        yield self._waits(known, waiting, trained)

    def _waits(self, known: InService, waiting: ModelVersion, trained: str) -> Finding:
        hours, usual = (known.window.end - waiting.made) / HOUR, known.usual_wait()
        limits = self.limits[WAIT]
        if usual is not None:
            limits = limits.relative_to(usual)
        others = len(known.made) - known.made.index(waiting)
        stuck = f", nor are {others - 1} before it" if others > 1 else ""
        hour = HOUR.total_seconds()
        usually = f", usually {duration(usual * hour)}" if usual is not None else ""
        reason = (
            f"{trained} and is not in service{stuck}: nothing newer has come into service for "
            f"{duration(hours * hour)}{usually}."
        )
        return self.finding(
            WAIT,
            known.newest.model,
            known.window,
            limits.judge(hours, hours),
            value=hours,
            baseline_value=usual,
            warning=limits.warning,
            critical=limits.critical,
            reason=reason,
            **_about(known.newest),
        )

    def _outdated(
        self, model: str, used: AnalysisContext[PredictionProfile], events: Sequence[ModelEvent]
    ) -> Iterator[Finding]:
        def predictions(window: Window) -> int:
            return _predicted(used, window).total()

        for window in cadence.windows(used.period, predictions, EXPECTED_PREDICTIONS, EVENT_STEP):
            seen = self._seen(events, window)
            made = versions(seen).get(model)
            counts = _predicted(used, window)
            if not made or not counts:
                continue
            reloads = reloads_by_model(seen).get(model, ())
            known = InService(window, made, reloads, partial(_predicted, used))
            current = known.current(window.start - GRACE)
            if current:
                since = known.loaded_since(window.start - GRACE)
                yield self._judge_outdated(current, counts, window, since)

    def _judge_outdated(
        self,
        current: Sequence[ModelVersion],
        counts: Counter[str],
        window: Window,
        loaded_since: set[str],
    ) -> Finding:
        newest, n = current[0], counts.total()
        about = _about(newest)
        if n < MIN_PREDICTIONS:
            sample = f"{count(n, 'prediction')} {span(window)}"
            reason = f"{sample}, {MIN_PREDICTIONS} are needed for a verdict."
            return self.unknown(OUTDATED, newest.model, window, reason, sample_count=n, **about)
        names = {model.version for model in current} | loaded_since
        old = {version: times for version, times in sorted(counts.items()) if version not in names}
        interval = wilson_interval(sum(old.values()), n, CONFIDENCE)
        by = ", ".join(f"version {version}: {times:,}" for version, times in old.items())
        share = sum(old.values()) / n
        reason = (
            f"{percent(share)} of {count(n, 'prediction')} {span(window)} were made by other "
            f"versions{f' ({by})' if by else ''} than {newest.title}, which is in service."
        )
        return self.finding(
            OUTDATED,
            newest.model,
            window,
            self.limits[OUTDATED].judge(interval.low, interval.high),
            value=share,
            low=interval.low,
            high=interval.high,
            sample_count=n,
            reason=reason,
            **about,
        )


def _by_model(
    predictions: AnalysisContext[PredictionProfile], context: AnalysisContext[ModelProfile]
) -> dict[str, AnalysisContext[PredictionProfile]]:
    profiles: dict[str, list[PredictionProfile]] = {}
    for profile in one_per_version(predictions.profiles, context.baselines):
        profiles.setdefault(profile.model[0], []).append(profile)
    return {model: AnalysisContext(context.period, of) for model, of in profiles.items()}


def _predicted(used: AnalysisContext[PredictionProfile] | None, window: Window) -> Counter[str]:
    counts: Counter[str] = Counter()
    for profile in used.within(window) if used else ():
        counts[profile.model[1]] += profile.predictions
    return counts


def _about(version: ModelVersion) -> dict[str, Any]:
    # Without the version: findings of the next version continue the same series.
    return {"service": version.service, "model_name": version.model}
