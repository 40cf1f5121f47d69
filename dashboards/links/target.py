"""The target of artefacts: an environment's indices, seen from one Kibana space."""

import re
from dataclasses import dataclass

from mlmon.alerting.compiled.connector_params import ConnectorReference
from mlmon.elastic.errors import UserError

DEFAULT = "default"
# Kibana's own rule for a space's identifier.
_SPACE = re.compile(r"[a-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class LinkTarget:
    """A namespace and a space.

    Ids of dashboards, searches, data views and rules are unique in a whole Kibana, not in a space,
    so both names are part of an id.

    Args:
        namespace: Environment, part of every index's name.
        space: Kibana space.
        connectors: Connectors there that someone else made, and rules act by.
        runbooks: URL below which runbooks lie; empty where none is set.
    """

    namespace: str = DEFAULT
    space: str = DEFAULT
    connectors: tuple[ConnectorReference, ...] = ()
    runbooks: str = ""

    def __post_init__(self) -> None:
        if not _SPACE.fullmatch(self.space):
            raise UserError(
                f"{self.space!r} is no space: a space's identifier has lower-case letters, digits, "
                "'_' and '-' only",
                "Take the identifier from the space's URL, /s/<identifier>/app.",
            )

    def id(self, name: str) -> str:
        """Return the id of the thing called `name`, such as `mlmon-production-overview`."""
        parts = ["mlmon", self.namespace, *([self.space] if self.space != DEFAULT else []), name]
        return "-".join(parts)
