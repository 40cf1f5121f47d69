"""Benchmarks are run seldom; that they can be is tested always."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BENCHMARKS = sorted((Path(__file__).parent / "benchmarks").glob("bench_*.py"))


def test_there_are_benchmarks() -> None:
    """The folder is where `make bench` looks."""
    assert BENCHMARKS


@pytest.mark.parametrize("path", BENCHMARKS, ids=lambda path: path.stem)
def test_a_benchmark_finds_all_that_it_imports(path: Path) -> None:
    """A name that was moved or renamed in the product is renamed in the benchmark too."""
    words = [sys.executable, "-c", f"from tests.benchmarks.{path.stem} import main"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
