"""Faults of jobs, and of mlmon's own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mlmon.analyzers.base.window import DAY, HOUR, MINUTE
from mlmon.scoreboard.faults.fault import Fault, signs, spans
from mlmon.scoreboard.simulation.job_runs import MLMON, REFRESH, TRAIN

if TYPE_CHECKING:
    from mlmon.scoreboard.simulation.job_runs import SimulatedRun

TIMELINE, TRACK = "operations", "jobs"
ONE_RUN = HOUR + 35 * MINUTE
"""One missed run of an hourly job: the run is late by half of its rhythm."""


def _training_fails(run: SimulatedRun, _progress: float) -> SimulatedRun:
    return replace(run, error="the training cluster is away") if run.job == TRAIN else run


def _training_slower(run: SimulatedRun, _progress: float) -> SimulatedRun:
    return replace(run, seconds=run.seconds * 4.0) if run.job == TRAIN else run


def _worse(run: SimulatedRun, _progress: float) -> SimulatedRun:
    return replace(run, quality=1.6) if run.job == TRAIN else run


def _refresh_dead(run: SimulatedRun, _progress: float) -> SimulatedRun | None:
    return None if run.job == REFRESH else run


def _scheduler_dead(run: SimulatedRun, _progress: float) -> SimulatedRun | None:
    return run if run.job == MLMON else None


def _mlmon_dead(run: SimulatedRun, _progress: float) -> SimulatedRun | None:
    return None if run.job == MLMON else run


STATISTICS = signs(
    "job_health",
    "fallback_rate",
    "store_coverage",
    "feature_* * visits",
    "data_quality * visits",
    "segment_*",
    "score_*",
)

FAULTS = (
    Fault(
        "training_fails",
        "The training fails",
        TIMELINE,
        ("job",),
        signs("job_health * train_model"),
        spans(HOUR, HOUR + 15 * MINUTE, small=HOUR),
        track=TRACK,
        at_hour=3,
        job=_training_fails,
    ),
    Fault(
        "training_slows",
        "The training takes four times as long",
        TIMELINE,
        ("job",),
        signs("job_health * train_model"),
        spans(HOUR, 2 * HOUR, small=HOUR),
        track=TRACK,
        at_hour=3,
        job=_training_slower,
    ),
    Fault(
        "worse_model",
        "The training makes a worse model",
        TIMELINE,
        ("training",),
        (
            *signs("offline_metrics", "concept_drift", "live_performance", "score_*"),
            *signs("segment_*", "estimated_performance", "business_value"),
        ),
        spans(HOUR, 2 * HOUR, small=HOUR),
        track=TRACK,
        at_hour=3,
        job=_worse,
    ),
    Fault(
        "statistics_dead",
        "The statistics job no longer runs",
        TIMELINE,
        ("job",),
        STATISTICS,
        spans(20 * HOUR, ONE_RUN, small=2 * DAY),
        track=TRACK,
        job=_refresh_dead,
    ),
    Fault(
        "scheduler_dead",
        "No job runs any more",
        TIMELINE,
        ("job",),
        STATISTICS,
        spans(12 * HOUR, ONE_RUN, small=2 * DAY),
        track=TRACK,
        job=_scheduler_dead,
    ),
    Fault(
        "mlmon_dead",
        "mlmon no longer judges",
        TIMELINE,
        ("job",),
        signs("job_health * mlmon_cycle"),
        spans(6 * HOUR, ONE_RUN, small=DAY),
        track=TRACK,
        job=_mlmon_dead,
    ),
)
