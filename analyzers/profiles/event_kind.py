"""Kinds of profiles of rare events: each is kept, since rhythm, duration and order need them.

Profiles of several windows add up by joining their events.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

from mlmon.analyzers.base.profile_key import ProfileKey
from mlmon.analyzers.base.window import iso, parse_time
from mlmon.analyzers.event_logs.aggregations import period_query
from mlmon.analyzers.event_logs.hits import EVENT_STEP, by_hour, first_values, typed
from mlmon.analyzers.profiles.kind import ProfileKind
from mlmon.analyzers.profiles.profile import WindowProfile
from mlmon.analyzers.profiles.quantities import Quantity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from _typeshed import DataclassInstance

    from mlmon.analyzers.base.window import Window
    from mlmon.analyzers.event_logs.logs import Logs
    from mlmon.analyzers.profiles.quantities import DeclarationScope

    class Event(DataclassInstance, Protocol):
        """A frozen dataclass; its other fields are JSON values."""

        @property
        def at(self) -> datetime:
            """Time of the event."""
            ...


E = TypeVar("E", bound="Event")


@dataclass(frozen=True)
class Events(Quantity["tuple[Any, ...]"]):
    """Events in order of time, which a kind fills in."""

    of: type[Any]

    def empty(self) -> tuple[Any, ...]:
        """No event."""
        return ()

    def encode(self, value: tuple[Any, ...]) -> Any:
        """Return their fields."""
        return [asdict(event) | {"at": iso(event.at)} for event in value]

    def decode(self, body: Any, scope: DeclarationScope) -> tuple[Any, ...]:
        """Read what `encode` wrote."""
        del scope
        return tuple(self.of(**event | {"at": parse_time(event["at"])}) for event in body)

    def merge(self, values: Sequence[tuple[Any, ...]]) -> tuple[Any, ...]:
        """Join them."""
        return tuple(event for value in values for event in value)


@dataclass(frozen=True, slots=True)
class EventProfile(WindowProfile, Generic[E]):
    """The events of one window, in order of time; a kind's own class declares `events`."""

    events: tuple[E, ...] = ()


class EventKind(ProfileKind[EventProfile[E]], Generic[E]):
    """Events by the hour.

    Attributes:
        fields: The fields of the log that `of` reads.
    """

    step = EVENT_STEP
    growing = True  # a verdict at the second of an event must know the events just before it
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
            yield self.profile(ProfileKey(self.name, window), watermark, events=ordered)
