"""Predictions are logged with what they were made from; failures leave the service as it was."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from mlmon.autobid.clock import SimulatedClock, to_datetime
from mlmon.autobid.examples import Dataset
from mlmon.autobid.model import APPROVAL_THRESHOLD, train
from mlmon.autobid.model_store import MODEL_FILE, ModelNotFoundError, ModelStore
from mlmon.autobid.opportunity import BidOpportunity, parse_opportunity
from mlmon.autobid.prediction_service import ModelNotLoadedError, PredictionService
from mlmon.autobid.profile_stats import DEFAULTS, ProfileHistoricalStats, StatsStore
from mlmon.logging_config import EventLog

Events = Callable[[str], list[dict[str, Any]]]


@pytest.fixture
def service(
    tmp_path: Path, log: EventLog, clock: SimulatedClock, history: Dataset
) -> PredictionService:
    """A service with one model on disk and statistics of one profile, fresh at the clock's time."""
    store, stats = ModelStore(tmp_path / "models"), StatsStore()
    store.publish(train(*history), *history, to_datetime(clock()))
    stats.refresh([ProfileHistoricalStats("profile-0001", 0.6, 40, to_datetime(clock()))])
    return PredictionService(store, stats, log)


@pytest.fixture
def opportunity() -> BidOpportunity:
    """A request of the profile whose statistics are known, without a rating."""
    return parse_opportunity(
        {
            "opportunity_id": "job-1",
            "profile_id": "profile-0001",
            "bid_price": 480.0,
            "client_budget": 500.0,
            "competing_bids": 4.0,
            "hours_since_posted": 2.5,
            "skill_match": 0.7,
            "description_words": 120.0,
            "job_category": "design",
            "contract_type": "hourly",
            "client_country": "DE",
            "experience_level": "expert",
            "description_embedding": [0.1] * 12,
        }
    )


def test_a_prediction_is_logged_with_its_features(
    service: PredictionService, opportunity: BidOpportunity, clock: SimulatedClock, events: Events
) -> None:
    """The event holds score, decision, model, each feature under its type, and what is missing."""
    service.reload()
    [prediction] = service.score([opportunity], [to_datetime(clock())])
    service.record(prediction)
    [event] = events("ml.prediction")
    assert event["ml.prediction.id"] == prediction.id
    assert event["ml.prediction.score"] == prediction.score
    assert event["ml.prediction.threshold"] == APPROVAL_THRESHOLD
    decision = "approved" if prediction.score >= APPROVAL_THRESHOLD else "rejected"
    assert event["ml.prediction.decision"] == decision
    assert event["ml.model.version"] == "1"
    assert event["ml.features.numeric.bid_price"] == 480.0
    assert event["ml.features.numeric.profile_success_rate"] == 0.6
    assert event["ml.features.categorical.job_category"] == "design"
    assert event["ml.features.embedding.description_embedding"] == [0.1] * 12
    assert set(event["ml.features.missing"]) == {"client_rating", "client_hire_rate"}
    assert event["ml.feature_source.profile_historical_stats.status"] == "fresh"
    assert events("ml.fallback") == []


def test_stale_statistics_are_replaced_and_reported(
    service: PredictionService, opportunity: BidOpportunity, clock: SimulatedClock, events: Events
) -> None:
    """Five hours later the defaults are predicted with, and both events say stale and how old."""
    service.reload()
    later = to_datetime(clock()) + timedelta(hours=5)
    [prediction] = service.score([opportunity], [later])
    service.record(prediction)
    [event], [fallback] = events("ml.prediction"), events("ml.fallback")
    for name, value in DEFAULTS.items():
        assert event[f"ml.features.numeric.{name}"] == value
    assert event["ml.feature_source.profile_historical_stats.status"] == "stale"
    assert event["ml.feature_source.profile_historical_stats.age_s"] == 5 * 3600
    assert fallback["ml.feature_source.name"] == "profile_historical_stats"
    assert fallback["ml.feature_source.age_s"] == 5 * 3600
    assert fallback["event.reason"] == "stale"


def test_a_batch_scores_like_single_requests(
    service: PredictionService, opportunity: BidOpportunity, clock: SimulatedClock
) -> None:
    """The batch changes no score, and every prediction has an id of its own."""
    service.reload()
    other = opportunity.model_copy(update={"skill_match": 0.1, "profile_id": "unknown"})
    at = to_datetime(clock())
    batch = service.score([opportunity, other], [at, at])
    alone = [service.score([request], [at])[0] for request in (opportunity, other)]
    assert [prediction.score for prediction in batch] == pytest.approx(
        [prediction.score for prediction in alone]
    )
    assert len({prediction.id for prediction in (*batch, *alone)}) == 4


def test_without_a_model_there_is_no_prediction(
    service: PredictionService, opportunity: BidOpportunity, clock: SimulatedClock
) -> None:
    """Before a reload, scoring says that no model is loaded."""
    with pytest.raises(ModelNotLoadedError, match="reload_model"):
        service.score([opportunity], [to_datetime(clock())])


def test_a_failed_reload_keeps_the_model(
    service: PredictionService, tmp_path: Path, events: Events
) -> None:
    """A model cut short is logged as a failed reload; the one loaded before goes on serving."""
    service.reload()
    loaded = service.model
    path = tmp_path / "models" / "1" / MODEL_FILE
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(ModelNotFoundError):
        service.reload()
    assert service.model == loaded
    outcomes = [(event["event.action"], event["event.outcome"]) for event in events("ml.model")]
    assert outcomes == [("reload", "success"), ("reload", "failure")]
    assert "cannot be read" in events("ml.model")[-1]["error.message"]
