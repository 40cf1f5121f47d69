"""When a rate of failures began to rise: the change point of its counts. Pure.

Server errors are counted in bins of ten seconds, and the first that failed is known to the line; of
other statuses, and of windows longer than an hour, five minutes are known.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from mlmon.analyzers.base.window import HOUR, Window, from_milliseconds, milliseconds
from mlmon.analyzers.profiles.kinds.access import SERVER_ERRORS, UNAVAILABLE
from mlmon.analyzers.statistics.change_point import change_point

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from mlmon.analyzers.base.analysis_context import AnalysisContext
    from mlmon.analyzers.profiles.kinds.pulse import Bin, PulseProfile


class FailureBins:
    """The bins of each service and path.

    Args:
        pulses: Their profiles; those that hold sums only know no bins.
    """

    def __init__(self, pulses: AnalysisContext[PulseProfile]) -> None:
        self._bins: dict[str, dict[str, list[Bin]]] = {}
        for profile in pulses.profiles:
            for service, paths in profile.bins.items():
                of_service = self._bins.setdefault(service, {})
                for path, bins in paths.items():
                    of_service.setdefault(path, []).extend(bins)
        for of_service in self._bins.values():
            for of_path in of_service.values():
                of_path.sort(key=lambda bin_: bin_.start)

    def of(self, service: str) -> PathFailures:
        """Return the bins of one service."""
        return PathFailures(self._bins.get(service, {}))


class PathFailures:
    """The bins of each path of one service.

    Args:
        bins: In order of time.
    """

    def __init__(self, bins: Mapping[str, Sequence[Bin]]) -> None:
        self._bins = bins

    def onset(self, path: str, window: Window, statuses: Collection[int]) -> Window | None:
        """Return the moment of the first failure after the change; None where it is not known.

        Args:
            path: The path.
            window: The window that alarms; the change lies in it, or as long before.
            statuses: All of 5xx, or 503.
        """
        unavailable = statuses == UNAVAILABLE
        if window.length > HOUR or not (unavailable or statuses == SERVER_ERRORS):
            return None
        bins = self._bins.get(path, ())
        starts = [bin_.start for bin_ in bins]
        first = bisect_left(starts, milliseconds(window.start - window.length))
        within = bins[first : bisect_left(starts, milliseconds(window.end))]
        events = [bin_.unavailable if unavailable else bin_.failed for bin_ in within]
        if not any(events):
            return None
        place = change_point(events, [bin_.requests for bin_ in within], rising=True)
        for bin_, failed in zip(within[place:], events[place:], strict=True):
            if failed and bin_.first_failed is not None:
                moment = from_milliseconds(bin_.first_failed)
                return Window(moment, moment)
        return None


def onset_of_counts(parts: Sequence[tuple[Window, int, int]]) -> Window | None:
    """Return the window in which a rate began to rise.

    Args:
        parts: Windows in order of time, each with its failures and its requests.
    """
    known = [part for part in parts if part[2]]
    if not any(failed for _, failed, _ in known):
        return None
    place = change_point(
        [failed for _, failed, _ in known], [requests for _, _, requests in known], rising=True
    )
    return next((window for window, failed, _ in known[place:] if failed), None)
