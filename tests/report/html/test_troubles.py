"""Troubles: which spells belong together, and which came first."""

from datetime import UTC, datetime, timedelta

from mlmon.analyzers.base.finding import Finding, Severity
from mlmon.report.html.spells import Spell
from mlmon.report.html.troubles import troubles

START = datetime(2026, 11, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
UPSTREAM = {"job_health": 0, "fallback_rate": 1, "feature_drift": 2, "score_shift": 3}


def spell(analyzer: str, begins: float, ends: float, subject: str = "", window: float = 1) -> Spell:
    """Return a spell from one hour to another, of windows of some hours."""
    worst = Finding.of(
        analyzer=analyzer, metric="m", subject=subject, reason="", severity=Severity.WARNING,
        start=START, end=START + window * HOUR,
    )  # fmt: skip
    since, until = (START + begins * HOUR).timestamp(), (START + ends * HOUR).timestamp()
    key = worst.identity.across_versions()
    return Spell(key, since, until, 2, window * 3600, 3, 3, worst, ongoing=False)


def names(spells: list[Spell]) -> list[list[str]]:
    """Return the analyzers of each trouble, the first cause first."""
    return [[one.key.analyzer for one in trouble.spells] for trouble in troubles(spells, UPSTREAM)]


def test_what_a_dead_job_moves_is_one_trouble_that_began_with_the_job() -> None:
    """Effects that begin while their cause lasts are told as one story."""
    chain = [
        spell("score_shift", 9, 30),
        spell("feature_drift", 7, 30),
        spell("job_health", 2, 30),
        spell("fallback_rate", 5, 30),
    ]
    assert names(chain) == [["job_health", "fallback_rate", "feature_drift", "score_shift"]]


def test_a_cause_does_not_follow_its_effect() -> None:
    """A job that fails while a feature has long drifted is a trouble of its own."""
    assert names([spell("feature_drift", 0, 50), spell("job_health", 20, 30)]) == [
        ["feature_drift"],
        ["job_health"],
    ]


def test_two_drifts_at_different_times_are_two_troubles() -> None:
    """Neither of two checks of one layer lies upstream of the other."""
    assert (
        len(names([spell("feature_drift", 0, 50, "a"), spell("feature_drift", 20, 30, "b")])) == 2
    )


def test_what_begins_together_is_one_trouble_even_beside_the_chain() -> None:
    """Latency and errors that begin in the same window belong together."""
    assert names(
        [spell("service_health", 3, 4, "p95", 1 / 12), spell("service_health", 3, 4, "5xx", 1 / 12)]
    ) == [["service_health"] * 2]


def test_the_finer_window_does_not_make_the_effect_the_cause() -> None:
    """Where windows cannot tell which of two began first, the one upstream is named."""
    assert names(
        [spell("fallback_rate", 2.1, 9, window=1 / 12), spell("job_health", 2.5, 9, window=1)]
    ) == [["job_health", "fallback_rate"]]


def test_what_one_subject_suffers_is_one_trouble() -> None:
    """A feature that is out of range and later drifts is told once, even within one layer."""
    both = [spell("feature_drift", 4, 30, "price"), spell("data_quality", 0, 12, "price")]
    assert names(both) == [["data_quality", "feature_drift"]]


def test_what_ended_causes_nothing() -> None:
    """A spell that begins after its cause has ended is not told as its effect."""
    assert names([spell("job_health", 0, 3), spell("feature_drift", 20, 30)]) == [
        ["job_health"],
        ["feature_drift"],
    ]


def test_a_trouble_spans_its_spells() -> None:
    """It lasts from the first beginning to the last end."""
    (trouble,) = troubles([spell("job_health", 2, 5), spell("fallback_rate", 4, 9)], UPSTREAM)
    assert (trouble.since, trouble.until) == (
        (START + 2 * HOUR).timestamp(),
        (START + 9 * HOUR).timestamp(),
    )
