"""Service health on requests with a known answer."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from mlmon.analyzers.base.analysis_context import AnalysisContext
from mlmon.analyzers.base.finding import Finding, Severity
from mlmon.analyzers.base.profile_key import ProfileKey, SourceWatermark
from mlmon.analyzers.base.window import DAY, HOUR, MINUTE, WEEK, Window
from mlmon.analyzers.checks.service_health.service_health import ServiceHealth
from mlmon.analyzers.profiles.kinds.access import OTHER_PATHS, AccessProfile, Endpoint, PathAccess
from tests.support.latency_buckets import bucket_of

Make = Callable[..., list[AccessProfile]]
PER_DAY = 288


def judge(profiles: list[AccessProfile], start: datetime, end: datetime) -> list[Finding]:
    """Return the findings of a period."""
    return list(ServiceHealth().evaluate(AnalysisContext(Window(start, end), profiles)))


def alarms(findings: list[Finding], metric: str | None = None) -> list[Finding]:
    """Return the findings that alarm, of all or one metric."""
    return [
        finding
        for finding in findings
        if finding.severity.alarming and metric in (None, finding.metric)
    ]


def test_calm_days_are_calm(access_profiles: Make, start: datetime) -> None:
    """Eight days of usual latencies, a few errors and a traffic that ebbs at night: no alarm."""
    profiles = access_profiles(
        8,
        answer=lambda index: {500: 1} if index % 61 == 0 else {400: 1} if index % 17 == 0 else {},
        requests=lambda index: 4 + int(12 * (index % PER_DAY > 100)),
    )
    findings = judge(profiles, start, start + 8 * DAY)
    assert alarms(findings) == []
    assert {finding.metric for finding in findings} == set(ServiceHealth.limits)


def test_a_burst_of_errors(access_profiles: Make, start: datetime) -> None:
    """A third of the requests fail for half an hour: critical within it, calm around it."""
    burst = range(3 * PER_DAY + 120, 3 * PER_DAY + 126)
    profiles = access_profiles(
        4, per_window=30, answer=lambda index: {500: 5, 503: 5} if index in burst else {}
    )
    found = judge(profiles, start, start + 4 * DAY)
    begin, end = start + 3 * DAY + timedelta(hours=10), start + 3 * DAY + timedelta(hours=10.5)
    for metric in ("http.5xx.rate", "http.503.rate"):
        windows = [alarm.window for alarm in alarms(found, metric)]
        assert windows
        assert all(window.start < end and window.end > begin for window in windows)
    severities = {alarm.severity for alarm in alarms(found, "http.5xx.rate")}
    assert Severity.CRITICAL in severities
    first = alarms(found, "http.5xx.rate")[0]
    assert first.end - begin <= timedelta(minutes=15)
    assert "500: " in first.reason
    assert "/predict" in first.reason


def test_a_few_errors_in_a_small_sample_are_no_alarm(
    access_profiles: Make, start: datetime
) -> None:
    """Three errors in fifteen requests may be chance and are not called a rate of 20 %."""
    profiles = access_profiles(
        2, requests=lambda _index: 5, answer=lambda index: {500: 1} if 400 <= index < 403 else {}
    )
    found = judge(profiles, start, start + 2 * DAY)
    assert alarms(found, "http.5xx.rate") == []
    rates = [finding for finding in found if finding.metric == "http.5xx.rate" and finding.value]
    assert rates
    for rate in rates:
        # Beyond the limit of 2 %, it is not called ok either.
        assert rate.severity is Severity.UNKNOWN
        assert "; limit 2 %; beyond the limit, not proven" in rate.reason


@pytest.mark.parametrize("status", [400, 422])
def test_bad_requests_are_compared_with_what_is_usual(
    access_profiles: Make, start: datetime, status: int
) -> None:
    """A path that always refuses a tenth is calm; one that starts to refuse a third is not.

    FastAPI answers what it cannot read with 422, others with 400.
    """
    always = access_profiles(4, requests=lambda _: 20, answer=lambda _: {status: 2})
    assert alarms(judge(always, start + 2 * DAY, start + 4 * DAY), "http.400.rate") == []
    since = 3 * PER_DAY
    new = access_profiles(
        4, requests=lambda _: 20, answer=lambda index: {status: 7} if index >= since else {}
    )
    (first, *_) = alarms(judge(new, start + 2 * DAY, start + 4 * DAY), "http.400.rate")
    assert start + 3 * DAY < first.end <= start + 3 * DAY + timedelta(minutes=15)


@pytest.mark.parametrize("metric", ["latency.mean", "latency.p95", "latency.p99"])
def test_slower_answers(access_profiles: Make, start: datetime, metric: str) -> None:
    """Answers three and a half times as slow are noticed in the first full window."""
    since = 3 * PER_DAY + 144
    profiles = access_profiles(
        4, per_window=15, scale=lambda index: 3.5 if since <= index < since + 72 else 1.0
    )
    found = alarms(judge(profiles, start, start + 4 * DAY), metric)
    begin = start + 3.5 * DAY
    assert begin < found[0].end <= begin + timedelta(hours=1)
    assert all(finding.start < begin + timedelta(hours=6) for finding in found)
    assert found[0].baseline_value == pytest.approx(
        {"latency.mean": 21.6, "latency.p95": 38.6, "latency.p99": 50.7}[metric], rel=0.05
    )
    phrases = {"latency.mean": "on average", "latency.p95": "1 in 20", "latency.p99": "1 in 100"}
    assert phrases[metric] in found[0].reason


def test_one_request_that_timed_out_is_no_regression(
    access_profiles: Make, start: datetime
) -> None:
    """A single answer of many seconds moves the mean, but not its lower end."""
    at = 2 * PER_DAY + 50
    profiles = access_profiles(3, per_window=10)
    slow = access_profiles(3, requests=lambda index: 1 if index == at else 0, scale=lambda _: 400)
    merged = sorted([*profiles, *slow], key=lambda profile: profile.window)
    assert alarms(judge(merged, start, start + 3 * DAY)) == []


def test_silence(access_profiles: Make, start: datetime) -> None:
    """A path that is asked no more is critical, and what cannot be measured is unknown."""
    since = 5 * PER_DAY
    profiles = access_profiles(6, requests=lambda index: 20 if index < since else 0)
    found = judge(profiles, start + 4 * DAY, start + 6 * DAY)
    silent = [finding for finding in found if finding.start >= start + 5 * DAY]
    traffic = [finding for finding in silent if finding.metric == "traffic.rpm"]
    assert traffic
    assert {finding.severity for finding in traffic} == {Severity.CRITICAL}
    rates = [finding for finding in silent if finding.metric == "http.5xx.rate"]
    assert rates
    assert {rate.severity for rate in rates} == {Severity.UNKNOWN}
    assert "0 requests" in rates[0].reason


def test_the_silence_of_114_requests_an_hour_is_critical(
    access_profiles: Make, start: datetime
) -> None:
    """Where 114 requests came every hour, none in an hour is critical in the first such hour."""
    since = 8 * PER_DAY
    profiles = access_profiles(
        9, requests=lambda index: 19 * (index % 2 == 0) if index < since else 0
    )
    found = judge(profiles, start + 8 * DAY, start + 8 * DAY + HOUR)
    hourly = {finding.metric: finding for finding in found if finding.window.length == HOUR}
    assert hourly["traffic.rph"].severity is Severity.CRITICAL, hourly["traffic.rph"].reason
    assert "usually 114" in hourly["traffic.rph"].reason


def test_a_quiet_sunday_is_no_silence(access_profiles: Make, start: datetime) -> None:
    """Half of the usual traffic for a day is not called a drop."""
    profiles = access_profiles(7, requests=lambda index: 10 if index // PER_DAY == 6 else 20)
    assert alarms(judge(profiles, start + 6 * DAY, start + 7 * DAY)) == []


def test_without_a_past_nothing_is_called_slow(access_profiles: Make, start: datetime) -> None:
    """On the first day latencies are unknown, with how much past is missing."""
    profiles = access_profiles(1, per_window=20, scale=lambda index: 10.0 if index > 200 else 1.0)
    found = judge(profiles, start, start + DAY)
    latencies = [finding for finding in found if finding.metric.startswith("latency")]
    assert {latency.severity for latency in latencies} == {Severity.UNKNOWN}
    assert "Not enough history" in latencies[0].reason
    traffic = [finding for finding in found if finding.metric.startswith("traffic")]
    assert all("not enough history for a baseline" in finding.reason for finding in traffic)


def test_the_limits_are_those_of_the_finding(access_profiles: Make, start: datetime) -> None:
    """A finding carries the limits it was judged by, in the metric's own unit."""
    profiles = access_profiles(5, requests=lambda _: 20)
    found = judge(profiles, start + 4 * DAY, start + 5 * DAY)
    (traffic, *_) = [finding for finding in found if finding.metric == "traffic.rpm"]
    assert (traffic.value, traffic.baseline_value) == (4.0, 4.0)
    assert traffic.warning == pytest.approx(1.2)
    assert traffic.critical == pytest.approx(0.2)


def hourly(
    start: datetime,
    hours: int,
    of_hour: Callable[[int], Mapping[str, Mapping[int, int]]],
    service: str = "api",
) -> list[AccessProfile]:
    """Return a profile of five minutes per hour, from the statuses of each path's requests."""

    def access(statuses: Mapping[int, int]) -> PathAccess:
        requests = sum(statuses.values())
        took = 20_000_000
        return PathAccess(
            requests,
            Counter(statuses),
            requests,
            float(requests * took),
            float(requests * took**2),
            Counter({bucket_of(took): requests}),
            service,
        )

    windows = [
        Window(start + hour * HOUR, start + hour * HOUR + 5 * MINUTE) for hour in range(hours)
    ]
    return [
        AccessProfile(
            ProfileKey("access", window),
            SourceWatermark(1),
            paths={
                Endpoint(service, path): access(statuses)
                for path, statuses in of_hour(hour).items()
            },
        )
        for hour, window in enumerate(windows)
        if of_hour(hour)
    ]


def test_a_service_that_stops_logging(access_profiles: Make, start: datetime) -> None:
    """Days of silence are critical each hour, judged hour by hour or long afterwards."""
    since = 5 * PER_DAY
    profiles = access_profiles(5, requests=lambda index: 20 if index < since else 0)
    whole = judge(profiles, start + 5 * DAY, start + 9 * DAY)
    silent = alarms(whole, "traffic.rph")
    assert {finding.severity for finding in silent} == {Severity.CRITICAL}
    assert [finding.end for finding in silent] == [
        start + 5 * DAY + hour * HOUR for hour in range(1, 4 * 24 + 1)
    ]
    assert "0 requests to /predict" in silent[-1].reason
    assert "usually 240 at this time of day" in silent[-1].reason
    third_day = judge(profiles, start + 8 * DAY, start + 8 * DAY + HOUR)
    assert alarms(third_day, "traffic.rpm")


def test_a_path_that_was_retired(start: datetime) -> None:
    """Six days after its last request nothing is usual, after eight there is no finding."""
    profiles = hourly(start, 7 * 24, lambda _: {"/predict": {200: 240}})
    found = judge(profiles, start + 7 * DAY, start + 20 * DAY)
    last = max(alarm.end for alarm in alarms(found))
    assert start + 12 * DAY <= last <= start + 13 * DAY
    assert max(finding.end for finding in found) <= start + 15 * DAY


def test_a_path_that_disappears(start: datetime) -> None:
    """Of two paths one is asked no more: it alone is reported."""
    profiles = hourly(
        start,
        120,
        lambda hour: {"/health": {200: 30}} | ({"/predict": {200: 40}} if hour < 100 else {}),
    )
    found = alarms(judge(profiles, start + 4 * DAY, start + 5 * DAY))
    assert {finding.subject for finding in found} == {"/predict"}
    assert {finding.metric for finding in found} == {"traffic.rpm", "traffic.rph"}
    assert min(finding.end for finding in found) == start + 101 * HOUR


def test_two_services_with_one_path_are_two_series(start: datetime) -> None:
    """`/health` of one service fails and then falls silent; that of the other is as ever.

    Counted together, half of the requests would have failed, and traffic would have halved.
    """

    def failing(hour: int) -> dict[str, dict[int, int]]:
        return {"/health": {500: 60} if 100 <= hour < 104 else {200: 60}} if hour < 110 else {}

    first = hourly(start, 120, failing, "payments")
    second = hourly(start, 120, lambda _: {"/health": {200: 60}}, "search")
    merged = [
        *(replace(a, paths={**a.paths, **b.paths}) for a, b in zip(first, second, strict=False)),
        *second[len(first) :],
    ]
    found = judge(merged, start + 4 * DAY, start + 5 * DAY)
    assert {(one.service, one.subject) for one in found if one.subject == "/health"} == {
        ("payments", "/health"),
        ("search", "/health"),
    }
    assert {one.service for one in alarms(found)} == {"payments"}
    errors = [one.value for one in alarms(found, "http.5xx.rate")]
    assert errors
    assert set(errors) == {1.0}
    silent = alarms(found, "traffic.rph")
    assert {one.value for one in silent} == {0.0}
    assert len({one.series for one in found if one.metric == "http.5xx.rate"}) == 2


def test_robots_that_ask_for_anything(start: datetime) -> None:
    """Thousands of paths asked once make no findings of their own, and no alarm together."""

    def robots(hour: int) -> dict[str, dict[int, int]]:
        return {f"/{hour}-{number}.php": {404: 1} for number in range(40 if hour % 5 == 0 else 0)}

    profiles = hourly(start, 96, lambda hour: {"/predict": {200: 60}} | robots(hour))
    found = judge(profiles, start, start + 4 * DAY)
    assert {finding.subject for finding in found} == {"/predict", OTHER_PATHS}
    later = [finding for finding in found if finding.start >= start + DAY]
    assert alarms(later) == []


def test_paths_that_hold_an_id_are_judged_together(start: datetime) -> None:
    """Where no path is asked twice, their errors and their silence are found all the same."""

    def users(hour: int) -> dict[str, dict[int, int]]:
        status = 500 if hour == 80 else 200
        return {f"/users/{hour}/{number}": {status: 1} for number in range(40)}

    profiles = hourly(start, 90, users)
    found = alarms(judge(profiles, start, start + 4 * DAY))
    errors = [finding for finding in found if finding.metric == "http.5xx.rate"]
    assert [(error.subject, error.end) for error in errors] == [(OTHER_PATHS, start + 81 * HOUR)]
    silent = [finding for finding in found if finding.metric == "traffic.rph"]
    assert {finding.subject for finding in silent} == {OTHER_PATHS}
    assert min(finding.end for finding in silent) == start + 91 * HOUR


def test_a_path_among_too_many_is_not_called_silent(start: datetime) -> None:
    """Where a window does not keep a path apart, its requests may be among the others'."""

    def paths(hour: int) -> dict[str, dict[int, int]]:
        if hour < 90:
            return {"/predict": {200: 30}, "/health": {200: 50}}
        return {"/health": {200: 50}, OTHER_PATHS: {200: 400}}

    hidden = judge(hourly(start, 96, paths), start + 3 * DAY, start + 4 * DAY)
    assert [alarm for alarm in alarms(hidden) if alarm.subject == "/predict"] == []

    def fewer(hour: int) -> dict[str, dict[int, int]]:
        return paths(hour) if hour < 90 else {"/health": {200: 50}, OTHER_PATHS: {200: 2}}

    silent = judge(hourly(start, 96, fewer), start + 3 * DAY, start + 4 * DAY)
    assert {alarm.subject for alarm in alarms(silent)} == {"/predict"}


def test_all_that_is_refused(start: datetime) -> None:
    """Refusals of any kind count together: a quarter of 401 and 404 is found, with its statuses."""
    profiles = hourly(
        start,
        80,
        lambda hour: {"/predict": {200: 80, 401: 22, 404: 8} if hour >= 75 else {200: 99, 404: 1}},
    )
    found = alarms(judge(profiles, start + 3 * DAY, start + 80 * HOUR))
    assert {finding.metric for finding in found} == {"http.4xx.rate"}
    assert "(401: 22, 404: 8)" in found[0].reason


def test_quiet_sundays(start: datetime) -> None:
    """A Sunday with a tenth of the traffic is as usual once three Sundays have been so."""

    def requests(hour: int) -> dict[str, dict[int, int]]:
        return {"/predict": {200: 40 if (hour // 24) % 7 == 6 else 400}}

    profiles = hourly(start, 35 * 24, requests)
    second = judge(profiles, start + 13 * DAY, start + 14 * DAY)
    assert alarms(second, "traffic.rph")
    fifth = judge(profiles, start + 34 * DAY, start + 35 * DAY)
    assert alarms(fifth) == []
    (hour, *_) = [finding for finding in fifth if finding.metric == "traffic.rph"]
    assert (hour.value, hour.baseline_value, hour.baseline_count) == (40, 40, 4)
    assert "at this time of the week" in hour.reason


def test_a_silent_monday_after_quiet_sundays(start: datetime) -> None:
    """Monday is compared with Mondays: a tenth of their traffic is a drop."""
    profiles = hourly(
        start,
        29 * 24,
        lambda hour: {"/predict": {200: 40 if (hour // 24) % 7 == 6 or hour >= 28 * 24 else 400}},
    )
    found = judge(profiles, start + 4 * WEEK, start + 4 * WEEK + DAY)
    assert {finding.severity for finding in found if finding.metric == "traffic.rph"} == {
        Severity.WARNING
    }


def test_a_nightly_job_makes_answers_slow(access_profiles: Make, start: datetime) -> None:
    """Answers that are slow at three each night are usual then, and not at noon."""

    def slow(hour: int) -> list[AccessProfile]:
        return access_profiles(
            5,
            per_window=30,
            scale=lambda index: 4.0 if index % PER_DAY // 12 == 3 or index // 12 == hour else 1.0,
        )

    nights = judge(slow(-1), start + 4 * DAY, start + 5 * DAY)
    assert alarms(nights) == []
    noon = alarms(judge(slow(4 * 24 + 12), start + 4 * DAY, start + 5 * DAY))
    assert {finding.metric for finding in noon} == {"latency.mean", "latency.p95", "latency.p99"}
    assert all(finding.start >= start + 4 * DAY + 12 * HOUR for finding in noon)
    assert all(finding.end <= start + 4 * DAY + 13 * HOUR for finding in noon)


@pytest.mark.parametrize("minutes_before_midnight", [600, 10])
def test_a_new_service_that_fails_is_found_at_once(
    access_profiles: Make, start: datetime, minutes_before_midnight: int
) -> None:
    """Thousands of requests an hour, 40 % of them 5xx: critical in each five minutes at once.

    Also where the service began ten minutes before a day that is judged by the day before.
    """
    first = PER_DAY - minutes_before_midnight // 5
    profiles = access_profiles(
        2,
        requests=lambda index: 300 if index >= first else 0,
        answer=lambda index: {500: 120} if index >= first else {},
    )
    begin = start + first * 5 * MINUTE
    found = alarms(judge(profiles, begin, begin + 26 * MINUTE), "http.5xx.rate")
    assert [alarm.end for alarm in found] == [begin + 5 * n * MINUTE for n in range(1, 6)]
    assert {alarm.severity for alarm in found} == {Severity.CRITICAL}


def test_a_first_day_of_many_paths(start: datetime) -> None:
    """Before anything is known, the twenty paths asked most are judged, and the rest together."""

    def paths(_hour: int) -> dict[str, dict[int, int]]:
        return {f"/p{number:02}": {200: 20 + number} for number in range(30)}

    found = judge(hourly(start, 6, paths), start, start + 6 * HOUR)
    assert {finding.subject for finding in found} == {
        OTHER_PATHS,
        *(f"/p{number}" for number in range(10, 30)),
    }


def early(findings: list[Finding], metric: str) -> list[Finding]:
    """Return the findings of a metric that leave no doubt."""
    return [one for one in findings if one.metric == metric and one.certain]


TEN_OCLOCK = 8 * PER_DAY + 120
"""The place of the five minutes that begin at 10:00 of the ninth day."""


def by_day(index: int) -> int:
    """Return nine requests in five minutes by day, two at night: 1,500 a day."""
    return 9 if 84 <= index % PER_DAY < 228 else 2


def fifth_failing(index: int, since: int = TEN_OCLOCK) -> dict[int, int]:
    """Return two of nine that fail from a place on; before, one in 1,800."""
    if index >= since:
        return {500: 2}
    return {500: 1} if index % 250 == 50 else {}


def test_a_fifth_of_failures_is_certain_within_a_quarter_of_an_hour(
    access_profiles: Make, start: datetime
) -> None:
    """Where the usual window is an hour; nothing before, and it says why."""
    profiles = access_profiles(8.5, requests=by_day, answer=fifth_failing)
    found = judge(profiles, start + 7 * DAY, start + 8.5 * DAY)
    first, *_ = early(found, "http.5xx.rate")
    assert start + 8 * DAY + 10 * HOUR < first.end <= start + 8 * DAY + 10.25 * HOUR
    assert first.severity.alarming
    assert first.p_value is not None
    assert first.p_value <= 0.01 / (12 * 4 * 5 * 2 * 720)
    assert "certain: at a usual rate of" in first.reason
    assert first.onset_start is not None
    assert not early(found, "latency.mean")


@pytest.mark.parametrize("status", [400, 422, 404])
def test_one_clients_refused_requests_are_certain(
    access_profiles: Make, start: datetime, status: int
) -> None:
    """Three of nine from ten o'clock on, where one in 200 is usual."""
    profiles = access_profiles(
        8.5,
        requests=by_day,
        answer=lambda index: (
            {status: 3} if index >= TEN_OCLOCK else {status: 1} if index % 25 == 0 else {}
        ),
    )
    metric = "http.4xx.rate" if status == 404 else "http.400.rate"
    first, *_ = early(judge(profiles, start + 7 * DAY, start + 8.5 * DAY), metric)
    assert start + 8 * DAY + 10 * HOUR < first.end <= start + 8 * DAY + 10.25 * HOUR


def test_slower_answers_are_certain_within_a_quarter_of_an_hour(
    access_profiles: Make, start: datetime
) -> None:
    """Three and a half times as slow, at nine requests in five minutes."""
    profiles = access_profiles(
        8.5, requests=by_day, scale=lambda index: 3.5 if index >= TEN_OCLOCK else 1.0
    )
    found = judge(profiles, start + 7 * DAY, start + 8.5 * DAY)
    first, *_ = early(found, "latency.mean")
    assert start + 8 * DAY + 10 * HOUR < first.end <= start + 8 * DAY + 10.25 * HOUR
    assert first.low is not None
    assert first.warning is not None
    assert first.low >= first.warning


def test_many_time_limits_allow_no_early_latency(start: datetime) -> None:
    """For a week 5.6 % of requests end at the time limit, so none is slower than 95 % of them.

    Others that take 400 ms instead of 20 alarm in the usual windows only: no count tests them.
    """

    def access(*, slow: bool, limited: bool) -> PathAccess:
        ordinary = 400_000_000 if slow else 20_000_000
        took = [ordinary] * 5 + [2_000_000_000 if limited else ordinary]
        return PathAccess(
            6,
            Counter({200: 6}),
            6,
            float(sum(took)),
            float(sum(ns**2 for ns in took)),
            Counter(map(bucket_of, took)),
            "api",
        )

    profiles = [
        AccessProfile(
            ProfileKey("access", Window(begin, begin + 5 * MINUTE)),
            SourceWatermark(6, begin),
            paths={
                Endpoint("api", "/predict"): access(
                    slow=index >= TEN_OCLOCK, limited=index % 3 == 0
                )
            },
        )
        for index in range(17 * PER_DAY // 2)
        for begin in (start + index * 5 * MINUTE,)
    ]
    found = judge(profiles, start + 8 * DAY, start + 8.5 * DAY)
    assert alarms(found, "latency.mean")
    assert not early(found, "latency.mean")


def test_a_burst_within_five_minutes_is_not_certain(access_profiles: Make, start: datetime) -> None:
    """Eight of nine fail once, and once nine answers take twenty times as long."""
    burst = access_profiles(
        8.5, requests=by_day, answer=lambda index: {500: 8} if index == TEN_OCLOCK else {}
    )
    slow = access_profiles(
        8.5, requests=by_day, scale=lambda index: 20.0 if index == TEN_OCLOCK else 1.0
    )
    for profiles in (burst, slow):
        found = judge(profiles, start + 7 * DAY, start + 8.5 * DAY)
        assert not any(one.certain for one in found)


def test_a_path_that_often_fails_is_not_certain(access_profiles: Make, start: datetime) -> None:
    """A tenth has failed for a week; two of nine in a quarter of an hour prove nothing."""
    profiles = access_profiles(
        8.5,
        requests=by_day,
        answer=lambda index: (
            {500: 2} if TEN_OCLOCK <= index < TEN_OCLOCK + 3 else {500: 1} if index % 2 else {}
        ),
    )
    found = judge(profiles, start + 7 * DAY, start + 8.5 * DAY)
    assert not early(found, "http.5xx.rate")


def test_early_windows_are_the_same_in_any_parts(access_profiles: Make, start: datetime) -> None:
    """Judged hour by hour, or at once."""
    profiles = access_profiles(8.5, requests=by_day, answer=fifth_failing)
    period = Window(start + 8 * DAY + 9 * HOUR, start + 8.5 * DAY)
    full = early(judge(profiles, period.start, period.end), "http.5xx.rate")
    parts = [
        one
        for hour in period.split(HOUR)
        for one in early(judge(profiles, hour.start, hour.end), "http.5xx.rate")
    ]
    assert full
    assert [one.content_digest for one in parts] == [one.content_digest for one in full]
