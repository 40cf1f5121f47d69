"""Dates of events against their arrival, with a known answer."""

from collections import Counter
from datetime import datetime, timedelta

from mlmon.analyzers.base.analysis_context import AnalysisContext
from mlmon.analyzers.base.finding import Finding, Severity
from mlmon.analyzers.base.profile_key import ProfileKey, SourceWatermark
from mlmon.analyzers.base.window import HOUR, Window
from mlmon.analyzers.checks.clock_skew import ClockSkew
from mlmon.analyzers.profiles.kinds.clock import ClockProfile, Dates


def judge(start: datetime, *hours: dict[str, Dates]) -> list[Finding]:
    """Return the findings of some hours of arrivals."""
    profiles = [
        ClockProfile(
            ProfileKey("clock", Window(start + place * HOUR, start + (place + 1) * HOUR)),
            SourceWatermark(1),
            services=services,
        )
        for place, services in enumerate(hours)
    ]
    period = Window(start, start + len(hours) * HOUR)
    return list(ClockSkew().evaluate(AnalysisContext(period, profiles)))


def test_clocks_that_are_right(start: datetime) -> None:
    """Every line near its arrival: ok, for each service and hour."""
    found = judge(start, {"api": Dates(100), "scheduler": Dates(3)}, {"api": Dates(90)})
    assert [(finding.subject, finding.severity) for finding in found] == [
        *[("api", Severity.OK)] * 2,
        *[("scheduler", Severity.OK)] * 2,
        *[("api", Severity.OK)] * 2,
    ]


def test_a_process_whose_clock_is_ahead(start: datetime) -> None:
    """A few lines of many warn, a twentieth is critical; the process and the date are named."""
    date = start + timedelta(days=9)
    (few, _), (many, _) = (
        judge(start, {"api": Dates(1_000, ahead, date, processes=Counter(p7=ahead))})
        for ahead in (5, 60)
    )
    assert few.severity is Severity.WARNING
    assert many.severity is Severity.CRITICAL
    assert many.reason == (
        "6 % of 1,000 lines of api that arrived from 00:00 to 01:00 UTC on 2026-03-02 are dated "
        "ahead, up to 2026-03-11 00:00 UTC, by the processes p7; limit 5 %."
    )


def test_a_clock_that_was_reset(start: datetime) -> None:
    """Lines of 1970 are reported as such."""
    reset = datetime.fromisoformat("1970-01-01T00:00:30+00:00")
    _, behind = judge(start, {"": Dates(10, behind=10, earliest=reset)})
    assert behind.severity is Severity.CRITICAL
    assert behind.subject is None
    assert "services without a name" in behind.reason
    assert "ten years back or more, from 1970-01-01 00:00 UTC" in behind.reason
