"""The incidents that Kibana's rules and Watcher's watches act on, in plain query DSL."""

from __future__ import annotations

from typing import Any, Final

from mlmon.analyzers.base.finding import Severity
from mlmon.elastic.indices.names import INCIDENT_CHANGES, INCIDENTS, index_name

INCIDENT_INDEX: Final = index_name(INCIDENTS, "{namespace}")
CHANGES: Final = index_name(INCIDENT_CHANGES, "{namespace}")
GROUP: Final = "incident.id"
OPENED: Final = "event.created"
RECORDED: Final = "event.ingested"
MOST: Final = 1_000
"""Incidents that are open at once; Kibana's limit for groups and for alerts of one rule."""


def open_incidents(level: Severity) -> dict[str, Any]:
    """Return the query for the incidents that are open and have been as severe as a level.

    Acknowledged and snoozed ones stay in: Kibana would report what drops out as over. One
    that opened in a maintenance window is left out until the window ends.
    """
    severities = [severity.value for severity in Severity if severity.rank >= level.rank]
    return {
        "bool": {
            "filter": [
                {"term": {"incident.status": {"value": "open"}}},
                {"terms": {"incident.worst": severities}},
            ],
            "must_not": [{"term": {"incident.muted": {"value": "maintenance"}}}],
        }
    }


def new_changes(level: Severity, since: str) -> dict[str, Any]:
    """Return the query for published changes that were recorded after a moment of date math."""
    severities = [severity.value for severity in Severity if severity.rank >= level.rank]
    return {
        "bool": {
            "filter": [
                {"term": {"change.published": {"value": True}}},
                {"terms": {"incident.severity": severities}},
                {"range": {RECORDED: {"gt": since, "lte": "now"}}},
            ]
        }
    }
