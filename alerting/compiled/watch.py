"""A rule compiled to a Watcher watch, for clusters whose licence has Watcher (trial, gold and up).

A watch runs a search, compares, and acts on each bucket. It knows nothing of the run before but
its throttle: it tells that something holds, again after `THROTTLE`, and never that it is over
(elasticsearch#27358, #51709). What it found each time is in Watcher's own `.watcher-history-*`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mlmon.alerting.policies.query import GROUP, INDICES, MOST_SERIES, TIME, counting
from mlmon.analyzers.base.finding import Severity

if TYPE_CHECKING:
    from mlmon.alerting.policies.policy import Policy

Body = dict[str, Any]
INTERVAL: Final = "1m"
THROTTLE: Final = "1h"
BUCKETS: Final = "ctx.payload.aggregations.series.buckets"
_MOST_TOLD: Final = 100


def watch(rule: Policy, level: Severity, namespace: str, metadata: dict[str, Any]) -> Body:
    """Return the body of `PUT _watcher/watch/{id}` for a rule at one of its levels.

    Args:
        rule: The rule.
        level: The level; at `warning` it also holds for what is critical.
        namespace: Environment.
        metadata: Kept with the watch.
    """
    request = {
        "indices": [INDICES.format(namespace=namespace)],
        "body": _search(rule, level),
        "indices_options": {"ignore_unavailable": True, "allow_no_indices": True},
    }
    some = {"value": rule.after, "quantifier": "some"}
    return {
        "trigger": {"schedule": {"interval": INTERVAL}},
        "input": {"search": {"request": request}},
        "condition": {"array_compare": {BUCKETS: {"path": "doc_count", "gte": some}}},
        "actions": {"log": _log(rule, level)},
        "metadata": metadata,
    }


def _search(rule: Policy, level: Severity) -> Body:
    latest = {
        "size": 1,
        "sort": [{TIME: {"order": "desc"}}],
        "_source": False,
        "fields": [{"field": "finding.reason"}],
    }
    terms = {"field": GROUP, "size": MOST_SERIES, "min_doc_count": rule.after}
    return {
        "size": 0,
        "query": counting(rule, level),
        "aggregations": {
            "series": {"terms": terms, "aggregations": {"latest": {"top_hits": latest}}}
        },
    }


def _log(rule: Policy, level: Severity) -> Body:
    # A hit's fields have dotted names, which a template cannot name one by one.
    sentence = "{{#toJson}}ctx.payload.latest.hits.hits.0.fields{{/toJson}}"
    text = f"mlmon: {level} {{{{ctx.payload.key}}}}: {sentence} See {rule.runbook}."
    return {
        "throttle_period": THROTTLE,
        "foreach": BUCKETS,
        "max_iterations": _MOST_TOLD,
        "logging": {"level": "warn" if level is Severity.WARNING else "error", "text": text},
    }
