"""What an analyzer judges: profiles in order of time, the baselines, and the period to judge."""

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
    """Profiles of the period and, before it, of the analyzer's lookback.

    Args:
        period: Windows that end in (start, end] are to be judged.
        profiles: In order of their windows' starts.
        baselines: The current baseline of each model version.
        beside: Profiles of the other kinds an analyzer names in `also`, by kind.
        fetch: Reads the profiles that start in a window with the named parts beside their core;
            None where all are whole.
    """

    period: Window
    profiles: Sequence[P]
    baselines: Mapping[tuple[str, str], Baseline] = field(default_factory=dict)
    beside: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    fetch: Callable[[Window, tuple[str, ...]], Sequence[P]] | None = None

    def detailed(self, window: Window, *parts: str) -> Sequence[P]:
        """Return the profiles that start in a window, with parts of them beside their core.

        They are read only now: for what few findings ask, of a time of which cores are enough for
        all others.
        """
        return self.within(window) if self.fetch is None else self.fetch(window, parts)

    def of(self, kind: str) -> AnalysisContext[Any]:
        """Return the context of another kind of profile, over the same period."""
        return AnalysisContext(self.period, self.beside.get(kind, ()), self.baselines)

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
