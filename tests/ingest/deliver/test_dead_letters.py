"""Dead letters keep every byte, once, also when the writing is interrupted."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlmon.ingest.deliver.dead_letter import DeadLetter
from mlmon.ingest.deliver.dead_letters import DeadLetterFile
from mlmon.ingest.encode.line import LineError

MOST = 1 << 20
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
text = st.text(st.characters(codec="utf-8"))
letters = st.builds(
    DeadLetter,
    time=st.datetimes(
        min_value=datetime(1970, 1, 2), max_value=datetime(2200, 1, 1), timezones=st.just(UTC)  # noqa: DTZ001 - hypothesis wants naive bounds
    ),
    reason=text,
    raw=st.binary().map(lambda raw: raw.replace(b"\n", b"_")),
    path=text,
    offset=st.integers(0, 2**62),
    continued=st.booleans(),
)  # fmt: skip


def letter(raw: bytes, offset: int = 0, *, continued: bool = False) -> DeadLetter:
    """Return the dead letter of some bytes."""
    return DeadLetter(NOW, "why", raw, "/log", offset, continued)


@given(written=letters)
def test_a_letter_comes_back_as_it_was_written(written: DeadLetter) -> None:
    """Any bytes, UTF-8 or not, survive the file."""
    line = written.to_line()
    assert line.count(b"\n") == 1
    assert DeadLetter.from_line(line) == written


@pytest.mark.parametrize("line", [b"", b"{}", b"[]", b'{"event.original":1}', b"oops"])
def test_what_is_no_letter_is_reported(line: bytes) -> None:
    """A line of another kind is not read as a letter."""
    with pytest.raises(LineError):
        DeadLetter.from_line(line)


def test_a_letter_kept_twice_is_one(tmp_path: Path) -> None:
    """A crash between the letter and the checkpoint writes it again: it is replayed once."""
    file = DeadLetterFile(tmp_path / "dead-letters.jsonl")
    file.append([letter(b"a", 0), letter(b"a", 2)])
    file.append([replace(letter(b"a", 0), reason="again")])
    assert file.take()
    assert [found.offset for found in file.taken(MOST)] == [0, 2]


def test_a_torn_letter_is_passed_over(tmp_path: Path) -> None:
    """A crash in the middle of the writing leaves no letter: its line is rejected again."""
    path = tmp_path / "dead-letters.jsonl"
    file = DeadLetterFile(path)
    file.append([letter(b"a"), letter(b"b", 9)])
    path.write_bytes(path.read_bytes()[:-7])
    assert file.take()
    assert [found.raw for found in file.taken(MOST)] == [b"a"]


def test_pieces_of_a_long_line_become_one_again(tmp_path: Path) -> None:
    """A line that was rejected in pieces is replayed whole, from its first byte."""
    file = DeadLetterFile(tmp_path / "dead-letters.jsonl")
    file.append([letter(b"abc", 5, continued=True), letter(b"def", 8, continued=True)])
    file.append([letter(b"gh", 11), letter(b"next", 14)])
    assert file.take()
    assert [(found.raw, found.offset) for found in file.taken(MOST)] == [
        (b"abcdefgh", 5),
        (b"next", 14),
    ]


def test_a_replay_that_was_broken_off_begins_again(tmp_path: Path) -> None:
    """Letters set aside stay until they are dropped; new ones wait for the next replay."""
    file = DeadLetterFile(tmp_path / "dead-letters.jsonl")
    file.append([letter(b"old")])
    assert file.take()
    file.append([letter(b"new")])
    assert file.take()
    assert [found.raw for found in file.taken(MOST)] == [b"old"]
    file.drop_taken()
    assert file.take()
    assert [found.raw for found in file.taken(MOST)] == [b"new"]
    file.drop_taken()
    assert not file.take()


def test_pieces_of_a_line_that_no_request_may_hold_stay_apart(tmp_path: Path) -> None:
    """A line of a gigabyte is not built up in memory: its pieces come as they were kept."""
    file = DeadLetterFile(tmp_path / "dead-letters.jsonl")
    pieces = [
        letter(b"abc", 5, continued=True),
        letter(b"def", 8, continued=True),
        letter(b"g", 11),
    ]
    file.append([*pieces, letter(b"next", 13)])
    assert file.take()
    found = list(file.taken(5))
    assert [(one.raw, one.offset, one.continued) for one in found] == [
        (b"abc", 5, True), (b"def", 8, True), (b"g", 11, False), (b"next", 13, False),
    ]  # fmt: skip
    assert [one.is_piece for one in found] == [True, True, True, False]
