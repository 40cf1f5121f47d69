"""Measurements of stores of pre-computed features: how many entities have values, and how old."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from mlmon.analyzers.event_logs.hits import field_of
from mlmon.analyzers.profiles.event_kind import EventKind, EventProfile, Events
from mlmon.analyzers.profiles.quantities import quantity

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

KIND = "store"


@dataclass(frozen=True, slots=True)
class StoreEvent:
    """One measurement of a store.

    Args:
        source: The feature source.
        entity: What the values belong to, such as `profile`.
        at: When it was measured.
        total: Entities that exist.
        covered: Those of them that have values.
        middle_s: Median age of the values in seconds, None where unknown.
        high_s: Age that 90 % of the values do not pass, None where unknown.
        service: The service that measured.
    """

    source: str
    entity: str
    at: datetime
    total: int
    covered: int
    middle_s: float | None = None
    high_s: float | None = None
    service: str | None = None

    @property
    def subject(self) -> str:
        """The store, as `finding.subject` names it."""
        return f"{self.source} ({self.entity})"


@dataclass(frozen=True, slots=True)
class StoreProfile(EventProfile[StoreEvent]):
    """The measurements of one window, in order of time."""

    events: tuple[StoreEvent, ...] = quantity(Events(StoreEvent))


class StoreKind(EventKind[StoreEvent]):
    """Measurements of stores by the hour."""

    name = KIND
    dataset = "ml.store"
    profile = StoreProfile
    fields: ClassVar = ["ml.feature_source.name", "ml.store.*", "service.name"]

    def of(self, source: Mapping[str, Any], at: datetime) -> StoreEvent:
        """Return the measurement that a line logs."""
        return StoreEvent(
            source=field_of(source, "ml.feature_source.name") or "unknown",
            entity=field_of(source, "ml.store.entity") or "unknown",
            at=at,
            total=field_of(source, "ml.store.total") or 0,
            covered=field_of(source, "ml.store.covered") or 0,
            middle_s=field_of(source, "ml.store.age_p50_s"),
            high_s=field_of(source, "ml.store.age_p90_s"),
            service=field_of(source, "service.name"),
        )

    def order(self, event: StoreEvent) -> tuple[object, ...]:
        """Sort by time, then by store."""
        return event.at, event.source, event.entity


profiles = StoreKind().profiles
