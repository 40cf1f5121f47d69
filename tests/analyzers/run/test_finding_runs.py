"""Findings in a row that say the same are one entry of a list."""

from dataclasses import replace
from datetime import UTC, datetime

from mlmon.analyzers.base.finding import Finding, Severity
from mlmon.analyzers.base.identity import FindingIdentity
from mlmon.analyzers.base.window import HOUR
from mlmon.analyzers.run.finding_runs import finding_runs

START = datetime(2026, 3, 2, 18, tzinfo=UTC)
SERIES = FindingIdentity(analyzer="data_quality", metric="missing.rate", subject="price")


def finding(hour: int, severity: Severity, series: FindingIdentity = SERIES) -> Finding:
    """Return the finding of an hour."""
    begin = START + hour * HOUR
    return Finding(
        identity=series, start=begin, end=begin + HOUR, severity=severity, reason=f"hour {hour}"
    )


def test_windows_that_touch_are_one_entry_with_the_latest_sentence() -> None:
    """Three hours of one severity are one run; the fourth, after a gap, is another."""
    hours = [0, 1, 2, 5]
    newest, earlier = finding_runs([finding(hour, Severity.CRITICAL) for hour in hours])
    assert (earlier.windows, earlier.last.reason) == (3, "hour 2")
    assert earlier.when() == "2026-03-02 18:00 to 21:00 UTC, 3 windows"
    assert (newest.windows, newest.last.reason) == (1, "hour 5")
    assert newest.when() == "2026-03-02 23:00 to 2026-03-03 00:00 UTC"


def test_another_severity_or_series_is_an_entry_of_its_own() -> None:
    """A run holds one severity of one series, and other series do not end it."""
    other = replace(SERIES, subject="age")
    runs = finding_runs(
        [
            finding(0, Severity.WARNING),
            finding(0, Severity.WARNING, other),
            finding(1, Severity.WARNING),
            finding(2, Severity.CRITICAL),
        ]
    )
    shown = {(run.last.subject, run.last.severity, run.windows) for run in runs}
    assert shown == {
        ("price", Severity.WARNING, 2),
        ("price", Severity.CRITICAL, 1),
        ("age", Severity.WARNING, 1),
    }
    assert runs[0].last.severity is Severity.CRITICAL
