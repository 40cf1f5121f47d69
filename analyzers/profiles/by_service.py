"""A quantity by service and name: two services may use the same name for two things."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from mlmon.analyzers.profiles.quantities import Quantity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlmon.analyzers.profiles.quantities import AnswerBucket, DeclarationScope

MOST_SERVICES = 10
_SERVICES = {"field": "service.name", "size": MOST_SERVICES, "missing": ""}
_STORED = "by_service"


class OfService(NamedTuple):
    """A name within a service; the service is "" where it is not known."""

    service: str
    name: str


@dataclass(frozen=True)
class ByService(Quantity["Mapping[OfService, Any]"]):
    """The entries of a quantity by name, of each service.

    Bodies that were stored without services stay readable: their service is "".

    Args:
        of: The quantity by name, such as `ByTerm`.
    """

    of: Quantity[Any]

    def ask(self, name: str, scope: DeclarationScope) -> dict[str, Any]:
        """Ask for the services with the quantity inside; for nothing where it asks for nothing."""
        inside = self.of.ask("of", scope)
        return {name: {"terms": _SERVICES, "aggs": inside}} if inside else {}

    def read(
        self, bucket: AnswerBucket, name: str, scope: DeclarationScope
    ) -> Mapping[OfService, Any]:
        """Return the entries by service and name."""
        services = bucket[name]["buckets"] if name in bucket else ()
        return {
            OfService(str(service["key"]), entry): value
            for service in services
            for entry, value in self.of.read(service, "of", scope).items()
        }

    def empty(self) -> Mapping[OfService, Any]:
        """No entry."""
        return {}

    def encode(self, value: Mapping[OfService, Any]) -> Any:
        """Return pairs of a service and its entries."""
        pairs = [[service, self.of.encode(entries)] for service, entries in _split(value).items()]
        return {_STORED: pairs}

    def decode(self, body: Any, scope: DeclarationScope) -> Mapping[OfService, Any]:
        """Read what `encode` wrote, or what the quantity wrote before it was counted by service."""
        pairs = body.get(_STORED) if isinstance(body, dict) else None
        if not isinstance(pairs, list):
            pairs = [["", body]]
        return {
            OfService(service, name): value
            for service, entries in pairs
            for name, value in self.of.decode(entries, scope).items()
        }

    def merge(self, values: Sequence[Mapping[OfService, Any]]) -> Mapping[OfService, Any]:
        """Merge the entries of each service."""
        by_service: dict[str, list[Mapping[str, Any]]] = {}
        for value in values:
            for service, entries in _split(value).items():
                by_service.setdefault(service, []).append(entries)
        return {
            OfService(service, name): value
            for service, entries in by_service.items()
            for name, value in self.of.merge(entries).items()
        }


def _split(value: Mapping[OfService, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for key, entry in value.items():
        found.setdefault(key.service, {})[key.name] = entry
    return found
