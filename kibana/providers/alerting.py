"""Rules over open incidents with their two free connectors, and a watch of their changes."""

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
from mlmon.analyzers.base.finding import Severity
from mlmon.kibana.emit.artefact import OWNER, Artefact

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlmon.dashboards.links.target import LinkTarget


def artefacts(target: LinkTarget) -> Iterator[Artefact]:
    """Yield the connectors, a rule for each level that a connector asks for, and a watch."""
    notices, log = f"{OWNER} {target.id('notices')}", f"{OWNER} {target.id('log')}"
    connectors = Connectors(connector_id(notices), connector_id(log), target.connectors)
    yield Artefact("connector", connectors.index, index_connector(notices, target.namespace))
    yield Artefact("connector", connectors.log, log_connector(log))
    levels = {Severity.WARNING} | {reference.level for reference in target.connectors}
    for level in sorted(levels, key=lambda level: level.rank):
        body = kibana_rule(level, target.namespace, connectors, (OWNER,))
        yield Artefact("rule", target.id(f"incidents-{level}"), body)
    marked = {"managed_by": OWNER}
    body = watch(Severity.WARNING, target.namespace, marked)
    yield Artefact("watch", target.id("incidents"), body)
