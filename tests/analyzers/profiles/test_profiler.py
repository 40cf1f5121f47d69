"""Each window is profiled once, late events make a revision, and deleted logs change nothing."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from mlmon.analyzers.base.window import DAY, HOUR, MINUTE, Window, iso
from mlmon.analyzers.profiles.kinds.access import AccessKind
from mlmon.analyzers.profiles.kinds.job import profiles as job_profiles
from mlmon.elastic.client.cluster import Cluster
from tests.support.latency_buckets import bucket_of

Events = list[dict[str, Any]]


@pytest.fixture
def day(start: datetime) -> Window:
    """The test's day."""
    return Window(start, start + DAY)


def test_requests_are_counted_per_five_minutes(
    day: Window,
    accesses_of: Callable[..., Events],
    ship: Callable[[Events], None],
    update: Callable[..., int],
    read: Callable[..., list[Any]],
) -> None:
    """Statuses, latencies and sums of each window are those of its events."""
    events = accesses_of(2, 60, status=lambda _hour, index: 500 if index % 7 == 0 else 200)
    ship(events)
    assert update("access", day) == 24
    profiles = read("access", day)
    assert [profile.window.length for profile in profiles] == [5 * MINUTE] * 24
    for index, profile in enumerate(profiles):
        of_window = events[index * 5 : (index + 1) * 5]
        path = profile.paths["api", "/predict"]
        assert path.statuses == Counter(event["http.response.status_code"] for event in of_window)
        durations = [event["event.duration"] for event in of_window]
        assert path.latencies == Counter(map(bucket_of, durations))
        assert path.duration == sum(durations)
        assert path.duration_squares == pytest.approx(sum(duration**2 for duration in durations))
        assert path.service == "api"


def test_a_window_is_profiled_once(
    day: Window,
    accesses_of: Callable[..., Events],
    ship: Callable[[Events], None],
    update: Callable[..., int],
    read: Callable[..., list[Any]],
) -> None:
    """A second run makes nothing; one event more makes its window's second revision only."""
    events = accesses_of(1, 60)
    ship(events)
    assert update("access", day) == 12
    assert update("access", day) == 0
    late = events[0] | {"event.ingested": iso(day.end)}
    ship([late])
    assert update("access", day) == 1
    assert update("access", day) == 0
    first, *others = read("access", day)
    assert (first.revision, first.paths["api", "/predict"].requests) == (2, 6)
    assert {other.revision for other in others} == {1}


def test_profiles_outlive_their_logs(
    cluster: Cluster,
    namespace: str,
    day: Window,
    accesses_of: Callable[..., Events],
    ship: Callable[[Events], None],
    update: Callable[..., int],
    read: Callable[..., list[Any]],
) -> None:
    """With the logs deleted, the profiles stay as they are and are not made again."""
    ship(accesses_of(1, 60))
    update("access", day)
    before = read("access", day)
    stream = f"logs-ml.access-{namespace}"
    (old,) = cluster.data_streams(stream)[stream]
    cluster.rollover(stream)
    assert cluster.delete_index(old)
    assert update("access", day) == 0
    assert read("access", day) == before


def test_more_paths_than_are_kept_by_name(
    day: Window,
    accesses_of: Callable[..., Events],
    ship: Callable[[Events], None],
    update: Callable[..., int],
    read: Callable[..., list[Any]],
) -> None:
    """Beyond fifty paths a window counts the rest together: statuses and latencies, none lost."""
    events = accesses_of(1, 60, status=lambda _hour, index: 500 if index % 7 == 0 else 200)
    robots = [
        event | {"url.path": f"/{place}-{number}.php", "http.response.status_code": 404}
        for place, event in enumerate(accesses_of(1, 12))
        for number in range(55 if place % 2 else 30)
    ]
    ship(events + robots)
    assert update("access", day) == 12
    for place, profile in enumerate(read("access", day)):
        window = [
            event
            for event in events + robots
            if iso(profile.window.start) <= event["@timestamp"] < iso(profile.window.end)
        ]
        durations: dict[str, list[int]] = {}
        for request in window:
            named = ("api", request["url.path"]) in profile.paths
            known = request["url.path"] if named else "(other paths)"
            durations.setdefault(known, []).append(request["event.duration"])
        assert len(profile.paths) == (51 if place % 2 else 31)
        assert profile.paths["api", "/predict"].statuses == Counter(
            event["http.response.status_code"]
            for event in window
            if event["url.path"] == "/predict"
        )
        for path, took in durations.items():
            access = profile.paths["api", path]
            assert access.latencies == Counter(map(bucket_of, took))
            assert (access.requests, access.timed) == (len(took), len(took))
            assert access.duration == pytest.approx(sum(took))
        if place % 2:
            assert profile.paths["api", "(other paths)"].statuses == Counter({404: 6})


def test_a_path_of_two_services_is_counted_for_each(
    day: Window,
    accesses_of: Callable[..., Events],
    ship: Callable[[Events], None],
    update: Callable[..., int],
    read: Callable[..., list[Any]],
) -> None:
    """Counts, latencies and other paths of each service are its own; one without a name is one.

    What an earlier version stored, which did not ask for services, names the service of a path.
    """
    events = accesses_of(1, 60)
    other = [
        event | {"service.name": "search", "http.response.status_code": 500}
        for event in accesses_of(1, 24)
    ]
    unnamed = [{k: v for k, v in event.items() if k != "service.name"} for event in events[:12]]
    robots = [event | {"url.path": f"/{number}.php"} for event in other[:1] for number in range(60)]
    ship([*events, *other, *unnamed, *robots])
    assert update("access", day) == 12
    profiles = read("access", day)
    sums: Counter[tuple[str, str]] = Counter()
    for profile in profiles:
        for endpoint, access in profile.paths.items():
            sums[endpoint.service, endpoint.path] += access.requests
            assert access.service == (endpoint.service or None)
            assert access.latencies.total() == access.requests
            statuses = {500} if endpoint.service == "search" else {200}
            assert set(access.statuses) == statuses
    assert (sums["api", "/predict"], sums["", "/predict"]) == (60, 12)
    assert sum(n for (service, _), n in sums.items() if service == "search") == 84
    assert sums["search", "(other paths)"] >= 10
    assert ("api", "(other paths)") not in sums
    body = profiles[0].body()
    old = {"paths": [pair for pair in body["paths"] if pair[1]["service"] == "api"]}
    again = AccessKind().read(profiles[0].profile_key, profiles[0].watermark, 1, old, {})
    assert again is not None
    assert set(again.paths) == {("api", "/predict")}


def test_runs_of_jobs_are_kept(
    day: Window,
    runs_of: Callable[..., Events],
    ship: Callable[[Events], None],
    update: Callable[..., int],
    read: Callable[..., list[Any]],
) -> None:
    """Each start and end is in the profile of its hour, with outcome, duration and error."""
    ship(runs_of("refresh", [(0.2, True, 30.0), (1.9, False, 900.0)]))
    assert update("job", day) == 3
    profiles = read("job", day)
    assert [len(profile.events) for profile in profiles] == [2, 1, 1]
    end = profiles[2].events[0]
    assert (end.job, end.succeeded, end.seconds, end.error) == (
        "refresh",
        False,
        900.0,
        "no connection",
    )
    assert profiles[0].events[0].succeeded is None


def test_nothing_logged_makes_no_profiles(
    day: Window,
    update: Callable[..., int],
    read: Callable[..., list[Any]],
) -> None:
    """A namespace without any index has no profiles, and asking is no error."""
    assert update("prediction", day) == update("access", day) == update("job", day) == 0
    assert read("access", day) == []


def test_jobs_are_profiled_by_the_hour_they_happen(
    start: datetime, runs_of: Callable[..., Events]
) -> None:
    """Profiles of jobs are in order of time and know when their last event was ingested."""
    first, second = job_profiles(runs_of("refresh", [(1.0, True, 3_600.0)]))
    assert first.window == Window(start + HOUR, start + 2 * HOUR)
    assert second.window == Window(start + 2 * HOUR, start + 3 * HOUR)
    assert second.watermark.ingested == start + timedelta(hours=2)
