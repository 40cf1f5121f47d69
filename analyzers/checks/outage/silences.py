"""Times without any request of a service that always has some, and when there is no doubt. Pure.

A pause alarms once it is twice as long as any at this time of day, on days of the same sort
(workdays, weekends) of the past week and in the hour before, and less likely than
`SILENCE_BUDGET` at the lowest rate of any hour of those times (exponential waiting times of a
Poisson process). Where the last hour, or its last quarter, certainly had fewer requests, its rate
counts.

It is repeated each minute of its first hour, then each hour of a day, and never followed by an
all clear until requests have come again: for five minutes at least and for as long as the pause
that alarms, without such a pause.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from mlmon.analyzers.base.window import DAY, HOUR, from_milliseconds, milliseconds
from mlmon.analyzers.checks.outage.failing_runs import MINUTE_MS, RECENT_MS, RECOVERY_MS
from mlmon.analyzers.profiles.kinds.pulse import BIN_MS, PULSE_STEP
from mlmon.analyzers.statistics.poisson import poisson_interval

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlmon.analyzers.base.window import Window
    from mlmon.analyzers.profiles.kinds.pulse import Bin, ServicePulse

SILENCE_BUDGET = 1e-8
"""Probability of a pause that alarms. Only below 15 requests a minute it decides: of at most
650,000 pauses a month, so one false alarm of a service in 13 years."""
LATELY_CONFIDENCE = 0.95
SHORTEST_MS = 75_000
LONGEST_MS = 30 * MINUTE_MS
"""Where a longer pause is needed, traffic is too low or too uneven: `traffic.rpm` judges it."""
HELD_MS = DAY // timedelta(milliseconds=1)
"""For so long a silence is repeated; its alert stays open until requests come again."""
ARRIVED_MS = 60_000
_DAYS = 7
_SATURDAY = 5
_HOUR_MS = HOUR // timedelta(milliseconds=1)
_STEP_MS = PULSE_STEP // timedelta(milliseconds=1)
_DAY_MS = DAY // timedelta(milliseconds=1)
_BEFORE_MS, _AFTER_MS = _HOUR_MS, 2 * _HOUR_MS
_LATELY = (15 * MINUTE_MS, 60 * MINUTE_MS)
"""Times before a pause whose rate counts."""
_DELAYED = 0.9


@dataclass(frozen=True, slots=True)
class Limit:
    """How long a pause must be for an alarm.

    Args:
        length: In milliseconds.
        longest: The longest usual pause, in milliseconds.
    """

    length: int
    longest: int


@dataclass(frozen=True, slots=True)
class Silence:
    """A service has no request.

    Args:
        at: The moment of the verdict, in milliseconds since the epoch.
        since: When the last request was logged.
        limit: How long a pause must be for an alarm.
    """

    at: int
    since: int
    limit: Limit


class Silences:
    """The pauses of one service.

    Args:
        bins: Bins with requests, in order of time.
        pulses: The sums of five minutes with requests, in order of time.
    """

    def __init__(self, bins: Sequence[Bin], pulses: Sequence[tuple[Window, ServicePulse]]) -> None:
        self._bins = bins
        self._starts = [bin_.start for bin_ in bins]
        self._pulses = pulses
        self._windows = [milliseconds(window.start) for window, _ in pulses]
        self._usual: dict[int, tuple[int, float] | None] = {}
        self._delays: dict[int, int] = {}

    def alarms(self, after: int, until: int) -> list[Silence]:
        """Return what alarms in (after, until]: when it begins to, each minute, then each hour."""
        return [*self._first_hours(after, until), *self._later_hours(after, until)]

    def _first_hours(self, after: int, until: int) -> list[Silence]:
        """Return what alarms in the first hour of a pause."""
        first = bisect_left(self._starts, after - RECENT_MS - BIN_MS)
        found = []
        for place in range(first, len(self._bins)):
            begin = self._bins[place].end
            if begin + SHORTEST_MS > until:
                break
            end = self._starts[place + 1] if place + 1 < len(self._bins) else until
            if end - begin < SHORTEST_MS or (limit := self.limit(place)) is None:
                continue
            at = begin + limit.length
            last = min(end, until, begin + RECENT_MS)
            since = self._since(place)
            minutes = range(at // MINUTE_MS * MINUTE_MS + MINUTE_MS, last + 1, MINUTE_MS)
            found += [Silence(m, since, limit) for m in (at, *minutes) if after < m <= last]
        return found

    def _later_hours(self, after: int, until: int) -> Iterator[Silence]:
        """Yield what alarms after the first hour of a pause, at each hour's end.

        Bins are known of the last hours only, so this is judged by the sums of five minutes.
        """
        for place in range(
            bisect_left(self._windows, after - HELD_MS - _STEP_MS), len(self._pulses)
        ):
            pulse = self._pulses[place][1]
            begin, following = _bin_end(pulse.last), place + 1 < len(self._pulses)
            end = self._pulses[place + 1][1].first if following else until
            last = min(end, until, begin + HELD_MS)
            first = max(begin + RECENT_MS, after) // _HOUR_MS * _HOUR_MS + _HOUR_MS
            if first > last or (limit := self._limit_after(place)) is None:
                continue
            yield from (
                Silence(hour, pulse.last, limit) for hour in range(first, last + 1, _HOUR_MS)
            )

    def recoveries(self, after: int, until: int) -> Iterator[tuple[int, int]]:
        """Yield when requests have come again for a while after an alarm, and since when.

        Also after any hour without a request: how long the pause was is not known of all.
        """
        first = bisect_left(self._starts, after - LONGEST_MS)
        for place in range(first, bisect_left(self._starts, until)):
            since, length = self._starts[place], self._alarming_pause(place)
            if length is None:
                continue
            at = since + max(RECOVERY_MS, length)
            if after < at <= until and self._steady(place, at, length):
                yield at, since

    def _alarming_pause(self, place: int) -> int | None:
        """Return how long a pause before a bin had to be for an alarm, if it was that long."""
        since = self._starts[place]
        before = bisect_left(self._windows, since // _STEP_MS * _STEP_MS) - 1
        if place:
            begin = self._bins[place - 1].end
        else:
            begin = _bin_end(self._pulses[before][1].last) if before >= 0 else -RECENT_MS
        if since - begin < SHORTEST_MS:
            return None
        if since - begin > RECENT_MS:
            limit = self._limit_after(before) if before >= 0 else None
            return LONGEST_MS if limit is None else limit.length
        limit = self.limit(place - 1) if place else self._limit_after(before)
        return limit.length if limit is not None and since - begin >= limit.length else None

    def _steady(self, place: int, until: int, length: int) -> bool:
        """Whether there is no pause of a length from a bin on to a moment."""
        last = bisect_left(self._starts, until)
        ends = [bin_.end for bin_ in self._bins[place:last]]
        starts = [*self._starts[place + 1 : last], until]
        return all(start - end < length for end, start in zip(ends, starts, strict=True))

    def longest_pause(self, hour_end: int) -> tuple[int, Limit] | None:
        """Return the longest pause of an hour, in milliseconds, and the limit; None in an alarm.

        Also where no pause could have alarmed.
        """
        first = bisect_left(self._starts, hour_end - RECENT_MS)
        last = bisect_left(self._starts, hour_end)
        if first == last or (limit := self.limit(last - 1)) is None:
            return None
        ends = [bin_.end for bin_ in self._bins[first:last]]
        pauses = [
            start - end
            for end, start in zip(ends, [*self._starts[first + 1 : last], hour_end], strict=True)
        ]
        if pauses[-1] >= limit.length or self.alarms(hour_end - RECENT_MS, hour_end):
            return None
        return max(pauses), limit

    def limit(self, place: int) -> Limit | None:
        """Return how long a pause after a bin must be; None if none that is short enough alarms."""
        begin = self._bins[place].end
        return self._limit(begin, self._longest_before(place), self._rate_before(place))

    def _limit_after(self, place: int) -> Limit | None:
        """Return the same of the five minutes at a place of the sums, by the sums before it."""
        begin = _bin_end(self._pulses[place][1].last)
        longest, _ = self._range((begin - _BEFORE_MS) // _STEP_MS * _STEP_MS, begin)
        counts = []
        for length in _LATELY:
            first = bisect_left(self._windows, begin - length)
            counts.append(sum(pulse.requests for _, pulse in self._pulses[first : place + 1]))
        return self._limit(begin, longest, _lately(counts))

    def _limit(self, begin: int, longest_before: int, rate_before: float) -> Limit | None:
        """Return how long a pause must be; None if none that is short enough alarms.

        Args:
            begin: When the pause begins.
            longest_before: The longest pause of the hour before.
            rate_before: Requests per millisecond that the time before allows at most.
        """
        hour = begin // _HOUR_MS * _HOUR_MS
        if hour not in self._usual:
            self._usual[hour] = self._usually(hour)
            self._delays[hour] = self._delay(hour)
        if (usual := self._usual[hour]) is None:
            return None
        longest, rate = usual
        longest = max(longest, longest_before)
        rate = min(rate, rate_before)
        if rate <= 0 or longest * 2 > LONGEST_MS:
            return None
        unlikely = -math.log(SILENCE_BUDGET) / rate
        length = max(SHORTEST_MS, self._delays[hour] + ARRIVED_MS, 2 * longest, unlikely)
        length = math.ceil(length / BIN_MS) * BIN_MS
        return Limit(length, longest) if length <= LONGEST_MS else None

    def _since(self, place: int) -> int:
        last = self._bins[place].last
        return self._bins[place].end if last is None else last

    @cached_property
    def _first(self) -> int:
        return self._windows[0] if self._windows else 0

    def _usually(self, hour: int) -> tuple[int, float] | None:
        """Return the longest usual pause around an hour, and the lowest rate; None if unknown.

        Args:
            hour: Its begin, in milliseconds.

        Returns:
            Milliseconds, and requests per millisecond.
        """
        if self._first > hour - _DAYS * _DAY_MS:
            return None
        longest, fewest = 0, math.inf
        for begin in self._same_days(hour):
            gap, least = self._range(begin - _BEFORE_MS, begin + _AFTER_MS)
            longest, fewest = max(longest, gap), min(fewest, least)
            if longest * 2 > LONGEST_MS:
                return None
        return longest, fewest / _HOUR_MS

    def _same_days(self, hour: int) -> Iterator[int]:
        weekend = _weekend(hour)
        for back in range(1, _DAYS + 1):
            begin = hour - back * _DAY_MS
            if _weekend(begin) == weekend:
                yield begin

    def _range(self, start: int, end: int) -> tuple[int, int]:
        """Return the longest pause of a time, and the fewest requests of its hours."""
        first, last = bisect_left(self._windows, start), bisect_left(self._windows, end)
        pulses = [pulse for _, pulse in self._pulses[first:last]]
        if not pulses:
            return end - start, 0
        before = [start, *(pulse.last for pulse in pulses)]
        after = [*(pulse.first for pulse in pulses), end]
        between = (late - early for early, late in zip(before, after, strict=True))
        gap = max(*between, *(pulse.gap for pulse in pulses))
        hours = [0] * max(1, (end - start) // _HOUR_MS)
        for begin, (_, pulse) in zip(
            self._windows[first:last], self._pulses[first:last], strict=True
        ):
            hours[min((begin - start) // _HOUR_MS, len(hours) - 1)] += pulse.requests
        return gap, min(hours)

    def _delay(self, hour: int) -> int:
        """Return how many milliseconds lines take to arrive, in nine of ten windows of a day."""
        first = bisect_left(self._windows, hour - _DAY_MS)
        last = bisect_left(self._windows, hour)
        known = sorted(
            pulse.delay for _, pulse in self._pulses[first:last] if pulse.delay is not None
        )
        return round(1_000 * known[int(_DELAYED * (len(known) - 1))]) if known else 0

    def _longest_before(self, place: int) -> int:
        """Return the longest pause of the hour before the end of a bin."""
        begin = self._bins[place].end - RECENT_MS
        first = bisect_left(self._starts, begin)
        ends = [begin, *(bin_.end for bin_ in self._bins[first:place])]
        return max(
            start - end for end, start in zip(ends, self._starts[first : place + 1], strict=True)
        )

    def _rate_before(self, place: int) -> float:
        """Return the rate that the time before the end of a bin allows at most."""
        counts = []
        for length in _LATELY:
            first = bisect_left(self._starts, self._bins[place].end - length)
            counts.append(sum(bin_.requests for bin_ in self._bins[first : place + 1]))
        return _lately(counts)


def _lately(counts: Sequence[int]) -> float:
    """Return the least upper end of the rates of the times before, in requests per millisecond."""
    return min(
        poisson_interval(requests, LATELY_CONFIDENCE).high / length
        for requests, length in zip(counts, _LATELY, strict=True)
    )


def _bin_end(moment: int) -> int:
    """Return the end of the bin that holds a moment."""
    return moment // BIN_MS * BIN_MS + BIN_MS


def _weekend(moment: int) -> bool:
    return from_milliseconds(moment).weekday() >= _SATURDAY
