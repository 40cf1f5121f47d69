"""Which windows are profiled: those with events nobody has counted, over the edges they need."""

import itertools
from dataclasses import replace
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mlmon.analyzers.base.profile_key import ProfileKey, SourceWatermark, Stamp
from mlmon.analyzers.base.window import DAY, HOUR, MINUTE, Window, floor
from mlmon.analyzers.baselines.baseline import Baseline
from mlmon.analyzers.profiles.kinds.prediction import prediction_profile_keys
from mlmon.analyzers.profiles.pending import MOST_DOCUMENTS, MOST_WINDOWS, outdated, spans


def hour(start: datetime, index: int) -> Window:
    """Return the hour so many hours after the start."""
    return Window(start + index * HOUR, start + (index + 1) * HOUR)


def test_only_windows_with_news_are_profiled(start: datetime) -> None:
    """A window is made once, again for more or later events, never because some are gone."""
    old = SourceWatermark(10, start)
    profile_keys = [ProfileKey("access", hour(start, index)) for index in range(5)]
    stored = {profile_key: Stamp(old, 3) for profile_key in profile_keys[:4]}
    present = {
        profile_keys[0]: old,
        profile_keys[1]: SourceWatermark(11, start),
        profile_keys[2]: SourceWatermark(10, start + MINUTE),
        profile_keys[3]: SourceWatermark(4, start),
        profile_keys[4]: SourceWatermark(1, None),
    }
    assert outdated(present, stored) == {profile_keys[1]: 4, profile_keys[2]: 4, profile_keys[4]: 1}


def test_a_new_version_is_judged_with_the_day_before_it(
    start: datetime, baseline: Baseline
) -> None:
    """The day before and after a version comes into service is counted over both baselines."""
    second = replace(baseline, model_version="2")
    baselines = {trained.model: trained for trained in (baseline, second)}
    present = {
        (hour(start, index), ("autobid", "1" if index < 72 else "2")): SourceWatermark(5)
        for index in range(120)
    }
    profile_keys = prediction_profile_keys(present, baselines)
    of_second = [profile_key for profile_key in profile_keys if profile_key.series[2] == second.id]
    assert min(profile_key.window for profile_key in of_second) == hour(start, 48)
    by_first = {profile_key.window for profile_key in of_second if profile_key.series[1] == "1"}
    assert by_first == {hour(start, index) for index in range(48, 72)}
    assert {profile_key.window for profile_key in of_second if profile_key.series[1] == "2"} == {
        hour(start, index) for index in range(72, 120)
    }


def test_without_a_baseline_predictions_are_counted_all_the_same(start: datetime) -> None:
    """A version nobody made a baseline for has profiles without edges."""
    present = {(hour(start, 0), ("autobid", "9")): SourceWatermark(5)}
    profile_keys = prediction_profile_keys(present, {})
    assert [profile_key.series for profile_key in profile_keys] == [("autobid", "9", "")]


def test_another_model_is_no_relation(start: datetime, baseline: Baseline) -> None:
    """Traffic of one model is never counted over the edges of another."""
    other = replace(baseline, model_name="pricing")
    present = {
        (hour(start, 0), baseline.model): SourceWatermark(5),
        (hour(start, 0), other.model): SourceWatermark(5),
    }
    profile_keys = prediction_profile_keys(
        present, {trained.model: trained for trained in (baseline, other)}
    )
    assert {
        profile_key.series[2] for profile_key in profile_keys if profile_key.series[0] == "pricing"
    } == {other.id}


@given(
    st.dictionaries(st.integers(0, 2_000), st.sampled_from([1, 9, 4_000, 30_000]), min_size=1),
)
def test_requests_hold_adjacent_days_of_few_events(counts: dict[int, int]) -> None:
    """Each profile key is in one request of its series; a day of many events is one of its own."""
    begin = datetime.fromisoformat("2026-03-02T00:00+00:00")
    present = {
        ProfileKey("prediction", hour(begin, number), ("m", str(number % 2), "")): SourceWatermark(
            events
        )
        for number, events in counts.items()
    }
    parts = list(spans(present, HOUR))
    assert len(parts) == len(set(parts))
    for profile_key in present:
        holding = [
            part
            for series, part in parts
            if series == profile_key.series and part.start <= profile_key.window.start < part.end
        ]
        assert len(holding) == 1
    for series, part in parts:
        within = {
            key: watermark
            for key, watermark in present.items()
            if key.series == series and part.start <= key.window.start < part.end
        }
        days = {floor(key.window.start, DAY) for key in within}
        assert len(days) == (floor(part.end - MINUTE, DAY) - floor(part.start, DAY)) / DAY + 1
        if len(days) > 1:
            assert sum(watermark.documents for watermark in within.values()) <= MOST_DOCUMENTS
            assert len(within) <= MOST_WINDOWS


def test_a_year_of_a_dozen_events_a_day_is_a_few_dozen_requests(start: datetime) -> None:
    """Five thousand events over four hundred days: not a request for each day."""
    present = {
        ProfileKey("prediction", hour(start, 2 * number), ("m", "1", "")): SourceWatermark(1)
        for number in range(5_000)
    }
    assert len(list(spans(present, HOUR))) <= 5_000 / (MOST_WINDOWS - 12) + 1


def test_a_version_that_is_taken_back_is_judged_with_what_lay_between(
    start: datetime, baseline: Baseline
) -> None:
    """The first version again, after a day of another: that day is counted over the first, too."""
    second = replace(baseline, model_version="2")
    baselines = {trained.model: trained for trained in (baseline, second)}
    present = {
        (hour(start, index), ("autobid", "2" if 60 <= index < 84 else "1")): SourceWatermark(5)
        for index in range(120)
    }
    profile_keys = prediction_profile_keys(present, baselines)
    by_second = {
        profile_key.window
        for profile_key in profile_keys
        if profile_key.series == ("autobid", "2", baseline.id)
    }
    assert by_second == {hour(start, index) for index in range(60, 84)}


@given(st.sets(st.tuples(st.integers(0, 90), st.sampled_from("12")), min_size=1), st.data())
def test_a_period_and_its_parts_have_the_same_profile_keys(
    places: set[tuple[int, str]], data: st.DataObject
) -> None:
    """Whatever is profiled first, an hour is counted over the same baselines in the end."""
    begin = datetime.fromisoformat("2026-03-02T00:00+00:00")
    baselines: Any = {("m", version): SimpleNamespace(id=f"b{version}") for version in "12"}
    present = {
        (hour(begin, index), ("m", version)): SourceWatermark(1) for index, version in places
    }
    whole = prediction_profile_keys(present, baselines)
    cuts = sorted({0, 91, *data.draw(st.sets(st.integers(1, 90), max_size=4))})
    parts = data.draw(
        st.permutations(
            [
                Window(hour(begin, low).start, hour(begin, high).start)
                for low, high in itertools.pairwise(cuts)
            ]
        )
    )
    known: dict[Any, SourceWatermark] = {}
    profile_keys: dict[ProfileKey, SourceWatermark] = {}
    for part in parts:
        here = {at: n for at, n in present.items() if part.start <= at[0].start < part.end}
        near = Window(part.start - DAY - HOUR, part.end + DAY + HOUR)
        around = {
            at: n
            for at, n in known.items()
            if near.start <= at[0].start < near.end and at not in here
        }
        profile_keys |= prediction_profile_keys(here, baselines, around)
        known |= here
    assert profile_keys == whole
