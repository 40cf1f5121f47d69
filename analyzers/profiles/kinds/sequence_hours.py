"""From counts of numbered lines to the profiles of their hours. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from mlmon.analyzers.base.profile_key import ProfileKey, SourceWatermark
from mlmon.analyzers.base.window import Window, floor
from mlmon.analyzers.profiles.kinds.sequences import (
    KIND,
    STEP,
    ProcessLines,
    SequenceProfile,
    Stretch,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from mlmon.analyzers.profiles.kinds.sequence_query import Count

MOST_LINES = 500_000
"""So many numbers are searched for repeats at once."""

MOST_GROUP = 500
"""Ranges of so many processes at once."""


def gathered(counts: Iterable[Count]) -> list[SequenceProfile]:
    """Return a profile for each hour with counts, in order, that knows of no repeated line yet."""
    hours: dict[datetime, list[Count]] = defaultdict(list)
    for count_ in counts:
        hours[floor(count_.stretch.start, STEP)].append(count_)
    return [_profile(start, found) for start, found in sorted(hours.items())]


def _profile(start: datetime, counts: Sequence[Count]) -> SequenceProfile:
    by_process: dict[str, list[Count]] = defaultdict(list)
    shipped: dict[str, datetime] = {}
    for count_ in counts:
        by_process[count_.process].append(count_)
        if count_.first is not None:
            shipped[count_.service] = min(count_.first, shipped.get(count_.service, count_.first))
    processes = tuple(_lines(process, found) for process, found in sorted(by_process.items()))
    known = (SourceWatermark(count_.stretch.lines, count_.last) for count_ in counts)
    profile_key = ProfileKey(KIND, Window(start, start + STEP))
    return SequenceProfile(profile_key, sum(known, SourceWatermark()), 1, processes, shipped)


def _lines(process: str, counts: Sequence[Count]) -> ProcessLines:
    services: Counter[str] = Counter()
    environments: Counter[str] = Counter()
    stretches: dict[datetime, Stretch] = {}
    for count_ in counts:
        services[count_.service] += count_.stretch.lines if count_.service else 0
        environments[count_.environment] += count_.stretch.lines if count_.environment else 0
        start = count_.stretch.start
        known = stretches.get(start)
        stretches[start] = _together(known, count_.stretch) if known else count_.stretch
    in_order = tuple(stretch for _, stretch in sorted(stretches.items()))
    (service, _), (environment, _) = services.most_common(1)[0], environments.most_common(1)[0]
    return ProcessLines(process, service, in_order, environment=environment)


def _together(one: Stretch, other: Stretch) -> Stretch:
    return Stretch(
        one.start,
        min(one.lowest, other.lowest),
        max(one.highest, other.highest),
        one.lines + other.lines,
        one.distinct + other.distinct,
        one.dropped + other.dropped,
        one.timed + other.timed,
        one.late + other.late,
        round(one.delay + other.delay, 2),
    )


def without_repeats(
    profile: SequenceProfile, extra: Mapping[tuple[str, datetime], int]
) -> SequenceProfile:
    """Return a profile in which lines that only repeat a number are not distinct.

    Args:
        profile: The profile.
        extra: How many there are, by process and five minutes.
    """

    def told_apart(lines: ProcessLines) -> ProcessLines:
        return replace(
            lines,
            stretches=tuple(
                replace(
                    stretch,
                    distinct=stretch.distinct - extra.get((lines.process, stretch.start), 0),
                )
                for stretch in lines.stretches
            ),
        )

    return replace(profile, processes=tuple(map(told_apart, profile.processes)))


def following(
    profiles: Iterable[SequenceProfile],
    earlier: Callable[[Mapping[str, int]], Mapping[str, int]],
) -> Iterator[SequenceProfile]:
    """Yield profiles in which each process knows its highest number before the hour.

    Args:
        profiles: In order of time, without gaps between them.
        earlier: Returns the highest numbers known below given ones, for those seen first here.
    """
    in_order = list(profiles)
    first: dict[str, int] = {}
    for profile in in_order:
        for lines in profile.processes:
            first.setdefault(lines.process, lines.lowest)
    highest = dict(earlier({process: low for process, low in first.items() if low > 1}))
    for profile in in_order:
        yield replace(
            profile,
            processes=tuple(
                replace(lines, before=highest.get(lines.process, 0)) for lines in profile.processes
            ),
        )
        for lines in profile.processes:
            highest[lines.process] = max(lines.highest, highest.get(lines.process, 0))


def ranges_of(processes: Iterable[ProcessLines]) -> Iterator[list[tuple[str, int, int]]]:
    """Yield (process, first number, last number) in groups that hold at most `MOST_LINES` lines."""
    group: list[tuple[str, int, int]] = []
    held = 0
    for process in processes:
        parts = -(-process.lines // MOST_LINES)
        width = -(-(process.highest - process.lowest + 1) // parts)
        for first in range(process.lowest, process.highest + 1, width):
            lines = process.lines // parts
            if group and (held + lines > MOST_LINES or len(group) == MOST_GROUP):
                yield group
                group, held = [], 0
            group.append((process.process, first, min(first + width - 1, process.highest)))
            held += lines
    if group:
        yield group
