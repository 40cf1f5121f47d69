"""How many files the tailer remembers, and which of them it reads."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlmon.ingest.files import tailer
from mlmon.ingest.files.content import PlainContent
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


@pytest.fixture
def resting(tmp_path: Path) -> Iterator[Tailer]:
    """A tailer that has read forty files, which nobody has written for long."""
    skipped = [0.0]
    following = Tailer([str(tmp_path / "*.jsonl")], clock=lambda: time.time() + skipped[0])
    following.is_notified = lambda: True
    for number in range(40):
        (tmp_path / f"app-{number}.jsonl").write_bytes(line(number))
    for _ in range(3):
        following.discover()
        read_all(following)
        skipped[0] += 10
    yield following
    following.close()


def test_files_at_rest_are_not_read(resting: Tailer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a look at forty files that did not change, not one byte is read."""
    monkeypatch.setattr(PlainContent, "read_at", None)
    for _ in range(3):
        assert resting.read() is None
        resting.discover()


def test_a_change_that_is_reported_is_read_at_once(resting: Tailer, tmp_path: Path) -> None:
    """Without another search for files; the report of an unknown path is passed over."""
    with (tmp_path / "app-7.jsonl").open("ab") as file:
        file.write(line(40))
    assert read_all(resting) == 0
    resting.report_changes([str(tmp_path / "other"), str(tmp_path / "app-7.jsonl")])
    assert read_all(resting) == 1


@pytest.mark.parametrize("way", ["appended", "rewritten", "truncated", "deleted"])
def test_a_change_that_nobody_reported_is_seen_by_the_next_search(
    resting: Tailer, tmp_path: Path, way: str
) -> None:
    """As behind a link, on a network's disk, or where the kernel's queue ran over."""
    path = tmp_path / "app-7.jsonl"
    size = path.stat().st_size
    with path.open("r+b") as file:
        if way in {"appended", "deleted"}:
            file.seek(size)
        elif way == "truncated":
            file.truncate(0)
        file.write(line(40))
    if way == "deleted":
        path.unlink()
    for _ in range(3):
        resting.discover()
        if found := read_all(resting):
            assert found == 1
            return
    pytest.fail("the change was not seen")


def test_a_file_that_is_rewritten_and_deleted_is_read(tmp_path: Path) -> None:
    """Nobody can open it again: it is read on from its descriptor, its known lines looked up."""
    path = tmp_path / "app.jsonl"
    lines = [line(number) for number in range(32)]
    path.write_bytes(b"".join(lines[:30]))
    following = Tailer([str(path)])
    following.discover()
    assert read_all(following) == 30
    with path.open("r+b") as file:
        file.write(b"".join(lines[:20] + lines[21:]))
    path.unlink()
    found = []
    for _ in range(3):
        following.discover()
        while block := following.read():
            assert block.maybe_sent
            block.source.commit(block)
            found += block.lines
    following.close()
    assert b"".join(text + b"\n" for text in found) == b"".join(lines[:20] + lines[21:])


def test_a_file_renamed_while_files_are_looked_for_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list of names missed it, the look next to what is gone saw it: later it is new."""
    live = tmp_path / "app.jsonl"
    live.write_bytes(line(1))
    before = Tailer([str(tmp_path / "app.jsonl*")])
    before.discover()
    assert read_all(before) == 1
    records = before.records()
    before.close()
    live.unlink()
    after = Tailer([str(tmp_path / "app.jsonl*")], records)
    (tmp_path / "app.jsonl.1").write_bytes(line(2))
    with monkeypatch.context() as patched:
        patched.setattr(tailer, "matching", lambda *_: [])
        after.discover()
        assert read_all(after) == 0
    after.discover()
    assert read_all(after) == 1
    after.close()
