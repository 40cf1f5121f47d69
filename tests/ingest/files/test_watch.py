"""Changes are reported by the kernel; where it does not, files are looked at often."""

import time
from pathlib import Path
from threading import Event
from typing import NoReturn

import pytest

from mlmon.ingest.files import watch
from mlmon.ingest.files.watch import Watch


def test_a_change_ends_the_wait(tmp_path: Path) -> None:
    """A file that comes wakes the shipper long before its wait is over."""
    shutdown = Event()
    waiter = Watch([str(tmp_path / "*.jsonl")], shutdown)
    began = time.monotonic()
    waiter.wait(0.01)
    while not waiter.wait(0.2):
        # Each writes another file, for the kernel may not be listening yet.
        (tmp_path / f"{time.monotonic_ns()}.jsonl").touch()
        assert time.monotonic() - began < 30
    shutdown.set()
    assert waiter.problem == ""


def test_without_the_kernel_files_are_looked_at_often(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no more watches are to be had, no wait is longer than the time between two looks."""

    def reject(*_: object, **__: object) -> NoReturn:
        raise OSError(28, "OS file watch limit reached")

    monkeypatch.setattr(watch, "watch", reject)
    waiter = Watch([str(tmp_path / "*.jsonl")], Event())
    waiter.wait(30)
    began = time.monotonic()
    waiter.wait(30)
    assert "limit reached" in waiter.problem
    assert time.monotonic() - began < 15
