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
from mlmon.kibana.emit.ownership import MARK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlmon.dashboards.links.place import Place


def artefacts(place: Place) -> Iterator[Artefact]:
    """Yield the connectors, and a rule and a watch for each analyzer and level."""
    notices, log = f"{MARK} {place.id('notices')}", f"{MARK} {place.id('log')}"
    connectors = Connectors(connector_id(notices), connector_id(log), place.connectors)
    yield Artefact("connector", connectors.index, index_connector(notices, place.namespace))
    yield Artefact("connector", connectors.log, log_connector(log))
    for rule in policies():
        for level in rule.levels:
            id_ = place.id(f"{rule.id}-{level}")
            body = kibana_rule(rule, level, place.namespace, connectors, (MARK,))
            yield Artefact("rule", id_, body)
            marked = {"managed_by": MARK}
            yield Artefact("watch", id_, watch(rule, level, place.namespace, marked))
