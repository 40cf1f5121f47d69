"""The versions of each model in the order they were made, from the log of trainings. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from mlmon.analyzers.profiles.kinds.model import EVALUATE, TRAIN

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from mlmon.analyzers.profiles.kinds.model import ModelEvent


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """One version of a model.

    Args:
        model: Name of the model.
        version: Its version.
        made: When it was trained or, where that is not logged, first evaluated.
        evaluation: Its last evaluation, empty before one is logged.
        service: The service that made it.
    """

    model: str
    version: str
    made: datetime
    evaluation: Mapping[str, float] = field(default_factory=dict)
    service: str | None = None

    @property
    def title(self) -> str:
        """Name and version in a sentence."""
        return f"{self.model} {self.version}"


def versions(events: Iterable[ModelEvent]) -> dict[str, tuple[ModelVersion, ...]]:
    """Return each model's versions in the order they were made.

    Args:
        events: In order of time; failures and events that name no version are passed over.
    """
    found: dict[tuple[str, str], ModelVersion] = {}
    for event in events:
        if not event.succeeded or not event.model or not event.version:
            continue
        if event.action not in {TRAIN, EVALUATE}:
            continue
        key = (event.model, event.version)
        known = found.get(key) or ModelVersion(*key, event.at, service=event.service)
        evaluated = event.action == EVALUATE
        found[key] = replace(known, evaluation=event.evaluation) if evaluated else known
    by_model: dict[str, list[ModelVersion]] = {}
    for (model, _), version in found.items():
        by_model.setdefault(model, []).append(version)
    return {model: tuple(known) for model, known in sorted(by_model.items())}
