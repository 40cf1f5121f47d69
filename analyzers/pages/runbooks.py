"""What to do about an alarm of each metric: how to confirm it, what causes it, what helps.

What code knows (meaning, limits, commands) is generated; causes and cures are written here. In
commands `{subject}` stands for the finding's subject; an option that names it is left out where
there is none.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlmon.analyzers.base.window import iso

if TYPE_CHECKING:
    from datetime import datetime

SINCE = "7d"
"""The commands of a page look so far back: longer than any window and its alert take."""

_NUMBER = "--dataset prediction --field ml.features.numeric.{subject}=*"
_CATEGORY = "--dataset prediction --field ml.features.categorical.{subject}=*"
_PATH = "--dataset access --field url.path={subject}"
_OUTCOMES, _PREDICTIONS = "--dataset outcome", "--dataset prediction"


@dataclass(frozen=True, slots=True)
class Runbook:
    """What to do about one metric.

    Args:
        lines: Options of `mlmon logs` that find the lines behind it.
        causes: Usual causes, the most frequent first.
        cure: What to do; nothing of it loses a line.
    """

    lines: str
    causes: str
    cure: str


def runbook(analyzer: str, metric: str) -> Runbook:
    """Return the runbook of a metric; of one that is not known by name, that of its analyzer.

    Raises:
        KeyError: The analyzer has none.
    """
    if analyzer not in RUNBOOKS:
        raise KeyError(f"{analyzer} has no runbook: add one to RUNBOOKS in {__file__}")
    of_analyzer = RUNBOOKS[analyzer]
    return of_analyzer.get(metric) or of_analyzer[""]


def anchor(metric: str) -> str:
    """Return the anchor of a metric on its analyzer's page."""
    return metric


def commands(
    analyzer: str, metric: str, subject: str | None, since: datetime | str = SINCE
) -> tuple[str, str]:
    """Return the commands that confirm an alarm: its findings, and the lines behind them.

    Args:
        analyzer: The analyzer.
        metric: The metric.
        subject: What was measured, None for all.
        since: From when on to look, or how long ago.
    """
    begin = since if isinstance(since, str) else iso(since)
    words: list[str] = []
    for word in runbook(analyzer, metric).lines.split():
        if "{subject}" not in word:
            words.append(word)
        elif subject is None or subject.startswith("("):
            words.pop()  # its option
        else:
            words.append(shlex.quote(word.replace("{subject}", subject.partition(": ")[0])))
    return (
        f"mlmon findings --analyzer {analyzer} --metric {metric} --since {begin}",
        f"mlmon logs {' '.join(words)} --since {begin}",
    )


_FEATURES = (
    "A unit, a default or a release at the feature's source; a source that is stale or down; a "
    "new client or market."
)
_FIX_SOURCE = (
    "Fix the source, or go back to its last release. Where the values are right and new, retrain "
    "on them and make a baseline of the new version."
)
_INPUTS = "Inputs that broke (see `feature_drift`, `data_quality`, `fallback_rate` of that day)"
_RETRAIN = (
    "Fix inputs that broke first. Where they are sound, retrain on recent labels; until then raise "
    "the threshold or bid by rule where money is at stake."
)
_LABELS = (
    "The job or feed that logs outcomes is down or late; ids are not passed on as they were "
    "logged; outcomes really take longer."
)
_FIX_LABELS = (
    "Start the job that logs outcomes (see `job_health`) and let it deliver what it missed: late "
    "labels are judged again. Until then use `estimated_performance`."
)
_SLOW = "A release; a dependency that is slow; more traffic than capacity; a cache that is cold."
_FAST = "Compare by `service.version`: go back where one release is slow. Else add capacity."

RUNBOOKS: dict[str, dict[str, Runbook]] = {
    "business_value": {
        "": Runbook(
            _OUTCOMES,
            "Requests without a prediction (`service_health`); fewer approvals (`score_shift`); "
            "approved bids that fail (`live_performance`); lower prices.",
            "Follow the earliest of these. Without any, compare prices and traffic with the weeks "
            "before.",
        )
    },
    "clock_skew": {
        "": Runbook(
            "--service {subject}",
            "Time synchronisation is off; a process writes local time as UTC; the clock of the "
            "shipper's machine is behind.",
            "Start chrony or systemd-timesyncd. Keep the log file: correct its dates and ship it "
            "again.",
        )
    },
    "completeness": {
        "lost.rate": Runbook(
            "--service {subject}",
            "The shipper is behind; a file was rotated away before it was read; lines were "
            "rejected; the service's queue was full.",
            "Ask `mlmon ship status`, and `mlmon ship retry-rejected` for rejected lines. Where "
            "the numbers are in the file, ship it again: nothing is stored twice.",
        ),
        "duplicated.rate": Runbook(
            "--service {subject}",
            "Another shipper does not use `event.id` as the document's id; a rollover between two "
            "attempts.",
            "Make `event.id` the document's id. The extra documents do no harm to counts by id.",
        ),
        "": Runbook(
            "--service {subject}",
            "The shipper was down or is too slow; Elasticsearch rejected its requests for a while.",
            "Ask `mlmon ship status`; keep the shipper running until it has caught up. Late lines "
            "are judged again.",
        ),
    },
    "concept_drift": {
        "": Runbook(
            _OUTCOMES,
            "The market changed; the meaning of a label changed; outcomes are logged otherwise.",
            "Make sure that outcomes are logged as before. Then retrain on labels since the time "
            "in the sentence; until the version is in service, raise the threshold.",
        )
    },
    "data_quality": {
        "missing.rate": Runbook(
            "--dataset prediction --field ml.features.missing={subject}",
            "The feature's source is down or lost its key; a client leaves the value out.",
            "Fix the source or tell the client. Scores of these predictions rest on a default.",
        ),
        "out_of_range.rate": Runbook(_NUMBER, "A unit, a sign or a scale changed.", _FIX_SOURCE),
        "unseen_category.rate": Runbook(
            _CATEGORY, "A spelling upstream; a category that is really new.", _FIX_SOURCE
        ),
        "unindexed.rate": Runbook(
            _PREDICTIONS,
            "Names made of values: an id or a date within a feature's name.",
            "Log the value as the category of one feature, roll the data stream over, and start "
            "the shipper again.",
        ),
        "missing_score.rate": Runbook(
            _PREDICTIONS,
            "A score that is NaN or infinite: a division by zero, a feature that is NaN; a client "
            "library that logs no score.",
            "Find the first prediction without a score and what changed then; roll that release "
            "or model version back.",
        ),
    },
    "embedding_drift": {
        "": Runbook(
            _PREDICTIONS,
            "Another version of the encoder; texts in another language, cut short or empty.",
            "Go back to the encoder of the training, or retrain on the new one.",
        )
    },
    "estimated_performance": {
        "": Runbook(
            _PREDICTIONS,
            f"{_INPUTS}; traffic that really changed.",
            "Fix inputs that broke. Else expect `live_performance` to show the same and retrain.",
        )
    },
    "segment_quality": {
        "": Runbook(
            _PREDICTIONS,
            "A source, a client or a release that only this segment has.",
            "Correct the source of the segment. If the new values are right, retrain on them.",
        ),
    },
    "store_coverage": {
        "coverage.rate": Runbook(
            "--dataset store",
            "The job that fills the store leaves entities out; new ones came without values.",
            "Run the job for the entities that lack values.",
        ),
        "": Runbook(
            "--dataset store",
            "The job that refreshes the store failed, hangs or is late (`job_health`).",
            "Run that job again and watch the age fall.",
        ),
    },
    "fallback_rate": {
        "fallback.rate": Runbook(
            "--dataset fallback",
            "The job that refreshes the source failed, hangs or is late (`job_health`).",
            "Run that job again. Scores are those of an average profile until it succeeds.",
        ),
        "fallback.share": Runbook(
            "--dataset fallback",
            "The subject names the reason: data that are stale (a job), a key that is not found, "
            "a source that is down.",
            "Run the job, correct the keys, or bring the source back.",
        ),
        "source.coverage": Runbook(
            _PREDICTIONS,
            "New profiles or a new market that the source does not know; a key that changed.",
            "Add them to the source, or correct the key.",
        ),
        "": Runbook(
            _PREDICTIONS,
            "The job that refreshes the source failed, hangs or is late (`job_health`).",
            "Run that job again and watch the age fall.",
        ),
    },
    "feature_drift": {
        "total_variation": Runbook(_CATEGORY, _FEATURES, _FIX_SOURCE),
        "": Runbook(_NUMBER, _FEATURES, _FIX_SOURCE),
    },
    "feature_statistics": {
        "category.share": Runbook(_CATEGORY, _FEATURES, _FIX_SOURCE),
        "": Runbook(_NUMBER, _FEATURES, _FIX_SOURCE),
        "gained.share": Runbook(
            _PREDICTIONS, "A default took the place of values; one client grew.", _FIX_SOURCE
        ),
        "lost.share": Runbook(
            _PREDICTIONS, "A client or market left; a value is written otherwise.", _FIX_SOURCE
        ),
    },
    "job_health": {
        "failed.runs": Runbook(
            "--dataset job --field ml.job.name={subject}",
            "A source or a database is away; bad data; a release of the job.",
            "Read `error.message`, fix what it names, and run the job again. A failed training "
            "leaves the old model in service, which is safe for days.",
        ),
        "missed.runs": Runbook(
            "--dataset job --field ml.job.name={subject}",
            "The scheduler is down; the run before hangs; the job was retired.",
            "Start the scheduler, end the run that hangs, and run the job once by hand.",
        ),
        "duration.ratio": Runbook(
            "--dataset job --field ml.job.name={subject}",
            "A slow source; more data; a run that hangs or was killed without a last line.",
            "Where its process is gone, run it again. Else wait, and look at what it reads.",
        ),
        "": Runbook(
            "--dataset job --field ml.job.name={subject}",
            "A source of the job delivered little or much.",
            "Check the source before a model is trained on it; then run the job again.",
        ),
    },
    "label_coverage": {
        "outcome.unmatched": Runbook(
            _OUTCOMES,
            "The predictions' lines did not arrive (`completeness`); ids changed on the way.",
            "Compare one outcome's `ml.prediction.id` with the service's log, and pass it on as "
            "it was logged.",
        ),
        "label.contradicted": Runbook(
            _OUTCOMES,
            "Two writers log outcomes; one logs them before they are final.",
            "Let one writer log outcomes, once they are final.",
        ),
        "": Runbook(_OUTCOMES, _LABELS, _FIX_LABELS),
    },
    "live_performance": {
        "calibration.error": Runbook(
            _OUTCOMES, f"{_INPUTS}; a market that changed.", "Recalibrate on recent labels."
        ),
        "calibration.gap": Runbook(
            _OUTCOMES, f"{_INPUTS}; a market that changed.", "Recalibrate on recent labels."
        ),
        "": Runbook(_OUTCOMES, f"{_INPUTS}; the market changed (`concept_drift`).", _RETRAIN),
    },
    "model_reload": {
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
            _PREDICTIONS,
            "A process missed the reload; a rollback.",
            "Restart the process that still predicts with the old version.",
        ),
    },
    "offline_metrics": {
        "": Runbook(
            "--dataset model --field event.action=evaluate",
            "The data of this training: fewer rows, other dates, broken features; a market that "
            "became harder.",
            "Keep the version before it in service; compare the training sets and train again.",
        )
    },
    "outage": {
        "failing.seconds": Runbook(
            f"{_PATH} --level error",
            "A release; a dependency that is down; a disk that is full.",
            "Read `error.code` and `error.message`; roll a release back, or bring the dependency "
            "back.",
        ),
        "no_model.seconds": Runbook(
            "--dataset access --field http.response.status_code=503",
            "A restart found the model's file cut short or missing.",
            "Publish a readable model file and reload; see `model_reload`.",
        ),
        "silence.seconds": Runbook(
            "--dataset access",
            "The service is down; nothing reaches it (load balancer, DNS); the shipper stopped.",
            "Ask whether the service runs and `mlmon ship status`. Keep the log file: lines come "
            "once the shipper runs again, and the silence is withdrawn where there was none.",
        ),
    },
    "score_attribution": {
        "": Runbook(
            _PREDICTIONS,
            "The feature with the largest effect moved (`feature_drift`, `data_quality`).",
            "Correct that feature first.",
        )
    },
    "score_shift": {
        "": Runbook(
            _PREDICTIONS,
            f"{_INPUTS}; another model version in service; traffic that really changed.",
            "Follow the inputs of the same hour. Where the change is right, retrain and make a "
            "baseline.",
        )
    },
    "segment_drift": {
        "": Runbook(
            _PREDICTIONS,
            "A source, a release or a market of this segment only.",
            "Look at what feeds the segment; where all segments moved, see `score_shift`.",
        )
    },
    "segment_performance": {
        "": Runbook(
            _OUTCOMES,
            "A source, a release or a market of this segment only; scores that mean something "
            "else there.",
            "Where `segment_drift` names it too, fix its inputs; else retrain on its labels.",
        )
    },
    "service_health": {
        "http.5xx.rate": Runbook(
            f"{_PATH} --level error",
            "A release; a dependency that is down or slow.",
            "Group by `service.version` and `error.code`: roll a release back, or bring the "
            "dependency back.",
        ),
        "http.503.rate": Runbook(
            "--dataset access --field http.response.status_code=503",
            "No model is loaded after a restart or a failed reload (`model_reload`).",
            "Publish a readable model file and reload.",
        ),
        "http.4xx.rate": Runbook(
            f"{_PATH} --level warning",
            "A client's release; a path or a key that changed; a scan from outside.",
            "Find the client by its lines and tell it; a scan may be blocked at the edge.",
        ),
        "http.400.rate": Runbook(
            f"{_PATH} --level warning",
            "A client's release that sends other fields.",
            "Read `error.code`, and tell the client which field is refused.",
        ),
        "traffic.rpm": Runbook(
            _PATH,
            "The service, its load balancer or a client is down; the shipper stopped.",
            "Ask whether the service runs and `mlmon ship status`. Keep the log file.",
        ),
        "traffic.rph": Runbook(
            _PATH,
            "The service, its load balancer or a client is down; the shipper stopped.",
            "Ask whether the service runs and `mlmon ship status`. Keep the log file.",
        ),
        "": Runbook(_PATH, _SLOW, _FAST),
    },
    "slow_change": {
        "latency.p99.trend": Runbook(
            "--dataset access",
            "A leak; a table that grows without an index; a cache that no longer fits.",
            "Restart one process: a latency that comes back down points to a leak.",
        ),
        "": Runbook(
            "--dataset access", "A client leaves or grows; a holiday.", "Ask the largest clients."
        ),
    },
}
