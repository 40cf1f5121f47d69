"""Kibana's and Watcher's decisions, taken by their own rules on the real node.

Each function does what the back-end does with a compiled body: the query is sent as it is, with
what the back-end adds around it, and the answer is judged as it judges it. Two things cannot be
had here. The clock of the node cannot be set, so `now` is replaced by the moment, as date math
anchored to it. And the core node has no scripts: Kibana lets a `bucket_selector` drop the groups
that miss the threshold inside Elasticsearch; here the same comparison is made outside.
"""

from __future__ import annotations

import json
import operator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from mlmon.analyzers.base.window import iso

if TYPE_CHECKING:
    from datetime import datetime

    from mlmon.elastic.client.cluster import Cluster

Body = dict[str, Any]
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
# Kibana's ComparatorFns (stack_alerts/common/comparator.ts).
_COMPARATORS = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}
# Watcher's Op and Quantifier (CompareCondition, ArrayCompareCondition).
_OPERATORS = {"gt": operator.gt, "gte": operator.ge, "lt": operator.lt, "lte": operator.le}
_QUANTIFIERS = {"some": any, "all": all}
_ALERT_LIMIT = 1_000


def at_moment(body: Any, moment: datetime) -> Any:
    """Return a body with `now` as if it were that moment."""
    if isinstance(body, dict):
        return {name: at_moment(value, moment) for name, value in body.items()}
    if isinstance(body, list):
        return [at_moment(value, moment) for value in body]
    if isinstance(body, str) and (body == "now" or body.startswith("now-")):
        return iso(moment) + "||" + body.removeprefix("now")
    return body


def kibana_search(params: Body, moment: datetime) -> Body:
    """Return the search of an `.es-query` rule, as `fetch_es_query.ts` and `build_agg.ts` make it.

    A grouped rule takes no hits, and nothing of the run before (`executor.ts`).
    """
    window = timedelta(**{_UNITS[params["timeWindowUnit"]]: params["timeWindowSize"]})
    bounds = {"gte": iso(moment - window), "lte": iso(moment)}
    time = {"range": {params["timeField"]: bounds | {"format": "strict_date_optional_time"}}}
    asked = at_moment(json.loads(params["esQuery"])["query"], moment)
    size = min(params["termSize"], _ALERT_LIMIT + 1)
    hits = {"topHitsAgg": {"top_hits": {"size": min(params["size"], 100)}}}
    groups = {"terms": {"field": params["termField"], "size": size}, "aggs": hits}
    return {
        "size": 0,
        "track_total_hits": True,
        "docvalue_fields": [{"field": params["timeField"], "format": "strict_date_optional_time"}],
        "query": {"bool": {"filter": [asked, {"bool": {"filter": [time]}}]}},
        "aggs": {"groupAgg": groups},
        "sort": [
            {
                params["timeField"]: {
                    "order": "desc",
                    "format": "strict_date_optional_time||epoch_millis",
                }
            }
        ],
    }


def kibana_alerts(cluster: Cluster, rule: Body, moment: datetime) -> set[str]:
    """Return the ids of the alerts that are active after a run of a rule at a moment."""
    params = rule["params"]
    assert (params["searchType"], params["aggType"], params["groupBy"]) == (
        "esQuery",
        "count",
        "top",
    )
    (index,) = params["index"]
    answer = cluster.search(index, kibana_search(params, moment))
    meets = _COMPARATORS[params["thresholdComparator"]]
    (threshold,) = params["threshold"]
    buckets = answer.get("aggregations", {}).get("groupAgg", {}).get("buckets", [])
    return {bucket["key"] for bucket in buckets if meets(bucket["doc_count"], threshold)}


def watch_alerts(cluster: Cluster, watch: Body, moment: datetime) -> set[str]:
    """Return what the actions of a watch are carried out for when it runs at a moment."""
    request = watch["input"]["search"]["request"]
    (index,) = request["indices"]
    payload = cluster.search(index, at_moment(request["body"], moment))
    ((path, condition),) = watch["condition"]["array_compare"].items()
    ((name, comparison),) = ((key, value) for key, value in condition.items() if key != "path")
    values = [_at(each, condition["path"]) for each in _at({"ctx": {"payload": payload}}, path)]
    meets = _OPERATORS[name]
    met = (meets(value, comparison["value"]) for value in values)
    if not _QUANTIFIERS[comparison["quantifier"]](met):
        return set()
    (action,) = watch["actions"].values()
    return {each["key"] for each in _at({"ctx": {"payload": payload}}, action["foreach"])}


def _at(value: Any, path: str) -> Any:
    """Return what lies at a dotted path; Watcher finds nothing where a part is missing."""
    for part in path.split("."):
        value = value.get(part, {} if part != path.rsplit(".", 1)[-1] else []) if value else []
    return value
