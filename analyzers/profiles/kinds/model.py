"""Trainings, evaluations and reloads of models in a window."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from mlmon.analyzers.event_logs.hits import family_of, field_of
from mlmon.analyzers.profiles.event_kind import EventKind, EventProfile, Events
from mlmon.analyzers.profiles.quantities import quantity

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

KIND = "model"
TRAIN, EVALUATE, RELOAD = "train", "evaluate", "reload"
_ORDER = {TRAIN: 0, EVALUATE: 1, RELOAD: 2}
"""Order of events that are logged at the same moment."""


@dataclass(frozen=True, slots=True)
class ModelEvent:
    """One training, evaluation or reload.

    Args:
        action: `train`, `evaluate` or `reload`; others are kept as they are.
        at: When it ended.
        succeeded: Whether it did.
        model: Name of the model, None where the event has none (a reload of "the newest" that
            failed before it knew which).
        version: Its version, None as above.
        evaluation: Metrics of an evaluation by name, finite numbers only.
        service: The service that did it.
        error: What went wrong, None for a success.
    """

    action: str
    at: datetime
    succeeded: bool
    model: str | None = None
    version: str | None = None
    evaluation: Mapping[str, float] = field(default_factory=dict)
    service: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class ModelProfile(EventProfile[ModelEvent]):
    """The events of one window, in order of time."""

    events: tuple[ModelEvent, ...] = quantity(Events(ModelEvent))


class ModelKind(EventKind[ModelEvent]):
    """Trainings, evaluations and reloads by the hour."""

    name = KIND
    dataset = "ml.model"
    profile = ModelProfile
    fields: ClassVar = [
        "event.action",
        "event.outcome",
        "ml.model.*",
        "ml.evaluation.*",
        "service.name",
        "error.message",
    ]

    def of(self, source: Mapping[str, Any], at: datetime) -> ModelEvent:
        """Return the training, evaluation or reload that a line logs."""
        return ModelEvent(
            action=field_of(source, "event.action") or "unknown",
            at=at,
            succeeded=field_of(source, "event.outcome") == "success",
            model=field_of(source, "ml.model.name"),
            version=field_of(source, "ml.model.version"),
            evaluation=_finite(family_of(source, "ml.evaluation")),
            service=field_of(source, "service.name"),
            error=field_of(source, "error.message"),
        )

    def order(self, event: ModelEvent) -> tuple[object, ...]:
        """Sort by time, then as things happen, then by model."""
        rank = _ORDER.get(event.action, len(_ORDER))
        return event.at, rank, event.model or "", event.version or "", not event.succeeded


profiles = ModelKind().profiles


def _finite(values: Mapping[str, Any]) -> dict[str, float]:
    return {
        name: float(value)
        for name, value in sorted(values.items())
        if isinstance(value, int | float) and math.isfinite(value)
    }
