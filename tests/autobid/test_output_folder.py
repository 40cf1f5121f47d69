"""The output is there as a whole or not at all."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlmon.autobid.output_folder import OutputExistsError, output_folder

MARKER = "summary.json"


def write(place: Path, text: str, *, replace: bool = False) -> None:
    """Write a finished output."""
    with output_folder(place, marker=MARKER, replace=replace) as folder:
        (folder / MARKER).write_text(text)
        assert not (place / MARKER).exists() or (place / MARKER).read_text() != text


def names(folder: Path) -> list[str]:
    """The names of all that lies in a folder."""
    return sorted(path.name for path in folder.iterdir())


def test_it_appears_at_the_end(tmp_path: Path) -> None:
    """Until the block ends the place is empty; after it nothing else is left next to it."""
    write(tmp_path / "new" / "out", "1")
    assert (tmp_path / "new" / "out" / MARKER).read_text() == "1"
    assert names(tmp_path / "new") == ["out"]


def fail_half_way(place: Path) -> None:
    """Begin an output that cannot be finished."""
    with output_folder(place, marker=MARKER, replace=False) as folder:
        (folder / "half").write_text("half")
        raise OSError("disk is full")


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    """An exception removes what was written so far."""
    with pytest.raises(OSError, match="disk is full"):
        fail_half_way(tmp_path / "out")
    assert names(tmp_path) == []


def test_an_output_is_replaced_only_when_asked(tmp_path: Path) -> None:
    """An earlier output stays unless it is to be replaced, and then as a whole."""
    write(tmp_path / "out", "1")
    with pytest.raises(OutputExistsError, match="--replace"):
        write(tmp_path / "out", "2")
    assert (tmp_path / "out" / MARKER).read_text() == "1"
    write(tmp_path / "out", "2", replace=True)
    assert (tmp_path / "out" / MARKER).read_text() == "2"
    assert names(tmp_path) == ["out"]


def test_what_is_not_ours_is_never_replaced(tmp_path: Path) -> None:
    """A folder without the marker, or a file, stays even when replacing is asked for."""
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter").write_text("1")
    (tmp_path / "file").write_text("1")
    for place in (tmp_path / "thesis", tmp_path / "file"):
        with pytest.raises(OutputExistsError, match="none of ours"):
            write(place, "2", replace=True)
    assert (tmp_path / "thesis" / "chapter").read_text() == "1"


def test_what_a_killed_run_left_is_removed(tmp_path: Path) -> None:
    """The half-written folder of a dead process goes; that of one still running stays."""
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    abandoned = tmp_path / f".out.partial-{dead.pid}"
    in_work = tmp_path / f".out.partial-{os.getppid()}"
    for path in (abandoned, in_work):
        path.mkdir()
    write(tmp_path / "out", "1")
    assert not abandoned.exists()
    assert in_work.exists()
