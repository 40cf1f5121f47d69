"""Kibana's rule and Watcher's watch, asked of a real node, act on incidents and nothing else.

Each does what the back-end does with the compiled body: the query is sent as it is, with what the
back-end adds around it. Kibana drops groups below the threshold by a script, which the core node
has not: the comparison is made outside.
"""

from __future__ import annotations

import json
import re
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlmon.alerting.actions.incident_actions import IncidentActions
from mlmon.alerting.alerts.evaluation import evaluate
from mlmon.alerting.compiled.connector_params import ConnectorReference
from mlmon.alerting.compiled.kibana_rule import Connectors, connector_id, kibana_rule
from mlmon.alerting.compiled.watch import watch
from mlmon.alerting.incidents.evaluation import evaluate_incidents
from mlmon.alerting.incidents.store import IncidentStore
from mlmon.analyzers.base.finding import Severity
from mlmon.analyzers.base.window import DAY, HOUR, floor
from mlmon.analyzers.run.findings_store import FindingStore
from mlmon.dashboards.links.target import LinkTarget
from mlmon.elastic.indices.index_tables import INCIDENT_CHANGE_TABLE, INCIDENT_TABLE, NOTICE_TABLE
from mlmon.kibana.lint import lint
from mlmon.kibana.providers import artefacts
from tests.support.histories import spell

if TYPE_CHECKING:
    from mlmon.elastic.client.cluster import Cluster

FREE = Connectors("index", "log")
NOW = floor(datetime.now(UTC), HOUR)
QUALITY = {"analyzer": "data_quality", "metric": "missing.rate"}
OTHERS = (
    ConnectorReference("mail", ".email", to=("a@example.com",)),
    ConnectorReference("pager", ".pagerduty", Severity.CRITICAL),
    ConnectorReference("chat", ".slack"),
    ConnectorReference("channel", ".slack_api", to=("C1",)),
    ConnectorReference("team", ".teams"),
    ConnectorReference("hook", ".webhook"),
)


def happen(cluster: Cluster, namespace: str, letters: str, model: str) -> None:
    """Store findings of a model, one letter an hour up to now, and bring incidents up to them."""
    start = NOW - len(letters) * HOUR
    findings = spell(letters, "price", start=start, model_name=model, **QUALITY)
    FindingStore(cluster, namespace).write(findings, NOW)
    evaluate(cluster, namespace, NOW - 30 * DAY)
    evaluate_incidents(cluster, namespace, NOW - 30 * DAY, datetime.now(UTC))


def active(cluster: Cluster, namespace: str, level: Severity) -> set[str]:
    """Return the groups that are active in Kibana after a run of the rule, by `es_query`."""
    params = kibana_rule(level, namespace, FREE)["params"]
    window = timedelta(days=params["timeWindowSize"])
    assert params["timeWindowUnit"] == "d"
    bounds = {"gte": (datetime.now(UTC) - window).isoformat(), "lte": "now"}
    asked = json.loads(params["esQuery"])["query"]
    body = {
        "size": 0,
        "query": {"bool": {"filter": [asked, {"range": {params["timeField"]: bounds}}]}},
        "aggs": {"groups": {"terms": {"field": params["termField"], "size": params["termSize"]}}},
    }
    (index,) = params["index"]
    buckets = cluster.search(index, body)["aggregations"]["groups"]["buckets"]
    (threshold,) = params["threshold"]
    return {bucket["key"] for bucket in buckets if bucket["doc_count"] >= threshold}


def open_ids(cluster: Cluster, namespace: str) -> set[str]:
    """Return the ids of mlmon's open incidents."""
    return {document.id for document in IncidentStore(cluster, namespace).open()}


def test_kibana_holds_an_incident_from_its_start_to_its_end(
    cluster: Cluster, namespace: str
) -> None:
    """Exactly the open incidents are active: old ones and acknowledged ones, too."""
    happen(cluster, namespace, "occc", "new")
    happen(cluster, namespace, "o" + "c" * 24 * 21, "old")
    happen(cluster, namespace, "occoooo", "over")
    assert active(cluster, namespace, Severity.WARNING) == open_ids(cluster, namespace)
    assert len(open_ids(cluster, namespace)) == 2
    for name in open_ids(cluster, namespace):
        IncidentActions(cluster, namespace).acknowledge(name, "ada", "", NOW)
    assert active(cluster, namespace, Severity.WARNING) == open_ids(cluster, namespace)


def test_the_critical_rule_holds_critical_incidents_only(cluster: Cluster, namespace: str) -> None:
    """A connector for critical incidents gets nothing of a warning, until it grows worse."""
    happen(cluster, namespace, "owww", "mild")
    assert active(cluster, namespace, Severity.CRITICAL) == set()
    happen(cluster, namespace, "cccc", "other")
    critical = active(cluster, namespace, Severity.CRITICAL)
    assert len(critical) == 1
    assert critical < open_ids(cluster, namespace)


def test_a_watch_finds_each_new_change_of_the_last_minute(cluster: Cluster, namespace: str) -> None:
    """An incident's opening and its end are found once they are recorded, others are not."""
    request = watch(Severity.WARNING, namespace, {})["input"]["search"]["request"]
    (index,) = request["indices"]
    happen(cluster, namespace, "occoooo", "over")
    hits = cluster.search(index, request["body"])["hits"]["hits"]
    assert {hit["_source"]["change.kind"] for hit in hits} == {"opened", "resolved"}
    happen(cluster, namespace, "occoooo", "over")
    assert len(cluster.search(index, request["body"])["hits"]["hits"]) == len(hits)


def test_each_connector_is_sent_one_start_and_one_end() -> None:
    """Each named connector acts in the rule of its level; PagerDuty closes what it opened."""
    sent: dict[str, list[dict[str, Any]]] = {}
    for level in (Severity.WARNING, Severity.CRITICAL):
        body = kibana_rule(level, "n", Connectors("index", "log", OTHERS))
        for action in body["actions"]:
            assert action["frequency"]["notify_when"] == "onActionGroupChange"
            sent.setdefault(action["id"], []).append(action["params"])
    names = ("index", "log", "mail", "chat", "channel", "team", "hook", "pager")
    assert {name: len(params) for name, params in sent.items()} == dict.fromkeys(names, 2)
    opened, closed = sent["pager"]
    assert (opened["eventAction"], closed["eventAction"]) == ("trigger", "resolve")
    assert opened["dedupKey"] == closed["dedupKey"]
    assert sent["mail"][0]["to"] == ["a@example.com"]
    assert json.loads(sent["hook"][1]["body"])["status"] == "resolved"


def test_every_field_is_in_its_table() -> None:
    """What the queries filter, group and sort by is mapped, and so is what a notice holds."""
    incidents, changes = (
        {field.name for field in table} for table in (INCIDENT_TABLE, INCIDENT_CHANGE_TABLE)
    )
    params = kibana_rule(Severity.WARNING, "n", FREE)["params"]
    assert {params["timeField"], params["termField"]} <= incidents
    asked = json.dumps(json.loads(params["esQuery"]))
    for name in ("incident.status", "incident.worst", "incident.muted"):
        assert f'"{name}"' in asked
        assert name in incidents
    search = json.dumps(watch(Severity.WARNING, "n", {})["input"])
    for name in ("change.published", "incident.severity", "event.ingested"):
        assert f'"{name}"' in search
        assert name in changes
    actions = kibana_rule(Severity.WARNING, "n", FREE)["actions"]
    notices = [action["params"]["documents"][0] for action in actions if action["id"] == "index"]
    assert {name for notice in notices for name in notice} == {field.name for field in NOTICE_TABLE}


def test_a_connector_has_the_same_uuid_each_time() -> None:
    """Kibana takes no other id; two names give two."""
    one, other = connector_id("one"), connector_id("other")
    assert one == connector_id("one") != other
    assert uuid.UUID(one).version == uuid.UUID(other).version == 4


def test_the_lint_takes_only_connectors_that_are_known() -> None:
    """One that someone else made has to be named to the lint; nothing is made for it."""
    target = LinkTarget("production", connectors=OTHERS)
    everything = list(artefacts(target))
    assert lint(everything, (reference.id for reference in OTHERS)) == []
    unknown = {problem.message for problem in lint(everything)}
    assert unknown == {f"there is no connector {reference.id}" for reference in OTHERS}
    assert sum(artefact.kind == "rule" for artefact in everything) == 2


def test_documented_privileges_are_those_the_compiled_bodies_need() -> None:
    """The table of docs/kibana.md names the indices that rule, connector and watch use."""
    needed = set()
    for artefact in artefacts(LinkTarget("<namespace>")):
        body: Any = artefact.body
        match artefact.kind:
            case "rule":
                needed |= {("rule", "read", index) for index in body["params"]["index"]}
            case "connector" if body["connector_type_id"] == ".index":
                needed.add(("index connector", "write", body["config"]["index"]))
            case "watch":
                asked = body["input"]["search"]["request"]["indices"]
                needed |= {("watch", "read", index) for index in asked}
            case _:
                continue
    text = (Path(__file__).parents[3] / "docs" / "kibana.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([a-z ]+) \| (read|write) \| `(mlmon-[^`]+)` \|$", text, re.MULTILINE)
    assert set(rows) == needed
