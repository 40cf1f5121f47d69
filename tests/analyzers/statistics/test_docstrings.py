"""Every example in the statistics' docstrings prints what it says."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import mlmon.analyzers.statistics

MODULES = [module.name for module in pkgutil.iter_modules(mlmon.analyzers.statistics.__path__)]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    """A statistic's file has an example, and the example is true."""
    outcome = doctest.testmod(importlib.import_module(f"mlmon.analyzers.statistics.{name}"))
    assert outcome.attempted > 0
    assert outcome.failed == 0
