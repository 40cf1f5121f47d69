"""Predictions: statistics looked up, features put together, the model asked, the answer logged.

`score` computes and `record` logs, separately, so that many requests can be scored
in one batch while each keeps an event of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from mlmon.autobid.features import assemble_features
from mlmon.autobid.identifiers import DrawId, random_id
from mlmon.autobid.model import APPROVAL_THRESHOLD, MODEL_NAME, SuccessModel
from mlmon.autobid.model_store import ModelNotFoundError, ModelStore
from mlmon.autobid.opportunity import BidOpportunity, FeatureValue
from mlmon.autobid.profile_stats import STATS_SOURCE, StatsAnswer, StatsStore
from mlmon.logging_config import EventLog, Model


class ModelNotLoadedError(RuntimeError):
    """There is no model to predict with yet."""


class ScoredBid(NamedTuple):
    """The answer to one request, and all that was known when it was made."""

    id: str
    score: float
    approved: bool
    model: Model
    features: dict[str, FeatureValue]
    stats: StatsAnswer
    bid_price: float


@dataclass(slots=True)
class PredictionService:
    """One running service: the model it has loaded and the statistics it knows."""

    models: ModelStore
    stats: StatsStore
    log: EventLog
    draw_id: DrawId = random_id
    threshold: float = APPROVAL_THRESHOLD
    _loaded: tuple[Model, SuccessModel] | None = field(default=None)

    @property
    def model(self) -> Model | None:
        """The model that is loaded."""
        return self._loaded[0] if self._loaded else None

    def reload(self, version: str | None = None) -> Model:
        """Load a version, by default the newest; the one loaded before is kept when that fails.

        Raises:
            ModelNotFoundError: there is no such model or it cannot be read; this is logged too.
        """
        try:
            found, loaded = self.models.load(version)
        except ModelNotFoundError as error:
            wanted = Model(MODEL_NAME, version) if version else None
            self.log.model_event(action="reload", succeeded=False, model=wanted, error=error)
            raise
        model = Model(MODEL_NAME, found)
        self._loaded = (model, loaded)
        self.log.model_event(action="reload", succeeded=True, model=model)
        return model

    def score(
        self, opportunities: Sequence[BidOpportunity], received: Sequence[datetime]
    ) -> list[ScoredBid]:
        """Predict each opportunity as of the moment it was received, in one batch.

        Raises:
            ModelNotLoadedError: no reload has succeeded yet.
        """
        if self._loaded is None:
            raise ModelNotLoadedError("no model is loaded; POST /ml/autobid/reload_model loads one")
        if not opportunities:
            return []
        model, loaded = self._loaded
        answers = [
            self.stats.look_up(opportunity.profile_id, at)
            for opportunity, at in zip(opportunities, received, strict=True)
        ]
        rows = [
            assemble_features(opportunity, answer.features)
            for opportunity, answer in zip(opportunities, answers, strict=True)
        ]
        return [
            ScoredBid(
                self.draw_id(),
                score,
                score >= self.threshold,
                model,
                row,
                answer,
                opportunity.bid_price,
            )
            for opportunity, score, row, answer in zip(
                opportunities, loaded.predict(rows).tolist(), rows, answers, strict=True
            )
        ]

    def record(self, prediction: ScoredBid) -> None:
        """Log a prediction and, where defaults took the place of statistics, the fallback."""
        if prediction.stats.status != "fresh":
            self.log.fallback(
                source=STATS_SOURCE, age_s=prediction.stats.age_s, reason=prediction.stats.status
            )
        self.log.prediction(
            prediction_id=prediction.id,
            model=prediction.model,
            score=prediction.score,
            threshold=self.threshold,
            approved=prediction.approved,
            features=prediction.features,
            sources={STATS_SOURCE: prediction.stats.source},
        )
