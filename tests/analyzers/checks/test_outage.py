"""Outage on requests with a known answer, second by second."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlmon.analyzers.base.analysis_context import AnalysisContext
from mlmon.analyzers.base.finding import Finding, Severity
from mlmon.analyzers.base.window import DAY, HOUR, MINUTE, Window, from_milliseconds, milliseconds
from mlmon.analyzers.checks.outage.failing_runs import (
    BUDGET,
    FEWEST_SPACED,
    SPACED_BUDGET,
    FailingRuns,
    needed,
    spaced_needed,
)
from mlmon.analyzers.checks.outage.outage import Outage
from mlmon.analyzers.checks.outage.silences import SILENCE_BUDGET
from mlmon.analyzers.profiles.kinds.pulse import (
    BIN_MS,
    Bin,
    PulseProfile,
)
from tests.support.pulses import Request
from tests.support.pulses import pulse_profiles as pulses

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

pytestmark = pytest.mark.long

START = datetime(2026, 3, 2, tzinfo=datetime.fromisoformat("2026-01-01T00:00Z").tzinfo)
"""A Monday, midnight UTC."""
NOW = START + 8 * DAY + 12 * HOUR
"""A Tuesday noon with more than a week before it."""


def traffic(
    start: datetime,
    end: datetime,
    per_second: float,
    *,
    path: str = "/predict",
    status: Callable[[datetime], int] = lambda _at: 200,
    seed: int = 1,
) -> list[Request]:
    """Return Poisson traffic."""
    rng = np.random.default_rng(seed)
    number = rng.poisson((end - start).total_seconds() * per_second)
    seconds = np.sort(rng.random(number)) * (end - start).total_seconds()
    moments = (start + timedelta(milliseconds=round(1_000 * float(second))) for second in seconds)
    return [(at, path, status(at)) for at in moments]


@cache
def week(per_second: float = 0.5) -> tuple[PulseProfile, ...]:
    """Return calm traffic around noon on each day from the start to an hour before now."""
    noons = (START + day * DAY + 12 * HOUR for day in range(9))
    asked = [
        one
        for number, noon in enumerate(noons)
        for one in traffic(
            noon - 3 * HOUR, min(noon + 2.5 * HOUR, NOW - HOUR), per_second, seed=number
        )
    ]
    return tuple(pulses([(START, "/predict", 200), *asked], 4.0))


def judge(profiles: Sequence[PulseProfile], period: Window) -> list[Finding]:
    """Return the alarming findings of a period, in order of time."""
    found = Outage().evaluate(AnalysisContext(period, profiles))
    return sorted((one for one in found if one.severity.alarming), key=lambda one: one.end)


def recent(
    *,
    bad: Window | None = None,
    status: int = 500,
    silent: Window | None = None,
    per_second: float = 0.5,
    seed: int = 3,
) -> list[PulseProfile]:
    """Return a calm week and an hour around now, with a fault."""
    lately = traffic(
        NOW - HOUR,
        NOW + HOUR,
        per_second,
        status=lambda at: status if bad and bad.start <= at < bad.end else 200,
        seed=seed,
    )
    kept = [one for one in lately if not silent or not silent.start <= one[0] < silent.end]
    return [*week(per_second), *pulses(kept, 4.0)]


HOURS = Window(NOW - HOUR, NOW + HOUR)


def test_calm_traffic_raises_nothing() -> None:
    """Two hours of Poisson traffic, twenty times over, without a fault."""
    for seed in range(20):
        assert not judge(recent(seed=seed), HOURS)


@pytest.mark.parametrize(
    ("status", "metric"), [(500, "failing.seconds"), (503, "no_model.seconds")]
)
def test_total_failure_is_known_within_seventy_seconds(status: int, metric: str) -> None:
    """From the first failed request to the verdict; its begin is that request's moment."""
    bad = Window(NOW + timedelta(seconds=13), NOW + 20 * MINUTE)
    profiles = recent(bad=bad, status=status)
    first, *_ = judge(profiles, HOURS)
    failed = [
        of.first_failed
        for profile in profiles
        for of in profile.bins["api"]["/predict"]
        if of.first_failed is not None
    ]
    began = from_milliseconds(min(failed))
    assert first.metric == metric
    assert first.subject == "/predict"
    assert first.severity is Severity.CRITICAL
    assert first.end - began <= timedelta(seconds=70)
    assert began.strftime("%Y-%m-%d %H:%M UTC") in first.reason


def test_an_alarm_is_repeated_each_minute_and_ends() -> None:
    """Twenty minutes of failures give an alarm a minute, and one `ok` five minutes after."""
    bad = Window(NOW, NOW + 20 * MINUTE)
    profiles = recent(bad=bad)
    assert 18 <= len(judge(profiles, HOURS)) <= 22
    every = list(Outage().evaluate(AnalysisContext(HOURS, profiles)))
    ok = [one for one in every if one.severity is Severity.OK and one.end > bad.end]
    assert min(one.end for one in ok if one.metric == "failing.seconds") <= bad.end + 6 * MINUTE


def test_a_blip_and_a_partial_failure_raise_nothing() -> None:
    """40 seconds of failures are a blip; where nine in ten fail, some still succeed."""
    blip = Window(NOW, NOW + timedelta(seconds=40))
    assert not judge(recent(bad=blip), HOURS)
    rng = np.random.default_rng(5)
    partial = traffic(
        NOW - HOUR, NOW + HOUR, 2.0, status=lambda _at: 500 if rng.random() < 0.9 else 200
    )
    assert not judge([*week(), *pulses(partial)], HOURS)


def steady(
    start: datetime, end: datetime, share: float, *, seconds: int = 30, path: str = "/score"
) -> list[Request]:
    """Return requests at a steady pace, of which a share fails by chance."""
    rng = np.random.default_rng(9)
    number = (end - start) // timedelta(seconds=seconds)
    failed = rng.random(number) < share
    return [
        (start + timedelta(seconds=seconds * place), path, 500 if bad else 200)
        for place, bad in enumerate(failed.tolist())
    ]


def longest_failing(requests: Sequence[Request]) -> int:
    """Return how many requests failed in a row at most."""
    longest = run = 0
    for _, _, status in requests:
        run = run + 1 if status == 500 else 0
        longest = max(longest, run)
    return longest


@pytest.mark.parametrize("days", [7, 0], ids=["known", "new"])
@pytest.mark.parametrize(("share", "seconds"), [(0.4, 30), (0.9, 30), (0.9, 300)])
def test_six_in_a_row_prove_nothing_where_many_fail(days: int, share: float, seconds: int) -> None:
    """A path that fails 40 or 90 % for ten hours has runs of six and more, none an outage.

    Neither does an hour say that it succeeds again where 90 % go on failing.
    """
    begin = NOW - HOUR
    past = steady(begin - days * DAY, begin, 0.0, seconds=seconds)
    bad = steady(begin, begin + 10 * HOUR, share, seconds=seconds)
    assert longest_failing(bad) >= 6
    # The first hour is that in which the change itself is learned.
    period = Window(begin + HOUR, begin + 10 * HOUR)
    profiles = pulses([*past, *bad])
    assert not judge(profiles, period)
    found = Outage().evaluate(AnalysisContext(period, profiles))
    calm = [one for one in found if one.metric == "failing.seconds"]
    assert bool(calm) == (share < 0.5)


@pytest.mark.parametrize("share", [0.0, 0.4])
def test_a_total_failure_after_a_partial_one_is_found(share: float) -> None:
    """Where every request fails for an hour after six hours of some failures, it is an outage.

    After 40 % it takes a longer run than after none: at 0.4, chance makes six in a row hourly.
    """
    down = NOW + 5 * HOUR
    some = steady(NOW - HOUR, down, share)
    total = steady(down, down + 2 * HOUR, 1.0)
    period = Window(down - HOUR, down + 2 * HOUR)
    found = judge(pulses([*steady(START, NOW - HOUR, 0.0), *some, *total]), period)
    assert found[0].metric == "failing.seconds"
    assert (found[0].sample_count or 0) >= (3 if share == 0.0 else math.log(BUDGET, share))
    assert found[0].end <= down + (2 * MINUTE if share == 0.0 else 40 * MINUTE)
    assert max(one.end for one in found) >= down + 119 * MINUTE


def test_an_outage_does_not_end_while_most_requests_fail() -> None:
    """After ten minutes of total failure, 80 % go on failing: not `ok` before they succeed."""
    total = steady(NOW, NOW + 10 * MINUTE, 1.0, seconds=5)
    partly = steady(NOW + 10 * MINUTE, NOW + 40 * MINUTE, 0.8, seconds=5)
    fine = steady(NOW + 40 * MINUTE, NOW + 2 * HOUR, 0.0, seconds=5)
    profiles = pulses([*steady(START, NOW, 0.0), *total, *partly, *fine])
    period = Window(NOW, NOW + 2 * HOUR)
    assert judge(profiles, period)
    found = Outage().evaluate(AnalysisContext(period, profiles))
    calm = [one.end for one in found if (one.metric, one.severity) == ("failing.seconds", "ok")]
    assert min(calm) >= NOW + 40 * MINUTE


def test_a_path_that_always_fails_is_no_outage() -> None:
    """A path that failed all week goes on failing without an alarm."""
    broken = traffic(START, NOW + HOUR, 0.005, status=lambda _at: 500, path="/old", seed=4)
    fine = traffic(NOW - HOUR, NOW + HOUR, 0.5, seed=5)
    of_all = sorted([*broken, *traffic(START, NOW - HOUR, 0.01, seed=6), *fine])
    assert not judge(pulses(of_all), HOURS)


def test_few_requests_are_no_proof() -> None:
    """Three failures in a minute of a path that was asked three times leave doubt."""
    rare = [(NOW + timedelta(seconds=20 * number), "/reload", 500) for number in range(4)]
    fine = traffic(NOW - HOUR, NOW + HOUR, 0.5, seed=5)
    assert not judge([*week(), *pulses(sorted([*rare, *fine]))], HOURS)


def failures(seconds: Sequence[int], history: int = 0) -> list[PulseProfile]:
    """Return a path at two requests a minute that fails at some seconds after now, and stops.

    Args:
        seconds: When.
        history: Failures on each of the days before.
    """
    noons = [START + day * DAY + 12 * HOUR for day in range(9)]
    past = [
        (at, path, 500 if place < history else 200)
        for number, noon in enumerate(noons)
        for place, (at, path, _) in enumerate(
            traffic(noon - 6 * HOUR, min(noon + 6 * HOUR, NOW), 1 / 30, seed=number)
        )
    ]
    bad = [(NOW + timedelta(seconds=second), "/predict", 500) for second in seconds]
    return pulses(sorted([*past, *bad]), 4.0)


TWO_MINUTES = Window(NOW, NOW + 2 * MINUTE)


def test_three_failures_apart_are_a_total_failure() -> None:
    """At two requests a minute: three in a row, over a minute apart, are known in two minutes."""
    first, *_ = judge(failures([8, 41, 97]), TWO_MINUTES)
    assert (first.metric, first.subject) == ("failing.seconds", "/predict")
    assert first.end == NOW + timedelta(seconds=100)
    assert first.reason.startswith("All 3 requests to /predict since ")
    assert "in 1 min 40 s" in first.reason


@pytest.mark.parametrize(
    ("seconds", "history"),
    [([8, 97], 0), ([8, 9, 10, 97], 0), ([8, 31, 45], 0), ([8, 41, 97], 30)],
)
def test_failures_that_leave_doubt(seconds: list[int], history: int) -> None:
    """Two; a client's quick retries; less than a minute; a path that often fails."""
    assert not judge(failures(seconds, history), TWO_MINUTES)


@given(st.floats(0.0001, 0.89))
def test_failures_needed_apart(rate: float) -> None:
    """So many are less likely than the budget; one less is not, or would be too few."""
    least = spaced_needed(rate)
    assert least is not None
    assert rate**least <= SPACED_BUDGET * (1 + 1e-9)
    assert least == FEWEST_SPACED or rate ** (least - 1) > SPACED_BUDGET * (1 - 1e-9)


def test_a_failing_service_is_one_series() -> None:
    """Where all paths fail, the service alarms and its paths do not, once all are proven."""
    bad = Window(NOW, NOW + 20 * MINUTE)

    def status(at: datetime) -> int:
        return 500 if bad.start <= at < bad.end else 200

    both = sorted(
        traffic(NOW - HOUR, NOW + HOUR, 0.5, path="/predict", status=status, seed=1)
        + traffic(NOW - HOUR, NOW + HOUR, 0.5, path="/rank", status=status, seed=2)
    )
    found = judge([*week(), *pulses(both)], HOURS)
    assert found
    assert {one.subject for one in found} == {None}


def test_silence_is_known_within_ninety_seconds() -> None:
    """From the last request to the verdict where pauses are short; shippers take 4 s here."""
    silent = Window(NOW, NOW + 10 * MINUTE)
    first, *more = judge(recent(silent=silent, per_second=2.0), HOURS)
    assert first.metric == "silence.seconds"
    assert first.service == "api"
    assert first.end - silent.start <= timedelta(seconds=90)
    assert len(more) in {8, 9}


def long_silence(hours: float, after: Sequence[Request] = ()) -> list[PulseProfile]:
    """Return a calm week, an hour until now, and nothing for some hours but a few requests."""
    before = traffic(NOW - HOUR, NOW, 2.0, seed=3)
    again = traffic(NOW + hours * HOUR, NOW + (hours + 1) * HOUR, 2.0, seed=4)
    return [*week(2.0), *pulses([*before, *after, *again], 4.0)]


def silences(profiles: Sequence[PulseProfile], period: Window) -> list[Finding]:
    """Return the verdicts on silence of a period, judged hour by hour as a cycle reads profiles."""
    found: list[Finding] = []
    for start in (period.start + number * HOUR for number in range(period.length // HOUR)):
        of_bins = [one for one in profiles if one.window.start >= start - 4 * HOUR]
        sums = [
            PulseProfile(one.profile_key, one.watermark, 1, one.services)
            for one in profiles
            if start - Outage.needs[0].lookback <= one.window.start < start - 4 * HOUR
        ]
        context = AnalysisContext(
            Window(start, start + HOUR),
            [one for one in [*sums, *of_bins] if one.window.start < start + HOUR],
        )
        found += Outage().evaluate(context)
    return [one for one in found if one.metric == "silence.seconds"]


@pytest.mark.parametrize("hours", [2, 7, 20, 30, 300])
def test_a_silence_has_no_all_clear_until_requests_come_again(hours: int) -> None:
    """However long it lasts: no verdict between is calm; then, minutes after requests, one is.

    It is repeated each hour of the first day.
    """
    profiles = long_silence(hours)
    found = silences(profiles, Window(NOW, NOW + (hours + 1) * HOUR))
    first_calm = min(one.end for one in found if one.severity is Severity.OK)
    again = NOW + hours * HOUR
    assert 5 * MINUTE <= first_calm - again <= 31 * MINUTE
    alarms = {one.end for one in found if one.severity is Severity.CRITICAL}
    expected = {NOW + hour * HOUR for hour in range(2, min(hours, 24))}
    assert expected <= alarms
    assert max(alarms) <= min(again, NOW + DAY) + MINUTE


def test_one_request_is_no_all_clear() -> None:
    """A person who tries the dead service once, or a few lines of a restart, do not end it."""
    tried = traffic(NOW + 3 * HOUR, NOW + 3 * HOUR + 20 * timedelta(seconds=1), 2.0, seed=5)
    found = silences(long_silence(8, tried), Window(NOW, NOW + 9 * HOUR))
    calm = [one.end for one in found if one.severity is Severity.OK]
    assert min(calm) > NOW + 8 * HOUR


def test_failures_that_end_in_silence_end_when_requests_succeed() -> None:
    """A service that answered 503 until it stopped is ok when it succeeds again a day later.

    While it only fails less often, too seldom for an alarm, it is not.
    """
    bad = traffic(NOW, NOW + 10 * MINUTE, 2.0, status=lambda _at: 503, seed=5)
    seldom = [(NOW + hour * HOUR + MINUTE, "/predict", 503) for hour in range(3, 6)]
    profiles = long_silence(24, [*bad, *seldom])
    found = [
        one
        for hour in range(25)
        for one in Outage().evaluate(
            AnalysisContext(
                Window(NOW + hour * HOUR, NOW + (hour + 1) * HOUR),
                [
                    one if one.window.start >= NOW + (hour - 4) * HOUR else replace(one, bins={})
                    for one in profiles
                    if one.window.start < NOW + (hour + 1) * HOUR
                ],
            )
        )
        if one.metric == "no_model.seconds"
    ]
    assert found[0].severity is Severity.CRITICAL
    calm = [one.end for one in found if one.severity is Severity.OK]
    assert calm
    assert min(calm) > NOW + 24 * HOUR


def test_a_restart_is_no_silence() -> None:
    """45 seconds without a request, as a deployment makes, raise nothing."""
    restart = Window(NOW, NOW + timedelta(seconds=45))
    for seed in range(10):
        assert not judge(recent(silent=restart, per_second=2.0, seed=seed), HOURS)


def test_a_silence_at_two_requests_a_minute_is_known_in_a_quarter_of_an_hour() -> None:
    """With a week of such noons before it; ten minutes of silence are still no alarm."""
    for seed in range(5):
        silent = Window(NOW, NOW + 40 * MINUTE)
        found = judge(recent(silent=silent, per_second=1 / 27, seed=seed), HOURS)
        first = min(one.end for one in found if one.metric == "silence.seconds")
        assert 8 * MINUTE < first - NOW <= 15 * MINUTE


def test_half_of_the_traffic_is_no_silence() -> None:
    """A holiday at half of the usual two requests a minute, an hour of pauses."""
    for seed in range(20):
        assert not judge(
            [*week(1 / 27), *pulses(traffic(NOW - HOUR, NOW + HOUR, 1 / 54, seed=seed), 4.0)], HOURS
        )


def test_little_traffic_is_never_silent_at_once() -> None:
    """One request in two minutes: a pause of ten minutes is left to the longer windows."""
    silent = Window(NOW, NOW + 10 * MINUTE)
    assert not judge(recent(silent=silent, per_second=1 / 120), HOURS)


def test_nights_and_weekends_without_traffic_raise_nothing() -> None:
    """A service that rests from 20 to 6 and at weekends, three weeks long, hour by hour."""

    def rests(at: datetime) -> bool:
        return at.weekday() >= 5 or not 6 <= at.hour < 20

    days = 17
    asked = [
        one
        for day in range(days)
        for one in traffic(START + day * DAY, START + (day + 1) * DAY, 0.2, seed=day)
        if not rests(one[0])
    ]
    profiles = pulses(asked, 4.0)
    assert not judge(profiles, Window(START, START + days * DAY))


def test_a_week_is_needed() -> None:
    """Without a week of history nobody knows that nights are busy."""
    silent = Window(NOW, NOW + 10 * MINUTE)
    profiles = recent(silent=silent, per_second=2.0)
    young = [one for one in profiles if one.window.start >= NOW - 6 * DAY]
    assert not judge(young, HOURS)


def test_slow_shippers_lengthen_the_pause() -> None:
    """Where lines take three minutes to arrive, two minutes without one mean nothing."""
    slow = [*week(2.0), *pulses(traffic(NOW - HOUR, NOW, 2.0, seed=1))]
    slow = [
        replace(one, services={"api": replace(one.services["api"], delay=180.0)}) for one in slow
    ]
    assert not judge(slow, Window(NOW, NOW + timedelta(minutes=3)))
    assert judge(slow, Window(NOW, NOW + timedelta(minutes=5)))


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 3_000),
    st.integers(0, 1_500),
    st.sampled_from(["silent", "failing"]),
    st.lists(st.integers(1, 7_199), max_size=8, unique=True),
)
def test_parts_give_the_same_findings(begin: int, seconds: int, sort: str, cuts: list[int]) -> None:
    """Judged in any parts, from the profiles each needs, a fault gives the same findings."""
    fault = Window(
        NOW + timedelta(seconds=begin - 1_800), NOW + timedelta(seconds=begin + seconds - 1_800)
    )
    profiles = recent(silent=fault) if sort == "silent" else recent(bad=fault)
    full = {one.content_digest for one in Outage().evaluate(AnalysisContext(HOURS, profiles))}
    ends = [HOURS.start + timedelta(seconds=cut) for cut in sorted(cuts)]
    found = set()
    for start, end in zip([HOURS.start, *ends], [*ends, HOURS.end], strict=True):
        period = Window(start, end)
        known = [one for one in profiles if one.window.start >= start.replace(minute=0) - 4 * HOUR]
        old = [
            PulseProfile(one.profile_key, one.watermark, 1, one.services)
            for one in profiles
            if one.window.start < start.replace(minute=0) - 4 * HOUR
        ]
        context = AnalysisContext(period, [*old, *known])
        found |= {one.content_digest for one in Outage().evaluate(context)}
    assert found == full


@given(st.floats(0.001, 0.89))
def test_failures_needed(rate: float) -> None:
    """So many independent failures are less likely than the budget; one less is not."""
    least = needed(rate)
    assert least is not None
    assert rate**least <= BUDGET * (1 + 1e-9)
    assert rate ** (least - 1) > BUDGET * (1 - 1e-9)


def test_a_silence_that_chance_makes() -> None:
    """Under a Poisson process the limit of a pause is passed with a probability below the budget.

    The reference is the exponential distribution's survival function.
    """
    profiles = recent(per_second=0.5)
    silent = judge(recent(silent=Window(NOW, NOW + 25 * MINUTE)), HOURS)
    assert not judge(profiles, HOURS)
    assert math.exp(-0.5 * silent[0].warning) < SILENCE_BUDGET  # type: ignore[operator]


def test_the_begin_of_a_failure_in_a_mixed_bin() -> None:
    """A first failure in the same ten seconds as the last success is the begin."""
    start = milliseconds(NOW)
    mixed = Bin(start, 5, 2, 0, start + 8_123)
    rest = [Bin(start + BIN_MS * n, 5, 5, 0, start + BIN_MS * n) for n in range(1, 9)]
    (first, *_) = FailingRuns([mixed, *rest], lambda _at, _begin: 0.02).alarms(
        start, start + 90_000
    )
    assert first.since == start + 8_123
    assert first.at == start + BIN_MS + 60_000
