"""mlmon's folders follow the settings, and can be reached by the user who needs them."""

import os
from pathlib import Path

import pytest

from mlmon.elastic.errors import UserError
from mlmon.elastic.settings import Settings
from mlmon.elastic.system import folders
from mlmon.elastic.system.folders import cache_folder, home_folder, make_folder, reachable_by_all


def test_a_chosen_home_holds_everything(tmp_path: Path) -> None:
    """MLMON_HOME alone moves state and downloads; MLMON_CACHE moves the downloads apart."""
    assert cache_folder(Settings(home=tmp_path)) == tmp_path / "cache"
    assert cache_folder(Settings(home=tmp_path, cache=tmp_path / "c")) == tmp_path / "c"


def test_root_uses_folders_that_others_can_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    """Root's folders are the system's, not below root's home, which nobody may enter."""
    monkeypatch.setattr(folders, "is_root", lambda: True)
    assert home_folder(Settings()) == Path("/var/lib/mlmon")
    assert cache_folder(Settings()) == Path("/var/cache/mlmon")


def test_a_user_uses_the_folders_of_the_desktop_standard(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """XDG's variables are followed when absolute; otherwise the standard's defaults hold."""
    monkeypatch.setattr(folders, "is_root", lambda: False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert home_folder(Settings()) == tmp_path / "state" / "mlmon"
    assert cache_folder(Settings()) == tmp_path / ".cache" / "mlmon"


def test_a_made_folder_is_open_regardless_of_the_umask(tmp_path: Path) -> None:
    """With a umask that hides everything, the new folders can be entered by others."""
    before = os.umask(0o077)
    try:
        made = make_folder(tmp_path / "a" / "b")
    finally:
        os.umask(before)
    assert [oct(path.stat().st_mode & 0o777) for path in (made, made.parent)] == ["0o755"] * 2


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    """The message names the folder, and the hint the setting to change."""
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="file/below cannot be created") as caught:
        make_folder(tmp_path / "file" / "below")
    assert "MLMON_HOME" in caught.value.hint


def test_a_folder_below_a_closed_one_is_not_reachable(tmp_path: Path) -> None:
    """What lies below a folder that only its owner may enter cannot be reached by others."""
    closed = tmp_path / "closed"
    inside = make_folder(closed / "inside")
    closed.chmod(0o700)
    assert not reachable_by_all(inside)
