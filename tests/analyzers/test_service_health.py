"""Service health on requests with a known answer."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from analyzers.evidence import Evidence
from analyzers.finding import Finding, Severity
from analyzers.profile.access import AccessProfile
from analyzers.service_health import ServiceHealth
from analyzers.window import DAY, Window

Make = Callable[..., list[AccessProfile]]
PER_DAY = 288


def judge(profiles: list[AccessProfile], start: datetime, end: datetime) -> list[Finding]:
    """Return the findings of a period."""
    return list(ServiceHealth().evaluate(Evidence(Window(start, end), profiles)))


def alarms(findings: list[Finding], metric: str | None = None) -> list[Finding]:
    """Return the findings that alarm, of all or one metric."""
    return [each for each in findings if each.severity.alarming and metric in (None, each.metric)]


def test_calm_days_are_calm(access_profiles: Make, start: datetime) -> None:
    """Eight days of usual latencies, a few errors and a traffic that ebbs at night: no alarm."""
    profiles = access_profiles(
        8,
        answer=lambda index: {500: 1} if index % 61 == 0 else {400: 1} if index % 17 == 0 else {},
        requests=lambda index: 4 + int(12 * (index % PER_DAY > 100)),
    )
    findings = judge(profiles, start, start + 8 * DAY)
    assert alarms(findings) == []
    assert {each.metric for each in findings} == set(ServiceHealth.limits)


def test_a_burst_of_errors(access_profiles: Make, start: datetime) -> None:
    """A third of the requests fail for half an hour: critical within it, calm around it."""
    burst = range(3 * PER_DAY + 120, 3 * PER_DAY + 126)
    profiles = access_profiles(
        4, per_window=30, answer=lambda index: {500: 5, 503: 5} if index in burst else {}
    )
    found = judge(profiles, start, start + 4 * DAY)
    begin, end = start + 3 * DAY + timedelta(hours=10), start + 3 * DAY + timedelta(hours=10.5)
    for metric in ("http.5xx.rate", "http.503.rate"):
        windows = [each.window for each in alarms(found, metric)]
        assert windows
        assert all(window.start < end and window.end > begin for window in windows)
    severities = {each.severity for each in alarms(found, "http.5xx.rate")}
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
    assert alarms(judge(profiles, start, start + 2 * DAY), "http.5xx.rate") == []


def test_bad_requests_are_compared_with_what_is_usual(
    access_profiles: Make, start: datetime
) -> None:
    """A path that always refuses a tenth is calm; one that starts to refuse a third is not."""
    always = access_profiles(4, requests=lambda _: 20, answer=lambda _: {400: 2})
    assert alarms(judge(always, start + 2 * DAY, start + 4 * DAY), "http.400.rate") == []
    since = 3 * PER_DAY
    new = access_profiles(
        4, requests=lambda _: 20, answer=lambda index: {400: 7} if index >= since else {}
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
    assert all(each.start < begin + timedelta(hours=6) for each in found)
    assert found[0].baseline_value == pytest.approx(
        {"latency.mean": 21.6, "latency.p95": 38.6, "latency.p99": 50.7}[metric], rel=0.05
    )


def test_one_request_that_timed_out_is_no_regression(
    access_profiles: Make, start: datetime
) -> None:
    """A single answer of many seconds moves the mean, but not its lower end."""
    at = 2 * PER_DAY + 50
    profiles = access_profiles(3, per_window=10)
    slow = access_profiles(3, requests=lambda index: 1 if index == at else 0, scale=lambda _: 400)
    merged = sorted([*profiles, *slow], key=lambda each: each.window)
    assert alarms(judge(merged, start, start + 3 * DAY)) == []


def test_silence(access_profiles: Make, start: datetime) -> None:
    """A path that is asked no more is critical, and what cannot be measured is unknown."""
    since = 5 * PER_DAY
    profiles = access_profiles(6, requests=lambda index: 20 if index < since else 0)
    found = judge(profiles, start + 4 * DAY, start + 6 * DAY)
    silent = [each for each in found if each.start >= start + 5 * DAY]
    traffic = [each for each in silent if each.metric == "traffic.rpm"]
    assert traffic
    assert {each.severity for each in traffic} == {Severity.CRITICAL}
    rates = [each for each in silent if each.metric == "http.5xx.rate"]
    assert rates
    assert {each.severity for each in rates} == {Severity.UNKNOWN}
    assert "0 requests" in rates[0].reason


def test_a_quiet_sunday_is_no_silence(access_profiles: Make, start: datetime) -> None:
    """Half of the usual traffic for a day is not called a drop."""
    profiles = access_profiles(7, requests=lambda index: 10 if index // PER_DAY == 6 else 20)
    assert alarms(judge(profiles, start + 6 * DAY, start + 7 * DAY)) == []


def test_without_a_past_nothing_is_called_slow(access_profiles: Make, start: datetime) -> None:
    """On the first day latencies are unknown, with how much past is missing."""
    profiles = access_profiles(1, per_window=20, scale=lambda index: 10.0 if index > 200 else 1.0)
    found = judge(profiles, start, start + DAY)
    latencies = [each for each in found if each.metric.startswith("latency")]
    assert {each.severity for each in latencies} == {Severity.UNKNOWN}
    assert "24 are needed" in latencies[0].reason


def test_the_limits_are_those_of_the_finding(access_profiles: Make, start: datetime) -> None:
    """A finding carries the limits it was judged by, in the metric's own unit."""
    profiles = access_profiles(5, requests=lambda _: 20)
    found = judge(profiles, start + 4 * DAY, start + 5 * DAY)
    (traffic, *_) = [each for each in found if each.metric == "traffic.rpm"]
    assert (traffic.value, traffic.baseline_value) == (4.0, 4.0)
    assert traffic.warning == pytest.approx(1.2)
    assert traffic.critical == pytest.approx(0.2)
