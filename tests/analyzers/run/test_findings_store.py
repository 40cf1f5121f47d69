"""Findings are written once per watermark, and the newest revision is the latest."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from elastic_transport import TransportApiResponse
from hypothesis import given
from hypothesis import strategies as st

from mlmon.analyzers.base.finding import Finding, Severity
from mlmon.analyzers.base.window import DAY, HOUR, Window
from mlmon.analyzers.run.findings_store import FindingStore, StoredFinding, WrittenFindings, plan
from mlmon.elastic.client.cluster import Cluster
from mlmon.elastic.client.documents import Document
from tests.support.transport import Send, answer_of, intercept

NOW = datetime.fromisoformat("2026-03-05T00:00:00+00:00")


def make(start: datetime, hour: int = 0, value: float = 1.0, **known: object) -> Finding:
    """Return a finding of an hour."""
    given = {"analyzer": "a", "metric": "m", "subject": "x", "severity": Severity.OK}
    return Finding.of(
        start=start + hour * HOUR,
        end=start + (hour + 1) * HOUR,
        value=value,
        reason=f"It is {value}.",
        **(given | known),  # type: ignore[arg-type]
    )


def documents(cluster: Cluster, store: FindingStore) -> dict[str, dict[str, object]]:
    """Return every stored document by id."""
    return {hit["_id"]: hit["_source"] for hit in cluster.scan(store.pattern, {})}


def stored(findings: Iterable[Finding]) -> list[StoredFinding]:
    """Return findings as they lie in the index."""
    return [
        StoredFinding(
            "i",
            finding.id,
            finding.key,
            finding.revision,
            finding.latest,
            finding.content_digest,
            NOW,
        )
        for finding in findings
    ]


@given(
    st.lists(st.tuples(st.integers(1, 4), st.booleans(), st.integers(0, 2)), max_size=4),
    st.integers(0, 2),
)
def test_after_writing_exactly_the_newest_is_the_latest(
    history: list[tuple[int, bool, int]], value: int
) -> None:
    """Whatever a killed run has left, afterwards one revision is latest and says what is known."""
    present = {
        revision: replace(make(NOW, value=known), revision=revision, latest=latest)
        for revision, latest, known in history
    }
    finding = make(NOW, value=value)
    decided = plan({finding.key: finding}, stored(present.values()), NOW)
    for replaced, _ in decided.supersede:
        present[replaced.revision] = replace(present[replaced.revision], latest=False)
    for new in decided.write:
        assert new.revision not in present
        present[new.revision] = new
    (latest,) = [kept for kept in present.values() if kept.latest]
    assert latest.revision == max(present)
    assert latest.value == value
    assert decided.written.total == 1


def test_the_same_again_changes_nothing(cluster: Cluster, namespace: str, start: datetime) -> None:
    """Writing again leaves every document as it was, down to when it was learned."""
    store = FindingStore(cluster, namespace)
    findings = [make(start, hour) for hour in range(5)]
    assert store.write(findings, NOW) == WrittenFindings(created=5)
    before = documents(cluster, store)
    assert store.write(findings, NOW + DAY) == WrittenFindings(unchanged=5)
    assert documents(cluster, store) == before
    assert {finding.key for finding in store.search()} == {finding.key for finding in findings}


def test_new_content_adds_a_revision(cluster: Cluster, namespace: str, start: datetime) -> None:
    """The earlier revision stays, no longer the latest, and searches see the new one only."""
    store = FindingStore(cluster, namespace)
    store.write([make(start, value=1.0), make(start, 1)], NOW)
    assert store.write([make(start, value=2.0), make(start, 1)], NOW + DAY) == WrittenFindings(
        revised=1, unchanged=1
    )
    first, second = [
        Finding.from_document(event)
        for _, event in sorted(documents(cluster, store).items())
        if event["event.start"] == make(start).to_document()["event.start"]
    ]
    assert (first.value, first.revision, first.latest, first.created) == (1.0, 1, False, NOW)
    assert (second.value, second.revision, second.latest) == (2.0, 2, True)
    assert [finding.value for finding in store.search()] == [2.0, 1.0]


def test_a_run_killed_between_two_requests_is_fixed(
    cluster: Cluster, namespace: str, start: datetime
) -> None:
    """Two revisions that both claim to be the latest become one."""
    store = FindingStore(cluster, namespace)
    store.write([make(start)], NOW)
    killed = make(start, value=2.0).revised(2, NOW + 9 * HOUR)
    (index,) = cluster.indices(store.pattern)
    cluster.put([Document(index, killed.id, killed.to_document())])
    cluster.refresh(store.pattern)
    assert len(list(store.search())) == 2
    store.write([make(start, value=2.0)], NOW + 2 * DAY)
    assert [finding.revision for finding in store.search()] == [2]
    # What was known in between is reported by the revision that was written, not by the fix.
    for hours, revision in ((0, 1), (9, 2), (30, 2)):
        known = store.search(as_of=NOW + hours * HOUR)
        assert [finding.revision for finding in known] == [revision]


def test_a_busy_cluster_leaves_one_latest(
    cluster: Cluster, namespace: str, start: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A revision whose mark the cluster is too busy to take is sent again."""
    store = FindingStore(cluster, namespace)
    store.write([make(start)], NOW)
    busy = [True]

    def turn_away(_method: str, path: str, body: bytes | None, send: Send) -> TransportApiResponse:
        if path == "/_bulk" and body and b"finding.superseded" in body and busy:
            busy.clear()
            error = {"type": "es_rejected_execution_exception", "reason": "queue full"}
            item = {"_id": "", "status": 429, "error": error}
            return answer_of({"errors": True, "items": [{"update": item}]})
        return send()

    intercept(cluster, monkeypatch, turn_away)
    store.write([make(start, value=2.0)], NOW + DAY)
    assert not busy
    assert [finding.revision for finding in store.search()] == [2]


def test_what_no_longer_holds_is_withdrawn(
    cluster: Cluster, namespace: str, start: datetime
) -> None:
    """Findings of the analyzer and period that are no longer yielded lose their mark, no others."""
    store = FindingStore(cluster, namespace)
    findings = [make(start, hour) for hour in range(4)]
    other = make(start, 1, analyzer="b")
    store.write([*findings, other], NOW)
    period = Window(start + HOUR, start + 3 * HOUR)
    assert store.withdraw({"a"}, period, {findings[1].key}, NOW) == 1
    left = {finding.key for finding in store.search()}
    assert left == {findings[0].key, findings[1].key, findings[3].key, other.key}


def test_what_was_known_at_a_moment(cluster: Cluster, namespace: str, start: datetime) -> None:
    """Each moment of the past sees what was the latest then.

    Nothing at first, then a verdict, a revised one, none after it was withdrawn, and it again.
    """
    store = FindingStore(cluster, namespace)
    period = Window(start, start + 9 * HOUR)
    store.write([make(start, value=1.0)], NOW)
    store.write([make(start, value=2.0)], NOW + DAY)
    store.withdraw({"a"}, period, set(), NOW + 2 * DAY)
    store.write([make(start, value=2.0)], NOW + 3 * DAY)
    known = [
        [finding.value for finding in store.search(as_of=NOW + days * DAY - HOUR)]
        for days in range(5)
    ]
    assert known == [[], [1.0], [2.0], [], [2.0]]
    assert [finding.revision for finding in store.search()] == [3]


def test_searches_narrow(cluster: Cluster, namespace: str, start: datetime) -> None:
    """By time, severity, analyzer and metric, in order of the windows' ends."""
    store = FindingStore(cluster, namespace)
    severities = list(Severity) * 2
    store.write(
        [
            make(start, hour, severity=severity, metric=f"m{hour % 2}")
            for hour, severity in enumerate(severities)
        ],
        NOW,
    )
    ends = [finding.end for finding in store.search()]
    assert ends == sorted(ends)
    assert len(ends) == 8
    assert len(list(store.search(severity=Severity.WARNING))) == 4
    assert len(list(store.search(severity=Severity.CRITICAL))) == 2
    assert len(list(store.search(metric="m0"))) == 4
    assert len(list(store.search(analyzer="b"))) == 0
    some = list(store.search(since=start + 2 * HOUR, until=start + 4 * HOUR))
    assert [finding.end for finding in some] == [start + 3 * HOUR, start + 4 * HOUR]


def test_an_empty_store(cluster: Cluster, namespace: str) -> None:
    """Before anything was written there are no findings, and asking is no error."""
    assert list(FindingStore(cluster, namespace).search()) == []


@pytest.mark.parametrize("days", [0, 20])
def test_months_have_indices_of_their_own(
    cluster: Cluster, namespace: str, start: datetime, days: int
) -> None:
    """A finding lies in the index of the month its window ends in."""
    store = FindingStore(cluster, namespace)
    moment = start + timedelta(days=days)
    store.write([make(moment)], NOW)
    (index,) = cluster.indices(store.pattern)
    assert index == f"mlmon-findings-{namespace}-{moment:%Y.%m}"
