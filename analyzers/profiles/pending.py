"""Which profiles are to be made: those of windows with events that no profile knows. Pure."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, TypeAlias

from mlmon.analyzers.base.profile_key import ProfileKey
from mlmon.analyzers.base.window import DAY, Window, floor
from mlmon.analyzers.profiles.kinds.predictions import KIND

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime, timedelta

    from mlmon.analyzers.base.profile_key import SourceWatermark, Stamp
    from mlmon.analyzers.baselines.baseline import Baseline

Model: TypeAlias = tuple[str, str]
Present: TypeAlias = "Mapping[tuple[Window, Model], SourceWatermark]"
_NOTHING: Present = {}


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


def prediction_profile_keys(
    present: Present, baselines: Mapping[Model, Baseline], around: Present = _NOTHING
) -> dict[ProfileKey, SourceWatermark]:
    """Return a profile_key for each window and each baseline it is judged by.

    Those are the baseline of the version that predicted, and the baselines of versions that predict
    within the day after it: a version's inputs are judged over whole days, of which the traffic of
    others is a part. Whether it is so is told by the windows of two days alone, so that a period
    and its parts have the same profile_keys.

    Args:
        present: The predictions of a period.
        baselines: The current baseline of each version.
        around: Those of the day before and the day after, as profiles know them: they open keys
            in the period, and versions of the period open keys there.
    """
    profile_keys = {
        ProfileKey(
            KIND, window, (*model, own.id if (own := baselines.get(model)) else "")
        ): watermark
        for (window, model), watermark in present.items()
    }
    for known, others in ((present, (present, around)), (around, (present,))):
        starts = _starts(others)
        for (window, model), watermark in known.items():
            for baseline in _judging(window, model, starts, baselines):
                profile_keys[ProfileKey(KIND, window, (*model, baseline))] = watermark
    return profile_keys


def _starts(found: Iterable[Present]) -> dict[Model, list[datetime]]:
    """Return when the windows of each version start, in order."""
    starts: dict[Model, list[datetime]] = {}
    for window, model in sorted(place for each in found for place in each):
        starts.setdefault(model, []).append(window.start)
    return starts


def _judging(
    window: Window,
    model: Model,
    starts: Mapping[Model, Sequence[datetime]],
    baselines: Mapping[Model, Baseline],
) -> Iterator[str]:
    """Yield the baselines of other versions of the model that predict within the day after."""
    for other, of in starts.items():
        baseline = baselines.get(other)
        if baseline and other[0] == model[0] and other != model:
            following = bisect_left(of, window.start)
            if following < len(of) and of[following] < window.end + DAY:
                yield baseline.id


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
