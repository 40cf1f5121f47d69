"""Where the services of a window ran, as their numbered lines say: looked up for each finding.

A namespace is meant to hold one environment. Where a service's lines name several, its profiles
have counted them together, and a finding names none.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from typing import TYPE_CHECKING

from analyzers.log_completeness import REACH
from analyzers.window import HOUR, floor

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from analyzers.profile.sequences import SequenceProfile
    from analyzers.window import Window


class LogEnvironments:
    """The environment of any window, by service.

    Args:
        profiles: Sequence profiles in order of time.
    """

    def __init__(self, profiles: Iterable[SequenceProfile]) -> None:
        self._hours: dict[str, dict[str, list[datetime]]] = defaultdict(dict)
        for profile in profiles:
            for service, environment in {
                (each.service, each.environment) for each in profile.processes if each.environment
            }:
                of_service = self._hours[service]
                of_service.setdefault(environment, []).append(profile.window.start)

    def of(self, window: Window, service: str | None) -> str | None:
        """Return the one environment that a service's lines name, None where there is not one.

        Of a longer window the last two days count, so that every run knows the same.
        """
        start = floor(max(window.start, window.end - REACH), HOUR)
        named = {
            environment
            for environment, hours in self._hours.get(service or "", {}).items()
            if bisect_left(hours, start) < bisect_left(hours, window.end)
        }
        return named.pop() if len(named) == 1 else None
