"""Following files: new lines are searchable soon, and what rotation does is followed."""

import gzip
import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from mlmon.ingest.files import tailer
from mlmon.ingest.state.health import Health
from tests.support.numbered_log import NumberedLog
from tests.support.shipping import Ship

Until = Callable[[Callable[[], bool]], None]


def _now() -> str:
    """Return the time as the shipper writes it."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return now.replace("+00:00", "Z")


def test_a_last_line_is_searchable_without_another(
    ship: Ship, log: NumberedLog, until: Until
) -> None:
    """At the tail, a line is found by a search although no other follows and nothing is closed.

    How soon is measured by `tests/benchmarks/bench_ingest.py`.
    """
    path = ship.folder / "a.jsonl"
    path.write_bytes(log.lines(10))
    with ship.following("a.jsonl") as counts:
        until(lambda: counts.decided == 10)
        with path.open("ab") as file:
            file.write(log.line())
        query = {"term": {"event.id": f"{log.entity}-11"}}
        until(lambda: ship.cluster.count(f"logs-ml.*-{ship.namespace}", query) == 1)


def test_no_line_arrives_before_it_was_written(ship: Ship, log: NumberedLog, until: Until) -> None:
    """A line that joins a batch which has waited for it carries a time after its own."""
    path = ship.folder / "a.jsonl"
    path.write_bytes(log.line())
    with ship.following("a.jsonl", batch_age_s=1.0) as counts:
        until(lambda: counts.read == 1)
        with path.open("ab") as file:
            file.write(log.line(**{"@timestamp": _now()}))
        until(lambda: counts.decided == 2)
    (last,) = ship.documents("logs-ml.prediction", event__id=f"{log.entity}-2")
    assert last["event.ingested"] >= last["@timestamp"]


def test_rotation_by_rename_is_followed(ship: Ship, log: NumberedLog, until: Until) -> None:
    """What is written before, into the renamed file, and into the new one is stored once."""
    path = ship.folder / "a.jsonl"
    path.write_bytes(log.lines(50))
    with ship.following("a.jsonl") as counts:
        until(lambda: counts.decided == 50)
        with path.open("ab") as late:
            path.rename(ship.folder / "a.jsonl.1")
            path.write_bytes(log.lines(50))
            late.write(log.lines(5))
        until(lambda: counts.decided == 105)
    assert ship.stored() == dict.fromkeys(log.ids(), 1)


def test_copying_and_truncating_is_followed(ship: Ship, log: NumberedLog, until: Until) -> None:
    """Lines written between the last look and the cut are found in the copy next to the file."""
    path = ship.folder / "a.jsonl"
    path.write_bytes(log.lines(50))
    with ship.following("a.jsonl") as counts:
        until(lambda: counts.decided == 50)
        with path.open("ab") as file:
            file.write(log.lines(3))
        shutil.copyfile(path, ship.folder / "a.jsonl.1")
        with path.open("wb") as file:
            file.write(log.lines(4))
        until(lambda: counts.decided == 57)
    assert ship.stored() == dict.fromkeys(log.ids(), 1)


def test_files_that_come_later_are_found(ship: Ship, log: NumberedLog, until: Until) -> None:
    """A pattern is followed from before its first file exists; a file may begin empty."""
    with ship.following("*.jsonl") as counts:
        (ship.folder / "a.jsonl").touch()
        (ship.folder / "b.jsonl").write_bytes(log.lines(3))
        until(lambda: counts.decided == 3)
        with (ship.folder / "a.jsonl").open("ab") as file:
            file.write(log.lines(2))
        until(lambda: counts.decided == 5)


def test_a_deleted_file_is_read_to_its_end(ship: Ship, log: NumberedLog, until: Until) -> None:
    """A file that is open stays readable after its deletion."""
    path = ship.folder / "a.jsonl"
    path.write_bytes(log.lines(10))
    with ship.following("a.jsonl") as counts:
        until(lambda: counts.decided == 10)
        with path.open("ab") as file:
            path.unlink()
            file.write(log.lines(10))
        until(lambda: counts.decided == 20)


def test_what_was_rotated_while_nobody_looked_is_found(ship: Ship, log: NumberedLog) -> None:
    """Between two runs the file was renamed, compressed, and begun again: nothing is missed."""
    path = ship.folder / "a.jsonl"
    path.write_bytes(log.lines(40))
    ship("a.jsonl")
    with path.open("ab") as file:
        file.write(log.lines(10))
    (ship.folder / "a.jsonl.1.gz").write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    path.write_bytes(log.lines(5))
    assert ship("a.jsonl").stored == 15
    assert ship.stored() == dict.fromkeys(log.ids(), 1)


def rewritten(lines: list[bytes], kind: str) -> list[bytes]:
    """Return what somebody makes of the first 20 of 26 lines, with some of the others added."""
    kinds = {
        "a line removed": lines[:10] + lines[11:20] + lines[20:23],
        "a middle removed": lines[:4] + lines[10:20],
        "cut and written on": lines[:12] + lines[20:26],
        "the same lines, more of them": lines[:20] + lines[20:26],
        "the last line replaced": [*lines[:19], lines[20]],
        "the last line replaced, more behind": [*lines[:19], *lines[20:26]],
        "lines in front": lines[:5] + lines[20:26] + lines[5:20],
        "the last lines swapped": [*lines[:18], lines[19], lines[18]],
    }
    return kinds[kind]


@pytest.mark.parametrize("truncated", [True, False])
@pytest.mark.parametrize(
    "kind",
    [
        "a line removed",
        "a middle removed",
        "cut and written on",
        "the same lines, more of them",
        "the last line replaced",
        "the last line replaced, more behind",
        "lines in front",
        "the last lines swapped",
    ],
)
def test_a_file_rewritten_in_place_is_read_again(
    ship: Ship, log: NumberedLog, until: Until, kind: str, *, truncated: bool
) -> None:
    """An equal first KiB and a size beyond the offset hide nothing: each line once, none torn."""
    path = ship.folder / "a.jsonl"
    lines = [log.line(message="x" * 700) for _ in range(26)]
    path.write_bytes(b"".join(lines[:20]))
    with ship.following("a.jsonl") as counts:
        until(lambda: counts.decided == 20)
        # Where a second index exists, only a look-up by id keeps a line from being stored twice.
        ship.cluster.rollover(f"logs-ml.prediction-{ship.namespace}")
        after = rewritten(lines, kind)
        with path.open("r+b", buffering=0) as file:
            if truncated:
                file.truncate(0)
            file.write(b"".join(after))
            file.truncate()
        expected = {*lines[:20], *after}
        until(lambda: counts.stored == len(expected))
    assert (counts.stored, counts.rejected) == (len(expected), 0)
    ids = {f"{log.entity}-{lines.index(line) + 1}" for line in expected}
    assert ship.stored() == dict.fromkeys(ids, 1)


def test_a_file_written_again_slowly_is_stored_once(
    ship: Ship, log: NumberedLog, until: Until
) -> None:
    """Old lines that come back one by one, after the file was opened again, are looked up too."""
    path = ship.folder / "a.jsonl"
    lines = [log.line(message="x" * 700) for _ in range(12)]
    path.write_bytes(b"".join(lines[:10]))
    with ship.following("a.jsonl") as counts:
        until(lambda: counts.decided == 10)
        ship.cluster.rollover(f"logs-ml.prediction-{ship.namespace}")
        with path.open("r+b", buffering=0) as file:
            file.truncate(len(lines[0] + lines[1]))
            until(lambda: counts.duplicate == 2)
            file.seek(0, os.SEEK_END)
            for number, line in enumerate(lines[5:], start=3):
                file.write(line)
                until(lambda number=number: counts.stored + counts.duplicate == 10 + number)  # type: ignore[misc]
    assert (counts.stored, counts.duplicate, counts.rejected) == (12, 7, 0)
    assert ship.stored() == dict.fromkeys(log.ids(), 1)


@pytest.mark.parametrize("first", [0, 3])
@pytest.mark.parametrize("cut", [True, False])
def test_a_file_made_with_its_size_loses_nothing(
    ship: Ship, log: NumberedLog, until: Until, first: int, *, cut: bool
) -> None:
    """Room that is filled later, and cut off in the end: all lines, no byte counted as lost."""
    path = ship.folder / "a.jsonl"
    lines = [log.line() for _ in range(6)]
    path.write_bytes(b"".join(lines[:first]).ljust(4_000, b"\0"))
    with ship.following("a.jsonl") as counts:
        until(lambda: bool(ship.state.status.exists()) and counts.decided == first)
        with path.open("r+b", buffering=0) as file:
            for number, line in enumerate(lines, start=1):
                file.write(line)
                until(lambda number=number: counts.decided >= number)  # type: ignore[misc]
            if cut:
                file.truncate()
                file.write(log.line())
                until(lambda: counts.decided == 7)
    health = Health.from_json(ship.state.status.read_bytes())
    assert (counts.stored, counts.rejected, health.lost_bytes, health.lag_bytes) == (
        6 + cut,
        0,
        0,
        0,
    )
    assert ship.stored() == dict.fromkeys(log.ids(), 1)


def test_a_gap_that_is_filled_later_is_read(ship: Ship, log: NumberedLog, until: Until) -> None:
    """Parts that a program writes in any order: each line once, also those before the read ones."""
    path = ship.folder / "app.jsonl"
    first, within, behind = log.lines(30), log.lines(30), log.lines(30)
    path.write_bytes(first + bytes(len(within)) + behind)
    with ship.following("app.jsonl") as counts:
        until(lambda: counts.stored == 60)
        with path.open("r+b") as file:
            file.seek(len(first))
            file.write(within)
        until(lambda: counts.stored == 90)
    assert ship.stored() == dict.fromkeys(log.ids(), 1)


def test_bytes_that_vanish_unread_are_reported(ship: Ship, log: NumberedLog) -> None:
    """A file that is cut before it was read, without a copy, is lost: the health says how much."""
    path = ship.folder / "a.jsonl"
    first, second = log.lines(5), log.lines(5)
    path.write_bytes(first)
    follower = tailer.Tailer([str(path)])
    follower.discover()
    follower.read()
    with path.open("ab") as file:
        file.write(second)
    follower.discover()
    path.write_bytes(log.line())
    assert follower.read() is None
    (lost,) = follower.lost(final=True)
    assert (lost.offset, lost.bytes) == (len(first), len(second))


def test_health_shows_what_was_counted_and_what_waits(ship: Ship, log: NumberedLog) -> None:
    """The status file and the data stream show the counts of the run, in all and of each file."""
    (ship.folder / "a.jsonl").write_bytes(log.lines(8) + b"oops\n")
    (ship.folder / "b.jsonl").write_bytes(log.lines(3) + b'{"half')
    ship("*.jsonl")
    health = Health.from_json(ship.state.status.read_bytes())
    files = {file.path.rpartition("/")[2]: file for file in health.files}
    assert (health.counts.read, health.counts.stored, health.counts.rejected) == (12, 11, 1)
    assert (files["a.jsonl"].counts.stored, files["a.jsonl"].counts.rejected) == (8, 1)
    assert (files["b.jsonl"].counts.stored, files["b.jsonl"].lag_bytes) == (3, len(b'{"half'))
    assert files["a.jsonl"].lag_bytes == files["a.jsonl"].lag_seconds == 0
    assert files["b.jsonl"].lag_seconds > 0
    events = ship.documents("logs-mlmon.shipping", agent__id=health.shipper_id)
    events.sort(key=lambda event: int(event["event.id"].rpartition("-")[2]))
    of_b = [event for event in events if event.get("log.file.path", "").endswith("b.jsonl")]
    assert of_b[-1]["ingest.stored"] == 3
    totals = [event for event in events if "log.file.path" not in event]
    assert {"ingest.read": 12, "ingest.stored": 11, "ingest.refused": 1}.items() <= totals[
        -1
    ].items()
