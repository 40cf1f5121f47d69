"""Alerting rules with their two free connectors, and watches: compiled from analyzers' alerts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlmon.alerting.compiled.kibana_rule import (
    Connectors,
    connector_id,
    index_connector,
    kibana_rule,
    log_connector,
)
from mlmon.alerting.compiled.watch import watch
from mlmon.alerting.policies.policy import policies
from mlmon.kibana.emit.artefact import Artefact
from mlmon.kibana.emit.ownership import OWNER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlmon.dashboards.links.target import Target


def artefacts(target: Target) -> Iterator[Artefact]:
    """Yield the connectors, and a rule and a watch for each analyzer and level."""
    notices, log = f"{OWNER} {target.id('notices')}", f"{OWNER} {target.id('log')}"
    connectors = Connectors(connector_id(notices), connector_id(log), target.connectors)
    yield Artefact("connector", connectors.index, index_connector(notices, target.namespace))
    yield Artefact("connector", connectors.log, log_connector(log))
    for rule in policies():
        for level in rule.levels:
            id_ = target.id(f"{rule.id}-{level}")
            body = kibana_rule(rule, level, target.namespace, connectors, (OWNER,))
            yield Artefact("rule", id_, body)
            marked = {"managed_by": OWNER}
            yield Artefact("watch", id_, watch(rule, level, target.namespace, marked))
