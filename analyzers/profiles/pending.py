"""Which profiles are to be made: those of windows with events that no profile knows. Pure."""

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


def by_day(
    profile_keys: Iterable[ProfileKey], step: timedelta
) -> Iterator[tuple[tuple[str, ...], Window]]:
    """Yield the (series, period) to ask for: per series and day, first key to last."""
    periods: dict[tuple[tuple[str, ...], datetime], Window] = {}
    for profile_key in profile_keys:
        key = (profile_key.series, floor(profile_key.window.start, DAY))
        known = periods.get(key, profile_key.window)
        periods[key] = Window(
            min(known.start, profile_key.window.start), max(known.end, profile_key.window.end)
        )
    for (series, _), period in sorted(periods.items(), key=lambda item: (item[1], item[0][0])):
        yield series, Window(floor(period.start, step), period.end)
