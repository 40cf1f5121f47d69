"""The plan of incidents is one a monitor can be judged by."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from mlmon.autobid.clock import to_nanoseconds
from mlmon.autobid.incidents import PLAN_DAYS, TICK, plan_incidents

START = datetime(2026, 11, 4, tzinfo=UTC)
DISTORTING = (
    "concept_drift",
    "numeric_shift",
    "new_category",
    "missing_values",
    "statistics_job_dead",
    "encoder_replaced",
)


def test_there_is_a_calm_stretch_first() -> None:
    """At least seven incidents, none before day four and a half, none beyond the end."""
    incidents = plan_incidents(START, PLAN_DAYS).incidents
    assert len(incidents) >= 7
    assert len({incident.id for incident in incidents}) == len(incidents)
    assert incidents[0].start >= START + timedelta(days=4.5)
    assert incidents[-1].end <= START + timedelta(days=PLAN_DAYS)


def test_incidents_are_well_separated() -> None:
    """Twelve hours lie between one and the next; the one of embeddings has a sign of its own."""
    for former, latter in pairwise(plan_incidents(START, PLAN_DAYS).incidents):
        own = {expectation.analyzer for expectation in latter.expect} == {"embedding_drift"}
        assert latter.start - former.end >= timedelta(hours=0 if own else 12)


def test_no_model_is_trained_on_distorted_examples() -> None:
    """The four days before each retraining are free of what distorts features or outcomes."""
    incidents = {incident.id: incident for incident in plan_incidents(START, PLAN_DAYS).incidents}
    for assembled in (timedelta(days=7, hours=6), timedelta(days=14, hours=6)):
        end = START + assembled
        for incident in (incidents[name] for name in DISTORTING):
            assert incident.end <= end - timedelta(days=4) or incident.start >= end


@pytest.mark.parametrize("days", [1, 5, 9, 18, 40])
def test_the_plan_is_stretched_in_whole_ticks(days: int) -> None:
    """Order, place and whole ticks are kept at any length."""
    incidents = plan_incidents(START, days).incidents
    for incident in incidents:
        assert (incident.start - START) % TICK == timedelta(0)
        assert incident.end - incident.start >= TICK
        assert START < incident.start < incident.end <= START + timedelta(days=days)
    assert [incident.id for incident in incidents] == [
        incident.id for incident in plan_incidents(START, PLAN_DAYS).incidents
    ]


def test_each_incident_expects_something_known() -> None:
    """What is expected are metrics of analyzers in the table of ARCHITECTURE.md."""
    known = {
        "service_health": {
            "latency.mean",
            "latency.p95",
            "latency.p99",
            "http.5xx.rate",
            "http.400.rate",
            "http.503.rate",
            "traffic.rpm",
        },
        "score_shift": {"ks.distance"},
        "feature_drift": {"ks.distance", "total_variation"},
        "data_quality": {"missing.rate", "out_of_range.rate", "unseen_category.rate"},
        "fallback_rate": {"fallback.rate", "source.age_hours"},
        "job_health": {"failed.runs", "missed.runs", "duration.ratio"},
        "concept_drift": {"estimate.gap", "error.rise", "auc.decline", "auc.slope"},
        "embedding_drift": {"centroid.distance", "classifier.auc"},
        "live_performance": {"roc_auc", "approved.success_rate", "calibration.error"},
    }
    for incident in plan_incidents(START, PLAN_DAYS).incidents:
        assert incident.expect
        for expectation in incident.expect:
            assert expectation.metric in known[expectation.analyzer]


def test_only_those_named_are_planned() -> None:
    """A scenario may have some incidents only, or none; those left out are never active."""
    plan = plan_incidents(START, PLAN_DAYS, only=["bad_input"])
    assert [incident.id for incident in plan.incidents] == ["bad_input"]
    [incident] = plan.incidents
    assert plan.is_active("bad_input", to_nanoseconds(incident.start))
    assert not plan.is_active("bad_input", to_nanoseconds(incident.end))
    assert not plan.is_active("numeric_shift", to_nanoseconds(incident.start))
