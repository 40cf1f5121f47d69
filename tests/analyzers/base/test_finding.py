"""A finding's document, key and id."""

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from operator import attrgetter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlmon.analyzers.base import finding as finding_module
from mlmon.analyzers.base.finding import Finding, Severity
from mlmon.analyzers.base.identity import FindingIdentity

START = datetime(2026, 3, 2, 14, tzinfo=UTC)
names = st.text(min_size=1, max_size=20)
numbers = st.none() | st.floats(allow_nan=False, allow_infinity=False)

findings = st.builds(
    Finding.of,
    analyzer=names,
    metric=names,
    subject=st.none() | names,
    segment=st.none() | names,
    service=st.none() | names,
    model_version=st.none() | names,
    start=st.just(START),
    end=st.integers(1, 10_000).map(lambda minutes: START + timedelta(minutes=minutes)),
    created=st.just(START + timedelta(days=3)),
    value=numbers,
    low=numbers,
    high=numbers,
    sample_count=st.none() | st.integers(0, 10**9),
    severity=st.sampled_from(Severity),
    reason=names,
    revision=st.integers(1, 9),
    latest=st.booleans(),
)


@given(findings)
def test_a_document_holds_the_whole_finding(finding: Finding) -> None:
    """What is written is read back the same."""
    assert Finding.from_document(finding.to_document()) == finding


@given(findings, findings)
def test_the_key_shows_what_it_is_about(one: Finding, other: Finding) -> None:
    """Two findings share a key exactly if they are about the same thing and window."""

    def about(finding: Finding) -> tuple[object, ...]:
        return (
            finding.analyzer,
            finding.metric,
            finding.subject,
            finding.segment,
            finding.service,
            finding.model_name,
            finding.model_version,
            finding.window,
        )

    assert (one.key == other.key) == (about(one) == about(other))


@given(findings, findings)
def test_the_series_shows_what_follows_in_time(one: Finding, other: Finding) -> None:
    """Two findings share a series exactly if they differ in nothing but window and verdict."""
    window = {"start": START, "end": START + timedelta(hours=1)}
    same = replace(one, **window).key == replace(other, **window).key
    assert (one.series == other.series) == same
    assert one.to_document()["finding.series"] == one.series


def test_a_series_fits_into_a_keyword() -> None:
    """A subject of any length keeps its series apart from others, within what is indexed."""
    names = {
        FindingIdentity(analyzer="a", metric="m", subject="x" * 2_000 + end).series
        for end in ("", "y", "z")
    }
    assert len(names) == 3
    assert max(map(len, names)) <= 1_024


@given(findings)
def test_only_what_it_shows_is_content(finding: Finding) -> None:
    """When it was learned and as which revision is not part of its digest; its reason is."""
    later = finding.revised(finding.revision + 1, START + timedelta(days=9))
    assert later.content_digest == finding.content_digest
    assert later.key == finding.key
    assert later.id != finding.id
    assert replace(finding, reason=finding.reason + "!").content_digest != finding.content_digest


def test_numbers_that_json_lacks_are_left_out() -> None:
    """An infinite end of an interval is no field, so the document stays valid JSON."""
    finding = Finding.of(
        analyzer="a",
        metric="m",
        subject=None,
        start=START,
        end=START + timedelta(hours=1),
        severity=Severity.OK,
        reason="r",
        high=float("inf"),
    )
    assert "finding.high" not in finding.to_document()


def test_severities_have_an_order() -> None:
    """Unknown is worse than ok, and no alarm."""
    assert sorted(Severity, key=lambda severity: severity.rank) == [
        "ok",
        "unknown",
        "warning",
        "critical",
    ]
    assert [severity for severity in Severity if severity.alarming] == ["warning", "critical"]


def test_a_field_that_is_added_and_empty_is_no_change(monkeypatch: pytest.MonkeyPatch) -> None:
    """A finding stored before the field existed equals one without it."""
    earlier_finding = Finding.of(
        analyzer="score_shift",
        metric="ks.distance",
        subject=None,
        start=START,
        end=START + timedelta(hours=1),
        severity=Severity.OK,
        reason="As ever.",
        value=0.5,
    )
    now = earlier_finding.content_digest
    earlier = tuple(name for name in finding_module.CONTENT if name != "parts")
    monkeypatch.setattr(finding_module, "CONTENT", earlier)
    monkeypatch.setattr(finding_module, "_CONTENT", attrgetter(*earlier))
    assert earlier_finding.content_digest == now
    assert replace(earlier_finding, p_value=0.5).content_digest != now
    assert replace(earlier_finding, value=None, low=0.5).content_digest != now


@pytest.mark.parametrize(
    ("low", "high", "p_value", "completeness", "calm"),
    [
        (0.07, 0.16, 1e-9, None, False),  # moved for certain, and perhaps not beyond the limit
        (0.07, 0.16, None, None, False),  # a rate, which has an interval only
        (0.0, 0.40, 1.0, None, True),  # coarse buckets: nothing shows that it moved
        (0.0, 0.40, 1.0, 0.8, False),  # lost lines hide it too
    ],
)
def test_an_alert_ends_where_only_coarse_buckets_hide_the_value(
    low: float, high: float, p_value: float | None, completeness: float | None, *, calm: bool
) -> None:
    """An alert goes on while a value may be beyond its limit, not for coarse buckets alone."""
    finding = Finding.of(
        analyzer="feature_drift",
        metric="ks.distance",
        subject="price",
        start=START,
        end=START + timedelta(days=1),
        severity=Severity.UNKNOWN,
        reason="price.",
        value=0.12,
        low=low,
        high=high,
        p_value=p_value,
        completeness=completeness,
        warning=0.1,
        critical=0.2,
    )
    assert finding.near_limit
    assert finding.calm is calm


def test_a_value_whose_interval_is_open_is_near_its_limit_when_stored() -> None:
    """A percentile of few requests has no upper end in the document; its lower end decides."""
    finding = Finding.of(
        analyzer="service_health",
        metric="latency.p99",
        subject="/predict",
        start=START,
        end=START + timedelta(hours=1),
        severity=Severity.UNKNOWN,
        reason="1 in 100 of 96 requests took 166 ms or longer.",
        value=166.0,
        low=35.0,
        high=math.inf,
        warning=100.0,
        critical=240.0,
    )
    assert finding.near_limit
    assert Finding.from_document(finding.to_document()).near_limit
