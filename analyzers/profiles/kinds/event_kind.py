"""Kinds of profiles of rare events: each is kept, since rhythm, duration and order need them.

Profiles of several windows add up by joining their events.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

from mlmon.analyzers.base.profile_key import ProfileKey, SourceWatermark
from mlmon.analyzers.base.window import Window, iso, parse_time
from mlmon.analyzers.event_logs.aggregations import period_query
from mlmon.analyzers.event_logs.hits import STEP, by_hour, first_values, typed
from mlmon.analyzers.profiles.kind import ProfileKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from _typeshed import DataclassInstance

    from mlmon.analyzers.baselines.baseline import Baseline
    from mlmon.analyzers.event_logs.logs import Logs

    class Event(DataclassInstance, Protocol):
        """A frozen dataclass; its other fields are JSON values."""

        @property
        def at(self) -> datetime:
            """When it happened."""
            ...


E = TypeVar("E", bound="Event")


@dataclass(frozen=True, slots=True)
class EventProfile(Generic[E]):
    """The events of one window, in order of time."""

    profile_key: ProfileKey
    watermark: SourceWatermark
    revision: int = 1
    events: tuple[E, ...] = ()

    @property
    def window(self) -> Window:
        """The time summarised."""
        return self.profile_key.window

    def body(self) -> dict[str, Any]:
        """Return what is stored beside profile key and watermark."""
        return {"events": [asdict(event) | {"at": iso(event.at)} for event in self.events]}


class EventKind(ProfileKind[EventProfile[E]], Generic[E]):
    """Events by the hour.

    Attributes:
        event: What an event is.
        fields: The fields of the log that `of` reads.
    """

    step = STEP
    event: ClassVar[type[Any]]
    fields: ClassVar[list[str]]

    @abstractmethod
    def of(self, source: Mapping[str, Any], at: datetime) -> E:
        """Return the event of a line's fields and its time."""

    @abstractmethod
    def order(self, event: E) -> tuple[object, ...]:
        """Return what events of an hour are sorted by."""

    def make(self, logs: Logs, series: tuple[str, ...], part: Window) -> Iterator[EventProfile[E]]:
        """Yield a profile for each hour with an event."""
        del series
        body = {"query": period_query(part, {})["query"], **typed(self.fields)}
        return self.profiles(first_values(hit) for hit in logs.scan(self.dataset, body))

    def profiles(self, sources: Iterable[Mapping[str, Any]]) -> Iterator[EventProfile[E]]:
        """Yield the profiles of log events (their fields), one per hour that holds any."""
        for window, watermark, events in by_hour(sources, self.of):
            ordered = tuple(sorted(events, key=self.order))
            yield EventProfile(ProfileKey(self.name, window), watermark, events=ordered)

    def read(
        self,
        profile_key: ProfileKey,
        watermark: SourceWatermark,
        revision: int,
        body: dict[str, Any],
        baselines: Mapping[str, Baseline],
    ) -> EventProfile[E]:
        """Return the profile of a stored body."""
        del baselines
        events = (
            self.event(**(event | {"at": parse_time(event["at"])})) for event in body["events"]
        )
        return EventProfile(profile_key, watermark, revision, tuple(events))
