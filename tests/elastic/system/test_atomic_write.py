"""A file is written whole or not at all."""

import stat
from pathlib import Path

import pytest

from mlmon.elastic.errors import UserError
from mlmon.elastic.system.atomic_write import atomic_write
from tests.support.full_disk import full_disk


def test_it_takes_the_place_of_what_was_there(tmp_path: Path) -> None:
    """Until the block ends the old file stands; then the new one, and nothing next to it."""
    path = tmp_path / "report.html"
    path.write_text("old")
    with atomic_write(path) as part:
        part.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def write_half(path: Path) -> None:
    """Begin to write a file and fail."""
    with atomic_write(path) as part:
        part.write_text("half")
        raise ValueError("bad row")


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    """Where writing fails, nothing is replaced and nothing else is left."""
    path = tmp_path / "report.html"
    path.write_text("old")
    with pytest.raises(ValueError, match="bad row"):
        write_half(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """A missing folder is an error that a user can fix."""
    path = tmp_path / "nowhere" / "report.html"
    with (
        pytest.raises(UserError, match=r"report\.html cannot be written"),
        atomic_write(path, hint="Choose another.") as it,
    ):
        it.write_text("new")


def test_without_a_hint_the_error_is_the_disks(tmp_path: Path) -> None:
    """A caller that is no command handles the disk's own error; what was there stays."""
    path = tmp_path / "checkpoint.json"
    path.write_text("old")
    with (
        full_disk(),
        pytest.raises(OSError, match="too large"),
        atomic_write(path, durable=True) as part,
    ):
        part.write_text("new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_under_the_temporary_name_is_not_followed(tmp_path: Path) -> None:
    """Who may write to the folder cannot have another file overwritten."""
    victim, path = tmp_path / "victim", tmp_path / "checkpoint.json"
    victim.write_text("precious")
    (tmp_path / ".checkpoint.json.new").symlink_to(victim)
    with atomic_write(path, durable=True, mode=0o600) as part:
        part.write_text("new")
    assert (victim.read_text(), path.read_text()) == ("precious", "new")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
