"""Findings against the truth: found, late, missed, and false."""

from datetime import datetime, timedelta

import pytest

from mlmon.analyzers.base.finding import Finding, Severity
from mlmon.analyzers.base.window import HOUR
from mlmon.analyzers.run.ground_truth import compare, read_truth


def truth(start: datetime, subject: str | None = "x") -> dict[str, object]:
    """Return the truth of one incident from hour 10 to 12."""
    expect = [{"analyzer": "a", "metric": "m", "subject": subject}]
    incident = {
        "id": "i",
        "title": "I",
        "start": (start + 10 * HOUR).isoformat(),
        "end": (start + 12 * HOUR).isoformat(),
        "cause": "c",
        "expect": expect,
    }
    return {"schema": 1, "incidents": [incident]}


def finding(start: datetime, first: float, last: float, **known: object) -> Finding:
    """Return a critical finding of a window of hours."""
    given = {"analyzer": "a", "metric": "m", "subject": "x", "severity": Severity.CRITICAL}
    return Finding.of(
        start=start + timedelta(hours=first),
        end=start + timedelta(hours=last),
        reason="r",
        **(given | known),  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("first", "last", "found"),
    [(9, 10, False), (9, 10.1, True), (11, 13, True), (11.9, 20, True), (12, 13, False)],
)
def test_a_window_must_meet_the_incident(
    start: datetime, first: float, last: float, *, found: bool
) -> None:
    """A finding counts if its window ends after the start and begins before the end."""
    (detection,) = compare([finding(start, first, last)], read_truth(truth(start))).detections
    assert (detection.finding is not None) == found
    if found:
        assert detection.delay == timedelta(hours=last - 10)


@pytest.mark.parametrize(
    "other",
    [
        {"severity": Severity.UNKNOWN},
        {"severity": Severity.OK},
        {"metric": "n"},
        {"analyzer": "b"},
        {"subject": "y"},
    ],
)
def test_other_findings_do_not_show_it(start: datetime, other: dict[str, object]) -> None:
    """What is no alarm, or of another metric or subject, leaves the incident missed."""
    (detection,) = compare([finding(start, 10, 11, **other)], read_truth(truth(start))).detections
    assert detection.finding is None
    assert detection.delay is None


def test_any_subject_may_be_expected(start: datetime) -> None:
    """A null subject is matched by every subject."""
    document = truth(start, subject=None)
    (detection,) = compare([finding(start, 10, 11, subject="z")], read_truth(document)).detections
    assert detection.delay == HOUR


def test_the_first_finding_counts_in_any_order(start: datetime) -> None:
    """The delay is that of the earliest window's end."""
    findings = [finding(start, hour, hour + 1) for hour in (11, 10, 9.5)]
    (detection,) = compare(findings, read_truth(truth(start))).detections
    assert detection.delay == timedelta(minutes=30)


def test_alarms_before_the_first_incident_are_false(start: datetime) -> None:
    """Of any analyzer; alarms after it may be its consequences."""
    early = finding(start, 3, 4, analyzer="other")
    compared = compare(
        [early, finding(start, 1, 2, severity=Severity.UNKNOWN), finding(start, 13, 14)],
        read_truth(truth(start)),
    )
    assert compared.false_findings == (early,)


def test_without_incidents_every_alarm_is_false(start: datetime) -> None:
    """A calm scenario has no detections, and all its alarms are false."""
    alarm = finding(start, 1, 2)
    compared = compare([alarm], ())
    assert compared.detections == ()
    assert compared.false_findings == (alarm,)


def test_another_schema_is_refused() -> None:
    """A truth that may mean something else is not guessed at."""
    with pytest.raises(ValueError, match="schema 2"):
        read_truth({"schema": 2, "incidents": []})
