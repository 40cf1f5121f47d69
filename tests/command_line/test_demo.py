"""The demo continues its own folder, and nothing else."""

import os
from pathlib import Path
from typing import NoReturn

import pytest

from mlmon import demo


class _StoppedError(Exception):
    """Ends a tour at its first command."""


def test_it_begins_anew_where_its_folder_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The data that a deleted demo left in its node are removed; a demo that is there goes on."""

    def stop(*_: object) -> NoReturn:
        raise _StoppedError

    cleaned: list[Path] = []
    monkeypatch.setattr(demo, "settle", lambda _folder: None)
    monkeypatch.setattr(demo, "clean", cleaned.append)
    monkeypatch.setattr(demo.Tour, "mlmon", stop)
    folder = tmp_path / "demo"
    for _ in range(2):
        with pytest.raises(_StoppedError):
            demo.run(folder, 10, clean_up=False)
    assert cleaned == [folder]


def test_it_is_found_in_the_shell_with_its_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a shell with the variables that it printed, its home and its downloads are the same."""
    for name in ("MLMON_HOME", "MLMON_CACHE", "MLMON_NAMESPACE"):
        monkeypatch.setenv(name, "")  # so that what it was is set again
        monkeypatch.delenv(name)
    folder = tmp_path / "demo"
    demo.settle(folder)
    home, cache = os.environ["MLMON_HOME"], os.environ["MLMON_CACHE"]
    monkeypatch.delenv("MLMON_CACHE")
    demo.settle(folder)
    assert (os.environ["MLMON_HOME"], os.environ["MLMON_CACHE"]) == (home, cache)
    demo.settle(tmp_path / "other")
    assert Path(os.environ["MLMON_HOME"]).parent == Path(home)
