"""A calm display says what could not be judged, and when anything was judged last."""

from datetime import timedelta

from mlmon.analyzers.base.window import DAY
from mlmon.analyzers.run.findings_store import FindingStore
from mlmon.analyzers.run.judged import judged
from mlmon.elastic.client.cluster import Cluster
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
    assert (found.series, dict(found.unknown), found.last) == (4, {"drift": 1}, START)
    line = found.sentence(START + timedelta(minutes=5))
    assert line.startswith("4 checks judged, 1 of them without a verdict (drift 1;")
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
