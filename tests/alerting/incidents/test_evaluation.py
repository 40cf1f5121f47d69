"""Incidents in the store: the same in parts as at once, and corrected by late data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmon.alerting.alerts.evaluation import evaluate
from mlmon.alerting.incidents.evaluation import evaluate_incidents
from mlmon.alerting.incidents.store import IncidentStore
from mlmon.analyzers.base.window import DAY, HOUR
from mlmon.analyzers.run.findings_store import FindingStore
from tests.support.histories import START, spell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlmon.analyzers.base.finding import Finding
    from mlmon.elastic.client.cluster import Cluster

BEGIN = START - DAY
NOW = START + DAY
JOB = {"analyzer": "job_health", "metric": "missed.runs", "service": "scheduler"}
FALLBACK = {"analyzer": "fallback_rate", "metric": "fallback.rate"}
QUALITY = {"analyzer": "data_quality", "metric": "missing.rate", "model_name": "autobid"}


def history() -> list[Finding]:
    """Return a night: a dead job with its fallbacks, and a feature that broke before it."""
    return [
        *spell("oocccccooooo", "refresh", **JOB),
        *spell("ooooccccccoooo", "stats", **FALLBACK),
        *spell("wwwooooooo", "rating", **QUALITY),
    ]


def bring_up(cluster: Cluster, namespace: str, since: Any = BEGIN) -> list[str]:
    """Bring alerts and incidents up to the findings; return the kinds of new changes."""
    evaluate(cluster, namespace, since)
    found = evaluate_incidents(cluster, namespace, since, NOW)
    return [change.kind.value for change, _ in found.changes]


def stored(cluster: Cluster, namespace: str) -> tuple[list[Any], list[Any]]:
    """Return every incident and every change as stored."""
    store = IncidentStore(cluster, namespace)
    incidents = sorted(store.overlapping(BEGIN), key=lambda document: document.id)
    changes = store.changes([document.id for document in incidents])
    return incidents, [changes[document.id] for document in incidents]


def write(cluster: Cluster, namespace: str, findings: Sequence[Finding]) -> None:
    """Store findings."""
    FindingStore(cluster, namespace).write(findings, START)


def test_in_parts_it_ends_in_the_same_documents(cluster: Cluster, namespace: str) -> None:
    """Hour by hour, as `mlmon run` does it, or all at once: incidents and changes are the same."""
    parts, whole = f"{namespace}_parts", f"{namespace}_whole"
    findings = history()
    write(cluster, whole, findings)
    bring_up(cluster, whole)
    moments = sorted({finding.end for finding in findings})
    for before, moment in zip([BEGIN, *moments], moments, strict=False):
        write(cluster, parts, [finding for finding in findings if finding.end == moment])
        bring_up(cluster, parts, before)
    assert stored(cluster, parts) == stored(cluster, whole)


def test_running_again_changes_nothing(cluster: Cluster, namespace: str) -> None:
    """A second evaluation finds no new change, and documents stay as they are."""
    write(cluster, namespace, history())
    assert "opened" in bring_up(cluster, namespace)
    before = stored(cluster, namespace)
    assert bring_up(cluster, namespace) == []
    assert stored(cluster, namespace) == before


def test_late_data_withdraw_an_incident(cluster: Cluster, namespace: str) -> None:
    """Where findings revised by late logs undo every alert, the incident says it never was."""
    write(cluster, namespace, spell("occc", "rating", **QUALITY))
    assert bring_up(cluster, namespace) == ["opened"]
    write(cluster, namespace, spell("oooo", "rating", **QUALITY))
    assert bring_up(cluster, namespace) == ["withdrawn"]
    store = IncidentStore(cluster, namespace)
    assert list(store.open()) == []
    assert bring_up(cluster, namespace) == []


def test_late_data_reopen_an_incident_and_note_it(cluster: Cluster, namespace: str) -> None:
    """What had been announced as resolved, and was not, is announced as open again."""
    write(cluster, namespace, spell("occcooo", "rating", **QUALITY))
    assert bring_up(cluster, namespace) == ["opened", "resolved"]
    write(cluster, namespace, spell("cc", "rating", start=START + 5 * HOUR, **QUALITY))
    assert bring_up(cluster, namespace) == ["reopened"]
    (document,) = IncidentStore(cluster, namespace).open()
    changes = IncidentStore(cluster, namespace).changes([document.id])
    (reopened,) = [change for change in changes[document.id] if change.kind.value == "reopened"]
    assert reopened.text == "Late data: it had not ended."
