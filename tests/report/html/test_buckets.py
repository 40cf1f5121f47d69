"""Down-sampling keeps what is bad."""

from datetime import UTC, datetime, timedelta
from statistics import median

from hypothesis import given
from hypothesis import strategies as st

from mlmon.analyzers.base.finding import Finding, Severity
from mlmon.report.html.buckets import HOUR_SECONDS, WIDTHS, bucket_width, buckets, severities
from mlmon.report.html.series import CheckSeries, record
from mlmon.report.html.severity import CRITICAL, UNKNOWN

START = datetime(2026, 11, 2, tzinfo=UTC)
FIVE_MINUTES = timedelta(minutes=5)

VERDICTS = st.lists(
    st.tuples(st.sampled_from(list(Severity)), st.none() | st.floats(0, 1e6)),
    min_size=1,
    max_size=80,
)


def series_of(verdicts: list[tuple[Severity, float | None]]) -> CheckSeries:
    """Return a series of five-minute windows with these severities and values."""
    findings = [
        Finding.of(
            analyzer="service_health", metric="latency.p95", subject="/", reason=f"window {place}",
            start=START + place * FIVE_MINUTES, end=START + (place + 1) * FIVE_MINUTES,
            severity=severity, value=value,
        )
        for place, (severity, value) in enumerate(verdicts)
    ]  # fmt: skip
    (series,) = record(findings).series
    return series


@given(VERDICTS)
def test_each_bucket_shows_its_worst_and_its_extremes(
    verdicts: list[tuple[Severity, float | None]],
) -> None:
    """Nothing is lost; severity, extremes and median are those of the bucket's windows."""
    found = list(buckets(series_of(verdicts), HOUR_SECONDS))
    assert sum(bucket.count for bucket in found) == len(verdicts)
    for number, bucket in enumerate(found):
        inside = verdicts[12 * number : 12 * number + 12]
        values = [value for _, value in inside if value is not None]
        assert bucket.severity == max(severity.rank for severity, _ in inside)
        assert (bucket.least, bucket.greatest) == (
            min(values, default=None),
            max(values, default=None),
        )
        assert bucket.typical == (median(values) if values else None)


def test_a_bucket_shows_its_worst_window_at_that_windows_own_time() -> None:
    """One critical window among eleven quiet ones keeps its time, value and sentence."""
    verdicts: list[tuple[Severity, float | None]] = [(Severity.OK, 80.0)] * 12
    verdicts[7] = (Severity.CRITICAL, 410.0)
    (bucket,) = buckets(series_of(verdicts), HOUR_SECONDS)
    assert bucket.severity == CRITICAL
    assert bucket.at == (START + 8 * FIVE_MINUTES).timestamp()
    assert bucket.value == 410.0
    assert bucket.worst is not None
    assert bucket.worst.reason == "window 7"


def test_intervals_are_kept_separate_from_values() -> None:
    """A bucket shows the extremes of its values, and those of the intervals they lie in."""
    finding = Finding.of(
        analyzer="score_shift", metric="ks.distance", subject="score", reason="",
        start=START, end=START + FIVE_MINUTES, severity=Severity.OK, value=0.1, low=0.07, high=0.15,
    )  # fmt: skip
    (series,) = record([finding]).series
    (bucket,) = buckets(series, HOUR_SECONDS)
    assert (bucket.least, bucket.typical, bucket.greatest) == (0.1, 0.1, 0.1)
    assert (bucket.low, bucket.high) == (0.07, 0.15)


@given(st.floats(1, 4e8), st.integers(40, 288))
def test_a_range_is_cut_into_no_more_buckets_than_wanted(seconds: float, most: int) -> None:
    """The width is the least of the known ones that suffices."""
    width = bucket_width(seconds, most)
    assert seconds <= width * most
    smaller = [one for one in WIDTHS if one < width]
    assert not smaller or seconds > smaller[-1] * most


def test_a_strip_has_no_holes_where_windows_are_long() -> None:
    """A six-hour window colours each hour of it; hours without any window stay empty."""
    finding = Finding.of(
        analyzer="job_health", metric="missed.runs", subject="job", reason="",
        start=START + timedelta(hours=2), end=START + timedelta(hours=8), severity=Severity.UNKNOWN,
    )  # fmt: skip
    (series,) = record([finding]).series
    strip = severities(series, since=START.timestamp(), width=3600.0, count=10)
    assert strip == [None, None, *[UNKNOWN] * 6, None, None]
