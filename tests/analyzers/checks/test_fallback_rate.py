"""Fallbacks and ages of sources with a known answer."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from mlmon.analyzers.base.analysis_context import AnalysisContext
from mlmon.analyzers.base.finding import Finding, Severity
from mlmon.analyzers.base.profile_key import ProfileKey, SourceWatermark
from mlmon.analyzers.base.window import DAY, HOUR, Window
from mlmon.analyzers.checks.fallback_rate import FallbackRate
from mlmon.analyzers.profiles.by_service import OfService
from mlmon.analyzers.profiles.kinds.fallback import FallbackProfile
from mlmon.analyzers.profiles.kinds.prediction import SourceUse

Make = Callable[..., list[Any]]
STATS = OfService("api", "stats")


def judge(
    profiles: list[Any], start: datetime, end: datetime, fallbacks: Sequence[Any] = ()
) -> list[Finding]:
    """Return the findings of a period."""
    others = {"fallback": fallbacks}
    return list(FallbackRate().evaluate(AnalysisContext(Window(start, end), profiles, {}, others)))


def of(findings: list[Finding], metric: str) -> list[Finding]:
    """Return the findings of a metric."""
    return [finding for finding in findings if finding.metric == metric]


def with_use(profiles: list[Any], use: Callable[[int, SourceUse], SourceUse]) -> list[Any]:
    """Return the profiles with another use of their source, by hour."""
    return [
        replace(profile, sources={STATS: use(hour, profile.sources[STATS])})
        for hour, profile in enumerate(profiles)
    ]


def test_a_source_as_usual(steady_hours: Make, start: datetime) -> None:
    """Two in a hundred without statistics and ages below an hour: ok throughout."""
    found = judge(steady_hours(72, stale=lambda hour: 2 + hour % 2), start, start + 3 * DAY)
    assert {finding.severity for finding in found} == {Severity.OK}
    assert {(finding.metric, finding.subject) for finding in found} == {
        ("fallback.rate", "stats"),
        ("source.age_hours", "stats"),
        ("source.oldest_hours", "stats"),
        ("source.coverage", "stats"),
    }


def test_a_source_that_dies(steady_hours: Make, start: datetime) -> None:
    """Its age warns while its data is still used; once it is stale, all predictions fall back."""
    dead = 48
    profiles = steady_hours(
        60,
        ages=lambda hour: 1_800 + 3_600 * max(0, hour - dead + 1),
        stale=lambda hour: 100 if hour >= dead + 4 else 2,
    )
    alarms = [
        finding
        for finding in judge(profiles, start + DAY, start + 60 * HOUR)
        if finding.severity.alarming
    ]
    ages = [alarm for alarm in alarms if alarm.metric == "source.age_hours"]
    rates = [alarm for alarm in alarms if alarm.metric == "fallback.rate"]
    assert ages[0].start == start + (dead + 1) * HOUR
    assert ages[0].value == pytest.approx(2.5)
    assert rates[0].start == start + (dead + 4) * HOUR
    assert rates[0].severity is Severity.CRITICAL
    assert "100 % of 100 predictions used defaults instead of stats (stale: 100)" in rates[0].reason
    assert "2 % in the 7 days before" in rates[0].reason


def test_a_source_refreshed_once_a_day(steady_hours: Make, start: datetime) -> None:
    """Ages up to a day are usual for it and do not alarm; two days do."""

    def age(hour: int) -> float:
        return 3_600.0 * (hour % 24 if hour < 96 else hour - 72)

    found = judge(steady_hours(140, ages=age), start + 2 * DAY, start + 140 * HOUR)
    alarms = [finding for finding in found if finding.severity.alarming]
    assert {alarm.metric for alarm in alarms} == {"source.age_hours", "source.oldest_hours"}
    assert min(alarm.value or 0 for alarm in alarms) > 40


def test_a_source_that_often_falls_back(steady_hours: Make, start: datetime) -> None:
    """A tenth of fallbacks is usual for it; half is not."""
    profiles = steady_hours(72, stale=lambda hour: 50 if hour >= 70 else 10)
    found = judge(profiles, start + 2 * DAY, start + 3 * DAY)
    rates = [finding for finding in found if finding.metric == "fallback.rate"]
    assert [rate.severity.alarming for rate in rates] == [False] * 22 + [True] * 2


def test_too_few_predictions(steady_hours: Make, start: datetime) -> None:
    """Below twenty predictions in a day nothing is reported but how many there were."""
    profiles = steady_hours(72, per_hour=1)[::3]
    found = judge(profiles, start + DAY, start + 3 * DAY)
    assert {finding.severity for finding in found} == {Severity.UNKNOWN}
    assert "8 predictions used stats" in found[0].reason


def test_a_source_that_does_not_know_part_of_the_traffic(
    steady_hours: Make, start: datetime
) -> None:
    """15 % without data warn where all had some, and are calm where 15 % never have."""

    def missing(share: Callable[[int], int]) -> list[Finding]:
        profiles = with_use(
            steady_hours(96),
            lambda hour, use: replace(
                use, statuses=Counter(fresh=100 - share(hour), missing=share(hour))
            ),
        )
        return of(judge(profiles, start + 2 * DAY, start + 4 * DAY), "source.coverage")

    found = missing(lambda hour: 15 if hour >= 72 else 0)
    alarms = [finding for finding in found if finding.severity.alarming]
    assert alarms[0].start == start + 72 * HOUR
    assert alarms[0].value == pytest.approx(0.85)
    assert "had data for 85 % of 100 predictions" in alarms[0].reason
    assert {finding.severity for finding in missing(lambda _hour: 15)} == {Severity.OK}
    lost = missing(lambda hour: 90 if hour >= 94 else 40)
    assert [finding.severity.alarming for finding in lost] == [False] * 46 + [True] * 2


def test_the_oldest_data_is_judged_before_defaults_are_used(
    steady_hours: Make, start: datetime
) -> None:
    """Once data of five hours was seen to be stale, four hours warn and ten are critical."""

    def use(hour: int, of_hour: SourceUse) -> SourceUse:
        oldest = {30: 5.0, 60: 3.7, 61: 3.8, 62: 10.1}.get(hour, 1.0)
        stale = 5 * 3_600.0 if hour == 30 else None
        return replace(of_hour, age_highest=oldest * 3_600, stale_from=stale)

    found = of(
        judge(with_use(steady_hours(72), use), start, start + 3 * DAY), "source.oldest_hours"
    )
    later = {
        (finding.start - start) // HOUR: finding
        for finding in found
        if finding.start > start + 2 * DAY
    }
    assert {hour for hour, finding in later.items() if finding.severity.alarming} == {61, 62}
    assert later[61].severity is Severity.WARNING
    assert later[62].severity is Severity.CRITICAL
    assert (later[61].warning, later[61].critical) == (3.75, 10.0)
    assert "(from 5 h on defaults are used)" in later[61].reason


def test_data_that_is_always_stale_for_some(steady_hours: Make, start: datetime) -> None:
    """Where some profile is always weeks old, weeks are usual, by any name of the service."""
    profiles = with_use(
        steady_hours(72),
        lambda _hour, use: replace(use, age_highest=500 * 3_600.0, stale_from=4 * 3_600.0),
    )
    found = of(judge(profiles, start + DAY, start + 3 * DAY), "source.oldest_hours")
    assert {finding.severity for finding in found} == {Severity.OK}


def by_source(reasons: dict[tuple[str, str], int], service: str) -> dict[OfService, Counter[str]]:
    """Return how often each reason was given, by source."""
    found: dict[OfService, Counter[str]] = {}
    for (source, reason), times in reasons.items():
        found.setdefault(OfService(service, source), Counter())[reason] += times
    return found


def fallback_hours(
    start: datetime, counts: Sequence[dict[tuple[str, str], int]], service: str = "api"
) -> list[Any]:
    """Return a profile of a service's fallbacks per hour."""
    return [
        FallbackProfile(
            ProfileKey("fallback", Window(start + hour * HOUR, start + (hour + 1) * HOUR)),
            SourceWatermark(sum(reasons.values())),
            reasons=by_source(reasons, service),
        )
        for hour, reasons in enumerate(counts)
        if reasons
    ]


def test_fallbacks_by_reason(steady_hours: Make, start: datetime) -> None:
    """A reason that becomes frequent alarms by name; one as usual does not, nor one that ends."""
    usual = {("stats", "missing"): 4, ("other", "stale"): 90}
    counts = [usual] * 60 + [usual | {("stats", "timeout"): 40}] * 2 + [usual] * 10
    profiles = with_use(
        steady_hours(72), lambda _hour, use: replace(use, statuses=Counter(fresh=60, stale=40))
    )
    found = of(
        judge(profiles, start + 2 * DAY, start + 3 * DAY, fallback_hours(start, counts)),
        "fallback.share",
    )
    assert {finding.subject for finding in found} == {
        *("stats: missing", "stats: timeout"),
        "other: stale",
    }
    alarms = [finding for finding in found if finding.severity.alarming]
    assert [(alarm.subject, (alarm.start - start) // HOUR, alarm.value) for alarm in alarms] == [
        ("stats: timeout", 60, 0.4),
        ("stats: timeout", 61, 0.4),
    ]
    assert "with the reason timeout" in alarms[0].reason
    after = [
        finding for finding in found if finding.subject == "stats: timeout" and finding.value == 0
    ]
    assert len(after) == 10


def test_more_fallbacks_than_predictions(steady_hours: Make, start: datetime) -> None:
    """Where predictions are sampled and fallbacks are not, the share is all of them, not more."""
    fallbacks = fallback_hours(start, [{("stats", "stale"): 500}] * 24)
    found = of(judge(steady_hours(24), start, start + DAY, fallbacks), "fallback.share")
    assert {finding.value for finding in found} == {1.0}


def test_a_source_that_predictions_do_not_name(steady_hours: Make, start: datetime) -> None:
    """Its fallbacks are a share of all predictions; how old its data is, nobody says."""
    counts = [{("geo", "stale"): 1}] * 60 + [{("geo", "stale"): 45, ("geo", "timeout"): 5}] * 12
    profiles = [replace(hour, sources={}) for hour in steady_hours(72)]
    found = judge(profiles, start + 2 * DAY, start + 3 * DAY, fallback_hours(start, counts))
    assert {(finding.metric, finding.subject) for finding in found} == {
        ("fallback.rate", "geo"),
        ("fallback.share", "geo: stale"),
        ("fallback.share", "geo: timeout"),
    }
    rates = of(found, "fallback.rate")
    assert [rate.value for rate in rates] == [0.01] * 12 + [0.5] * 12
    assert rates[12].severity is Severity.CRITICAL
    assert {rate.severity for rate in rates[:12]} == {Severity.OK}
    since = start + 2 * DAY
    hour_by_hour = [
        finding
        for hour in range(24)
        for finding in judge(
            profiles, since + hour * HOUR, since + (hour + 1) * HOUR, fallback_hours(start, counts)
        )
    ]
    assert sorted(hour_by_hour, key=repr) == sorted(found, key=repr)


def test_ages_that_are_not_logged(steady_hours: Make, start: datetime) -> None:
    """Uses are judged; for the age the finding names what to log."""
    profiles = with_use(steady_hours(24), lambda _hour, use: SourceUse(use.statuses))
    found = judge(profiles, start + 23 * HOUR, start + DAY)
    assert {finding.severity for finding in of(found, "fallback.rate")} == {Severity.OK}
    (age,) = of(found, "source.age_hours")
    assert age.severity is Severity.UNKNOWN
    assert "Only 0 of 100 predictions" in age.reason
    assert "`last_updated_at`" in age.reason


def test_a_source_that_two_services_use(steady_hours: Make, start: datetime) -> None:
    """It fails in the small service only: that one is critical, the large one ok; each has its own.

    Together, 100 of 1,100 predictions would have used defaults: a warning that names neither.
    """

    def hours(service: str, per_hour: int, stale: Callable[[int], int]) -> list[Any]:
        return [
            replace(
                hour,
                service=service,
                profile_key=replace(
                    hour.profile_key, series=(service, *hour.profile_key.series[1:])
                ),
                sources={OfService(service, "stats"): hour.sources[STATS]},
            )
            for hour in steady_hours(60, per_hour, stale=stale)
        ]

    large = hours("web", 1_000, lambda _hour: 0)
    small = hours("batch", 100, lambda hour: 100 if hour >= 50 else 0)
    profiles = sorted([*large, *small], key=lambda profile: profile.window.start)
    last = of(judge(profiles, start + 59 * HOUR, start + 60 * HOUR), "fallback.rate")
    rates = {rate.service: rate for rate in last}
    assert rates["web"].severity is Severity.OK
    assert rates["web"].sample_count == 1_000
    assert rates["batch"].severity.alarming
    assert (rates["batch"].value, rates["batch"].sample_count) == (1.0, 100)


def test_a_version_that_two_services_serve(steady_hours: Make, start: datetime) -> None:
    """The same version in two services: each service's use of the source is judged by itself."""
    profiles = [
        replace(
            hour,
            sources={
                OfService("web", "stats"): SourceUse(Counter(fresh=900)),
                OfService("batch", "stats"): SourceUse(Counter(fresh=40, stale=60)),
            },
        )
        for hour in steady_hours(24, 1_000)
    ]
    found = of(judge(profiles, start + 23 * HOUR, start + DAY), "fallback.rate")
    assert {rate.service: (rate.value, rate.sample_count) for rate in found} == {
        "web": (0.0, 900),
        "batch": (0.6, 100),
    }


def test_fallbacks_of_a_service_that_predicts_nothing(steady_hours: Make, start: datetime) -> None:
    """A feature service logs the fallbacks, another one predicts: a share of its predictions."""
    profiles = [replace(hour, sources={}) for hour in steady_hours(24)]
    fallbacks = fallback_hours(start, [{("geo", "stale"): 30}] * 24, "features")
    (rate,) = of(judge(profiles, start + 23 * HOUR, start + DAY, fallbacks), "fallback.rate")
    assert (rate.service, rate.value, rate.sample_count) == ("features", 0.3, 100)


def test_fallbacks_stored_before_services_were_counted(steady_hours: Make, start: datetime) -> None:
    """A profile of an earlier mlmon knows no services: its fallbacks are the predicting one's."""
    profiles = [replace(hour, sources={}) for hour in steady_hours(24)]
    fallbacks = fallback_hours(start, [{("geo", "stale"): 30}] * 24, "")
    (rate,) = of(judge(profiles, start + 23 * HOUR, start + DAY, fallbacks), "fallback.rate")
    assert (rate.service, rate.value) == ("api", 0.3)


def test_a_source_that_stays_dead_is_not_usual(steady_hours: Make, start: datetime) -> None:
    """A source dead for five days alarms in each hour, and so do ages that grow with it."""
    dead = 8 * 24
    profiles = steady_hours(
        dead + 5 * 24,
        ages=lambda hour: 1_800 + 3_600 * max(0, hour - dead + 1),
        stale=lambda hour: 100 if hour >= dead else 2,
    )
    found = judge(profiles, start + (dead + 4) * HOUR, start + (dead + 120) * HOUR)
    for metric in ("fallback.rate", "source.age_hours", "source.oldest_hours"):
        calm = [finding.reason for finding in of(found, metric) if not finding.severity.alarming]
        assert calm == [], metric


def test_a_reason_that_stays_frequent_is_not_usual(steady_hours: Make, start: datetime) -> None:
    """40 % of defaults for one reason, for five days: each hour alarms."""
    dead = 8 * 24
    hours = dead + 5 * 24
    profiles = with_use(
        steady_hours(hours), lambda _hour, use: replace(use, statuses=Counter(fresh=60, stale=40))
    )
    counts = [{("stats", "timeout"): 40 if hour >= dead else 1} for hour in range(hours)]
    found = judge(
        profiles, start + dead * HOUR, start + hours * HOUR, fallback_hours(start, counts)
    )
    shares = of(found, "fallback.share")
    assert len(shares) == 5 * 24
    assert all(share.severity.alarming for share in shares)


def test_weekends_are_quiet_once_one_is_known(steady_hours: Make, start: datetime) -> None:
    """40 % of defaults and data of up to three days each weekend: no alarm after the first one.

    The first is not known to be usual, and a Tuesday like a weekend is an alarm.
    """

    def weekend(hour: int) -> bool:
        return hour // 24 % 7 >= 5

    def hours(odd: int | None = None) -> list[Any]:
        return steady_hours(
            4 * 168,
            ages=lambda hour: 3_600.0 * (hour % 24 + 24 * max(0, hour // 24 % 7 - 4)),
            stale=lambda hour: 40 if weekend(hour) or hour == odd else 2,
        )

    found = judge(hours(), start + 2 * DAY, start + 28 * DAY)
    alarms = {finding.start for finding in found if finding.severity.alarming}
    assert alarms
    assert {(at - start) // DAY for at in alarms} == {5, 6}
    odd = 3 * 168 + 24 + 12
    rates = of(judge(hours(odd), start + 21 * DAY, start + 28 * DAY), "fallback.rate")
    assert [rate.start for rate in rates if rate.severity.alarming] == [start + odd * HOUR]
