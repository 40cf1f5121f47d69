"""A known file that vanished before its end was seen is named once; what a rotation left is not."""

import gzip
import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mlmon.ingest.files import tailer
from mlmon.ingest.files.ended_files import ended, log_name
from mlmon.ingest.files.paths import FoundFile
from tests.ingest.test_commands import Mlmon
from tests.ingest.test_commands import environment as environment  # noqa: PLC0414 - a fixture
from tests.ingest.test_commands import mlmon as mlmon  # noqa: PLC0414 - a fixture
from tests.support.numbered_log import NumberedLog
from tests.support.shipping import Ship


def problems(ship: Ship) -> dict[str, str]:
    """Return the problems of the status file."""
    value: dict[str, str] = json.loads(ship.state.status.read_bytes())["problems"]
    return value


def make_old(path: Path, seconds: float) -> None:
    """Let a file be unchanged for so many seconds."""
    moment = time.time() - seconds
    os.utime(path, (moment, moment))


def move(path: Path) -> None:
    """Move a log into a folder that nobody ships, as logrotate's `olddir` does."""
    (path.parent.parent / "arch").mkdir(exist_ok=True)
    path.rename(path.parent.parent / "arch" / path.name)


def copy_and_truncate(path: Path) -> None:
    """Copy a log into another folder and empty it: its inode stays."""
    (path.parent.parent / "arch").mkdir(exist_ok=True)
    shutil.copyfile(path, path.parent.parent / "arch" / path.name)
    path.write_bytes(b"")


def compress_away(path: Path) -> None:
    """Compress a log into another folder."""
    (path.parent.parent / "arch").mkdir(exist_ok=True)
    (path.parent.parent / "arch" / "a.jsonl.gz").write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()


@pytest.fixture
def logs(ship: Ship) -> Path:
    """The folder of the logs."""
    folder = ship.folder / "d"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("vanish", [move, Path.unlink, copy_and_truncate, compress_away])
@pytest.mark.parametrize("again", [True, False])
def test_a_log_that_vanished_between_two_runs_is_named_once(
    ship: Ship, log: NumberedLog, logs: Path, vanish: Callable[[Path], None], *, again: bool
) -> None:
    """Whether it is begun again or not: nobody knows what was written last."""
    path, read = logs / "a.jsonl", log.lines(10)
    path.write_bytes(read)
    (logs / "b.jsonl").write_bytes(log.lines(1))
    assert ship("d/*.jsonl*").stored == 11
    inode = path.stat().st_ino
    with path.open("ab") as file:
        file.write(log.lines(5))
    vanish(path)
    if again:
        path.write_bytes(log.lines(5))
    assert ship("d/*.jsonl*").stored == 5 * again
    ((name, reason),) = problems(ship).items()
    assert name == f"{path} (inode {inode})"
    assert f"what was written behind byte {len(read):,} is not shipped" in reason
    assert ship("d/*.jsonl*").read == 0
    assert problems(ship) == {}


def test_the_command_names_it_and_exits_with_3(
    mlmon: Mlmon, ship: Ship, log: NumberedLog, logs: Path
) -> None:
    """On standard error, and after the file was shipped from its new place, every line is there."""
    path = logs / "a.jsonl"
    path.write_bytes(log.lines(10))
    pattern = str(logs / "*.jsonl*")
    assert mlmon("ship", pattern).returncode == 0
    with path.open("ab") as file:
        file.write(log.lines(5))
    move(path)
    path.write_bytes(log.lines(5))
    done = mlmon("ship", pattern, "--json")
    assert (done.returncode, json.loads(done.stdout)["stored"]) == (3, 5)
    assert done.stderr.count("was moved away or deleted before its end was seen") == 1
    assert mlmon("ship", pattern).returncode == 0
    done = mlmon("ship", str(ship.folder / "arch"), "--json")
    assert (done.returncode, json.loads(done.stdout)["stored"]) == (0, 5)
    assert ship.stored() == dict.fromkeys(log.ids(), 1)


def rename(path: Path) -> None:
    """Rotate by renaming, within the folder."""
    path.rename(path.with_name("a.jsonl.1"))


def compress(path: Path) -> None:
    """Rotate by compressing, within the folder."""
    path.with_name("a.jsonl.1.gz").write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()


def copy_beside(path: Path) -> None:
    """Rotate by copying and truncating, within the folder."""
    shutil.copyfile(path, path.with_name("a.jsonl.1"))
    path.write_bytes(b"")


@pytest.mark.parametrize("rotate", [rename, compress, copy_beside])
@pytest.mark.parametrize("pattern", ["d/*.jsonl*", "d/a.jsonl"])
def test_a_log_that_was_rotated_beside_is_found_not_named(
    ship: Ship, log: NumberedLog, logs: Path, rotate: Callable[[Path], None], pattern: str
) -> None:
    """Also where the pattern names the live file alone."""
    path = logs / "a.jsonl"
    path.write_bytes(log.lines(10))
    ship(pattern)
    with path.open("ab") as file:
        file.write(log.lines(5))
    rotate(path)
    path.write_bytes(log.lines(5))
    make_old(next(found for found in logs.iterdir() if found != path), 60)
    assert (ship(pattern).stored, problems(ship)) == (10, {})
    assert ship.stored() == dict.fromkeys(log.ids(), 1)


def test_what_a_rotation_left_may_be_deleted(ship: Ship, log: NumberedLog, logs: Path) -> None:
    """Not missed: an older file of a log, one unchanged for an hour, one that is not asked for."""
    old, idle, other = logs / "a.jsonl.2", logs / "once.jsonl", logs / "other.json"
    for path, seconds in ((old, 60), (idle, 4_000), (logs / "a.jsonl", 0), (other, 0)):
        path.write_bytes(log.lines(2))
        make_old(path, seconds)
    assert ship("d/*.jsonl*", "d/other.json").stored == 8
    for path in (old, idle, other):
        path.unlink()
    assert (ship("d/*.jsonl*").read, problems(ship)) == (0, {})


def test_a_file_that_comes_back_is_read_on(ship: Ship, log: NumberedLog, logs: Path) -> None:
    """What was named as missing is still known: only its unread lines are read."""
    path = logs / "a.jsonl"
    path.write_bytes(log.lines(10))
    (logs / "b.jsonl").write_bytes(log.lines(1))
    ship("d/*.jsonl*")
    with path.open("ab") as file:
        file.write(log.lines(5))
    move(path)
    ship("d/*.jsonl*")
    assert problems(ship)
    (ship.folder / "arch" / "a.jsonl").rename(logs / "a.jsonl.1")
    assert (ship("d/*.jsonl*").read, problems(ship)) == (5, {})
    assert ship.stored() == dict.fromkeys(log.ids(), 1)


def test_a_follower_names_it_after_a_search(
    ship: Ship,
    log: NumberedLog,
    logs: Path,
    until: Callable[[Callable[[], bool]], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A follower that was stopped when the log was moved says so in its status."""
    monkeypatch.setattr(tailer, "SEARCH_S", 0.2)
    path = logs / "a.jsonl"
    path.write_bytes(log.lines(10))
    with ship.following("d/*.jsonl*") as counts:
        until(lambda: counts.decided == 10)
    move(path)
    path.write_bytes(log.lines(5))
    with ship.following("d/*.jsonl*") as counts:
        until(lambda: counts.decided == 5)
        until(lambda: bool(problems(ship)))
    assert "before its end was seen" in "".join(problems(ship).values())


def test_files_that_an_earlier_version_knew_are_not_named(
    ship: Ship, log: NumberedLog, logs: Path
) -> None:
    """Its checkpoint does not say which of the files that went away had ended."""
    path = logs / "a.jsonl"
    path.write_bytes(log.lines(10))
    (logs / "b.jsonl").write_bytes(log.lines(1))
    ship("d/*.jsonl*")
    (checkpoint,) = ship.state.folder.glob("checkpoint-*")
    value = json.loads(checkpoint.read_bytes())
    for record in value["files"]:
        del record["ended"]
    checkpoint.write_text(json.dumps(value))
    path.unlink()
    assert (ship("d/*.jsonl*").read, problems(ship)) == (0, {})


@pytest.mark.parametrize(
    "name",
    [
        "app.jsonl",
        "app.jsonl.1",
        "app.jsonl.12.gz",
        "app.jsonl-20260301",
        "app.jsonl-2026-03-01.gz",
        "app-20260301.jsonl",
        "app.1.jsonl",
        "app.20260301T101112.123456Z.jsonl",
    ],
)
def test_the_parts_of_a_log_have_its_name(name: str) -> None:
    """For all that a rotation puts into the name: numbers, dates, times and separators."""
    assert log_name(f"/var/log/{name}") == ("/var/log", "app.jsonl")


@pytest.mark.parametrize("name", ["app.worker.jsonl", "apps.jsonl", "app.json"])
def test_another_log_has_another_name(name: str) -> None:
    """A name that differs by letters is another log's."""
    assert log_name(f"/var/log/{name}") != ("/var/log", "app.jsonl")


def test_a_file_ends_when_a_newer_part_of_its_log_is_written() -> None:
    """After 30 seconds without a change; the newest part only after an hour."""

    def found(name: str, age_s: float) -> FoundFile:
        return FoundFile(f"/l/{name}", (1, len(name)), 9, int((10_000 - age_s) * 1e9))

    newest, older, fresh, other, idle = files = [
        found("a.jsonl", 10),
        found("a.jsonl.1", 31),
        found("a.jsonl.11", 29),
        found("another.jsonl", 3_599),
        found("one-more.jsonl", 3_601),
    ]
    assert ended(files, 10_000.0) == {older.identity, idle.identity}
    assert not {newest.identity, fresh.identity, other.identity} & ended(files, 10_000.0)
