"""Alerts follow the findings: in parts as at once, run again, and when the past changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from mlmon.alerting.alerts.alert import AlertStatus, Ending
from mlmon.alerting.alerts.evaluation import evaluate
from mlmon.alerting.alerts.store import AlertStore, WrittenAlerts
from mlmon.alerting.incidents.correlation import correlate
from mlmon.alerting.incidents.documents import incident_record
from mlmon.alerting.incidents.incident import ChangeKind
from mlmon.alerting.incidents.people import handling
from mlmon.alerting.notify.message import message
from mlmon.analyzers.base.window import DAY, HOUR, iso
from mlmon.analyzers.run.findings_store import FindingStore
from mlmon.elastic.client.documents import Document
from tests.support.histories import SEVERITIES, START, all_alerts, joined, rule, spell

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

    from mlmon.alerting.policies.policy import Policy
    from mlmon.analyzers.base.finding import Finding
    from mlmon.elastic.client.cluster import Cluster

BEFORE = START - DAY


def documents(cluster: Cluster, namespace: str) -> dict[str, dict[str, Any]]:
    """Return every alert by its id."""
    index = AlertStore(cluster, namespace).index
    return {hit["_id"]: hit["_source"] for hit in cluster.scan(index, {})}


def standing(cluster: Cluster, namespace: str) -> dict[str, dict[str, Any]]:
    """Return the alerts that were not withdrawn."""
    found = documents(cluster, namespace).items()
    return {id_: alert for id_, alert in found if alert["alert.status"] != AlertStatus.WITHDRAWN}


def expected(of: Policy, findings: list[Finding]) -> dict[str, dict[str, Any]]:
    """Return the alerts that the findings amount to, straight from the machine of each series."""
    return {alert.id: alert.to_document() for alert in all_alerts(of, findings)}


@settings(
    max_examples=3,
    deadline=None,
    # To shrink a failure would ask the node for minutes; histories are short as they are.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(st.text("wcou.", min_size=6, max_size=14), min_size=2, max_size=4),
    st.lists(st.integers(0, 14), min_size=1, max_size=3),
    st.lists(st.tuples(st.integers(0, 60), st.sampled_from("wcou")), min_size=1, max_size=3),
)
def test_in_parts_and_revised_it_ends_in_the_same_alerts(
    cluster: Cluster,
    histories: list[str],
    cuts: list[int],
    revisions: list[tuple[int, str]],
) -> None:
    """Evaluated part by part, then from where late logs changed the past: as from the findings."""
    namespace = f"parts_{uuid4().hex[:8]}"
    of = rule(2, 3, 2, silence=3 * HOUR)
    findings = joined(histories)
    if not findings:
        return
    store = FindingStore(cluster, namespace)
    begin = BEFORE
    for end in [START + cut * HOUR for cut in sorted(cuts)] + [START + 20 * HOUR]:
        store.write([finding for finding in findings if begin < finding.end <= end], end)
        evaluate(cluster, namespace, begin, [of])
        begin = end
    assert standing(cluster, namespace) == expected(of, findings)
    for place, letter in revisions:
        revised = findings[place % len(findings)]
        findings[place % len(findings)] = replace(revised, severity=SEVERITIES[letter])
    store.write(findings, START + 2 * DAY)
    first = min(findings[place % len(findings)].end for place, _ in revisions)
    evaluate(cluster, namespace, first - timedelta(minutes=1), [of])
    assert standing(cluster, namespace) == expected(of, findings)
    before = documents(cluster, namespace)
    again = evaluate(cluster, namespace, BEFORE, [of])
    assert (again.written.opened, again.written.changed, again.withdrawn) == (0, 0, 0)
    assert documents(cluster, namespace) == before
    for index in cluster.indices(f"mlmon-*-{namespace}*"):
        cluster.delete_index(index)


def test_late_logs_withdraw_an_alert_and_may_bring_it_back(
    cluster: Cluster, namespace: str
) -> None:
    """What never was is kept as withdrawn, told by nobody, and is the same alert when it holds."""
    of, store = rule(2, 2), FindingStore(cluster, namespace)
    alarming, calm = spell("oww"), spell("owo")
    store.write(alarming, START)
    first = evaluate(cluster, namespace, BEFORE, [of])
    assert len(first.open) == 1
    store.write(calm, START + DAY)
    second = evaluate(cluster, namespace, START + 2 * HOUR, [of])
    assert (second.open, second.withdrawn) == ((), 1)
    assert list(AlertStore(cluster, namespace).overlapping(BEFORE)) == []
    store.write(alarming, START + 2 * DAY)
    third = evaluate(cluster, namespace, START + 2 * HOUR, [of])
    assert third.open == first.open


def test_what_people_added_is_kept(cluster: Cluster, namespace: str) -> None:
    """Who took an alert stays in it when it goes on, grows worse and ends."""
    of, store = rule(2, 3), FindingStore(cluster, namespace)
    findings = spell("owwccooo")
    store.write(findings[:3], START)
    evaluate(cluster, namespace, BEFORE, [of])
    alerts = AlertStore(cluster, namespace)
    ((id_, document),) = documents(cluster, namespace).items()
    taken = document | {"alert.acknowledged_by": "ada"}
    cluster.put([Document(alerts.index, id_, taken)])
    cluster.refresh(alerts.index)
    for end in (5, 8):
        store.write(findings[:end], START)
        evaluate(cluster, namespace, START + (end - 3) * HOUR, [of])
    ((same, document),) = documents(cluster, namespace).items()
    assert same == id_
    assert document["alert.acknowledged_by"] == "ada"
    assert (document["finding.severity"], document["alert.status"]) == ("critical", "resolved")


def test_the_alerts_of_a_rule_that_is_no_more_end(cluster: Cluster, namespace: str) -> None:
    """An analyzer that was removed leaves no alert open for ever."""
    of = rule(2, 3, silence=DAY)
    findings = spell("owww")
    FindingStore(cluster, namespace).write(findings, START)
    (alert,) = evaluate(cluster, namespace, BEFORE, [of]).open
    later = evaluate(cluster, namespace, START + 10 * DAY, [rule(name="other")])
    assert later.open == ()
    (document,) = documents(cluster, namespace).values()
    assert document["alert.ending"] == Ending.ABSENCE
    assert document["event.end"] == alert.to_document()["alert.expires"]


def test_a_version_that_was_replaced_ends_and_one_that_is_only_unseen_does_not(
    cluster: Cluster, namespace: str
) -> None:
    """Version 3 ends a day after its last finding, since version 4 is judged in its place.

    A feature of version 3 that vanished while version 3 was judged stays open; so does a path.
    """
    of, store = rule(2, 3, silence=DAY), FindingStore(cluster, namespace)
    of_3, of_4 = ({"model_name": "autobid", "model_version": version} for version in "34")
    store.write(
        [
            *spell("ww", "price", **of_3),
            *spell("w" * 2 + "o" * 30, "age", **of_3),
            *spell("ww", "seen last", start=START + 30 * HOUR, **of_3),
            *spell("ww", "/path"),
            *spell("o" * 60, "price", start=START + 30 * HOUR, **of_4),
        ],
        START,
    )
    still = {alert.subject for alert in evaluate(cluster, namespace, BEFORE, [of]).open}
    assert still == {"price", "/path"}
    ended = {
        alert["finding.subject"]: (alert["alert.ending"], alert["event.end"])
        for alert in documents(cluster, namespace).values()
        if alert["alert.status"] == AlertStatus.RESOLVED
    }
    assert ended["seen last"] == (Ending.REPLACED, iso(START + 32 * HOUR + DAY))
    assert ended["age"][0] == Ending.CALM


def test_an_end_without_an_all_clear_says_so(cluster: Cluster, namespace: str) -> None:
    """Fifteen days after a path was seen last it is closed; its incident claims no all clear."""
    of, store = rule(2, 3), FindingStore(cluster, namespace)
    store.write([*spell("ww", "/old"), *spell("o", "/new", start=START + 15 * DAY)], START)
    assert evaluate(cluster, namespace, BEFORE, [of]).open == ()
    (incident,) = correlate(AlertStore(cluster, namespace).overlapping(BEFORE))
    change = incident.changes[-1]
    assert (change.kind, change.at) == (ChangeKind.RESOLVED, START + 2 * HOUR + 14 * DAY)
    assert change.text == (
        "Closed without an all clear: 1 alert had no finding since 2026-03-02 02:00 UTC."
    )
    record = incident_record(incident, handling(incident.changes), START + 15 * DAY)
    assert message(change, record).title == ("Closed without an all clear: drift ks of /old")


def test_nothing_is_known(cluster: Cluster, namespace: str) -> None:
    """Without findings there are no alerts, and evaluating is no error."""
    evaluation = evaluate(cluster, namespace, BEFORE)
    assert (evaluation.written, evaluation.open) == (WrittenAlerts(), ())


def test_the_cost_is_that_of_what_is_new(
    cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With an alert of 200 windows open, it reads what still counts and what is new."""
    of, store = rule(2, 3), FindingStore(cluster, namespace)
    findings = spell("oo" + "w" * 200)
    store.write(findings[:-1], START)
    evaluate(cluster, namespace, BEFORE, [of])
    store.write(findings[-1:], START)
    read: list[Finding] = []

    class Counted(FindingStore):
        """A store that remembers what was read."""

        def search(self, **known: Any) -> Iterator[Finding]:
            for finding in super().search(**known):
                read.append(finding)
                yield finding

    monkeypatch.setattr("mlmon.alerting.alerts.evaluation.FindingStore", Counted)
    result = evaluate(cluster, namespace, findings[-2].end, [of])
    assert result.open[0].findings == 200
    assert 1 < len(read) <= 1 + of.reach // HOUR
