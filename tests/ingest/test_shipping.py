"""Shipping files to a real node: each line once, rejected ones kept, a second run adds none."""

import gzip
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from mlmon.elastic.errors import UserError
from mlmon.ingest.deliver.dead_letters import DeadLetterFile
from mlmon.ingest.files.source import ReadLimits
from mlmon.ingest.state.counts import RunCounts
from tests.support.numbered_log import NumberedLog
from tests.support.shipping import Ship


def test_each_line_is_stored_once_in_the_stream_of_its_dataset(
    ship: Ship, log: NumberedLog
) -> None:
    """Lines of two datasets lie in two data streams, with their bytes and what the shipper adds."""
    (ship.folder / "a.jsonl").write_bytes(log.lines(500) + log.line(event__dataset="ml.app"))
    counts = ship("a.jsonl")
    assert (counts.read, counts.stored, counts.duplicate, counts.rejected) == (501, 501, 0, 0)
    assert ship.stored("logs-ml.prediction") | ship.stored("logs-ml.app") == dict.fromkeys(
        log.ids(), 1
    )
    (document,) = ship.documents("logs-ml.app", process__entity_id=log.entity)
    assert document["event.sequence"] == 501
    assert document["agent.id"] == ship.state.shipper_id()
    assert document["event.ingested"] > document["@timestamp"]


def test_a_second_run_reads_and_stores_nothing(ship: Ship, log: NumberedLog) -> None:
    """What the checkpoint calls decided is not even read again."""
    (ship.folder / "a.jsonl").write_bytes(log.lines(100))
    ship("a.jsonl")
    assert ship("a.jsonl").to_json()["read"] == 0
    assert ship.stored() == dict.fromkeys(log.ids(), 1)


def test_what_was_appended_is_shipped_by_the_next_run(ship: Ship, log: NumberedLog) -> None:
    """The next run goes on behind the last decided line."""
    path = ship.folder / "a.jsonl"
    path.write_bytes(log.lines(100))
    ship("a.jsonl")
    with path.open("ab") as file:
        file.write(log.lines(7))
    assert ship("a.jsonl").stored == 7
    assert ship.stored() == dict.fromkeys(log.ids(), 1)


def test_reading_from_the_start_doubles_nothing_even_after_a_rollover(
    ship: Ship, log: NumberedLog
) -> None:
    """Ids are looked up across all backing indices: `create` alone would store a second copy."""
    (ship.folder / "a.jsonl").write_bytes(log.lines(300))
    ship("a.jsonl")
    ship.cluster.rollover(f"logs-ml.prediction-{ship.namespace}")
    counts = ship("a.jsonl", from_start=True)
    assert (counts.stored, counts.duplicate) == (0, 300)
    assert ship.stored() == dict.fromkeys(log.ids(), 1)


@pytest.mark.parametrize("number", [b"1e400", b"9" * 400])
def test_a_number_that_no_double_holds_stops_nobody(
    ship: Ship, log: NumberedLog, number: bytes
) -> None:
    """It is JSON, Elasticsearch stores it: the line is found again, and searches read it."""
    line = log.line(labels={"n": "NUMBER"}).replace(b'"NUMBER"', number)
    (ship.folder / "a.jsonl").write_bytes(log.line() + line + log.line())
    assert ship("a.jsonl").stored == 3
    ship.cluster.rollover(f"logs-ml.prediction-{ship.namespace}")
    again = ship("a.jsonl", from_start=True)
    assert (again.duplicate, again.rejected) == (3, 0)
    assert ship.stored() == dict.fromkeys(log.ids(), 1)
    stored = ship.documents("logs-ml.*", process__entity_id=log.entity)
    assert math.inf in [event.get("labels", {}).get("n") for event in stored]


def test_a_damaged_checkpoint_doubles_nothing(ship: Ship, log: NumberedLog) -> None:
    """Where the checkpoint cannot be read, every line is looked up before it is sent."""
    (ship.folder / "a.jsonl").write_bytes(log.lines(50))
    ship("a.jsonl")
    ship.cluster.rollover(f"logs-ml.prediction-{ship.namespace}")
    (checkpoint,) = ship.state.folder.glob("checkpoint-*")
    checkpoint.write_bytes(checkpoint.read_bytes()[:100])
    assert ship("a.jsonl").duplicate == 50
    assert ship.stored() == dict.fromkeys(log.ids(), 1)


def test_bad_lines_are_kept_with_reason_and_place_and_stop_nothing(
    ship: Ship, log: NumberedLog
) -> None:
    """What the shipper or Elasticsearch refuses lies in the dead letters; the rest is stored."""
    good = log.lines(20)
    torn = b'{"@timestamp":"2026-03-01T00:00:0'
    broken = log.line(ml__prediction__score="high")
    other = log.line(ml__schema_version=99)
    (ship.folder / "a.jsonl").write_bytes(good + torn + b"\n" + broken + b"\xff\xfe\n" + other)
    counts = ship("a.jsonl")
    assert (counts.read, counts.stored, counts.rejected) == (24, 20, 4)
    letters = {
        letter["log.offset"]: letter
        for letter in map(orjson.loads, ship.state.dead_letters.read_bytes().splitlines())
    }
    places = [len(good), len(good + torn) + 1, len(good + torn + broken) + 1]
    assert sorted(letters) == [*places, places[-1] + 3]
    assert letters[places[0]]["event.original"] == torn.decode()
    assert "not JSON" in letters[places[0]]["error.message"]
    assert letters[places[1]]["event.original"].encode() + b"\n" == broken
    assert "document_parsing_exception" in letters[places[1]]["error.message"]
    assert letters[places[2]]["event.original_base64"] == "//4="
    assert "ml.schema_version is 99" in letters[places[2] + 3]["error.message"]
    assert {letter["log.file.path"] for letter in letters.values()} == {
        str(ship.folder / "a.jsonl")
    }


def test_dead_letters_can_be_searched_in_their_data_stream(ship: Ship, log: NumberedLog) -> None:
    """Each rejected line is a document with reason, kind, file, offset and raw text."""
    bad = log.line(ml__prediction__score="high")
    (ship.folder / "a.jsonl").write_bytes(bad + log.line())
    ship("a.jsonl")
    path = str(ship.folder / "a.jsonl")
    (document,) = ship.documents("logs-mlmon.dead_letter", log__file__path=path)
    assert document["event.id"] == f"{log.entity}-1"
    assert document["error.type"] == "document_parsing_exception"
    assert "high" in document["error.message"]
    assert document["event.original"] == bad.decode().rstrip("\n")


def test_a_line_over_the_limit_is_kept_whole_in_pieces(ship: Ship, log: NumberedLog) -> None:
    """A line over the limit is rejected, no byte of it is lost, and the next line is stored."""
    ship.limits = ReadLimits(line_bytes=1_000)
    long = log.line(message="x" * 4_321)
    (ship.folder / "a.jsonl").write_bytes(log.line() + long + log.line())
    counts = ship("a.jsonl")
    assert counts.stored == 2
    assert counts.rejected == counts.read - 2
    file = DeadLetterFile(ship.state.dead_letters)
    assert file.take()
    (letter,) = file.taken(1 << 20)
    assert letter.raw + b"\n" == long


def test_half_a_line_waits_for_its_end(ship: Ship, log: NumberedLog) -> None:
    """A line whose newline is missing is taken only when it is whole."""
    path = ship.folder / "a.jsonl"
    complete, late = log.line(), log.line()
    path.write_bytes(complete + late[:50])
    assert ship("a.jsonl").read == 1
    with path.open("ab") as file:
        file.write(late[50:])
    assert ship("a.jsonl").stored == 1
    assert ship.stored() == dict.fromkeys(log.ids(), 1)


def test_a_last_line_without_newline_is_taken_when_it_is_whole(
    ship: Ship, log: NumberedLog
) -> None:
    """A file without a final newline loses nothing, nor when one is added later."""
    path = ship.folder / "a.jsonl"
    path.write_bytes(log.lines(3).rstrip(b"\n"))
    assert ship("a.jsonl").stored == 3
    with path.open("ab") as file:
        file.write(b"\n" + log.line())
    assert ship("a.jsonl").to_json() | {"bytes": 0} == RunCounts(read=1, stored=1).to_json()


def test_blank_lines_and_carriage_returns_are_no_lines(ship: Ship, log: NumberedLog) -> None:
    """CRLF files and blank lines ship like any other."""
    text = log.line()[:-1] + b"\r\n\r\n\n  \n" + log.line()[:-1] + b"\r\n"
    (ship.folder / "a.jsonl").write_bytes(text)
    counts = ship("a.jsonl")
    assert (counts.read, counts.stored) == (2, 2)


def test_a_compressed_file_is_read_like_a_plain_one(ship: Ship, log: NumberedLog) -> None:
    """A gzip file of two members is shipped whole; the same content, compressed later, is known."""
    first, second = log.lines(60), log.lines(40)
    (ship.folder / "a.jsonl.1.gz").write_bytes(gzip.compress(first) + gzip.compress(second))
    assert ship("*").stored == 100
    plain = ship.folder / "a.jsonl"
    plain.write_bytes(log.lines(10))
    assert ship("*").stored == 10
    (ship.folder / "a.jsonl.2.gz").write_bytes(gzip.compress(plain.read_bytes()))
    plain.unlink()
    assert ship("*").read == 0


def test_a_folder_stands_for_its_json_lines_files(ship: Ship, log: NumberedLog) -> None:
    """Files below a folder are shipped, those that are no JSON lines are left alone."""
    (ship.folder / "logs" / "old").mkdir(parents=True)
    (ship.folder / "logs" / "a.jsonl").write_bytes(log.lines(2))
    (ship.folder / "logs" / "old" / "a.jsonl.1").write_bytes(log.lines(3))
    (ship.folder / "logs" / "notes.txt").write_text("not a log\n")
    assert ship("logs").stored == 5


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda _: None, "does not exist"),
        (lambda path: path.mkdir(), "holds no JSON lines file"),
        (
            lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n\0\0"),
            "does not hold JSON lines: line 1",
        ),
        (lambda path: path.write_text("a,b\n1,2\n"), "does not hold JSON lines: line 1"),
    ],
)
def test_a_path_that_cannot_be_shipped_is_named(
    ship: Ship, make: Callable[[Path], object], words: str
) -> None:
    """What is missing, empty or no log is reported before anything is sent."""
    make(ship.folder / "a.jsonl")
    with pytest.raises(UserError, match=words) as raised:
        ship("a.jsonl")
    assert raised.value.hint
    assert not ship.stored()


def test_a_pattern_without_a_file_is_an_error(ship: Ship) -> None:
    """A mistyped pattern does not look like success."""
    with pytest.raises(UserError, match="No file matches"):
        ship("*.jsonl")


def test_two_shippers_do_not_share_a_folder(ship: Ship) -> None:
    """The second one is reported which process has the folder, and what to do."""
    with (
        ship.state.lock(),
        pytest.raises(UserError, match=r"Another shipper \(pid \d+\)") as raised,
        ship.state.lock(),
    ):
        pass
    assert "--state" in raised.value.hint


def test_two_shippers_on_the_same_files_double_nothing(ship: Ship, log: NumberedLog) -> None:
    """With folders of their own and a rollover between them, what one stored the other finds."""
    (ship.folder / "a.jsonl").write_bytes(log.lines(200))
    ship("a.jsonl")
    ship.cluster.rollover(f"logs-ml.prediction-{ship.namespace}")
    counts = replace(ship, state_name="other")("a.jsonl")
    assert (counts.stored, counts.duplicate) == (0, 200)
    assert ship.stored() == dict.fromkeys(log.ids(), 1)
