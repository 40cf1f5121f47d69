"""Providers of artefacts: each module of this package, found by import and listed nowhere.

A provider is a module with a function `artefacts(target: Target) -> Iterable[Artefact]`, pure: the
same target gives the same artefacts. Each body names its owner, mlmon, where `is_owned`
(`kibana/emit/ownership.py`) looks for it; `mlmon kibana apply` touches nothing that does not.
"""

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator

from mlmon.dashboards.links.target import LinkTarget
from mlmon.kibana.emit.artefact import ARTEFACT_KINDS, OWNER, Artefact

Provider = Callable[[LinkTarget], Iterable[Artefact]]


def providers() -> Iterator[Provider]:
    """Yield every provider, in order of its module's name."""
    for module in sorted(module.name for module in pkgutil.iter_modules(__path__, f"{__name__}.")):
        provider: Provider = importlib.import_module(module).artefacts
        yield provider


def artefacts(target: LinkTarget) -> tuple[Artefact, ...]:
    """Return all artefacts for a target, by kind in the order of `KINDS`, then by id."""
    found = [artefact for provider in providers() for artefact in provider(target)]
    return tuple(
        sorted(found, key=lambda artefact: (ARTEFACT_KINDS.index(artefact.kind), artefact.id))
    )


__all__ = ["OWNER", "Provider", "artefacts", "providers"]
