"""Every example in the docstrings of statistics and drift tests prints what it says."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import mlmon.analyzers.drift.methods
import mlmon.analyzers.statistics

MODULES = [
    f"{package.__name__}.{module.name}"
    for package in (mlmon.analyzers.statistics, mlmon.analyzers.drift.methods)
    for module in pkgutil.iter_modules(package.__path__)
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    """A statistic's file has an example, and the example is true."""
    outcome = doctest.testmod(importlib.import_module(name))
    assert outcome.attempted > 0
    assert outcome.failed == 0
