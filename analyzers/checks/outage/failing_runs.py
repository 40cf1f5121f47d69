"""Times in which every request of a path failed, and when there is no doubt about it. Pure.

A moment alarms if every request of the hour before it, from one on, failed for a minute at least,
and so many in a row are less likely than `BUDGET` at the path's usual failure rate. Few requests
prove it too where they are spaced: in three bins of ten seconds or more, each with failures only,
and five seconds from one to the next. A client that tries again at once counts once. Both depend on
what lies before the moment only, so that every run over any period finds the same moments.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mlmon.analyzers.profiles.kinds.pulse import Bin

BUDGET = 1e-9
"""Probability of an alarm at a moment at which nothing is wrong: one in thousands of years of
moments, ten seconds from one to the next."""
SPACED_BUDGET = 1e-7
"""The same for spaced failures. Only where fewer than `needed` requests come in a minute
they decide: at most 130,000 runs a month, so one false alarm of a path in six years."""
FEWEST_SPACED = 3
BETWEEN_MS = 5_000
"""From the first failure of one bin to that of the next: a client's quick retries count once."""
LASTED_MS = 60_000
"""So long every request must have failed; Prometheus' example rules wait as long (`for: 1m`)."""
RECENT_MS = 3_600_000
MINUTE_MS = 60_000
RECOVERY_MS = 5 * MINUTE_MS


@dataclass(frozen=True, slots=True)
class Failing:
    """Every request failed from a moment to another.

    Args:
        at: The moment of the verdict, in milliseconds since the epoch.
        since: When the first that failed was logged.
        begin: Begin of the first bin in which all failed.
        requests: How many failed.
        unavailable: Of them, answered with 503.
    """

    at: int
    since: int
    begin: int
    requests: int
    unavailable: int


def needed(rate: float) -> int | None:
    """Return how many failures in a row leave no doubt at a usual failure rate; None if none do.

    >>> needed(0.02), needed(0.5), needed(1.0)
    (6, 30, None)
    """
    return math.ceil(math.log(BUDGET) / math.log(rate)) if rate < 0.9 else None  # noqa: PLR2004


def spaced_needed(rate: float | None) -> int | None:
    """Return how many spaced failures leave no doubt; None where the rate is not known.

    >>> spaced_needed(0.001), spaced_needed(0.01), spaced_needed(None)
    (3, 4, None)
    """
    if rate is None or rate >= 0.9:  # noqa: PLR2004
        return None
    return max(FEWEST_SPACED, math.ceil(math.log(SPACED_BUDGET) / math.log(rate)))


def unknown_rate(_moment: int, _begin: int) -> float | None:
    """Know no usual rate of spaced failures."""
    return None


class FailingRuns:
    """The times in which every request failed.

    Args:
        bins: The path's bins, in order of time.
        rate: Returns the usual failure rate at a moment, for failures from another on.
        spaced_rate: Returns the same for spaced failures, None where it is not known.
    """

    def __init__(
        self,
        bins: Sequence[Bin],
        rate: Callable[[int, int], float],
        spaced_rate: Callable[[int, int], float | None] = unknown_rate,
    ) -> None:
        self._bins = bins
        self._starts = [bin_.start for bin_ in bins]
        self._rate = rate
        self._spaced_rate = spaced_rate
        self._runs = list(self._found())
        self._begins = [bins[first].start for first, _ in self._runs]

    def _found(self) -> Iterator[tuple[int, int]]:
        """Yield the first place of each run of bins in which all failed, and that after its last.

        A shorter run cannot alarm and is left out.
        """
        first: int | None = None
        for place, bin_ in enumerate(self._bins):
            if bin_.failed < bin_.requests:
                if (
                    first is not None
                    and self._bins[place - 1].end - self._starts[first] >= LASTED_MS
                ):
                    yield first, place
                first = None
            elif first is None:
                first = place
        if first is not None and self._bins[-1].end - self._starts[first] >= LASTED_MS:
            yield first, len(self._bins)

    def at(self, moment: int) -> Failing | None:
        """Return what failed up to a moment, if it alarms then.

        Args:
            moment: In milliseconds since the epoch, the end of a bin.
        """
        place = bisect_right(self._begins, moment) - 1
        if place < 0:
            return None
        run, after = self._runs[place]
        first = max(run, bisect_left(self._starts, moment - RECENT_MS))
        last = min(after, bisect_left(self._starts, moment))
        ended = after < len(self._bins) and self._starts[after] < moment
        if ended or first >= last or self._bins[last - 1].end <= moment - MINUTE_MS:
            return None
        bins = self._bins[first:last]
        requests = sum(bin_.failed for bin_ in bins)
        if bins[-1].end - bins[0].start < LASTED_MS or not self._certain(moment, bins, requests):
            return None
        return Failing(
            moment,
            self._since(first),
            bins[0].start,
            requests,
            sum(bin_.unavailable for bin_ in bins),
        )

    def _certain(self, moment: int, bins: Sequence[Bin], requests: int) -> bool:
        """Whether so many failures in a row leave no doubt."""
        least = needed(self._rate(moment, bins[0].start))
        if least is not None and requests >= least:
            return True
        found = _spaced(bins)
        if found < FEWEST_SPACED:
            return False
        needed_spaced = spaced_needed(self._spaced_rate(moment, bins[0].start))
        return needed_spaced is not None and found >= needed_spaced

    def _since(self, first: int) -> int:
        """Return when the first request failed: it may lie in the bin before, after a success."""
        before = self._bins[first - 1] if first else None
        adjacent = before is not None and before.end == self._starts[first]
        bin_ = before if before and adjacent and before.failed else self._bins[first]
        return bin_.first_failed if bin_.first_failed is not None else bin_.start

    def alarms(self, after: int, until: int) -> list[Failing]:
        """Return what alarms in (after, until]: when it begins to, then each minute."""
        found: dict[int, Failing] = {}
        for first, end in self._runs:
            last = self._bins[end - 1].end
            if self._starts[first] > until or last + MINUTE_MS <= after:
                continue
            for moment in self._moments(first, end, last, after, until):
                failing = self.at(moment)
                if failing and (moment % MINUTE_MS == 0 or self._begins_at(first, moment)):
                    found[moment] = failing
        return [found[moment] for moment in sorted(found)]

    def _moments(self, first: int, end: int, last: int, after: int, until: int) -> Iterator[int]:
        yield from (bin_.end for bin_ in self._bins[first:end] if after < bin_.end <= until)
        minute = max(self._starts[first], after) // MINUTE_MS * MINUTE_MS + MINUTE_MS
        yield from range(minute, min(last + MINUTE_MS - 1, until) + 1, MINUTE_MS)

    def _begins_at(self, first: int, moment: int) -> bool:
        """Whether nothing alarmed at the end of the run's bin before a moment."""
        before = bisect_left(self._starts, moment - (self._bins[first].end - self._starts[first]))
        return before <= first or self.at(self._bins[before - 1].end) is None

    def recoveries(self, after: int, until: int) -> Iterator[tuple[int, int]]:
        """Yield when requests have succeeded for `RECOVERY_MS` after an alarm, and since when.

        Where most of them still fail, or few came, the hour decides: see `succeeds_at`.
        """
        for _, end in self._runs:
            if end == len(self._bins):
                continue
            since = self._starts[end]
            at = since + RECOVERY_MS
            if (
                after < at <= until
                and self.alarms(since - RECENT_MS, since)
                and not self.alarms(since, at)
                and self._succeeds(since, at, FEWEST_SPACED)
            ):
                yield at, since

    def succeeds_at(self, hour_end: int) -> bool:
        """Whether requests succeeded at the end of an hour's requests, and nothing alarmed."""
        begin = hour_end - RECENT_MS
        last = bisect_left(self._starts, hour_end) - 1
        used = last >= bisect_left(self._starts, begin)
        succeeds = used and self._bins[last].failed < self._bins[last].requests
        return succeeds and self._succeeds(begin, hour_end) and not self.alarms(begin, hour_end)

    def _succeeds(self, begin: int, end: int, fewest: int = 0) -> bool:
        """Whether at least half of the requests in [begin, end) succeeded, of so many or more."""
        bins = self._bins[bisect_left(self._starts, begin) : bisect_left(self._starts, end)]
        requests = sum(bin_.requests for bin_ in bins)
        return requests >= fewest and 2 * sum(bin_.failed for bin_ in bins) <= requests


def _spaced(bins: Sequence[Bin]) -> int:
    """Return how many bins have spaced failures from those counted before."""
    counted, last = 0, -BETWEEN_MS
    for bin_ in bins:
        first = bin_.start if bin_.first_failed is None else bin_.first_failed
        if first - last >= BETWEEN_MS:
            counted, last = counted + 1, first
    return counted
