"""The input of an analyzer: profiles in order of time, the baselines, the period to judge."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from mlmon.analyzers.base.window import Window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime, timedelta

    from mlmon.analyzers.baselines.baseline import Baseline


class Timed(Protocol):
    """Something that has a window."""

    @property
    def window(self) -> Window:
        """Its time."""
        ...


P = TypeVar("P", bound=Timed)


@dataclass(frozen=True)
class AnalysisContext(Generic[P]):
    """Profiles of a period, and of the past that the analyzer needs.

    Args:
        period: Windows that end in (start, end] are to be judged.
        profiles: Of the kind the analyzer judges, in order of their windows' starts. Of a kind with
            a core (`ProfileKind.core`), old ones may hold the core only.
        baselines: The current baseline of each model version.
        others: Profiles of the other kinds that the analyzer needs, by kind.
        fetch: Reads a named part of the profiles that hold their core only; None where all are
            complete.
        earlier: Reads the complete profiles of a kind as far back as `Needs.pooled` says; None
            where there are no others than those given.
        accepted: Gives a baseline as a window that ends at a moment is compared with it; None where
            no change was accepted.
        without_delay_until: Until when no line means that none was written; None where all lines
            have arrived.
    """

    period: Window
    profiles: Sequence[P]
    baselines: Mapping[tuple[str, str], Baseline] = field(default_factory=dict)
    others: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    fetch: Callable[[str], Sequence[P]] | None = None
    earlier: Callable[[str], Sequence[Any]] | None = None
    accepted: Callable[[Baseline, datetime], Baseline] | None = None
    without_delay_until: datetime | None = None

    def baseline(self, model: tuple[str, str], end: datetime) -> Baseline | None:
        """Return what a model version's window is compared with; None where there is no baseline.

        Args:
            model: Name and version.
            end: End of the window.
        """
        found = self.baselines.get(model)
        return self.accepted(found, end) if found and self.accepted else found

    def with_part(self, part: str) -> Sequence[P]:
        """Return all profiles in order of time, those that hold their core only with a part more.

        The part is read by this call: use it for what few findings need.
        """
        return self.profiles if self.fetch is None else self.fetch(part)

    def pooled(self, kind: str) -> Sequence[Any]:
        """Return the complete profiles of a kind, in order of time, as far back as is pooled.

        They are read by the first call: use it where a day holds too little for a verdict.
        """
        if self.earlier is not None:
            return self.earlier(kind)
        if kind in self.others:
            return self.others[kind]
        own: Sequence[Any] = self.profiles
        return [profile for profile in own if profile.profile_key.kind == kind]

    def of(self, kind: str) -> AnalysisContext[Any]:
        """Return the context of another kind of profile, over the same period."""
        return AnalysisContext(
            self.period, self.others.get(kind, ()), self.baselines, accepted=self.accepted
        )

    @cached_property
    def _starts(self) -> list[datetime]:
        return [profile.window.start for profile in self.profiles]

    def within(self, window: Window) -> Sequence[P]:
        """Return the profiles that start in a window."""
        first = bisect_left(self._starts, window.start)
        return self.profiles[first : bisect_left(self._starts, window.end)]

    def windows(self, length: timedelta, step: timedelta | None = None) -> Iterator[Window]:
        """Yield the windows to judge: they end at the multiples of `step` (by default `length`)."""
        for end in self.period.ends(step or length):
            yield Window(end - length, end)
