"""The decisions of a model version whose label is known, in order: right or wrong, and when.

A history begins with the version's first labeled hour, or for older versions at a multiple of
`RESTART` that lies one to two times as far back. So it is the same whenever it is read, and what
detectors find at one moment never depends on which other moments are judged with it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING

from mlmon.analyzers.base.window import Window, floor
from mlmon.analyzers.checks.concept_drift.error_stream import DETECTORS, ChangePoint
from mlmon.analyzers.profiles.one_per_version import one_per_version

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from mlmon.analyzers.base.analysis_context import AnalysisContext
    from mlmon.analyzers.profiles.kinds.label import LabelProfile

RESTART = timedelta(days=14)
ERROR_REACH = 2 * RESTART


def begin_of(moment: datetime) -> datetime:
    """Return from when on a history is read that is judged at a moment."""
    return floor(moment, RESTART) - RESTART


@dataclass(frozen=True)
class ErrorHistory:
    """Labeled decisions in order.

    Args:
        hours: When each hour began.
        errors: Its decisions, `1` wrong and `0` right.
    """

    hours: tuple[datetime, ...]
    errors: tuple[str, ...]

    @classmethod
    def of(
        cls, labels: AnalysisContext[LabelProfile], model: tuple[str, str], period: Window
    ) -> ErrorHistory:
        """Return the decisions of a version in a period."""
        own = [
            profile
            for profile in labels.within(period)
            if profile.model == model and profile.errors
        ]
        chosen = one_per_version(own, labels.baselines)
        return cls(
            tuple(profile.window.start for profile in chosen),
            tuple(profile.errors for profile in chosen),
        )

    @cached_property
    def stream(self) -> list[int]:
        """All decisions, 1 wrong and 0 right."""
        return [int(decision) for decision in "".join(self.errors)]

    @cached_property
    def changes(self) -> Mapping[str, tuple[ChangePoint, ...]]:
        """The changes each detector found, in order."""
        return {name: tuple(read(self.stream)) for name, read in DETECTORS.items()}

    @cached_property
    def _begins(self) -> list[int]:
        return list(accumulate(map(len, self.errors), initial=0))

    @cached_property
    def _wrong(self) -> list[int]:
        return list(accumulate(self.stream, initial=0))

    def place(self, moment: datetime) -> int:
        """Return how many decisions lie before a moment."""
        return self._begins[bisect_left(self.hours, moment)]

    def hour(self, place: int) -> datetime:
        """Return the hour of a decision."""
        return self.hours[bisect_right(self._begins, place) - 1]

    def rate(self, first: int, last: int) -> tuple[int, int]:
        """Return how many decisions from a place to before another are wrong, of how many."""
        return self._wrong[last] - self._wrong[first], last - first

    def latest(self, detector: str, seen: int) -> ChangePoint | None:
        """Return the last change that a detector found among so many decisions."""
        known = [change for change in self.changes[detector] if change.seen <= seen]
        return known[-1] if known else None
