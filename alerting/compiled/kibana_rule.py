"""A rule compiled to Kibana: `.es-query` rules on query DSL, which every licence may run.

Kibana adds a range on the time field and a terms aggregation on the group field, keeps the groups
whose count meets the threshold, and calls each an alert (`stack_alerts`, `es_query/executor.ts`).
Its two free connectors write what happens to an index and to Kibana's own log. Connectors of higher
licences are named by id only: whoever owns their secrets makes them.
"""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson

from mlmon.alerting.compiled.connector_params import Message, params_of
from mlmon.alerting.policies.query import GROUP, INDICES, MOST_SERIES, TIME, counting
from mlmon.analyzers.base.finding import Severity
from mlmon.elastic.indices.names import NOTICES as NOTICES_KIND
from mlmon.elastic.indices.names import index_name
from mlmon.formatting import compact_duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlmon.alerting.compiled.connector_params import Reference
    from mlmon.alerting.policies.policy import Policy

Body = dict[str, Any]
TYPE: Final = ".es-query"
MATCHED: Final = "query matched"
RECOVERED: Final = "recovered"
INTERVAL: Final = "1m"
NOTICES: Final = index_name(NOTICES_KIND, "{namespace}")
"""Index that the `.index` connector writes to, as watches do."""

# Kibana reads dotted keys as paths, so the flat `finding.reason` of a hit is found.
_SENTENCES = "{{#context.hits}}{{_source.finding.reason}} {{/context.hits}}"
_LOG_LEVELS = {Severity.WARNING: "warn", Severity.CRITICAL: "error"}


@dataclass(frozen=True, slots=True)
class Connectors:
    """Ids of the connectors that rules act by.

    Args:
        index: An `.index` connector on `NOTICES`.
        log: A `.server-log` connector.
        more: Connectors that someone else made.
    """

    index: str
    log: str
    more: Sequence[Reference] = ()


def connector_id(name: str) -> str:
    """Return a connector's id, a UUID as Kibana demands, always the same for a name."""
    return str(uuid.UUID(bytes=hashlib.sha256(name.encode()).digest()[:16], version=4))


def index_connector(name: str, namespace: str) -> Body:
    """Return the body of the connector that writes notices to an index."""
    config = {"index": NOTICES.format(namespace=namespace), "refresh": False}
    return {"name": name, "connector_type_id": ".index", "config": config}


def log_connector(name: str) -> Body:
    """Return the body of the connector that writes to Kibana's own log."""
    return {"name": name, "connector_type_id": ".server-log"}


def kibana_rule(
    rule: Policy, level: Severity, namespace: str, connectors: Connectors, tags: Sequence[str] = ()
) -> Body:
    """Return the body of `POST /api/alerting/rule/{id}` for a rule at one of its levels.

    A rule of Kibana's has one group of alerts, so that each level is a rule of its own; the one at
    `warning` also holds for what is critical.
    """
    return {
        "name": f"mlmon {namespace}: {rule.id} {level}",
        "consumer": "stackAlerts",
        "rule_type_id": TYPE,
        "schedule": {"interval": INTERVAL},
        "enabled": True,
        "tags": [*tags, namespace, rule.layer, level.value],
        "params": _params(rule, level, namespace),
        "actions": _actions(rule, level, connectors),
        "alert_delay": {"active": 1},
    }


def _params(rule: Policy, level: Severity, namespace: str) -> Body:
    window = compact_duration(rule.reach)
    return {
        "searchType": "esQuery",
        "index": [INDICES.format(namespace=namespace)],
        "timeField": TIME,
        "esQuery": orjson.dumps({"query": counting(rule, level)}).decode(),
        # Kibana's window is the longest for which anything counts; the query narrows it.
        "timeWindowSize": int(window[:-1]),
        "timeWindowUnit": window[-1],
        "groupBy": "top",
        "termField": GROUP,
        "termSize": MOST_SERIES,
        "aggType": "count",
        "thresholdComparator": ">=",
        "threshold": [rule.after],
        # Findings count for several runs: leaving out those seen before would forget them.
        "excludeHitsFromPreviousRun": False,
        "size": rule.of,
    }


def _actions(rule: Policy, level: Severity, connectors: Connectors) -> list[Body]:
    what = f"{level} {{{{alert.id}}}}"
    raised = Message(what, f"{what}: {_SENTENCES}See {rule.runbook}.", level, over=False)
    over = Message(f"Over: {what}", f"{what} no longer holds.", level, over=True)
    log_level = _LOG_LEVELS[level]
    actions = [
        _action(connectors.index, MATCHED, {"documents": [_notice(rule, level, "open")]}),
        _action(connectors.index, RECOVERED, {"documents": [_notice(rule, level, "resolved")]}),
        _action(connectors.log, MATCHED, {"level": log_level, "message": raised.text}),
        _action(connectors.log, RECOVERED, {"level": "info", "message": over.text}),
    ]
    for reference in connectors.more:
        if level.rank >= reference.level.rank:
            actions.append(_action(reference.id, MATCHED, params_of(reference, raised)))
            actions.append(_action(reference.id, RECOVERED, params_of(reference, over)))
    return actions


def _action(connector: str, group: str, params: Body) -> Body:
    # Told once when an alert is raised and once when it recovers, never again in between.
    frequency = {"summary": False, "notify_when": "onActionGroupChange", "throttle": None}
    return {"id": connector, "group": group, "params": params, "frequency": frequency}


def _notice(rule: Policy, level: Severity, status: str) -> Body:
    return {
        "@timestamp": "{{date}}",
        "alert.name": rule.id,
        "alert.status": status,
        "alert.layer": rule.layer,
        "finding.analyzer": rule.id,
        "finding.series": "{{alert.id}}",
        "finding.severity": level.value,
        "finding.reason": _SENTENCES,
        "finding.runbook": rule.runbook,
        "notice.by": "kibana",
        "notice.link": "{{context.link}}",
    }
