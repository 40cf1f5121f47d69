"""Retraining pipeline: do the jobs run, are new models better, and are they in service?"""

from __future__ import annotations

from mlmon.dashboards.definitions.searches import FAILED_JOBS, MODEL_EVENTS
from mlmon.dashboards.model.chart import Chart, Measure, Time, Values
from mlmon.dashboards.model.condition import is_
from mlmon.dashboards.model.dashboard import Dashboard, Documents, PanelRow, Section
from mlmon.dashboards.model.picture import StateTimeline
from mlmon.dashboards.model.sources import JOBS, MODELS

JOB = Values("ml.job.name", "Job", 10)
OUTCOMES = (
    Measure("Succeeded", where=is_("event.outcome", "success"), tone="good"),
    Measure("Failed", where=is_("event.outcome", "failure"), tone="critical"),
)

RUNS = Chart("Job runs", "Runs by outcome.", JOBS, OUTCOMES, "stacked")
BY_JOB = Chart(
    "Jobs",
    "Outcomes, durations and records of each job.",
    JOBS,
    (
        *OUTCOMES,
        Measure("Median duration", "median", "event.duration", unit="ns"),
        Measure("Maximum duration", "max", "event.duration", unit="ns"),
        Measure("Latest records", "last", "ml.job.records"),
        Measure("Latest event", "max", "@timestamp"),
    ),
    "table",
    (Values("ml.job.name", "Job", 20),),
)
TIMELINE = StateTimeline(
    Chart(
        "Job timeline",
        "Runs of each job by outcome: which failed, and when?",
        JOBS,
        (Measure("Runs"),),
        "heatmap",
        (Time(), Values("ml.job.name", "Job", 20, "name")),
    ),
    "event.outcome",
    ("failure", "success"),
)
DURATIONS = Chart(
    "Job duration",
    "Which job takes longer than before?",
    JOBS,
    (Measure("Maximum duration", "max", "event.duration", unit="ns"),),
    "line",
    (Time(), JOB),
    unit="ns",
)
RECORDS = Chart(
    "Records processed",
    "Does each job process as many records as before?",
    JOBS,
    (Measure("Records", "max", "ml.job.records"),),
    "line",
    (Time(), JOB),
)
EVALUATION = Chart(
    "Offline ROC AUC by version",
    "Are new versions better?",
    MODELS,
    (Measure("ROC AUC", "max", "ml.evaluation.roc_auc"),),
    "bar",
    (Values("ml.model.version", "Model version", 20, "name"),),
    is_("event.action", "evaluate"),
)
RELOADS = Chart(
    "Model events",
    "Trainings, evaluations and reloads by outcome.",
    MODELS,
    OUTCOMES,
    "table",
    (Values("event.action", "Action", 5), Values("ml.model.version", "Model version", 20, "name")),
)

DASHBOARD = Dashboard(
    "retraining",
    "Retraining pipeline",
    "Do the jobs run, are new models better, and are they in service?",
    order=7,
    analyzers=("job_health", "offline_metrics", "model_reload"),
    layers=("job", "training", "deployment"),
    sections=(
        Section(
            "Jobs",
            (
                PanelRow((TIMELINE,), 9),
                PanelRow((RUNS, DURATIONS, RECORDS)),
                PanelRow((BY_JOB,), 8),
            ),
        ),
        Section("Model versions", (PanelRow((EVALUATION, RELOADS)),)),
        Section(
            "Failures",
            (
                PanelRow((Documents(FAILED_JOBS.name),), 10),
                PanelRow((Documents(MODEL_EVENTS.name),), 10),
            ),
        ),
    ),
)
