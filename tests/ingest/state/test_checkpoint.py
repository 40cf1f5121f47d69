"""The checkpoint survives crashes: old or new, never half, and a damaged one is empty."""

import dataclasses
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlmon.ingest.files.file_identity import FileRecord, Fingerprint
from mlmon.ingest.state.checkpoint import Checkpoint

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
    "damage", [b"", b"\0" * 100, b"{}", b'{"format":1}', b'{"format":9}', b"[]"]
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
    (tmp_path / ".checkpoint.json.new").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        checkpoint.save([FileRecord("/log", "/log", 1, 2, offset=4)])
    assert checkpoint.load()[0].offset == 3
