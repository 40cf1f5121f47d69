"""Profiles of numbered lines by the hour: counted, searched for repeats, joined to what was before.

Nearly always one aggregation does it. Repeats are searched for, number by number, only where a line
can be stored twice; missing numbers only where some are missing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mlmon.analyzers.base.profile_key import ProfileKey
from mlmon.analyzers.base.window import DAY, HOUR, MINUTE, Window
from mlmon.analyzers.event_logs.aggregations import read_watermark
from mlmon.analyzers.profiles.kind import ProfileKind
from mlmon.analyzers.profiles.kinds import sequence_query as query
from mlmon.analyzers.profiles.kinds.sequence_hours import (
    following,
    gathered,
    ranges_of,
    without_repeats,
)
from mlmon.analyzers.profiles.kinds.sequences import (
    DATASET,
    KIND,
    STEP,
    Missing,
    ProcessLines,
    SequenceProfile,
    from_body,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from mlmon.analyzers.base.profile_key import SourceWatermark
    from mlmon.analyzers.baselines.baseline import Baseline
    from mlmon.analyzers.event_logs.logs import Logs
    from mlmon.analyzers.profiles.kinds.sequence_query import Count

SETTLED = MINUTE / 2
"""Lines this young are left for the next time: some may be on their way that others overtook."""

MOST_PROCESSES = 500
"""The numbers before so many processes are asked for at once."""

MOST_RANGES = 5
"""So many ranges of missing numbers are kept of a process and hour, and so many looked into."""

MOST_NARROWED = 5
"""In an hour, so many processes are searched for their missing numbers: those that lack most."""


class SequenceKind(ProfileKind[SequenceProfile]):
    """Numbered lines of all datasets, by the hour."""

    name = KIND
    dataset = DATASET
    step = STEP

    def profile_keys(self, logs: Logs, period: Window) -> dict[ProfileKey, SourceWatermark]:
        """Return a profile key for each hour with numbered lines."""
        surveyed = logs.survey(DATASET, _settled(logs, period), STEP, query.numbered_since())
        return {
            ProfileKey(KIND, window): read_watermark(bucket["numbered"])
            for window, bucket in surveyed
            if bucket["numbered"]["doc_count"]
        }

    def make(self, logs: Logs, series: tuple[str, ...], part: Window) -> Iterator[SequenceProfile]:
        """Yield a profile for each hour with numbered lines."""
        del series
        part = _settled(logs, part)
        profiles = gathered(_counts(logs, part))
        divided = query.divided_hours(logs.search(DATASET, query.indices_body(part)))
        known = (
            without_repeats(profile, _extra(logs, profile))
            if profile.window.start in divided or any(one.absent < 0 for one in profile.processes)
            else profile
            for profile in profiles
        )
        for each in following(known, lambda lowest: _before(logs, part.start, lowest)):
            yield _narrowed(logs, each)

    def read(
        self,
        profile_key: ProfileKey,
        watermark: SourceWatermark,
        revision: int,
        body: dict[str, Any],
        baselines: Mapping[str, Baseline],
    ) -> SequenceProfile:
        """Return the profile of a stored body."""
        del baselines
        return from_body(profile_key, watermark, revision, body)


def _settled(logs: Logs, period: Window) -> Window:
    return Window(period.start, max(period.start, min(period.end, logs.now - SETTLED)))


def _counts(logs: Logs, part: Window) -> Iterator[Count]:
    """Yield a part's counts: of its halves where they do not fit into one answer."""
    answer = logs.search(DATASET, query.counts_body(part))
    if not query.is_full(answer):
        yield from query.counts(answer)
    elif (halves := part.halves(STEP)) is not None:
        for half in halves:
            yield from _counts(logs, half)
    else:
        while query.is_full(answer):
            yield from query.counts(answer)
            answer = logs.search(DATASET, query.counts_body(part, query.last_key(answer)))
        yield from query.counts(answer)


def _extra(logs: Logs, profile: SequenceProfile) -> dict[tuple[str, datetime], int]:
    """Return the lines of an hour that only repeat a number, by process and five minutes."""
    extra: dict[tuple[str, datetime], int] = {}
    for ranges in ranges_of(profile.processes):
        answer = logs.search(DATASET, query.repeated_body(profile.window, ranges))
        for process, start, lines in query.repeated(answer):
            extra[process, start] = extra.get((process, start), 0) + lines
    return extra


def _before(logs: Logs, start: datetime, lowest: Mapping[str, int]) -> dict[str, int]:
    """Return the highest number of each process below the given one: the latest, then any time."""
    found: dict[str, int] = {}
    for time in (Window(start - HOUR, start), Window(start - DAY, start), None):
        wanted = [process for process in sorted(lowest) if process not in found]
        for place in range(0, len(wanted), MOST_PROCESSES):
            some = {each: lowest[each] for each in wanted[place : place + MOST_PROCESSES]}
            found |= query.before(logs.search(DATASET, query.before_body(some, time)))
    return found


def _narrowed(logs: Logs, profile: SequenceProfile) -> SequenceProfile:
    """Return a profile that says which numbers are missing, where some are."""
    lacking = [process for process in profile.processes if process.absent > 0]
    most = sorted(lacking, key=lambda each: each.absent, reverse=True)[:MOST_NARROWED]
    if not most:
        return profile
    missing = {lines.process: tuple(_missing(logs, lines)) for lines in most}
    return replace(
        profile,
        processes=tuple(
            replace(process, missing=missing.get(process.process, ()))
            for process in profile.processes
        ),
    )


def _missing(logs: Logs, lines: ProcessLines) -> Sequence[Missing]:
    """Return the first ranges of missing numbers, looking once into those that hold some lines."""
    narrow: list[Missing] = []
    for range_ in _ranges(logs, lines.process, lines.lowest, lines.highest)[:MOST_RANGES]:
        narrow += (
            [range_] if range_.empty else _ranges(logs, lines.process, range_.first, range_.last)
        )
    return query.joined(narrow)[:MOST_RANGES]


def _ranges(logs: Logs, process: str, first: int, last: int) -> list[Missing]:
    answer = logs.search(DATASET, query.missing_body(process, first, last))
    return query.missing(answer, first, last)
