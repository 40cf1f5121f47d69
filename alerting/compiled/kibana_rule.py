"""Open incidents as a Kibana rule: `.es-query` on query DSL, which every licence may run.

Kibana adds a range on the time field and a terms aggregation on the group field, keeps the groups
whose count meets the threshold, and calls each an alert (`stack_alerts`, `es_query/executor.ts`).
An open incident is one group, so a connector gets one message at its start and one at its end. Two
free connectors write to an index and to Kibana's own log. Connectors of higher licences are named
by id only: whoever owns their secrets makes them.
"""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson

from mlmon.alerting.compiled.connector_params import ConnectorMessage, params_of
from mlmon.alerting.compiled.open_incidents import (
    GROUP,
    INCIDENT_INDEX,
    MOST,
    OPENED,
    open_incidents,
)
from mlmon.analyzers.base.finding import Severity
from mlmon.elastic.indices.names import NOTICES, index_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlmon.alerting.compiled.connector_params import ConnectorReference

Body = dict[str, Any]
TYPE: Final = ".es-query"
MATCHED: Final = "query matched"
RECOVERED: Final = "recovered"
INTERVAL: Final = "1m"
NOTICE_INDEX: Final = index_name(NOTICES, "{namespace}")
"""Index that the `.index` connector writes to, as watches do."""

# Kibana reads dotted keys as paths, so the flat `incident.title` of a hit is found. An alert that
# recovers has no hits: its texts name the incident by its id.
_TITLE = "{{#context.hits}}{{_source.incident.title}}{{/context.hits}}"
_SENTENCE = "{{#context.hits}}{{_source.incident.summary}}{{/context.hits}}"
_INCIDENT = "incident {{alert.id}}"
_ACT = "Acknowledge: mlmon incidents ack {{alert.id}}"
_NAMES = {Severity.WARNING: "incidents", Severity.CRITICAL: "critical incidents"}


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
    more: Sequence[ConnectorReference] = ()


def connector_id(name: str) -> str:
    """Return a connector's id, a UUID as Kibana demands, always the same for a name."""
    return str(uuid.UUID(bytes=hashlib.sha256(name.encode()).digest()[:16], version=4))


def index_connector(name: str, namespace: str) -> Body:
    """Return the body of the connector that writes notices to an index."""
    config = {"index": NOTICE_INDEX.format(namespace=namespace), "refresh": False}
    return {"name": name, "connector_type_id": ".index", "config": config}


def log_connector(name: str) -> Body:
    """Return the body of the connector that writes to Kibana's own log."""
    return {"name": name, "connector_type_id": ".server-log"}


def kibana_rule(
    level: Severity,
    namespace: str,
    connectors: Connectors,
    tags: Sequence[str] = (),
) -> Body:
    """Return the body of `POST /api/alerting/rule/{id}`: one alert of Kibana's per open incident.

    Args:
        level: The mildest incident it acts on. Connectors of another level have a rule of their
            own, since Kibana's rule has one group of alerts.
        namespace: Environment.
        connectors: The connectors it acts by.
        tags: Tags of the rule.
    """
    return {
        "name": f"mlmon {namespace}: {_NAMES[level]}",
        "consumer": "stackAlerts",
        "rule_type_id": TYPE,
        "schedule": {"interval": INTERVAL},
        "enabled": True,
        "tags": [*tags, namespace, level.value],
        "params": _params(level, namespace),
        "actions": _actions(level, connectors),
        "alert_delay": {"active": 1},
    }


def _params(level: Severity, namespace: str) -> Body:
    return {
        "searchType": "esQuery",
        "index": [INCIDENT_INDEX.format(namespace=namespace)],
        "timeField": OPENED,
        "esQuery": orjson.dumps({"query": open_incidents(level)}).decode(),
        # As long as an incident may stay open: it must not end because it opened long ago.
        "timeWindowSize": 365,
        "timeWindowUnit": "d",
        "groupBy": "top",
        "termField": GROUP,
        "termSize": MOST,
        "aggType": "count",
        "thresholdComparator": ">=",
        "threshold": [1],
        # An open incident is the same document in every run: leaving it out would end its alert.
        "excludeHitsFromPreviousRun": False,
        "size": 1,
    }


def _actions(level: Severity, connectors: Connectors) -> list[Body]:
    raised = ConnectorMessage(_TITLE, f"{_TITLE}. {_SENTENCE} {_ACT}", level, over=False)
    over = ConnectorMessage(f"Resolved: {_INCIDENT}", f"{_INCIDENT} ended.", level, over=True)
    actions = []
    if level is Severity.WARNING:
        actions += [
            _action(connectors.index, MATCHED, {"documents": [_notice("open")]}),
            _action(connectors.index, RECOVERED, {"documents": [_notice("resolved")]}),
            _action(connectors.log, MATCHED, {"level": "warn", "message": raised.text}),
            _action(connectors.log, RECOVERED, {"level": "info", "message": over.text}),
        ]
    for reference in connectors.more:
        if reference.level is level:
            actions.append(_action(reference.id, MATCHED, params_of(reference, raised)))
            actions.append(_action(reference.id, RECOVERED, params_of(reference, over)))
    return actions


def _action(connector: str, group: str, params: Body) -> Body:
    # Sent once when an incident opens and once when it ends, never again in between.
    frequency = {"summary": False, "notify_when": "onActionGroupChange", "throttle": None}
    return {"id": connector, "group": group, "params": params, "frequency": frequency}


def _notice(status: str) -> Body:
    return {
        "@timestamp": "{{date}}",
        "incident.id": "{{alert.id}}",
        "incident.status": status,
        "incident.title": _TITLE,
        "incident.summary": _SENTENCE,
        "notice.by": "kibana",
        "notice.link": "{{context.link}}",
    }
