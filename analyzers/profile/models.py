"""What became of models in a window: each training, evaluation and reload.

They are few, so a profile keeps them one by one. Profiles of several windows add up by joining
their events.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from analyzers.profile.aggregations import period_query
from analyzers.profile.hits import STEP, by_hour, family_of, field_of
from analyzers.profile.kind import ProfileKind
from analyzers.profile.slot import Slot
from analyzers.window import iso, parse_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from analyzers.baseline.baseline import Baseline
    from analyzers.profile.logs import Logs
    from analyzers.profile.slot import Knowledge
    from analyzers.window import Window

KIND = "model"
DATASET = "ml.model"
TRAIN, EVALUATE, RELOAD = "train", "evaluate", "reload"
_FIELDS = [
    "@timestamp",
    "event.*",
    "ml.model.*",
    "ml.evaluation.*",
    "service.name",
    "error.message",
]


@dataclass(frozen=True, slots=True)
class ModelEvent:
    """One training, evaluation or reload.

    Args:
        action: `train`, `evaluate` or `reload`; others are kept as they are.
        at: When it ended.
        succeeded: Whether it did.
        model: Name of the model, None where the event does not say (a reload of "the newest" that
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
class ModelProfile:
    """The events of one window, in order of time."""

    slot: Slot
    knowledge: Knowledge
    revision: int = 1
    events: tuple[ModelEvent, ...] = ()

    @property
    def window(self) -> Window:
        """The time summarised."""
        return self.slot.window

    def body(self) -> dict[str, Any]:
        """Return what is stored beside slot and knowledge."""
        return {"events": [_encode(each) for each in self.events]}


class ModelKind(ProfileKind[ModelProfile]):
    """Trainings, evaluations and reloads by the hour."""

    name = KIND
    dataset = DATASET
    step = STEP

    def make(self, logs: Logs, series: tuple[str, ...], part: Window) -> Iterator[ModelProfile]:
        """Yield a profile for each hour with an event."""
        del series
        body = {"query": period_query(part, {})["query"], "_source": _FIELDS}
        return profiles(hit["_source"] for hit in logs.scan(DATASET, body))

    def read(
        self,
        slot: Slot,
        knowledge: Knowledge,
        revision: int,
        body: dict[str, Any],
        baselines: Mapping[str, Baseline],
    ) -> ModelProfile:
        """Return the profile of a stored body."""
        del baselines
        events = (ModelEvent(**(each | {"at": parse_time(each["at"])})) for each in body["events"])
        return ModelProfile(slot, knowledge, revision, tuple(events))


def profiles(sources: Iterable[Mapping[str, Any]]) -> Iterator[ModelProfile]:
    """Yield the profiles of log events (their sources), one per hour that holds any."""
    for window, knowledge, events in by_hour(sources, _event):
        yield ModelProfile(Slot(KIND, window), knowledge, events=tuple(sorted(events, key=_order)))


def _event(source: Mapping[str, Any], at: datetime) -> ModelEvent:
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


def _finite(values: Mapping[str, Any]) -> dict[str, float]:
    return {
        name: float(value)
        for name, value in sorted(values.items())
        if isinstance(value, int | float) and math.isfinite(value)
    }


def _order(event: ModelEvent) -> tuple[object, ...]:
    rank = _ORDER.get(event.action, len(_ORDER))
    return event.at, rank, event.model or "", event.version or "", not event.succeeded


_ORDER = {TRAIN: 0, EVALUATE: 1, RELOAD: 2}
"""What is logged at the same moment happened in this order."""


def _encode(event: ModelEvent) -> dict[str, Any]:
    return {
        "action": event.action,
        "at": iso(event.at),
        "succeeded": event.succeeded,
        "model": event.model,
        "version": event.version,
        "evaluation": dict(event.evaluation),
        "service": event.service,
        "error": event.error,
    }
