"""A rule as a query: which findings count now, in plain query DSL.

`n of the last m windows` needs no script: findings that count are those whose window ended at most
m steps ago, and a terms aggregation on `finding.series` counts them. Only the moment is left to
Elasticsearch (`now`), because windows of several lengths count for times of several lengths.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mlmon.analyzers.base.finding import Severity
from mlmon.elastic.indices.names import FINDINGS, all_months
from mlmon.formatting import compact_duration

if TYPE_CHECKING:
    from datetime import timedelta

    from mlmon.alerting.policies.policy import Policy

INDICES: Final = all_months(FINDINGS, "{namespace}")
GROUP: Final = "finding.series"
TIME: Final = "event.end"
MOST_SERIES: Final = 1_000
"""Series that hold at once; Kibana's limit for groups and for alerts of one rule."""


def counting(rule: Policy, level: Severity) -> dict[str, Any]:
    """Return the query for the findings that count for a rule at a level."""
    severities = [severity.value for severity in Severity if severity.rank >= level.rank]
    return {
        "bool": {
            "filter": [
                {"term": {"finding.latest": {"value": True}}},
                _term("finding.analyzer", rule.id),
                {"terms": {"finding.severity": severities}},
                _recent(rule),
            ]
        }
    }


def _recent(rule: Policy) -> dict[str, Any]:
    if rule.step is not None:
        return _within(rule.of * rule.step)
    by_length = [
        {"bool": {"filter": [_term("finding.window", compact_duration(length)), _within(counted)]}}
        for length, counted in rule.steps.items()
    ]
    return {"bool": {"should": by_length, "minimum_should_match": 1}}


def _term(field: str, value: object) -> dict[str, Any]:
    # The long form, which the published schema demands.
    return {"term": {field: {"value": value}}}


def _within(counted: timedelta) -> dict[str, Any]:
    return {"range": {TIME: {"gt": f"now-{compact_duration(counted)}", "lte": "now"}}}
