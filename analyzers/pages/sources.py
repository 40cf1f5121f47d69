"""Where an analyzer's statistics come from: the papers its modules name, found by their imports.

A module names its papers in its docstring, in a paragraph that begins with `Paper:` or `Papers:`.
Imports at the top of a module are followed into checks, what they share, and statistics.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlmon.analyzers.base.analyzer import Analyzer

_STATISTICS = "mlmon.analyzers.statistics"
_FOLLOWED = re.compile(
    r"mlmon\.analyzers\.(base|checks|drift|log_coverage|performance|references|statistics)\.[\w.]+"
)
_PAPERS = re.compile(r"^Papers?: (.+?)(?:\n\n|\Z)", re.DOTALL | re.MULTILINE)


def sources(analyzer: Analyzer[Any]) -> dict[str, str]:
    """Return the papers by the statistic that follows them, in order of names."""
    found = {name: papers(name) for name in _reached(type(analyzer).__module__)}
    return {name.rpartition(".")[2]: found[name] for name in sorted(found) if found[name]}


def _reached(module: str) -> set[str]:
    reached, waiting = set[str](), [module]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += _imported(name)
    return reached


@cache
def _imported(module: str) -> tuple[str, ...]:
    source = inspect.getsource(importlib.import_module(module))
    return tuple(_followed(ast.parse(source)))


def _followed(tree: ast.Module) -> Iterator[str]:
    for statement in tree.body:
        if isinstance(statement, ast.ImportFrom) and statement.module == _STATISTICS:
            yield from (f"{_STATISTICS}.{name.name}" for name in statement.names)
        elif isinstance(statement, ast.ImportFrom) and _FOLLOWED.fullmatch(statement.module or ""):
            yield str(statement.module)


def papers(module: str) -> str:
    """Return the papers that a module's docstring names, on one line; empty if it names none."""
    found = _PAPERS.search(inspect.getdoc(importlib.import_module(module)) or "")
    return " ".join(found[1].split()) if found else ""
