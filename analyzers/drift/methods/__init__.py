"""Drift tests, one file each: a declaration, a pure function over counts, and its source.

A file that defines `METHOD` is found by import; `test` in mlmon.toml names it.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlmon.analyzers.drift.method import DriftMethod


@cache
def drift_methods() -> Mapping[str, DriftMethod]:
    """Return every method by its name, in order of names."""
    modules = (
        importlib.import_module(f"{__name__}.{module.name}")
        for module in pkgutil.iter_modules(__path__)
    )
    return {module.METHOD.name: module.METHOD for module in modules}
