"""Rules for watches: what Watcher reads only when it runs one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmon.kibana.lint.problem import Problem
from mlmon.kibana.lint.rules import duration

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlmon.kibana.emit.artefact import Artefact
    from mlmon.kibana.lint.bundle import Bundle

KINDS = {"logging", "index", "webhook", "email", "slack", "pagerduty"}
CONDITIONS = {"always", "never", "compare", "array_compare", "script"}


def watch_problems(artefact: Artefact, bundle: Bundle) -> Iterator[Problem]:
    """Yield what is wrong with one watch."""
    del bundle
    body = artefact.body
    for part in ("trigger", "input", "condition", "actions"):
        if not body.get(part):
            yield Problem(artefact, f"/{part}", "is missing")
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
