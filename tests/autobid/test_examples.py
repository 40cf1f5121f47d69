"""Training examples are a fair sample of what was predicted."""

from datetime import UTC, datetime

import numpy as np
import pytest

from mlmon.autobid.autobidder import EXPLORATION, EXPLORATION_DIGITS
from mlmon.autobid.examples import ExampleStore
from mlmon.autobid.features import FEATURES
from mlmon.autobid.identifiers import seeded_ids, share
from mlmon.autobid.prediction_service import ScoredBid
from mlmon.autobid.profile_stats import StatsStore
from mlmon.logging_config import Model


def prediction(prediction_id: str, *, approved: bool) -> ScoredBid:
    """A prediction whose features all say whether it was approved."""
    answer = StatsStore().look_up("nobody", datetime(2026, 11, 3, tzinfo=UTC))
    features = dict.fromkeys(FEATURES, float(approved))
    return ScoredBid(
        prediction_id, 0.5, approved, Model("autobid", "1"), dict(features), answer, 10.0
    )


def test_examples_are_as_the_predictions_not_as_the_bids() -> None:
    """Approved predictions are as frequent among the examples as among all predictions."""
    store, draw_id, rng = ExampleStore(), seeded_ids(3), np.random.default_rng(3)
    for approved in (rng.random(20_000) < 0.4).tolist():
        made = prediction(draw_id(), approved=approved)
        if approved or share(made.id, EXPLORATION_DIGITS) < EXPLORATION:
            store.bid_placed(made, at=1)
            store.outcome_known(made.id, succeeded=True)
    dataset = store.assemble(since=0)
    approved_share = np.mean([row["bid_price"] for row in dataset.rows])
    assert approved_share == pytest.approx(0.4, abs=0.02)
    assert len(dataset.rows) == pytest.approx(20_000 * EXPLORATION, rel=0.05)


def test_only_bids_with_an_outcome_become_examples() -> None:
    """A bid still pending is no example, and an outcome nobody waits for is ignored."""
    store = ExampleStore(exploration=1.0)
    store.bid_placed(prediction("0" * 32, approved=True), at=5)
    store.outcome_known("1" * 32, succeeded=True)
    assert store.assemble(since=0).labels == []
    store.outcome_known("0" * 32, succeeded=False)
    assert store.assemble(since=0).labels == [False]


def test_old_examples_are_forgotten() -> None:
    """Assembling since a moment drops what was predicted before it, for good."""
    store = ExampleStore(exploration=1.0)
    for at, digit in ((5, "0"), (15, "1")):
        store.bid_placed(prediction(digit * 32, approved=True), at=at)
        store.outcome_known(digit * 32, succeeded=True)
    assert len(store.assemble(since=10).rows) == 1
    assert len(store.assemble(since=0).rows) == 1
