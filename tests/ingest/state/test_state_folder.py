"""A shipper's folder: one shipper, private files, and no way through links to other files."""

import stat
from pathlib import Path

import pytest

from mlmon.elastic.errors import UserError
from mlmon.elastic.system.lock import hold
from mlmon.ingest.state.state_folder import StateFolder


def test_a_folder_has_one_shipper(tmp_path: Path) -> None:
    """A second lock names the process of the first; afterwards it is free."""
    state = StateFolder(tmp_path / "state")
    with state.lock(), pytest.raises(UserError, match="Another shipper"), state.lock():
        pass
    with state.lock():
        pass
    assert stat.S_IMODE(state.folder.stat().st_mode) == 0o700


@pytest.mark.parametrize("name", ["ship.lock", "shipper-id"])
def test_a_link_in_the_folder_harms_no_other_file(tmp_path: Path, name: str) -> None:
    """Locks are emptied and ids are written: never through a link that somebody put there."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    state = StateFolder(tmp_path / "state")
    state.folder.mkdir()
    (state.folder / name).symlink_to(victim)
    with pytest.raises(UserError, match="is a symbolic link"), state.lock():
        state.shipper_id()
    assert victim.read_text() == "precious"


def test_a_lock_is_not_taken_through_a_link(tmp_path: Path) -> None:
    """The lock between threads and processes empties no file that a link leads to."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "x.lock").symlink_to(victim)
    with pytest.raises(OSError, match="symbolic"), hold(tmp_path / "x.lock"):
        pass
    assert victim.read_text() == "precious"


def test_a_shipper_keeps_its_id(tmp_path: Path) -> None:
    """The id is made once and is private."""
    state = StateFolder(tmp_path)
    made = state.shipper_id()
    assert state.shipper_id() == made
    assert stat.S_IMODE((tmp_path / "shipper-id").stat().st_mode) == 0o600
