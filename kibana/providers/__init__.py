"""Providers of artefacts: each module of this package, found by import and listed nowhere.

A provider is a module with a function `artefacts(place: Place) -> Iterable[Artefact]`, pure: the
same place gives the same artefacts. Each says in its body that mlmon made it, where `is_marked`
(`kibana/emit/ownership.py`) looks for it; `mlmon kibana apply` touches nothing that does not.
"""

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator

from mlmon.dashboards.links.place import Place
from mlmon.kibana.emit.artefact import KINDS, Artefact
from mlmon.kibana.emit.ownership import MARK

Provider = Callable[[Place], Iterable[Artefact]]


def providers() -> Iterator[Provider]:
    """Yield every provider, in order of its module's name."""
    for module in sorted(each.name for each in pkgutil.iter_modules(__path__, f"{__name__}.")):
        provider: Provider = importlib.import_module(module).artefacts
        yield provider


def artefacts(place: Place) -> tuple[Artefact, ...]:
    """Return all artefacts of a place, by kind in the order of `KINDS`, then by id."""
    found = [artefact for provider in providers() for artefact in provider(place)]
    return tuple(sorted(found, key=lambda each: (KINDS.index(each.kind), each.id)))


__all__ = ["MARK", "Provider", "artefacts", "providers"]
