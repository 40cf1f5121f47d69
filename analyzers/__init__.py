"""Analyzers: questions about the logs, answered from profiles, one file each."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from functools import cache
from typing import Any

from analyzers.analyzer import Analyzer


@cache
def discover() -> tuple[Analyzer[Any], ...]:
    """Return every analyzer in order of name: found by import, listed nowhere."""
    found = [
        member()
        for module in pkgutil.iter_modules(__path__, f"{__name__}.")
        if not module.ispkg and not module.name.endswith(".commands")
        for member in vars(importlib.import_module(module.name)).values()
        if _is_analyzer(member, module.name)
    ]
    return tuple(sorted(found, key=lambda each: each.name))


def _is_analyzer(member: object, module: str) -> bool:
    return (
        inspect.isclass(member)
        and issubclass(member, Analyzer)
        and not inspect.isabstract(member)
        and member.__module__ == module
    )
