"""The checkpoint survives crashes: old or new, never half, and a damaged one is empty."""

import dataclasses
import json
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlmon.elastic.errors import UserError
from mlmon.ingest.files.file_identity import FileRecord, Fingerprint
from mlmon.ingest.state.checkpoint import Checkpoint
from tests.support.full_disk import full_disk

fingerprints = st.binary(max_size=64).map(Fingerprint.of)
numbers = st.integers(0, 2**62)
records = st.builds(
    FileRecord,
    path=st.text(st.characters(codec="utf-8")),
    named=st.text(st.characters(codec="utf-8")),
    device=numbers,
    inode=numbers,
    start=fingerprints,
    head=fingerprints,
    offset=numbers,
    tail=fingerprints,
    inside_long_line=st.booleans(),
    seen=st.floats(0, 1e10),
)


@given(saved=st.lists(records, max_size=4))
def test_what_is_saved_is_loaded(
    tmp_path_factory: pytest.TempPathFactory, saved: list[FileRecord]
) -> None:
    """Every record comes back as it was."""
    checkpoint = Checkpoint(tmp_path_factory.mktemp("state") / "checkpoint.json")
    checkpoint.save(saved)
    loaded = checkpoint.load()
    assert list(map(dataclasses.asdict, loaded)) == list(map(dataclasses.asdict, saved))


def test_no_checkpoint_is_an_empty_one(tmp_path: Path) -> None:
    """The first run knows nothing."""
    assert Checkpoint(tmp_path / "checkpoint.json").load() == ()


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"\0" * 100,
        b"{}",
        b'{"format":1}',
        b'{"format":9}',
        b"[]",
        b"null",
        b'{"format":1,"files":["a"]}',
        b'{"format":1,"files":[null]}',
        b'{"format":1,"files":7}',
    ],
)
def test_a_damaged_checkpoint_is_empty(tmp_path: Path, damage: bytes) -> None:
    """Emptied, zeroed, foreign or of another format: nothing is known."""
    path = tmp_path / "checkpoint.json"
    path.write_bytes(damage)
    assert Checkpoint(path).load() == ()


@given(cut=st.integers(0, 400))
def test_a_checkpoint_cut_anywhere_is_empty(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    """No part of a checkpoint passes for a whole one."""
    path = tmp_path_factory.mktemp("state") / "checkpoint.json"
    Checkpoint(path).save([FileRecord("/log", "/log", 1, 2, offset=3)])
    complete = path.read_bytes()
    path.write_bytes(complete[: min(cut, len(complete) - 1)])
    assert Checkpoint(path).load() == ()


def test_a_checkpoint_of_an_earlier_version_is_read_on(tmp_path: Path) -> None:
    """It kept how far lines had been sent, which nothing needs any more."""
    path = tmp_path / "checkpoint.json"
    record = FileRecord("/log", "/log", 1, 2, offset=3)
    earlier = {"format": 1, "files": [{**record.to_json(), "sent": 16_000_000}]}
    path.write_text(json.dumps(earlier))
    assert Checkpoint(path).load() == (record,)


def test_a_failed_save_leaves_what_was_saved(tmp_path: Path) -> None:
    """A disk that takes no more does not harm the checkpoint that is there."""
    checkpoint = Checkpoint(tmp_path / "checkpoint.json")
    checkpoint.save([FileRecord("/log", "/log", 1, 2, offset=3)])
    with full_disk(), pytest.raises(OSError, match="too large"):
        checkpoint.save([FileRecord("/log", "/log", 1, 2, offset=4)])
    assert checkpoint.load()[0].offset == 3


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("offset", -1),
        ("offset", 1e300),
        ("offset", "9"),
        ("inode", None),
        ("device", 2**64),
        ("seen", "now"),
        ("path", 5),
        ("head", {"length": 1}),
    ],
)
def test_a_record_with_an_impossible_value_makes_the_checkpoint_empty(
    tmp_path: Path, name: str, value: object
) -> None:
    """Reading begins at the first byte again, instead of failing at each start."""
    path = tmp_path / "checkpoint.json"
    Checkpoint(path).save([FileRecord("/log", "/log", 1, 2, offset=3)])
    known = json.loads(path.read_bytes())
    known["files"][0][name] = value
    path.write_text(json.dumps(known))
    assert Checkpoint(path).load() == ()


def test_the_checkpoint_of_another_user_is_refused(tmp_path: Path) -> None:
    """Who may write to the folder cannot have lines passed over, nor read what is kept."""
    path = tmp_path / "checkpoint.json"
    checkpoint = Checkpoint(path)
    checkpoint.save([FileRecord("/log", "/log", 1, 2, offset=3)])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="is a symbolic link"):
        checkpoint.load()
    if os.geteuid() == 0:
        path.unlink()
        (tmp_path / "elsewhere").rename(path)
        os.chown(path, 1234, -1)
        with pytest.raises(UserError, match="belongs to the user with the id 1234"):
            checkpoint.load()
