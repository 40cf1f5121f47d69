"""Changes of incidents as a Watcher watch, for clusters whose licence has Watcher.

A watch remembers nothing of the run before. This one looks for changes that were recorded since
about then, and writes a line for each: one at an incident's start, one when it grows worse, one at
its end. A run that is late may repeat a change or pass one over; mlmon's own channels do neither.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mlmon.alerting.compiled.open_incidents import CHANGES, RECORDED, new_changes

if TYPE_CHECKING:
    from mlmon.analyzers.base.finding import Severity

Body = dict[str, Any]
INTERVAL: Final = "1m"
HITS: Final = "ctx.payload.hits.hits"
_MOST: Final = 100


def watch(level: Severity, namespace: str, metadata: dict[str, Any]) -> Body:
    """Return the body of `PUT _watcher/watch/{id}`.

    Args:
        level: The mildest incident it acts on.
        namespace: Environment.
        metadata: Kept with the watch.
    """
    request = {
        "indices": [CHANGES.format(namespace=namespace)],
        "body": {
            "size": _MOST,
            "query": new_changes(level, f"now-{INTERVAL}"),
            "sort": [{RECORDED: {"order": "asc"}}],
        },
        "indices_options": {"ignore_unavailable": True, "allow_no_indices": True},
    }
    return {
        "trigger": {"schedule": {"interval": INTERVAL}},
        "input": {"search": {"request": request}},
        "condition": {"compare": {"ctx.payload.hits.total": {"gt": 0}}},
        "actions": {
            "log": {
                "foreach": HITS,
                "max_iterations": _MOST,
                "logging": {
                    "level": "warn",
                    # A hit's fields have dotted names, which a template cannot name one by one.
                    "text": "mlmon: {{#toJson}}ctx.payload._source{{/toJson}}",
                },
            }
        },
        "metadata": metadata,
    }
