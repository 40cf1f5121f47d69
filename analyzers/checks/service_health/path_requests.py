"""The requests of each path over time, and which paths are worth a verdict of their own. Pure.

Robots ask for thousands of paths once, and paths that hold an id are as many as the ids. So the
paths of a service with most requests in the week before a day are judged separately on that day,
all others of it together.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING

from mlmon.analyzers.base.window import EPOCH, HOUR, Window, floor
from mlmon.analyzers.profiles.kinds.access import OTHER_PATHS, PathAccess
from mlmon.analyzers.profiles.quantities import merge

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime

    from mlmon.analyzers.profiles.kinds.access import AccessProfile

PAST_REQUESTS = timedelta(days=7)
JUDGED = 20
"""So many paths of a service are judged separately: well below the paths that each window keeps, so
that one of them is rarely left out of a window."""
IN_USE = 10
"""Requests within a week, or within the window on a log's first day, from which a path counts."""


class PathRequests:
    """One path's requests, or those of several together.

    Args:
        path: Its name.
        parts: Its requests by window, in order of time.
        truncated: Windows that do not keep all paths and do not name this one, with the
            most requests of it they may hold.
    """

    def __init__(
        self,
        path: str,
        parts: Sequence[tuple[Window, PathAccess]],
        truncated: Sequence[tuple[Window, int]] = (),
    ) -> None:
        self.path = path
        self._parts = parts
        self._starts = [window.start for window, _ in parts]
        self._sums = list(accumulate((access.requests for _, access in parts), initial=0))
        self._truncated = truncated

    def access(self, window: Window) -> PathAccess:
        """Return the requests of a window."""
        first, last = self._span(window)
        return merge([PathAccess(), *(access for _, access in self._parts[first:last])])

    def parts(self, window: Window) -> Sequence[tuple[Window, PathAccess]]:
        """Return the requests of a window, five minutes each."""
        first, last = self._span(window)
        return self._parts[first:last]

    def requests(self, window: Window) -> int:
        """Return how many requests a window holds."""
        first, last = self._span(window)
        return self._sums[last] - self._sums[first]

    def mean(self, window: Window) -> float:
        """Return the mean duration in a window in nanoseconds, 0 without any."""
        first, last = self._span(window)
        timed = self._timed[last] - self._timed[first]
        return (self._durations[last] - self._durations[first]) / timed if timed else 0.0

    @cached_property
    def _timed(self) -> list[int]:
        return list(accumulate((access.timed for _, access in self._parts), initial=0))

    @cached_property
    def _durations(self) -> list[float]:
        return list(accumulate((access.duration for _, access in self._parts), initial=0.0))

    def hidden(self, window: Window) -> int:
        """Return how many more a window may hold among its other paths."""
        return sum(
            most for part, most in self._truncated if window.start <= part.start < window.end
        )

    @cached_property
    def hours(self) -> list[tuple[Window, PathAccess]]:
        """The hours with requests."""
        by_hour: dict[Window, list[PathAccess]] = {}
        for window, access in self._parts:
            start = floor(window.start, HOUR)
            by_hour.setdefault(Window(start, start + HOUR), []).append(access)
        return [(window, merge(parts)) for window, parts in by_hour.items()]

    @cached_property
    def service(self) -> str | None:
        """The service that answers."""
        return next((access.service for _, access in self._parts if access.service), None)

    def _span(self, window: Window) -> tuple[int, int]:
        return bisect_left(self._starts, window.start), bisect_left(self._starts, window.end)


PathsOfWindow = tuple[Window, Mapping[str, PathAccess]]


def requests_by_service(profiles: Iterable[AccessProfile]) -> dict[str, list[PathsOfWindow]]:
    """Return the requests of each service by window and path, in order of time."""
    found: dict[str, list[PathsOfWindow]] = {}
    for profile in profiles:
        of_window: dict[str, dict[str, PathAccess]] = {}
        for endpoint, access in profile.paths.items():
            of_window.setdefault(endpoint.service, {})[endpoint.path] = access
        for service, paths in of_window.items():
            found.setdefault(service, []).append((profile.window, paths))
    return found


class Paths:
    """All paths of one service.

    Args:
        windows: Its requests by window and path, in order of time.
    """

    def __init__(self, windows: Sequence[PathsOfWindow]) -> None:
        self._windows = windows
        self._starts = [window.start for window, _ in windows]
        self._known: dict[str, PathRequests] = {}
        self._parts: dict[str, list[tuple[Window, PathAccess]]] = {}
        self._truncated = [(window, paths) for window, paths in windows if OTHER_PATHS in paths]
        for window, paths in windows:
            for path, access in paths.items():
                self._parts.setdefault(path, []).append((window, access))

    def of(self, path: str) -> PathRequests:
        """Return the requests of one path."""
        if path not in self._known:
            truncated = [
                (window, _least(paths)) for window, paths in self._truncated if path not in paths
            ]
            self._known[path] = PathRequests(path, self._parts[path], truncated)
        return self._known[path]

    def judged(self, day: Window) -> list[str] | None:
        """Return the paths to judge separately on a day: those with most requests the week before.

        None if nothing at all is known of that week.
        """
        counts = self._counts(Window(day.start - PAST_REQUESTS, day.start))
        return _most(counts) if counts.total() else None

    def new(self, window: Window) -> list[str]:
        """Return the paths to judge separately in a window before which nothing is known."""
        return _most(self._counts(window))

    def others(self, end: datetime, named: Collection[str]) -> PathRequests:
        """Return the requests of all paths but some, until a moment."""
        parts = [
            (window, merge(rest))
            for window, paths in self._within(Window(EPOCH, end))
            if (rest := [access for path, access in paths.items() if path not in named])
        ]
        return PathRequests(OTHER_PATHS, parts)

    def _counts(self, window: Window) -> Counter[str]:
        counts: Counter[str] = Counter()
        for _, paths in self._within(window):
            for path, access in paths.items():
                counts[path] += access.requests
        return counts

    def _within(self, window: Window) -> Sequence[PathsOfWindow]:
        first = bisect_left(self._starts, window.start)
        return self._windows[first : bisect_left(self._starts, window.end)]


def _least(paths: Mapping[str, PathAccess]) -> int:
    """Return the most requests that a path which a window does not name may have in it."""
    requests = [access.requests for path, access in paths.items() if path != OTHER_PATHS]
    return min([paths[OTHER_PATHS].requests, *requests])


def _most(counts: Counter[str]) -> list[str]:
    used = [(-n, path) for path, n in counts.items() if n >= IN_USE and path != OTHER_PATHS]
    return sorted(path for _, path in sorted(used)[:JUDGED])
