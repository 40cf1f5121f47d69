"""The checks: analyzers and nothing else, one file each, or a folder where one has own parts."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from functools import cache
from typing import Any

from mlmon.analyzers.base.analyzer import Analyzer
from mlmon.analyzers.settings import AnalyzersSettings


@cache
def discover() -> tuple[Analyzer[Any], ...]:
    """Return every analyzer in order of name: found by import, listed nowhere.

    Their windows and drift tests are those that mlmon.toml allows.
    """
    return made_analyzers()


def made_analyzers() -> tuple[Analyzer[Any], ...]:
    """Make every analyzer, by the settings of now."""
    found = [
        member()
        for module in map(_module, pkgutil.iter_modules(__path__, f"{__name__}."))
        for member in vars(importlib.import_module(module)).values()
        if _is_analyzer(member, module)
    ]
    settings = AnalyzersSettings.load()
    for analyzer in found:
        chosen = settings.windows_of(analyzer.name)
        if chosen is not None:
            analyzer.windows = chosen
    return tuple(sorted(found, key=lambda analyzer: analyzer.name))


def _module(found: pkgutil.ModuleInfo) -> str:
    """Return the module a check lies in: a file, or the file of a folder that has its name."""
    return f"{found.name}.{found.name.rpartition('.')[2]}" if found.ispkg else found.name


def _is_analyzer(member: object, module: str) -> bool:
    return (
        inspect.isclass(member)
        and issubclass(member, Analyzer)
        and not inspect.isabstract(member)
        and member.__module__ == module
    )
