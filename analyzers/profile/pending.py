"""Which profiles are to be made: those of windows with events that no profile knows. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from analyzers.profile.predictions import KIND
from analyzers.profile.slot import Slot
from analyzers.window import DAY, Window, floor

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime, timedelta

    from analyzers.baseline.baseline import Baseline
    from analyzers.profile.slot import Knowledge, Stamp

Model: TypeAlias = tuple[str, str]
Present: TypeAlias = "Mapping[tuple[Window, Model], Knowledge]"


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
    windows = [period, *(each.window for each in slots)]
    return Window(min(each.start for each in windows), max(each.end for each in windows))


def prediction_slots(
    present: Present, baselines: Mapping[Model, Baseline]
) -> dict[Slot, Knowledge]:
    """Return a slot for each window and each baseline it is judged by.

    Those are the baseline of the version that predicted, and the baselines of versions that come
    into service within the next day: a new version's inputs are judged over whole days, of which
    the traffic before it is a part.
    """
    first = _first_seen(present)
    slots: dict[Slot, Knowledge] = {}
    for (window, model), knowledge in present.items():
        for baseline in _relevant(window, model, first, baselines):
            slots[Slot(KIND, window, (*model, baseline))] = knowledge
    return slots


def _first_seen(present: Present) -> dict[Model, datetime]:
    first: dict[Model, datetime] = {}
    for window, model in present:
        first[model] = min(window.start, first.get(model, window.start))
    return first


def _relevant(
    window: Window,
    model: Model,
    first: Mapping[Model, datetime],
    baselines: Mapping[Model, Baseline],
) -> Iterator[str]:
    own = baselines.get(model)
    yield own.id if own else ""
    for other, start in first.items():
        near = window.start < start + DAY and start < window.end + DAY
        baseline = baselines.get(other)
        if other[0] == model[0] and other != model and near and baseline:
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
