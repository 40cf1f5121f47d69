"""The incidents of a scenario: what goes wrong, when, and what a monitor should notice.

The plan is laid out over 18 days and stretched or squeezed to the days asked for. Incidents that
distort features or labels lie outside the windows the model is retrained on, so that no retraining
learns from them; retrainings are due on day 7 and day 14, each from the four days before it.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlmon.autobid.clock import to_nanoseconds
from mlmon.autobid.jobs import REFRESH_STATS, TRAIN_MODEL
from mlmon.autobid.opportunity import DESCRIPTION_EMBEDDING
from mlmon.autobid.profile_stats import STATS_SOURCE
from mlmon.autobid.routes import PREDICT_PATH

PLAN_DAYS = 18
TICK = timedelta(minutes=5)
"""A scenario goes forward in steps of this length, and incidents last whole steps."""


class Expectation(NamedTuple):
    """One metric of one analyzer an incident shows in; subject None stands for any."""

    analyzer: str
    metric: str
    subject: str | None


@dataclass(frozen=True, slots=True)
class PlannedIncident:
    """Something that went wrong from `start` until before `end`; the direct sign is first."""

    id: str
    title: str
    start: datetime
    end: datetime
    cause: str
    expect: tuple[Expectation, ...]


@dataclass(frozen=True, slots=True)
class IncidentPlan:
    """All incidents of a scenario, in order of time."""

    incidents: tuple[PlannedIncident, ...]

    def active(self, incident_id: str, moments: NDArray[np.int64]) -> NDArray[np.bool_]:
        """The moments (nanoseconds since the epoch) within an incident, as a mask."""
        start, end = self.bounds(incident_id)
        return (moments >= start) & (moments < end)

    def is_active(self, incident_id: str, moment: int) -> bool:
        """Whether a moment lies in an incident."""
        start, end = self.bounds(incident_id)
        return start <= moment < end

    def bounds(self, incident_id: str) -> tuple[int, int]:
        """Start and end of an incident; an empty period for one not planned."""
        for incident in self.incidents:
            if incident.id == incident_id:
                return to_nanoseconds(incident.start), to_nanoseconds(incident.end)
        return 0, 0


def _health(*metrics: str) -> tuple[Expectation, ...]:
    return tuple(Expectation("service_health", metric, PREDICT_PATH) for metric in metrics)


def _drift(metric: str, *features: str) -> tuple[Expectation, ...]:
    return tuple(Expectation("feature_drift", metric, feature) for feature in features)


def _quality(metric: str, feature: str) -> tuple[Expectation, ...]:
    return (Expectation("data_quality", metric, feature),)


def _performance(*metrics: str) -> tuple[Expectation, ...]:
    return tuple(Expectation("live_performance", metric, None) for metric in metrics)


def _concept(*metrics: str) -> tuple[Expectation, ...]:
    return tuple(Expectation("concept_drift", metric, None) for metric in metrics)


SCORES = (Expectation("score_shift", "ks.distance", "ml.prediction.score"),)


class _Template(NamedTuple):
    id: str
    title: str
    day: float
    hours: float
    cause: str
    expect: tuple[Expectation, ...]


TEMPLATES = (
    _Template(
        "server_errors",
        "5xx burst",
        4 + 14.2 / 24,
        1.5,
        "The statistics database times out: 22 % of predictions end in 500 or 504.",
        _health("http.5xx.rate", "latency.p99", "latency.p95", "latency.mean"),
    ),
    _Template(
        "bad_input",
        "400 burst",
        5 + 15.0 / 24,
        1.0,
        "A client's release sends the bid price as text: 35 % of requests are refused with 400.",
        _health("http.400.rate"),
    ),
    _Template(
        "training_failing",
        "Training job failing",
        7 + 8.0 / 24,
        9.5,
        "The training cluster refuses connections: the retraining fails, and so do its retries.",
        (Expectation("job_health", "failed.runs", TRAIN_MODEL),),
    ),
    _Template(
        "concept_drift",
        "Concept drift",
        8 + 6.0 / 24,
        18.0,
        "The market's taste changes: dear bids win, skill does not; features stay as they are.",
        _concept("auc.decline", "estimate.gap", "error.rise")
        + _performance("roc_auc", "approved.success_rate", "calibration.error"),
    ),
    _Template(
        "numeric_shift",
        "Hours since posting in minutes",
        9 + 12.0 / 24,
        12.0,
        "One upstream region reports hours_since_posted in minutes: 45 % of requests; scores fall.",
        _drift("ks.distance", "hours_since_posted")
        + _quality("out_of_range.rate", "hours_since_posted")
        + SCORES,
    ),
    _Template(
        "latency_regression",
        "Latency regression",
        11 + 12.0 / 24,
        6.0,
        "A release of the API loses its connection pool: each answer takes 3.5 times as long.",
        _health("latency.mean", "latency.p95", "latency.p99"),
    ),
    _Template(
        "model_not_loaded",
        "503 after a failed reload",
        13 + 11.0 / 24,
        0.75,
        "A restart finds the model's file cut short: the reload fails, all predictions end in 503.",
        _health("http.503.rate", "http.5xx.rate"),
    ),
    _Template(
        "new_category",
        "New job category",
        14 + 12.0 / 24,
        12.0,
        "The marketplace opens the category ai_services: 18 % of jobs, unknown to the model.",
        _quality("unseen_category.rate", "job_category")
        + _drift("total_variation", "job_category"),
    ),
    _Template(
        "missing_values",
        "Client ratings missing",
        15 + 12.0 / 24,
        10.0,
        "The client service answers without ratings: 45 % of client_rating is missing.",
        _quality("missing.rate", "client_rating"),
    ),
    _Template(
        "statistics_job_dead",
        "Statistics job dead",
        16 + 10.0 / 24,
        20.0,
        "The statistics job hangs: profiles' statistics grow stale, predictions use defaults.",
        (
            Expectation("job_health", "missed.runs", REFRESH_STATS),
            Expectation("fallback_rate", "fallback.rate", STATS_SOURCE),
            Expectation("fallback_rate", "source.age_hours", STATS_SOURCE),
            *_drift("ks.distance", "profile_success_rate", "profile_bids_30d"),
        ),
    ),
    # Two hours after the one before: what shows it shows nothing else, and nothing else shows it.
    _Template(
        "encoder_replaced",
        "Description encoder replaced",
        17 + 8.0 / 24,
        14.0,
        "The text service deploys another encoder: embeddings of descriptions lie elsewhere.",
        tuple(
            Expectation("embedding_drift", metric, DESCRIPTION_EMBEDDING)
            for metric in ("classifier.auc", "centroid.distance")
        ),
    ),
)


def plan_incidents(start: datetime, days: float, only: Iterable[str] | None = None) -> IncidentPlan:
    """The plan for a scenario of so many days, all incidents or only those named."""
    wanted = None if only is None else set(only)
    return IncidentPlan(
        tuple(
            _placed(template, start, days / PLAN_DAYS)
            for template in TEMPLATES
            if wanted is None or template.id in wanted
        )
    )


def _placed(template: _Template, start: datetime, scale: float) -> PlannedIncident:
    begin = timedelta(days=template.day) * scale
    end = begin + timedelta(hours=template.hours) * scale
    # Down and up to whole ticks, so that a job due at the start falls into the incident.
    first, last = math.floor(begin / TICK + 1e-6), math.ceil(end / TICK - 1e-6)
    return PlannedIncident(
        template.id,
        template.title,
        start + first * TICK,
        start + last * TICK,
        template.cause,
        template.expect,
    )
