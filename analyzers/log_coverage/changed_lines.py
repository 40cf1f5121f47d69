"""Which five minutes' lines differ between two readings of the numbered lines. Pure.

The profile of the hour that runs is made again with each cycle. Most of its five minutes are as
they were, and so is what was judged of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlmon.analyzers.base.window import Window, joined
from mlmon.analyzers.log_coverage.log_completeness import gap_spans
from mlmon.analyzers.profiles.kinds.sequence import PART

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from mlmon.analyzers.profiles.kinds.sequence import ProcessLines, SequenceProfile, Stretch


def changed_lines(
    before: Sequence[SequenceProfile], after: Sequence[SequenceProfile], changed: Iterable[Window]
) -> list[Window]:
    """Return the time of the lines that differ, and of the gaps in them, as it was and as it is.

    Args:
        before: The profiles as they were, in order of time; an hour that is not among them is taken
            to have changed completely.
        after: The profiles as they are.
        changed: The hours whose profiles were made again.
    """
    was, present = ({profile.window: profile for profile in of} for of in (before, after))
    hours = joined(changed)
    found: list[Window] = []
    for window, profile in present.items():
        if any(hour.start <= window.start < hour.end for hour in hours):
            known = was.get(window)
            found += _parts(known, profile) if known else [window]
    parts = joined(found)
    return joined([*parts, *gap_spans(before, parts), *gap_spans(after, parts)])


def _parts(before: SequenceProfile, after: SequenceProfile) -> Iterator[Window]:
    """Yield the five minutes of an hour whose lines differ; the hour, if its services do."""
    if _places(before) != _places(after):
        yield after.window
        return
    was, present = _stretches(before), _stretches(after)
    for key in was.keys() | present.keys():
        if was.get(key) != present.get(key):
            yield Window(key[1], key[1] + PART)


def _places(profile: SequenceProfile) -> set[tuple[str, str]]:
    return {(lines.service, lines.environment) for lines in profile.processes}


def _stretches(profile: SequenceProfile) -> dict[tuple[str, datetime], tuple[object, ...]]:
    """Return the lines of each five minutes of a process, and where its numbers begin."""
    found: dict[tuple[str, datetime], tuple[object, ...]] = {}
    for lines in profile.processes:
        for stretch in lines.stretches:
            head = _head(lines) if stretch is lines.stretches[0] else ()
            found[lines.process, stretch.start] = (_counted(stretch), lines.service, head)
    return found


def _counted(stretch: Stretch) -> tuple[int, ...]:
    return stretch.lowest, stretch.highest, stretch.distinct


def _head(lines: ProcessLines) -> tuple[object, ...]:
    """Return what is known of the lines before the first: see `line_counts`."""
    skipped = lines.lowest - 1
    return lines.before, skipped <= lines.lines
