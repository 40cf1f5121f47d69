"""Profiles of requests in bins of ten seconds, made by a real Elasticsearch."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlmon.analyzers.base.window import HOUR, MINUTE, Window, iso, milliseconds, parse_time
from mlmon.analyzers.profiles.kinds.pulse import (
    ALL_PATHS,
    BIN_MS,
    Bin,
    BinsOf,
    ServicePulse,
    Services,
)
from mlmon.analyzers.profiles.quantities import DeclarationScope

if TYPE_CHECKING:
    from collections.abc import Callable

START = datetime(2026, 3, 2, tzinfo=datetime.fromisoformat("2026-01-01T00:00Z").tzinfo)
Events = list[dict[str, Any]]


@pytest.fixture
def events() -> Events:
    """An hour of requests of two paths of two services; one of them fails for two minutes."""
    found = []
    for second in range(0, 3_600, 7):
        at = START + timedelta(seconds=second, milliseconds=second % 11)
        bad = 600 <= second < 720
        found.append(
            {
                "@timestamp": iso(at),
                "event.dataset": "ml.access",
                "event.ingested": iso(at + timedelta(seconds=3)),
                "service.name": "api" if second % 2 else "rank",
                "url.path": "/predict" if second % 3 else "/health",
                "http.response.status_code": (503 if second % 4 else 500) if bad else 200,
            }
        )
    return found


def test_bins_hold_what_was_logged(
    events: Events,
    ship: Callable[..., None],
    update: Callable[..., int],
    read: Callable[..., list[Any]],
) -> None:
    """Counts, failures, first failures and last requests are those of a count in Python."""
    ship(events)
    hour = Window(START, START + HOUR)
    assert update("pulse", hour) == 12
    profiles = read("pulse", hour)
    for service in ("api", "rank"):
        for path in (ALL_PATHS, "/predict", "/health"):
            stored = [bin_ for profile in profiles for bin_ in profile.bins[service].get(path, ())]
            expected: dict[int, list[tuple[int, int]]] = {}
            for event in events:
                if event["service.name"] == service and path in {ALL_PATHS, event["url.path"]}:
                    at = milliseconds(parse_time(event["@timestamp"]))
                    of = expected.setdefault(at // BIN_MS * BIN_MS, [])
                    of.append((at, event["http.response.status_code"]))
            assert [bin_.start for bin_ in stored] == sorted(expected)
            for bin_ in stored:
                of = expected[bin_.start]
                failed = [at for at, status in of if status >= 500]
                assert bin_.requests == len(of)
                assert bin_.failed == len(failed)
                assert bin_.unavailable == sum(status == 503 for _, status in of)
                assert bin_.first_failed == min(failed, default=None)
                last = max(at for at, _ in of)
                assert bin_.last == (last if path == ALL_PATHS else None)


def test_sums_of_a_window(
    events: Events,
    ship: Callable[..., None],
    update: Callable[..., int],
    read: Callable[..., list[Any]],
) -> None:
    """Requests, ends, longest pause, delay and the failures of each path add up."""
    ship([event for event in events if not 62 <= _second(event) < 123])
    update("pulse", Window(START, START + HOUR))
    (first, *_) = read("pulse", Window(START, START + 5 * MINUTE))
    pulse = first.services["api"]
    seconds = [second for second in range(0, 300, 7) if second % 2 and not 62 <= second < 123]
    assert pulse.requests == len(seconds)
    assert pulse.first == milliseconds(START + timedelta(seconds=7, milliseconds=7))
    # From the bin that ends at 0:50 to the one that begins at 2:00 or later.
    starts = sorted({second // 10 * 10 for second in seconds})
    gap = max(after - before - 10 for before, after in itertools.pairwise(starts))
    assert pulse.gap == gap * 1_000
    assert pulse.delay == pytest.approx(3.0, abs=10.0)
    assert pulse.paths[ALL_PATHS] == (len(seconds), 0)


def _second(event: dict[str, Any]) -> float:
    return (parse_time(event["@timestamp"]) - START).total_seconds()


BINS = st.builds(
    Bin,
    st.integers(0, 10**9).map(lambda number: number * BIN_MS),
    st.integers(1, 10**6),
).flatmap(
    lambda bin_: st.one_of(
        st.just(bin_),
        st.builds(
            Bin,
            st.just(bin_.start),
            st.just(bin_.requests),
            st.integers(1, bin_.requests),
            st.integers(0, 1),
            st.integers(bin_.start, bin_.start + BIN_MS - 1),
            st.integers(bin_.start, bin_.start + BIN_MS - 1),
        ),
    )
)


@given(st.dictionaries(st.text(max_size=5), st.lists(BINS, max_size=5), max_size=3))
def test_bins_are_read_as_they_were_stored(paths: dict[str, list[Bin]]) -> None:
    """What is encoded is decoded, whatever the numbers."""
    value = {"api": {path: tuple(bins) for path, bins in paths.items()}}
    assert BinsOf().decode(BinsOf().encode(value), DeclarationScope()) == value


def test_sums_merge_over_the_gap_between_them() -> None:
    """Two windows of a service: the pause between them may be the longest."""
    early = ServicePulse(5, 1_000, 50_000, 10_000, 2.0, {ALL_PATHS: (5, 1)})
    late = ServicePulse(7, 90_000, 99_000, 5_000, None, {ALL_PATHS: (7, 0), "/a": (7, 0)})
    merged = Services().merge([{"api": late}, {"api": early}])["api"]
    assert merged == ServicePulse(
        12, 1_000, 99_000, 40_000, 2.0, {ALL_PATHS: (12, 1), "/a": (7, 0)}
    )
