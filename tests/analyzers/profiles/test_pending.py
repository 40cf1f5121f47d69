"""Which windows are profiled: those with events nobody has counted, over the edges they need."""

import itertools
from dataclasses import replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mlmon.analyzers.base.profile_key import Knowledge, Slot, Stamp
from mlmon.analyzers.base.window import DAY, HOUR, MINUTE, Window
from mlmon.analyzers.baselines.baseline import Baseline
from mlmon.analyzers.profiles.pending import by_day, outdated, prediction_slots


def hour(start: datetime, index: int) -> Window:
    """Return the hour so many hours after the start."""
    return Window(start + index * HOUR, start + (index + 1) * HOUR)


def test_only_windows_with_news_are_profiled(start: datetime) -> None:
    """A window is made once, again for more or later events, never because some are gone."""
    old = Knowledge(10, start)
    slots = [Slot("access", hour(start, index)) for index in range(5)]
    stored = {slot: Stamp(old, 3) for slot in slots[:4]}
    present = {
        slots[0]: old,
        slots[1]: Knowledge(11, start),
        slots[2]: Knowledge(10, start + MINUTE),
        slots[3]: Knowledge(4, start),
        slots[4]: Knowledge(1, None),
    }
    assert outdated(present, stored) == {slots[1]: 4, slots[2]: 4, slots[4]: 1}


def test_a_new_version_is_judged_with_the_day_before_it(
    start: datetime, baseline: Baseline
) -> None:
    """The day before and after a version comes into service is counted over both baselines."""
    second = replace(baseline, model_version="2")
    baselines = {each.model: each for each in (baseline, second)}
    present = {
        (hour(start, index), ("autobid", "1" if index < 72 else "2")): Knowledge(5)
        for index in range(120)
    }
    slots = prediction_slots(present, baselines)
    of_second = [slot for slot in slots if slot.series[2] == second.id]
    assert min(slot.window for slot in of_second) == hour(start, 48)
    by_first = {slot.window for slot in of_second if slot.series[1] == "1"}
    assert by_first == {hour(start, index) for index in range(48, 72)}
    assert {slot.window for slot in of_second if slot.series[1] == "2"} == {
        hour(start, index) for index in range(72, 120)
    }


def test_without_a_baseline_predictions_are_counted_all_the_same(start: datetime) -> None:
    """A version nobody made a baseline for has profiles without edges."""
    slots = prediction_slots({(hour(start, 0), ("autobid", "9")): Knowledge(5)}, {})
    assert [slot.series for slot in slots] == [("autobid", "9", "")]


def test_another_model_is_no_relation(start: datetime, baseline: Baseline) -> None:
    """Traffic of one model is never counted over the edges of another."""
    other = replace(baseline, model_name="pricing")
    present = {
        (hour(start, 0), baseline.model): Knowledge(5),
        (hour(start, 0), other.model): Knowledge(5),
    }
    slots = prediction_slots(present, {each.model: each for each in (baseline, other)})
    assert {slot.series[2] for slot in slots if slot.series[0] == "pricing"} == {other.id}


@given(st.sets(st.integers(0, 200), min_size=1))
def test_requests_stay_within_a_day(hours: set[int]) -> None:
    """Every slot is asked for by the request of its series and day, none of which is longer."""
    begin = datetime.fromisoformat("2026-03-02T00:00+00:00")
    slots = [Slot("prediction", hour(begin, each), ("m", str(each % 2), "")) for each in hours]
    parts = list(by_day(slots, HOUR))
    assert len(parts) == len(set(parts))
    for slot in slots:
        assert any(
            series == slot.series and part.start <= slot.window.start < part.end
            for series, part in parts
        )
    assert all(timedelta(0) < part.length <= DAY for _, part in parts)


def test_a_version_that_is_taken_back_is_judged_with_what_lay_between(
    start: datetime, baseline: Baseline
) -> None:
    """The first version again, after a day of another: that day is counted over the first, too."""
    second = replace(baseline, model_version="2")
    baselines = {each.model: each for each in (baseline, second)}
    present = {
        (hour(start, index), ("autobid", "2" if 60 <= index < 84 else "1")): Knowledge(5)
        for index in range(120)
    }
    slots = prediction_slots(present, baselines)
    by_second = {slot.window for slot in slots if slot.series == ("autobid", "2", baseline.id)}
    assert by_second == {hour(start, index) for index in range(60, 84)}


@given(st.sets(st.tuples(st.integers(0, 90), st.sampled_from("12")), min_size=1), st.data())
def test_a_period_and_its_parts_have_the_same_slots(
    places: set[tuple[int, str]], data: st.DataObject
) -> None:
    """Whatever is profiled first, an hour is counted over the same baselines in the end."""
    begin = datetime.fromisoformat("2026-03-02T00:00+00:00")
    baselines: Any = {("m", version): SimpleNamespace(id=f"b{version}") for version in "12"}
    present = {(hour(begin, each), ("m", version)): Knowledge(1) for each, version in places}
    whole = prediction_slots(present, baselines)
    cuts = sorted({0, 91, *data.draw(st.sets(st.integers(1, 90), max_size=4))})
    parts = data.draw(
        st.permutations(
            [
                Window(hour(begin, low).start, hour(begin, high).start)
                for low, high in itertools.pairwise(cuts)
            ]
        )
    )
    known: dict[Any, Knowledge] = {}
    slots: dict[Slot, Knowledge] = {}
    for part in parts:
        here = {at: n for at, n in present.items() if part.start <= at[0].start < part.end}
        near = Window(part.start - DAY - HOUR, part.end + DAY + HOUR)
        around = {
            at: n
            for at, n in known.items()
            if near.start <= at[0].start < near.end and at not in here
        }
        slots |= prediction_slots(here, baselines, around)
        known |= here
    assert slots == whole
