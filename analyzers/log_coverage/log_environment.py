"""Environment of the services of a window, from their numbered lines; looked up per finding.

A namespace is meant to hold one environment. Where a service's lines name several, its profiles
have counted them together, and a finding names none.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from typing import TYPE_CHECKING

from mlmon.analyzers.base.window import HOUR, WEEK, floor
from mlmon.analyzers.log_coverage.log_completeness import COMPLETENESS_REACH

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from mlmon.analyzers.base.window import Window
    from mlmon.analyzers.profiles.kinds.sequence import SequenceProfile


class LogEnvironments:
    """The environment of any window, by service.

    Args:
        profiles: Sequence profiles in order of time.
    """

    def __init__(self, profiles: Iterable[SequenceProfile]) -> None:
        self._hours: dict[str, dict[str, list[datetime]]] = defaultdict(dict)
        for profile in profiles:
            for service, environment in {
                (process.service, process.environment)
                for process in profile.processes
                if process.environment
            }:
                of_service = self._hours[service]
                of_service.setdefault(environment, []).append(profile.window.start)

    def of(self, window: Window, service: str | None) -> str | None:
        """Return the one environment that a service's lines name, None where there is not one.

        Of a longer window the last two days count, and of a service that was silent in it the last
        hour with lines within a week: every run knows the same.
        """
        hours = self._hours.get(service or "", {})
        named = _within(hours, max(window.start, window.end - COMPLETENESS_REACH), window.end)
        if not named:
            known = _within(hours, window.end - WEEK, window.end)
            last = max((known[moment] for moment in known), default=None)
            named = {environment: hour for environment, hour in known.items() if hour == last}
        return next(iter(named)) if len(named) == 1 else None


def _within(
    hours: Mapping[str, Sequence[datetime]], start: datetime, end: datetime
) -> dict[str, datetime]:
    """Return the last hour of each environment that has lines from one moment to another."""
    last = {name: bisect_left(of, end) for name, of in hours.items()}
    return {
        name: of[last[name] - 1]
        for name, of in hours.items()
        if last[name] and of[last[name] - 1] >= floor(start, HOUR)
    }
