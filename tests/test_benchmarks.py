"""Benchmarks are run seldom; that they can be is tested always."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks import bench_dashboards

ROOT = Path(__file__).parents[1]
BENCHMARKS = sorted((Path(__file__).parent / "benchmarks").glob("bench_*.py"))
PROGRAM = """
import importlib, json, sys, traceback
failures = {}
for name in sys.argv[1:]:
    try:
        importlib.import_module(f"tests.benchmarks.{name}").main
        failures[name] = ""
    except Exception:
        failures[name] = traceback.format_exc()
print(json.dumps(failures))
"""


def test_there_are_benchmarks() -> None:
    """The folder is where `make bench` looks."""
    assert BENCHMARKS


@pytest.fixture(scope="module")
def failures() -> dict[str, str]:
    """The error of each benchmark that cannot be imported; one process imports them all."""
    words = [sys.executable, "-c", PROGRAM, *(path.stem for path in BENCHMARKS)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    assert found.keys() == {path.stem for path in BENCHMARKS}
    return found


@pytest.mark.parametrize("path", BENCHMARKS, ids=lambda path: path.stem)
def test_a_benchmark_finds_all_that_it_imports(path: Path, failures: dict[str, str]) -> None:
    """A name that was moved or renamed in the product is renamed in the benchmark too."""
    assert failures[path.stem] == ""


def test_the_benchmark_of_dashboards_names_every_panel() -> None:
    """A panel of a new form has a title there, too."""
    pieces = list(bench_dashboards.pieces())
    assert len(pieces) > 100
    assert all(title for _, title, _ in pieces)
