"""Declared quantities are read as written, and merge the same before and after they are stored."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlmon.analyzers.base.profile_key import ProfileKey, Stamp
from mlmon.analyzers.base.window import HOUR, Window
from mlmon.analyzers.baselines.baseline import Baseline
from mlmon.analyzers.event_logs.aggregations import buckets_of
from mlmon.analyzers.profiles.kind import StoredProfile, kinds
from mlmon.analyzers.profiles.quantities import (
    ByTerm,
    Count,
    DeclarationScope,
    DocumentCount,
    Group,
    Stat,
    Terms,
    Within,
    ask,
    decode,
    encode,
    merge,
    merge_bodies,
    quantity,
    read,
)

FAILED = {"term": {"event.outcome": "failure"}}


@dataclass(frozen=True)
class Requests:
    """Some quantities of each sort that adds up."""

    total: int = quantity(DocumentCount())
    failed: int = quantity(Count(FAILED))
    slowest: float | None = quantity(Within(FAILED, Stat("event.duration", "max")))
    timed: int = quantity(Stat("event.duration", "count"))
    seconds: float | None = quantity(Stat("event.duration", "sum"))
    reasons: dict[str, int] = quantity(Terms("event.reason", 5))


@dataclass(frozen=True)
class Paths:
    """Quantities by term."""

    paths: dict[str, Requests] = quantity(ByTerm("url.path", Group(Requests), size=7))


NUMBERS = st.floats(-(2.0**40), 2.0**40)
REQUESTS = st.builds(
    Requests,
    st.integers(0, 9),
    st.integers(0, 9),
    st.none() | NUMBERS,
    st.integers(0, 9),
    st.none() | NUMBERS,
    st.dictionaries(st.text(max_size=2), st.integers(1, 9)),
)
PATHS = st.builds(Paths, st.dictionaries(st.text(max_size=2), REQUESTS, max_size=3))


@given(st.lists(PATHS, min_size=1, max_size=5))
def test_stored_values_merge_like_the_values(profiles: list[Paths]) -> None:
    """Each body is read as written, and bodies merge to what their values merge to."""
    bodies = [orjson.loads(orjson.dumps(encode(profile))) for profile in profiles]
    assert [Paths(**decode(Paths, body, DeclarationScope())) for body in bodies] == profiles
    assert Paths(**merge_bodies(Paths, bodies, DeclarationScope())) == merge(profiles)


@given(PATHS)
def test_no_events_change_nothing(paths: Paths) -> None:
    """A record's defaults are the value of no events: merged with any other they add nothing."""
    assert merge([Paths(), paths]) == merge([paths, Paths()]) == paths
    for requests in paths.paths.values():
        assert merge([Requests(), requests]).failed == requests.failed


def test_statistics_of_one_field_share_an_aggregation() -> None:
    """Count and sum of a field are asked for once; the answer gives both."""
    aggregations = ask(Requests, DeclarationScope())
    assert sorted(aggregations) == ["duration", "failed", "reasons", "slowest"]
    answer = {
        "doc_count": 9,
        "failed": {"doc_count": 2},
        "slowest": {"doc_count": 2, "duration": {"max": 5.0}},
        "duration": {"count": 8, "sum": "Infinity"},
        "reasons": {"buckets": [{"key": "late", "doc_count": 3}], "sum_other_doc_count": 0},
    }
    found = Requests(**read(Requests, answer, DeclarationScope()))
    assert found == Requests(9, 2, 5.0, 8, None, {"late": 3})


def test_the_buckets_of_an_answer_are_counted() -> None:
    """Seven paths, each with two filters and five reasons."""
    assert buckets_of(ask(Paths, DeclarationScope())) == 7 * (1 + 2 + 5)


def test_a_quantity_that_is_no_detail_must_be_stored() -> None:
    """A body that lacks a count is broken: it is not read as zero."""
    body = encode(Requests(1, 1))
    del body["failed"]
    with pytest.raises(KeyError):
        decode(Requests, body, DeclarationScope())


@pytest.mark.parametrize("make", ["steady_hours", "segment_hours"])
def test_stored_hours_merge_like_hours(
    make: str, request: pytest.FixtureRequest, baseline: Baseline
) -> None:
    """Of a kind with buckets and segments, the merge of stored hours is that of the hours."""
    hours: list[Any] = request.getfixturevalue(make)(6)
    kind = kinds()[hours[0].profile_key.kind]
    known = {baseline.id: baseline}
    stored = [
        StoredProfile(
            hour.profile_key, Stamp(hour.watermark, 1), orjson.loads(orjson.dumps(hour.body()))
        )
        for hour in hours
    ]
    assert kind.read_merge(stored, known) == merge(hours)
    assert kind.read_merge(stored, {}) is None
    for hour, document in zip(hours, stored, strict=True):
        assert kind.read(hour.profile_key, hour.watermark, 1, document.body, known) == hour


def test_every_kind_writes_and_reads_an_empty_profile(start: datetime, baseline: Baseline) -> None:
    """A profile of no events is read as written, regardless of its kind."""
    series = {
        "prediction": (*baseline.model, baseline.id),
        "segment": (*baseline.model, baseline.id),
        "segment_feature": (*baseline.model, baseline.id, "country=DE"),
        "label": (*baseline.model, baseline.id),
        "embedding": baseline.model,
        "refinement": (*baseline.model, baseline.id, "price"),
    }
    known = {baseline.id: baseline}
    for name, kind in kinds().items():
        key = ProfileKey(name, Window(start, start + HOUR), series.get(name, ()))
        profile = kind.profile(key)
        body = orjson.loads(orjson.dumps(profile.body()))
        assert kind.read(key, profile.watermark, 1, body, known) == profile
