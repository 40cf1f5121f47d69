"""mlmon, Kibana and Watcher decide alike: the same histories, replayed window by window."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import product
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from mlmon.alerting.compiled.kibana_rule import Connectors, kibana_rule
from mlmon.alerting.compiled.watch import watch
from mlmon.alerting.policies.holding import firing
from mlmon.alerting.policies.policy import Policy, policies
from mlmon.analyzers.base.finding import Finding, Severity
from mlmon.analyzers.base.window import DAY, HOUR, MINUTE, floor
from mlmon.analyzers.references.cadence import LENGTHS
from mlmon.analyzers.run.findings_store import FindingStore
from tests.support.backends import kibana_alerts, kibana_search, watch_alerts
from tests.support.histories import SEVERITIES, START, all_episodes, joined, rule, spell

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlmon.elastic.client.cluster import Cluster

CONNECTORS = Connectors("index", "log")


def decided(
    cluster: Cluster, namespace: str, of: Policy, level: Severity, at: datetime
) -> set[str]:
    """Return what Kibana and Watcher hold for a level of a rule at a moment, who must agree."""
    in_kibana = kibana_alerts(cluster, kibana_rule(of, level, namespace, CONNECTORS), at)
    assert watch_alerts(cluster, watch(of, level, namespace, {}), at) == in_kibana
    return in_kibana


def holding(of: Policy, level: Severity, findings: Iterable[Finding], at: datetime) -> set[str]:
    """Return the series for which mlmon says that a rule holds at a level or a worse one."""
    held = firing(of, findings, at).items()
    return {series for series, found in held if found.rank >= level.rank}


def agree(
    cluster: Cluster, namespace: str, of: Policy, known: list[Finding], moments: Iterable[datetime]
) -> None:
    """Assert that all three decide alike at some moments about what is known, and as is stated.

    Kibana's alert is active exactly while the rule holds. An alert of mlmon's begins then too and
    lasts until it has been calm: what is active there is open here, and as severe at least.
    """
    alerts = all_episodes(of, known)
    for at, level in product(moments, of.levels):
        active = decided(cluster, namespace, of, level, at)
        assert active == holding(of, level, known, at)
        open_now = {
            alert.series
            for alert in alerts
            if alert.open_at(at) and alert.severity_at(at).rank >= level.rank
        }
        opening = {alert.series for alert in alerts if alert.opened == at}
        assert active <= open_now
        assert opening & open_now <= active


def moments_of(findings: list[Finding], of: Policy) -> list[datetime]:
    """Return when anything changes: each window's end, and around when a finding stops to count."""
    until = of.counts_until(findings[0])
    around = (until - timedelta(milliseconds=1), until, findings[-1].end + 17 * MINUTE)
    return sorted({*(finding.end for finding in findings), *around})


@settings(
    max_examples=6,
    deadline=None,
    # To shrink a failure would ask the node for minutes; histories are short as they are.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(st.text("wcou.", min_size=4, max_size=7), min_size=2, max_size=3),
    st.integers(1, 3),
    st.integers(0, 2),
    st.lists(st.tuples(st.integers(0, 20), st.sampled_from("wcou")), min_size=1, max_size=3),
    st.sampled_from([None, HOUR]),
)
def test_any_history_is_decided_alike(
    cluster: Cluster,
    namespace: str,
    histories: list[str],
    after: int,
    more: int,
    revisions: list[tuple[int, str]],
    step: timedelta | None,
) -> None:
    """Random findings, gaps, unknowns, several series; and again when late logs have revised some.

    What is not yet known at a moment ends after it, and counts for none of the three.
    """
    of = rule(after, after + more, clear=2, step=step, name=f"drift{uuid4().hex[:8]}")
    length = DAY if step else HOUR
    findings = joined(histories, length=length, step=HOUR, analyzer=of.id)
    if not findings:
        return
    store = FindingStore(cluster, namespace)
    store.write(findings, START)
    moments = moments_of(findings, of)
    agree(cluster, namespace, of, findings, moments)
    for place, letter in revisions:
        findings[place % len(findings)] = replace(
            findings[place % len(findings)], severity=SEVERITIES[letter]
        )
    store.write(findings, START + DAY)
    agree(cluster, namespace, of, findings, moments[-4:])


def test_windows_of_several_lengths_are_decided_alike(cluster: Cluster, namespace: str) -> None:
    """Where traffic changes, windows do: each counts for steps of its own length, side by side."""
    of = rule(2, 3)
    findings = [
        finding
        for number, length in enumerate(LENGTHS)
        for finding in spell("wwocu.cw", f"subject {number}", length=length)
    ]
    # A series whose windows shrink from an hour to five minutes.
    findings += spell("ww", "both", length=HOUR)
    findings += spell("owo", "both", length=5 * MINUTE, start=START + 2 * HOUR)
    FindingStore(cluster, namespace).write(findings, START)
    ends = sorted({each.end for each in findings})
    agree(cluster, namespace, of, findings, ends[:: len(ends) // 8])


def test_every_rule_is_decided_alike(cluster: Cluster, namespace: str) -> None:
    """Each analyzer's own rule, at every window of a history with all that can happen in it."""
    letters = {"one": "owwucc.o", "other": "uccc.wwo"}
    of_all = {each.id: each for each in policies()}
    findings = [
        finding
        for of in of_all.values()
        for subject, word in letters.items()
        for finding in spell(
            word, subject, analyzer=of.id, step=of.step, length=DAY if of.step else HOUR
        )
    ]
    FindingStore(cluster, namespace).write(findings, START)
    for name, of in of_all.items():
        own = [each for each in findings if each.analyzer == name]
        ends = sorted({each.end for each in own})
        agree(cluster, namespace, of, own, ends)
        raised = {alert.series for alert in all_episodes(of, own)}
        assert raised == {each.series for each in own}, f"{name} never raised what it should have"


def test_what_is_compiled_decides_now(cluster: Cluster, namespace: str) -> None:
    """Asked by the node's own clock, unchanged bodies decide as at the moment that it is."""
    of, now = rule(2, 3), datetime.now(START.tzinfo)
    begin = floor(now, HOUR) - 4 * HOUR
    findings = [
        *spell("ooww", "raised", start=begin),
        *spell("wwoo", "over", start=begin),
        *spell("wwow", "again", start=begin),
        *spell("ccccc", "not yet", start=begin + HOUR),
    ]
    FindingStore(cluster, namespace).write(findings, now)
    body = watch(of, Severity.WARNING, namespace, {})["input"]["search"]["request"]["body"]
    answer = cluster.search(f"mlmon-findings-{namespace}-*", body)
    held = {bucket["key"] for bucket in answer["aggregations"]["series"]["buckets"]}
    assert held == holding(of, Severity.WARNING, findings, now)
    assert {name.split("subject=")[1].split(" service")[0] for name in held} == {
        "raised",
        "again",
        '"not yet"',
    }
    newest = answer["aggregations"]["series"]["buckets"][0]["latest"]["hits"]["hits"][0]
    assert newest["fields"]["finding.reason"][0].endswith("in window 4.") or "not yet" in str(
        newest
    )


def test_what_a_rule_tells_is_in_its_hits(cluster: Cluster, namespace: str) -> None:
    """Kibana's actions name fields that the hits of a group carry."""
    of = rule(2, 3)
    findings = spell("owc")
    FindingStore(cluster, namespace).write(findings, START)
    at = findings[-1].end
    body = kibana_rule(of, Severity.WARNING, namespace, CONNECTORS)
    answer = cluster.search(body["params"]["index"][0], kibana_search(body["params"], at))
    (group,) = answer["aggregations"]["groupAgg"]["buckets"]
    sources: list[dict[str, Any]] = [hit["_source"] for hit in group["topHitsAgg"]["hits"]["hits"]]
    assert {source["finding.reason"] for source in sources} == {
        finding.reason for finding in findings if finding.severity.alarming
    }
