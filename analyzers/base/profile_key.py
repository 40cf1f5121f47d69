"""A profile's key, and the state of the logs when it was made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from mlmon.analyzers.base.digest import digest
from mlmon.analyzers.base.window import milliseconds

if TYPE_CHECKING:
    from datetime import datetime

    from mlmon.analyzers.base.window import Window


@dataclass(frozen=True, slots=True)
class ProfileKey:
    """The place of one profile: a kind of profile, one of its series, and a window.

    Args:
        kind: `profile.kind`, such as `prediction` or `access`.
        window: The time summarised.
        series: What distinguishes profiles of one window; for predictions the model's name, its
            version and the baseline whose edges were used ("" for none), else nothing.
    """

    kind: str
    window: Window
    series: tuple[str, ...] = ()

    def id(self, revision: int) -> str:
        """The document's `_id`."""
        parts = [self.kind, *([digest(self.series)] if self.series else [])]
        return "-".join([*parts, str(milliseconds(self.window.start)), str(revision)])


@dataclass(frozen=True, slots=True)
class SourceWatermark:
    """The events a profile was made from.

    Args:
        documents: How many.
        ingested: When the last of them reached Elasticsearch, None where unknown.
    """

    documents: int = 0
    ingested: datetime | None = None

    def outdated_by(self, present: SourceWatermark) -> bool:
        """Whether events have come since, and those that were counted are there to count again.

        Logs are deleted long before profiles. Where fewer events are there than were counted, what
        a late one adds is unknown: the earlier count stays.
        """
        if present.documents != self.documents:
            return present.documents > self.documents
        if present.ingested is None:
            return False
        return self.ingested is None or present.ingested > self.ingested

    def __add__(self, other: SourceWatermark) -> SourceWatermark:
        times = [
            watermark.ingested for watermark in (self, other) if watermark.ingested is not None
        ]
        return SourceWatermark(self.documents + other.documents, max(times, default=None))


@dataclass(frozen=True, slots=True)
class Stamp:
    """The latest stored revision of a profile key's profile and what it was made from."""

    watermark: SourceWatermark
    revision: int


class Profile(Protocol):
    """The common part of all kinds of profiles."""

    @property
    def profile_key(self) -> ProfileKey:
        """The window that was profiled."""
        ...

    @property
    def window(self) -> Window:
        """The time summarised."""
        ...

    @property
    def watermark(self) -> SourceWatermark:
        """The events it was made from."""
        ...

    @property
    def revision(self) -> int:
        """1, and one more each time it was made again."""
        ...

    def body(self) -> dict[str, Any]:
        """The stored content besides profile key and watermark."""
        ...
