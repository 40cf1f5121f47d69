"""Profiles to make: those of windows with events that no profile knows. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlmon.analyzers.base.window import DAY, Window, floor

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime, timedelta

    from mlmon.analyzers.base.profile_key import ProfileKey, SourceWatermark, Stamp


def outdated(
    present: Mapping[ProfileKey, SourceWatermark], stored: Mapping[ProfileKey, Stamp]
) -> dict[ProfileKey, int]:
    """Return the profile_keys to profile with the revision each will have, in order of time.

    Args:
        present: The events there are, per profile_key.
        stored: The profiles there are. One of whose events some are gone is kept as it is.
    """
    wanted: dict[ProfileKey, int] = {}
    for profile_key, watermark in present.items():
        stamp = stored.get(profile_key)
        if stamp is None:
            wanted[profile_key] = 1
        elif stamp.watermark.outdated_by(watermark):
            wanted[profile_key] = stamp.revision + 1
    return dict(sorted(wanted.items(), key=lambda item: (item[0].window, item[0].series)))


def spanned(profile_keys: Iterable[ProfileKey], period: Window) -> Window:
    """Return the least window that holds a period and some profile keys."""
    windows = [period, *(profile_key.window for profile_key in profile_keys)]
    return Window(min(window.start for window in windows), max(window.end for window in windows))


MOST_DOCUMENTS = 20_000
"""Ask at once for days that hold no more events together: an answer costs more than counting."""

MOST_WINDOWS = 200
"""Ask at once for no more windows, so that memory stays flat."""


def spans(
    profile_keys: Mapping[ProfileKey, SourceWatermark], step: timedelta
) -> Iterator[tuple[tuple[str, ...], Window]]:
    """Yield the (series, period) to ask for, in order: a day, or adjacent ones of few events.

    What lies between days that are not adjacent is known already, and may be much.

    Args:
        profile_keys: What is to be profiled, and the events of it.
        step: Length of a window.
    """
    days: dict[tuple[tuple[str, ...], datetime], list[ProfileKey]] = {}
    for profile_key in profile_keys:
        day = floor(profile_key.window.start, DAY)
        days.setdefault((profile_key.series, day), []).append(profile_key)
    found: list[tuple[tuple[str, ...], Window]] = []
    documents = windows = 0
    before: tuple[tuple[str, ...], datetime] | None = None
    for (series, day), keys in sorted(days.items(), key=lambda item: item[0]):
        period = Window(
            floor(min(key.window.start for key in keys), step),
            max(key.window.end for key in keys),
        )
        more = sum(profile_keys[key].documents for key in keys)
        few = documents + more <= MOST_DOCUMENTS and windows + len(keys) <= MOST_WINDOWS
        if before == (series, day - DAY) and few:
            found[-1] = series, Window(found[-1][1].start, period.end)
            documents, windows = documents + more, windows + len(keys)
        else:
            found.append((series, period))
            documents, windows = more, len(keys)
        before = series, day
    yield from sorted(found, key=lambda part: (part[1], part[0]))
