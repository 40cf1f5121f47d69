"""Which profiles are to be made: those of windows with events that no profile knows. Pure."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, TypeAlias

from mlmon.analyzers.base.profile_key import Slot
from mlmon.analyzers.base.window import DAY, Window, floor
from mlmon.analyzers.profiles.kinds.predictions import KIND

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime, timedelta

    from mlmon.analyzers.base.profile_key import Knowledge, Stamp
    from mlmon.analyzers.baselines.baseline import Baseline

Model: TypeAlias = tuple[str, str]
Present: TypeAlias = "Mapping[tuple[Window, Model], Knowledge]"
_NOTHING: Present = {}


def outdated(present: Mapping[Slot, Knowledge], stored: Mapping[Slot, Stamp]) -> dict[Slot, int]:
    """Return the slots to profile with the revision each will have, in order of time.

    Args:
        present: The events there are, per slot.
        stored: The profiles there are. One of whose events some are gone is kept as it is.
    """
    wanted: dict[Slot, int] = {}
    for slot, knowledge in present.items():
        stamp = stored.get(slot)
        if stamp is None:
            wanted[slot] = 1
        elif stamp.knowledge.outdated_by(knowledge):
            wanted[slot] = stamp.revision + 1
    return dict(sorted(wanted.items(), key=lambda item: (item[0].window, item[0].series)))


def spanned(slots: Iterable[Slot], period: Window) -> Window:
    """Return the least window that holds a period and some slots."""
    windows = [period, *(slot.window for slot in slots)]
    return Window(min(window.start for window in windows), max(window.end for window in windows))


def prediction_slots(
    present: Present, baselines: Mapping[Model, Baseline], around: Present = _NOTHING
) -> dict[Slot, Knowledge]:
    """Return a slot for each window and each baseline it is judged by.

    Those are the baseline of the version that predicted, and the baselines of versions that predict
    within the day after it: a version's inputs are judged over whole days, of which the traffic of
    others is a part. Whether it is so is told by the windows of two days alone, so that a period
    and its parts have the same slots.

    Args:
        present: The predictions of a period.
        baselines: The current baseline of each version.
        around: Those of the day before and the day after, as profiles know them: they open slots
            in the period, and versions of the period open slots there.
    """
    slots = {
        Slot(KIND, window, (*model, own.id if (own := baselines.get(model)) else "")): knowledge
        for (window, model), knowledge in present.items()
    }
    for known, others in ((present, (present, around)), (around, (present,))):
        starts = _starts(others)
        for (window, model), knowledge in known.items():
            for baseline in _judging(window, model, starts, baselines):
                slots[Slot(KIND, window, (*model, baseline))] = knowledge
    return slots


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


def by_day(slots: Iterable[Slot], step: timedelta) -> Iterator[tuple[tuple[str, ...], Window]]:
    """Yield the (series, period) to ask for: per series and day from the first to the last slot."""
    periods: dict[tuple[tuple[str, ...], datetime], Window] = {}
    for slot in slots:
        key = (slot.series, floor(slot.window.start, DAY))
        known = periods.get(key, slot.window)
        periods[key] = Window(min(known.start, slot.window.start), max(known.end, slot.window.end))
    for (series, _), period in sorted(periods.items(), key=lambda item: (item[1], item[0][0])):
        yield series, Window(floor(period.start, step), period.end)
