"""Retraining pipeline: do the jobs run, do they make better models, and are those in service?"""

from __future__ import annotations

from mlmon.dashboards.definitions.searches import FAILED_JOBS, MODEL_EVENTS
from mlmon.dashboards.model.chart import Chart, Measure, Time, Values
from mlmon.dashboards.model.condition import is_
from mlmon.dashboards.model.dashboard import Dashboard, Documents, Row, Section
from mlmon.dashboards.model.sources import JOBS, MODELS

JOB = Values("ml.job.name", "Job", 10)
OUTCOMES = (
    Measure("Succeeded", where=is_("event.outcome", "success"), tone="good"),
    Measure("Failed", where=is_("event.outcome", "failure"), tone="critical"),
)

RUNS = Chart("Job runs", "Do the jobs run, and do they succeed?", JOBS, OUTCOMES, "stacked")
BY_JOB = Chart(
    "Jobs",
    "Which job succeeds how often, and how long does it take?",
    JOBS,
    (
        *OUTCOMES,
        Measure("Median duration", "median", "event.duration", unit="ns"),
        Measure("Longest", "max", "event.duration", unit="ns"),
        Measure("Records, last", "last", "ml.job.records"),
        Measure("Last event", "max", "@timestamp"),
    ),
    "table",
    (Values("ml.job.name", "Job", 20),),
)
DURATIONS = Chart(
    "Duration of runs",
    "Which job takes longer than it did?",
    JOBS,
    (Measure("Longest", "max", "event.duration", unit="ns"),),
    "line",
    (Time(), JOB),
    unit="ns",
)
RECORDS = Chart(
    "Records worked through",
    "Does each job have as much to work through as before?",
    JOBS,
    (Measure("Records", "max", "ml.job.records"),),
    "line",
    (Time(), JOB),
)
EVALUATION = Chart(
    "Offline ROC AUC by version",
    "Do new versions get better?",
    MODELS,
    (Measure("ROC AUC", "max", "ml.evaluation.roc_auc"),),
    "bar",
    (Values("ml.model.version", "Model version", 20, "name"),),
    is_("event.action", "evaluate"),
)
RELOADS = Chart(
    "Model events",
    "Were models trained, evaluated and reloaded, and did it work?",
    MODELS,
    OUTCOMES,
    "table",
    (Values("event.action", "Action", 5), Values("ml.model.version", "Model version", 20, "name")),
)

DASHBOARD = Dashboard(
    "retraining",
    "Retraining pipeline",
    "Do the jobs run, do they make better models, and are those in service?",
    order=6,
    analyzers=("job_health", "offline_metrics", "model_reload"),
    layers=("job", "training", "deployment"),
    sections=(
        Section("Do the jobs run?", (Row((RUNS, DURATIONS, RECORDS)), Row((BY_JOB,), 8))),
        Section("Do models get better?", (Row((EVALUATION, RELOADS)),)),
        Section(
            "What went wrong?",
            (Row((Documents(FAILED_JOBS.name),), 10), Row((Documents(MODEL_EVENTS.name),), 10)),
        ),
    ),
)
