"""Each run of a job is logged; a run that fails ends, and nothing else does."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from mlmon.autobid.clock import MINUTE_NS, SimulatedClock, to_datetime
from mlmon.autobid.encoding import FeatureRow
from mlmon.autobid.examples import Dataset, ExampleStore
from mlmon.autobid.jobs import TRAIN_MODEL, JobRunner, TrainingPipeline
from mlmon.autobid.market import Population
from mlmon.autobid.model import Training
from mlmon.autobid.model_store import ModelStore
from mlmon.autobid.profile_stats import StatsStore
from mlmon.logging_config import EventLog

Events = Callable[[str], list[dict[str, Any]]]


@pytest.fixture
def pipeline(tmp_path: Path, log: EventLog, clock: SimulatedClock) -> TrainingPipeline:
    """A pipeline with nothing in it yet."""
    models = ModelStore(tmp_path / "models")
    return TrainingPipeline(
        ExampleStore(), models, StatsStore(), Population(1).statistics, log, clock
    )


def test_a_run_is_logged_from_start_to_end(
    log: EventLog, clock: SimulatedClock, events: Events
) -> None:
    """Started and ended share run and trace; the end has outcome, duration and records."""

    def work() -> int:
        clock.advance(3 * MINUTE_NS)
        return 42

    assert JobRunner(log, clock).run("assemble_data_job", work)
    started, ended = events("ml.job")
    assert [started["event.action"], ended["event.action"]] == ["started", "ended"]
    assert started["ml.job.run_id"] == ended["ml.job.run_id"]
    assert started["trace.id"] == ended["trace.id"]
    assert ended["event.outcome"] == "success"
    assert ended["event.duration"] == 3 * MINUTE_NS
    assert ended["ml.job.records"] == 42


def test_a_failing_run_is_logged_and_ends_there(
    log: EventLog, clock: SimulatedClock, pipeline: TrainingPipeline, events: Events
) -> None:
    """Training that cannot reach its machine fails run and model event; no exception escapes."""

    def refuse(_rows: Sequence[FeatureRow], _labels: Sequence[bool]) -> Training:
        raise ConnectionRefusedError("no machine to train on")

    pipeline.trainer = refuse
    assert not JobRunner(log, clock).run(TRAIN_MODEL, pipeline.train_model)
    ended, [model] = events("ml.job")[-1], events("ml.model")
    assert ended["event.outcome"] == "failure"
    assert ended["error.type"].endswith("ConnectionRefusedError")
    assert ended["error.message"] == "no machine to train on"
    assert "ml.job.records" not in ended
    assert (model["event.action"], model["event.outcome"]) == ("train", "failure")
    assert model["trace.id"] == ended["trace.id"]


def test_training_without_examples_fails(
    log: EventLog, clock: SimulatedClock, pipeline: TrainingPipeline, events: Events
) -> None:
    """Nothing assembled is a failed run that says how much is needed."""
    assert not JobRunner(log, clock).run(TRAIN_MODEL, pipeline.train_model)
    assert "at least 100 are needed" in events("ml.job")[-1]["error.message"]
    assert pipeline.models.versions() == []


def test_training_publishes_and_reports(
    pipeline: TrainingPipeline, history: Dataset, events: Events
) -> None:
    """A version is published, and the logged evaluation is the one next to the model."""
    pipeline.dataset = history
    assert pipeline.train_model() == len(history.rows)
    trained, evaluated = events("ml.model")
    assert (trained["event.action"], trained["event.outcome"]) == ("train", "success")
    assert evaluated["event.action"] == "evaluate"
    assert evaluated["ml.model.version"] == "1"
    assert evaluated["ml.evaluation.roc_auc"] > 0.65
    assert pipeline.models.versions() == [1]


def test_statistics_are_as_of_the_run(pipeline: TrainingPipeline, clock: SimulatedClock) -> None:
    """A refresh dates the statistics by the clock and counts the profiles."""
    population = Population(1)
    assert pipeline.refresh_profile_stats() == (~population.is_new).sum()
    known = population.names[population.is_new.tolist().index(False)]
    answer = pipeline.stats.look_up(known, to_datetime(clock()))
    assert answer.age_s == 0.0
