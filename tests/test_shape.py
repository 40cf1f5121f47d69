"""The code keeps to its budget of size, names and documentation."""

import ast
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parent.parent
PACKAGES = ("logging_config", "elastic", "ingest", "analyzers", "alerting", "kibana", "autobid")
FILES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
Function = ast.FunctionDef | ast.AsyncFunctionDef


def body_lines(function: Function) -> int:
    """Count a function's lines without its docstring."""
    documented = ast.get_docstring(function) is not None
    first = function.body[0]
    docstring = (first.end_lineno or 0) - first.lineno + 1 if documented else 0
    return (function.end_lineno or 0) - function.lineno + 1 - docstring


def functions() -> dict[str, int]:
    """Return the length of every function of the product by its place."""
    return {
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}": body_lines(node)
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, Function)
    }


def test_files_stay_small() -> None:
    """Half of the files fit on three screens, and none has grown into the file everything is in."""
    lengths = {str(path.relative_to(ROOT)): path.read_text().count("\n") for path in FILES}
    assert median(lengths.values()) <= 150
    assert {name: length for name, length in lengths.items() if length > 500} == {}


def test_functions_stay_small() -> None:
    """Nine of ten functions are read in one look, and none needs scrolling."""
    lengths = functions()
    ordered = sorted(lengths.values())
    assert ordered[int(0.9 * len(ordered))] <= 25
    assert {place: length for place, length in lengths.items() if length > 60} == {}


def test_names_say_what_a_file_is_for() -> None:
    """No file or folder is a drawer for things without a name."""
    drawers = {"utils", "util", "common", "manager", "helper", "helpers", "misc"}
    names = {part for path in FILES for part in path.relative_to(ROOT).with_suffix("").parts}
    assert not names & drawers
