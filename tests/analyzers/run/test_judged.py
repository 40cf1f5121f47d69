"""A calm display says what could not be judged, and when anything was judged last."""

from collections.abc import Callable
from datetime import timedelta

from mlmon.analyzers.base.window import DAY, HOUR, iso
from mlmon.analyzers.run.cycle.state import Bookmark, BookmarkStore
from mlmon.analyzers.run.findings_store import FindingStore
from mlmon.analyzers.run.judged import judged, store_judged
from mlmon.elastic.client.cluster import Cluster
from mlmon.elastic.doctor.activity import judged_checks
from mlmon.elastic.doctor.check import CheckVerdict
from tests.support.histories import START, spell


def test_the_last_verdict_of_each_series_counts(cluster: Cluster, namespace: str) -> None:
    """Of four series one has no verdict now; one that was unknown and is ok again counts as ok."""
    findings = [
        *spell("ooo", "price"),
        *spell("uuo", "country"),
        *spell("oou", "hour"),
        *spell("ccc", "age"),
        *spell("u", "gone", start=START - 5 * DAY),
    ]
    FindingStore(cluster, namespace).write(findings, START)
    found = judged(cluster, namespace)
    assert (found.series, found.unjudged.total, found.last) == (4, 1, START)
    line = found.sentence(START + timedelta(minutes=5))
    assert line.startswith("1 of 4 checks cannot be judged: 1 other reasons (`mlmon findings")
    assert "ago" not in line


def test_an_old_verdict_is_reported_as_old(cluster: Cluster, namespace: str) -> None:
    """Seven hours after the last finding nobody should take silence for calm."""
    FindingStore(cluster, namespace).write(spell("ooo", "price"), START)
    line = judged(cluster, namespace).sentence(START + timedelta(hours=7))
    assert "7 h ago: is `mlmon run` running?" in line


def test_nothing_judged_is_not_calm(cluster: Cluster, namespace: str) -> None:
    """Without any finding it says so, and what to run."""
    found = judged(cluster, namespace)
    assert found.last is None
    assert found.sentence(START).startswith("Nothing has been judged yet")


def test_a_cycle_that_finds_nothing_new_has_judged(cluster: Cluster, namespace: str) -> None:
    """Seven hours after the last finding, but minutes after the last cycle: nothing is stale."""
    FindingStore(cluster, namespace).write(spell("ooo", "price"), START)
    now = START + timedelta(hours=7)
    BookmarkStore(cluster, namespace).write(Bookmark(now, now, now), now)
    line = judged(cluster, namespace).sentence(now + timedelta(minutes=4))
    assert line.endswith("; last judged 2026-03-02 07:00 UTC.")
    assert "ago" not in line


def test_time_that_no_window_covers_is_named(cluster: Cluster, namespace: str) -> None:
    """Cycles go on; what they judged ends four hours before: the sentence says up to when."""
    FindingStore(cluster, namespace).write(spell("ooo", "price"), START)
    now = START + timedelta(hours=7)
    BookmarkStore(cluster, namespace).write(Bookmark(now, now, now), now)
    assert judged(cluster, namespace).sentence(now) == (
        "1 check judged; judged up to 2026-03-02 03:00 UTC: nothing after it could be judged; "
        "last judged 2026-03-02 07:00 UTC."
    )


def test_an_hour_behind_is_as_windows_are(cluster: Cluster, namespace: str) -> None:
    """A window of an hour ends up to an hour before a cycle: nothing is missing."""
    FindingStore(cluster, namespace).write(spell("ooo", "price"), START)
    now = START + 4 * HOUR
    BookmarkStore(cluster, namespace).write(Bookmark(now, now, now), now)
    assert "up to" not in judged(cluster, namespace).sentence(now)


def test_a_new_service_is_told_when_its_first_verdict_is_due(
    cluster: Cluster, namespace: str, ship: Callable[..., None]
) -> None:
    """Ten minutes after its first line: with the end of the hour; an hour later: it is overdue."""
    line = {"@timestamp": iso(START + timedelta(minutes=10)), "service.name": "api"}
    own = {"@timestamp": iso(START - DAY), "service.name": "mlmon"}
    ship([{**line, "event.dataset": "ml.app"}, {**own, "event.dataset": "ml.job"}])
    found = judged(cluster, namespace)
    assert "the first verdict is due about 01:00 UTC" in found.sentence(
        START + timedelta(minutes=20)
    )
    assert "though there are logs since 2026-03-02 00:10" in found.sentence(START + 2 * HOUR)


def test_doctor_shows_what_cannot_be_judged(cluster: Cluster, namespace: str) -> None:
    """The sentence that was stored with the last cycle is a line of `mlmon doctor`."""
    FindingStore(cluster, namespace).write([*spell("o", "a"), *spell("u", "b")], START)
    store_judged(cluster, namespace, START)
    found = {check.name: check for check in judged_checks(cluster, namespace)}
    assert found["checks"].verdict is CheckVerdict.NOTE
    assert found["checks"].found.startswith("1 of 2 checks cannot be judged: 1 other reasons")
