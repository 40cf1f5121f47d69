"""How many files the tailer remembers."""

from pathlib import Path

import pytest

from mlmon.ingest.files import tailer
from mlmon.ingest.files.tailer import Tailer


def read_all(following: Tailer) -> int:
    """Read and commit everything; return how many lines there were."""
    count = 0
    while block := following.read():
        block.source.commit(block)
        count += len(block.lines)
    return count


def line(number: int) -> bytes:
    """Return a line of a log."""
    return b'{"@timestamp":"2026-03-01T00:00:00Z","number":%d,"text":"%b"}\n' % (number, b"x" * 64)


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a few files be many."""
    monkeypatch.setattr(tailer, "MOST_KNOWN", 10)
    monkeypatch.setattr(tailer, "MOST_GONE", 20)


def test_files_that_come_and_go_do_not_pile_up(tmp_path: Path) -> None:
    """As the pods of a busy cluster do, each day: what the checkpoint keeps stays bounded."""
    skipped = [1.8e9]
    following = Tailer([str(tmp_path / "*.jsonl")], clock=lambda: skipped[0])
    most = 0
    for number in range(60):
        path = tmp_path / f"pod-{number}.jsonl"
        path.write_bytes(line(number))
        following.discover()
        assert read_all(following) == 1
        path.unlink()
        skipped[0] += 100
        following.discover()
        read_all(following)
        most = max(most, len(following.records()))
    following.close()
    assert 10 < most <= 22


def test_files_that_are_there_are_never_forgotten(tmp_path: Path) -> None:
    """However many are closed because too many would be open, and however old they are."""
    for number in range(60):
        (tmp_path / f"app-{number}.jsonl").write_bytes(line(number))
    skipped = [0.0]
    following = Tailer([str(tmp_path / "*.jsonl")], most_open=8, clock=lambda: 1.8e9 + skipped[0])
    count = 0
    for _ in range(20):
        following.discover()
        count += read_all(following)
        skipped[0] += tailer.KEEP_S
    assert count == 60
    assert len(following.records()) == 60
    following.close()
