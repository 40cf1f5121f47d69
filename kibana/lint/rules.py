"""Rules for alerting rules, connectors and watches: what is checked only when one is saved or runs.

Kibana's own: `rules_client/lib/validate_actions.ts`, and the rule types' parameters.
"""

from __future__ import annotations

import json
import re
import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from mlmon.kibana.lint.bundle import Problem, search_fields

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mlmon.kibana.emit.artefact import Artefact
    from mlmon.kibana.lint.bundle import Bundle


Found = tuple[str, str]
GROUPS = {
    ".es-query": {"query matched", "recovered"},
    ".index-threshold": {"threshold met", "recovered"},
    "observability.rules.custom_threshold": {
        "custom_threshold.fired",
        "custom_threshold.nodata",
        "recovered",
    },
}
AGGREGATIONS = {"count", "avg", "min", "max", "sum"}
UNITS = {"s", "m", "h", "d"}
VARIANTS = {
    "esQuery": {"esQuery", "index", "timeField"},
    "searchSource": {"searchConfiguration", "timeField"},
    "esqlQuery": {"esqlQuery", "timeField"},
}
_DURATION = re.compile(r"([1-9][0-9]*)([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_MOST_TERMS, _MOST_HITS = 4, 10_000


def rule_problems(artefact: Artefact, bundle: Bundle) -> Iterator[Problem]:
    """Yield what is wrong with one rule."""
    body = artefact.body
    kind = body.get("rule_type_id")
    if kind not in GROUPS:
        yield Problem(artefact, "/rule_type_id", f"{kind!r} is no type this lint knows")
        return
    interval = duration(body["schedule"]["interval"])
    if interval is None:
        yield Problem(artefact, "/schedule", f"{body['schedule']['interval']!r} is no duration")
    params = body["params"]
    found = [*_window(params), *_aggregation(params)]
    if kind == ".es-query":
        found += [*_es_query(params), *_fields(params, bundle)]
    found += _actions(body.get("actions", []), body, GROUPS[kind], interval)
    found += _connectors(body.get("actions", []), bundle)
    for path, message in found:
        yield Problem(artefact, path, message)


def connector_problems(artefact: Artefact, bundle: Bundle) -> Iterator[Problem]:
    """Yield what is wrong with one connector."""
    del bundle
    try:
        uuid.UUID(artefact.id)
    except ValueError:
        yield Problem(artefact, "/id", "is no UUID, and Kibana takes no other id of a connector")
    if artefact.body.get("secrets"):
        yield Problem(artefact, "/secrets", "stand in the body: they belong to Kibana alone")


def duration(text: Any) -> timedelta | None:
    """Return a duration as Kibana writes it, None for what is none, such as `5 minutes`."""
    found = _DURATION.fullmatch(text) if isinstance(text, str) else None
    return timedelta(seconds=int(found[1]) * _SECONDS[found[2]]) if found else None


def _window(params: Mapping[str, Any]) -> Iterator[Found]:
    windows = [params] if "timeWindowUnit" in params else []
    windows += params.get("criteria", [])
    for window in windows:
        size = window.get("timeWindowSize", window.get("timeSize", 0))
        unit = window.get("timeWindowUnit", window.get("timeUnit"))
        if unit not in UNITS:
            yield "/params", f"{unit!r} is no unit of time: {', '.join(sorted(UNITS))} are"
        if not size >= 1:
            yield "/params", f"a window of {size} {unit}"


def _aggregation(params: Mapping[str, Any]) -> Iterator[Found]:
    kind = params.get("aggType", "count")
    if kind not in AGGREGATIONS:
        yield "/params/aggType", f"{kind!r} is none of {', '.join(sorted(AGGREGATIONS))}"
    if kind != "count" and not params.get("aggField"):
        yield "/params/aggField", f"{kind} of nothing"
    if params.get("groupBy") == "top":
        terms = params.get("termField")
        if not terms or (isinstance(terms, list) and not 2 <= len(terms) <= _MOST_TERMS):  # noqa: PLR2004
            yield "/params/termField", "is one field, or a list of 2 to 4"
        if not params.get("termSize"):
            yield "/params/termSize", "is missing"


def _es_query(params: Mapping[str, Any]) -> Iterator[Found]:
    variant = params.get("searchType", "esQuery")
    needed = VARIANTS.get(variant)
    if needed is None:
        yield "/params/searchType", f"{variant!r} is none of {', '.join(VARIANTS)}"
        return
    others = set().union(*VARIANTS.values()) - needed
    for name in sorted(needed - params.keys()):
        yield f"/params/{name}", f"is missing in a rule of searchType {variant}"
    for name in sorted(others & params.keys()):
        yield f"/params/{name}", f"must be absent in a rule of searchType {variant}"
    esql = variant == "esqlQuery"
    if esql and (params.get("threshold"), params.get("thresholdComparator")) != ([0], ">"):
        yield "/params/threshold", "of ES|QL is > [0] and nothing else"
    if params.get("groupBy") == "row" and not esql:
        yield "/params/groupBy", "row is for ES|QL alone"
    if not 0 <= params.get("size", 0) <= _MOST_HITS:
        yield "/params/size", f"is not between 0 and {_MOST_HITS}"


def _fields(params: Mapping[str, Any], bundle: Bundle) -> Iterator[Found]:
    """Yield a message for each field that a query DSL rule's indices have not."""
    if params.get("searchType", "esQuery") != "esQuery" or not params.get("esQuery"):
        return
    terms = params.get("termField") or []
    named = [*(terms if isinstance(terms, list) else [terms]), params.get("timeField")]
    asked = {*search_fields(json.loads(params["esQuery"])), *filter(None, named)}
    for message in bundle.missing_in(",".join(params.get("index") or []), asked):
        yield "/params/esQuery", message


def _actions(
    actions: Sequence[Mapping[str, Any]],
    body: Mapping[str, Any],
    groups: set[str],
    interval: timedelta | None,
) -> Iterator[Found]:
    on_rule = body.get("notify_when") is not None or body.get("throttle") is not None
    with_own = [action for action in actions if action.get("frequency") is not None]
    if on_rule and with_own:
        yield "/actions", "notify_when of the rule and frequency of an action exclude each other"
    if not on_rule and len(with_own) != len(actions):
        yield "/actions", "every action needs a frequency where the rule has no notify_when"
    for index, action in enumerate(actions):
        if action.get("group") not in groups:
            yield f"/actions/{index}/group", f"{action.get('group')!r} is none of {sorted(groups)}"
        yield from _throttle(f"/actions/{index}/frequency", action.get("frequency"), interval)


def _throttle(
    path: str, frequency: Mapping[str, Any] | None, interval: timedelta | None
) -> Iterator[Found]:
    if frequency is None or frequency.get("notify_when") != "onThrottleInterval":
        return
    throttle = duration(frequency.get("throttle"))
    if throttle is None:
        yield path, "a throttle is missing"
    elif interval is not None and throttle < interval:
        yield path, f"a throttle of {frequency['throttle']} is shorter than the rule's interval"


def _connectors(actions: Sequence[Mapping[str, Any]], bundle: Bundle) -> Iterator[Found]:
    for index, action in enumerate(actions):
        if ("connector", action.get("id")) not in bundle.ids:
            yield f"/actions/{index}/id", f"there is no connector {action.get('id')}"


KINDS = {"logging", "index", "webhook", "email", "slack", "pagerduty"}
CONDITIONS = {"always", "never", "compare", "array_compare", "script"}


def watch_problems(artefact: Artefact, bundle: Bundle) -> Iterator[Problem]:
    """Yield what is wrong with one watch."""
    body = artefact.body
    for part in ("trigger", "input", "condition", "actions"):
        if not body.get(part):
            yield Problem(artefact, f"/{part}", "is missing")
    request = body.get("input", {}).get("search", {}).get("request", {})
    asked = search_fields(request.get("body", {}))
    for message in bundle.missing_in(",".join(request.get("indices", [])), asked):
        yield Problem(artefact, "/input", message)
    for kind in body.get("condition", {}):
        if kind not in CONDITIONS:
            yield Problem(artefact, "/condition", f"{kind!r} is none of {sorted(CONDITIONS)}")
    for name, action in body.get("actions", {}).items():
        for message in _action(action):
            yield Problem(artefact, f"/actions/{name}", message)


def _action(action: Mapping[str, Any]) -> Iterator[str]:
    kinds = KINDS & action.keys()
    if len(kinds) != 1:
        yield f"does {sorted(kinds) or 'nothing'}: one of {sorted(KINDS)}"
    throttle = action.get("throttle_period")
    if throttle is not None and duration(throttle) is None:
        yield f"{throttle!r} is no duration"
    if "email" in action and "password" in str(action["email"]):
        yield "names a password: accounts are kept in Elasticsearch's keystore"
