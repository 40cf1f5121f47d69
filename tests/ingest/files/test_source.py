"""Blocks of whole lines from plain, compressed and piped content."""

import gzip
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlmon.ingest.files import nul_run
from mlmon.ingest.files.content import Content, GzipContent, PipeContent, PlainContent
from mlmon.ingest.files.file_identity import FileRecord
from mlmon.ingest.files.source import UNFINISHED, Block, FileReplacedError, LogSource, ReadLimits

LIMITS = ReadLimits(line_bytes=20)


def plain(path: Path) -> LogSource:
    """Return the source of a plain file."""
    return LogSource(
        FileRecord("log", "log", 1, 1), PlainContent(os.open(path, os.O_RDONLY)), LIMITS
    )


def blocks(source: LogSource) -> Iterator[Block]:
    """Yield blocks until there are no more."""
    while block := source.read():
        yield block


# NULs before a line are passed over: test_a_hole_before_the_lines_is_passed_over.
@given(
    lines=st.lists(st.binary(max_size=45).map(lambda raw: raw.replace(b"\n", b"_").lstrip(b"\0")))
)
def test_no_byte_is_lost_and_lines_over_the_limit_are_marked(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]
) -> None:
    """Blocks join to the file; lines within the limit come whole, longer ones in pieces."""
    path = tmp_path_factory.mktemp("log") / "log"
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    found = list(blocks(plain(path)))
    assert [block.start for block in found[1:]] == [block.end for block in found[:-1]]
    good, pieces, long = [], [], []
    for block in found:
        if not block.rejected:
            good += block.lines
            continue
        pieces += block.lines
        if not block.inside_long_line:
            long.append(b"".join(pieces))
            pieces = []
    assert good == [line for line in lines if len(line) <= 20]
    assert long == [line for line in lines if len(line) > 20]


@given(data=st.binary(max_size=300), cuts=st.lists(st.integers(1, 60), max_size=8))
def test_compressed_content_reads_like_plain(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, cuts: list[int]
) -> None:
    """Any gzip members, read at any offsets, forwards and back, give the plain bytes."""
    path = tmp_path_factory.mktemp("log") / "log.gz"
    members, rest = [], data
    for cut in cuts:
        members.append(gzip.compress(rest[:cut]))
        rest = rest[cut:]
    path.write_bytes(b"".join(members) + gzip.compress(rest))
    content = GzipContent(os.open(path, os.O_RDONLY))
    for offset in (0, 7, len(data) // 2, 3, len(data)):
        assert content.read_at(offset, 50) == data[offset : offset + 50]
    assert content.read_at(0, len(data) + 1) == data
    assert content.finished


def test_a_compressed_file_that_is_being_written_is_read_so_far(tmp_path: Path) -> None:
    """What is there is given, the rest when it is there, and only then the file is finished."""
    path = tmp_path / "log.gz"
    data = b"".join(b"%06d\n" % number for number in range(5_000))
    compressed = gzip.compress(data)
    path.write_bytes(compressed[:4_000])
    content: Content = GzipContent(os.open(path, os.O_RDONLY))
    part = content.read_at(0, len(data))
    assert data.startswith(part)
    assert 0 < len(part) < len(data)
    assert not content.finished
    path.write_bytes(compressed)
    assert content.read_at(len(part), len(data)) == data[len(part) :]
    assert content.read_at(len(data), 1) == b""
    assert content.finished


def test_a_damaged_compressed_file_gives_what_lies_before_the_damage(tmp_path: Path) -> None:
    """A flipped byte ends the file there, and is reported."""
    path = tmp_path / "log.gz"
    data = os.urandom(400_000)
    compressed = bytearray(gzip.compress(data))
    compressed[-4] ^= 0xFF
    path.write_bytes(bytes(compressed))
    content = GzipContent(os.open(path, os.O_RDONLY))
    assert content.read_at(0, 100_000) == data[:100_000]
    content.read_at(len(data) - 10, 100)
    assert content.problem


@pytest.mark.parametrize("padding", [1, 512, 200_000])
@pytest.mark.parametrize("members", [1, 2])
def test_nuls_behind_a_gzip_member_are_padding(tmp_path: Path, padding: int, members: int) -> None:
    """`gzip -d` accepts NULs at the end without a warning; a member behind them is read too."""
    path = tmp_path / "log.gz"
    path.write_bytes((gzip.compress(b"first\n" * 9) + bytes(padding)) * members)
    if members == 1:
        subprocess.run(["gzip", "-dk", path], check=True)
        assert path.with_suffix("").read_bytes() == b"first\n" * 9
    content = GzipContent(os.open(path, os.O_RDONLY))
    assert content.read_at(0, 1_000) == b"first\n" * 9 * members
    assert (content.finished, content.problem) == (True, "")


@pytest.mark.parametrize(
    "behind", [b"some text\n", b"\0\0\0trailing", b"\x1f\x8a other", b"BZh9", b"xy"]
)
def test_other_bytes_behind_a_gzip_member_are_named(tmp_path: Path, behind: bytes) -> None:
    """`gzip -d` decompresses such a file with a warning (exit code 2); its lines are read."""
    path = tmp_path / "log.gz"
    path.write_bytes(gzip.compress(b"first\n" * 9) + behind)
    done = subprocess.run(["gzip", "-dk", path], check=False, stderr=subprocess.DEVNULL)
    assert (done.returncode, path.with_suffix("").read_bytes()) == (2, b"first\n" * 9)
    content = GzipContent(os.open(path, os.O_RDONLY))
    assert content.read_at(0, 1_000) == b"first\n" * 9
    size = len(behind.lstrip(b"\0"))
    assert content.problem.startswith(f"the last {size} bytes are not gzip data")


@pytest.mark.parametrize("cut", [0, 1, 2, 9])
def test_a_member_that_is_being_appended_is_waited_for(tmp_path: Path, cut: int) -> None:
    """NULs, then the first bytes of a member: neither damage nor the end; the rest is read."""
    path = tmp_path / "log.gz"
    first, second = gzip.compress(b"first\n") + bytes(512), gzip.compress(b"second\n")
    path.write_bytes(first + second[:cut])
    content = GzipContent(os.open(path, os.O_RDONLY))
    assert content.read_at(0, 100) == b"first\n"
    assert (content.finished, content.problem) == (cut == 0, "")
    path.write_bytes(first + second)
    assert content.read_at(0, 100) == b"first\nsecond\n"
    assert content.finished


def test_an_endless_compressed_line_costs_no_more_than_its_length(tmp_path: Path) -> None:
    """64 MiB read at once cost about what they cost in pieces, not their square."""
    path = tmp_path / "log.gz"
    path.write_bytes(gzip.compress(b"x" * (64 << 20), 1))

    def cost(size: int) -> float:
        content = GzipContent(os.open(path, os.O_RDONLY))
        began = time.process_time()
        for offset in range(0, 64 << 20, size):
            assert len(content.read_at(offset, size)) == size
        return time.process_time() - began

    pieces = cost(1 << 20)
    assert cost(64 << 20) < 4 * pieces


def test_a_pipe_is_read_as_it_comes() -> None:
    """Half a line waits; the end of the pipe is seen."""
    out, into = os.pipe()
    source = LogSource(FileRecord("-", "-", -1, -1), PipeContent(out), LIMITS, persistent=False)
    os.write(into, b"one\ntw")
    block = source.read()
    assert block is not None
    assert block.lines == [b"one"]
    assert source.read() is None
    os.write(into, b"o\n{}")
    os.close(into)
    block = source.read()
    assert block is not None
    assert block.lines == [b"two"]
    assert source.read() is None
    assert source.content.finished
    last = source.rest(ended=True)
    assert last is not None
    assert (last.lines, last.rejected) == ([b"{}"], "")
    os.close(out)


def test_half_a_line_at_the_end_for_good_is_rejected(tmp_path: Path) -> None:
    """What a crashed writer left is not passed over in silence."""
    path = tmp_path / "log"
    path.write_bytes(b'{"a":1}\n{"b":')
    source = plain(path)
    assert source.read() is not None
    assert source.rest(ended=False) is None
    block = source.rest(ended=True)
    assert block is not None
    assert (block.lines, block.rejected) == ([b'{"b":'], UNFINISHED)


@pytest.mark.parametrize("later", [b"", b"x\n", b"other line, as long\n"])
def test_a_file_that_was_cut_or_rewritten_is_noticed(tmp_path: Path, later: bytes) -> None:
    """Cut to nothing, shorter, or rewritten to the same length: the offset is not used on."""
    path = tmp_path / "log"
    path.write_bytes(b"first line, as long\n")
    source = plain(path)
    assert source.read() is not None
    path.write_bytes(later)
    with pytest.raises(FileReplacedError):
        source.read()


def test_a_gzip_of_zeros_is_passed_over_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What decompresses to NULs alone is no line, and each byte of it is decompressed once."""
    monkeypatch.setattr(nul_run, "MOST_PADDING_BYTES", 1 << 20)
    path = tmp_path / "zeros.gz"
    path.write_bytes(gzip.compress(bytes(20 << 20), 1))
    content = GzipContent(os.open(path, os.O_RDONLY))
    inflated = 0
    inflate = content._inflate

    def counted() -> bytes:
        nonlocal inflated
        data = inflate()
        inflated += len(data)
        return data

    monkeypatch.setattr(content, "_inflate", counted)
    source = LogSource(FileRecord("log", "log", 1, 1), content, LIMITS)
    found = list(blocks(source))
    assert (source.offset, [block.lines for block in found]) == (20 << 20, [[]] * len(found))
    # Once more for its first bytes, by which it is known.
    assert inflated < 22 << 20


def test_a_hole_of_a_terabyte_keeps_nobody_waiting(tmp_path: Path) -> None:
    """A sparse file counts as read to its end; lines that follow the hole are read."""
    path = tmp_path / "log"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    source = plain(path)
    assert source.read() is None
    assert source.at_end
    with path.open("ab") as file:
        file.write(b"a\nb\n")
    found = list(blocks(source))
    assert [block.lines for block in found] == [[], [b"a", b"b"]]
    assert [(block.start, block.end) for block in found] == [
        (0, 1 << 40),
        (1 << 40, (1 << 40) + 4),
    ]


ROOM = 8_192


def make_room(path: Path, lines: bytes, kind: str) -> None:
    """Write lines, and room behind them: a hole, or NULs that are there."""
    with path.open("wb") as file:
        file.write(lines)
        if kind == "hole":
            file.truncate(ROOM)
        else:
            file.write(bytes(ROOM - len(lines)))


def fill(path: Path, offset: int, data: bytes) -> None:
    """Overwrite bytes of a file."""
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(data)


@pytest.mark.parametrize("kind", ["hole", "nuls"])
@pytest.mark.parametrize("first", [0, 1, 200])
@pytest.mark.parametrize("pieces", [1, 3])
def test_room_that_is_filled_later_is_no_other_file(
    tmp_path: Path, kind: str, first: int, pieces: int
) -> None:
    """A file made with its size: each line comes once, also one whose parts come one by one."""
    path = tmp_path / "log"
    lines = [b"line %05d\n" % number for number in range(ROOM // 11)]
    make_room(path, b"".join(lines[:first]), kind)
    source = plain(path)
    found = [line for block in blocks(source) for line in block.lines]
    offset = first * 11
    assert (source.at_end, source.unread_bytes(source.offset, ROOM)) == (True, 0)
    for line in lines[first:]:
        for part in (line[i * 11 // pieces : (i + 1) * 11 // pieces] for i in range(pieces)):
            fill(path, offset, part)
            offset += len(part)
            found += [line for block in blocks(source) for line in block.lines]
    assert [line + b"\n" for line in found] == lines


def test_nuls_that_were_filled_in_any_order_are_read(tmp_path: Path) -> None:
    """What was room at the last look is looked at again when data follow behind it."""
    path = tmp_path / "log"
    make_room(path, b"a\n", "nuls")
    source = plain(path)
    assert [block.lines for block in blocks(source)] == [[b"a"]]
    fill(path, 4_000, b"b\n")
    fill(path, ROOM, b"c\n")
    found = [line for block in blocks(source) for line in block.lines]
    assert [line.strip(b"\0") for line in found] == [b"b", b"c"]


@pytest.mark.parametrize("hole", [1_000, 300_000])
def test_a_gap_that_is_filled_after_it_was_passed_over_is_noticed(
    tmp_path: Path, hole: int
) -> None:
    """Parts that come in any order: the lines behind the gap were read, those in it never."""
    path = tmp_path / "log"
    behind = b"".join(b"behind %05d\n" % number for number in range(2_000))
    path.write_bytes(b"before\n" * 300 + bytes(hole) + behind)
    source = plain(path)
    read = [block for block in blocks(source) if not source.commit(block)]
    assert sum(len(block.lines) for block in read) == 2_300
    fill(path, 2_100, b"within\n")
    with pytest.raises(FileReplacedError):
        source.read()
    # Nothing of its beginning and its end has changed: the record says to begin again.
    assert source.record.offset == path.stat().st_size
    again = LogSource(source.record, PlainContent(os.open(path, os.O_RDONLY)), ReadLimits())
    with pytest.raises(FileReplacedError):
        again.read()


def test_half_a_line_with_room_for_more_than_a_line_waits(tmp_path: Path) -> None:
    """Half a line before more NULs than a line may have bytes is no line over the limit."""
    path = tmp_path / "log"
    make_room(path, b"a\nhalf", "nuls")
    source = plain(path)
    assert [block.lines for block in blocks(source)] == [[b"a"]]
    assert source.rest(ended=False) is None
    assert source.unread_bytes(source.offset, ROOM) == len(b"half")
    fill(path, 6, b" and more\nb\n")
    assert [block.lines for block in blocks(source)] == [[b"half and more", b"b"]]


def test_room_behind_the_last_line_of_a_file_that_has_ended_is_no_line(tmp_path: Path) -> None:
    """A complete last line without its newline is a line, the NULs behind it are none."""
    path = tmp_path / "log"
    make_room(path, b'{"a":1}\n{"b":2}', "nuls")
    source = plain(path)
    assert [block.lines for block in blocks(source)] == [[b'{"a":1}']]
    last = source.rest(ended=True)
    assert last is not None
    assert (last.lines, last.rejected) == ([b'{"b":2}'], "")
    assert source.read() is None
    rest = source.rest(ended=True)
    assert rest is not None
    assert (rest.lines, rest.end) == ([], ROOM)


def test_many_nuls_are_looked_through_in_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the bytes are there, one read looks at some of them and says that it is not done."""
    monkeypatch.setattr(nul_run, "MOST_PADDING_BYTES", 1 << 20)
    path = tmp_path / "log"
    path.write_bytes(bytes(3 << 20) + b"a\n")
    source = plain(path)
    scans = 0
    while (block := source.read()) is None:
        assert source.scanning
        assert not source.at_end
        scans += 1
    assert 2 <= scans <= 4
    assert (block.start, block.end, block.lines) == (0, 3 << 20, [])
    assert [block.lines for block in blocks(source)] == [[b"a"]]
