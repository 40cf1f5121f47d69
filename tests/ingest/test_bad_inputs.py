"""One bad input never stops the others, at the start or later; it is named once."""

import gzip
import json
import lzma
import os
import subprocess
import sys
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mlmon.elastic.errors import UserError
from mlmon.ingest.files import tailer
from mlmon.ingest.files.paths import check
from tests.ingest.test_commands import Mlmon
from tests.ingest.test_commands import environment as environment  # noqa: PLC0414 - a fixture
from tests.ingest.test_commands import mlmon as mlmon  # noqa: PLC0414 - a fixture
from tests.support.numbered_log import NumberedLog
from tests.support.shipping import Ship

TRACEBACK = b'Traceback (most recent call last):\n  File "a.py", line 1\nValueError: no\n'

BAD: dict[str, tuple[bytes, bytes]] = {
    "a checksum": (b"x.jsonl.sha256", b"0123abcd  x.jsonl\n"),
    "a checksum without newline": (b"y.jsonl.sha256", b"0123abcd  x.jsonl"),
    "compressed with xz": (b"x.jsonl.1.xz", lzma.compress(b'{"a":1}\n' * 100)),
    "compressed with zstd": (b"x.jsonl.1.zst", b"\x28\xb5\x2f\xfd" + bytes(200)),
    "an editor's swap file": (b"x.jsonl.swp", b"b0VIM 9.0" + os.urandom(4_000)),
    "an editor's backup": (b"x.jsonl~", b"a draft, no log\n"),
    "only a traceback": (b"x.jsonl", TRACEBACK),
    "a table": (b"x.jsonl.csv", b"a,b\n1,2\n"),
    "an image": (b"x.jsonl.png", b"\x89PNG\r\n\x1a\n\0\0\0"),
    "a name that is not UTF-8, and no log": (b"caf\xe9.jsonl", b"no log\n"),
}


def test_bad_files_at_the_start_stop_no_other(mlmon: Mlmon, ship: Ship, log: NumberedLog) -> None:
    """The others are stored, each bad one is named once on standard error, the exit code is 3."""
    logs = ship.folder / "logs"
    logs.mkdir()
    (logs / "a.jsonl").write_bytes(log.lines(5))
    (logs / "z.jsonl").write_bytes(log.lines(5))
    for name, content in BAD.values():
        Path(os.fsdecode(bytes(logs) + b"/" + name)).write_bytes(content)
    done = mlmon("ship", str(logs), "--json")
    assert done.returncode == 3
    counts = json.loads(done.stdout)
    assert (counts["stored"], counts["rejected"]) == (10, 0)
    for name in {name for name, _ in BAD.values()}:
        assert done.stderr.count(f"/{name.decode('utf-8', 'backslashreplace')} ") == 1
    assert "Traceback" not in done.stderr
    again = mlmon("ship", str(logs), "--json")
    assert (again.returncode, json.loads(again.stdout)["read"]) == (3, 0)


@pytest.mark.parametrize("kind", BAD)
def test_each_bad_file_alone_is_an_error(ship: Ship, kind: str) -> None:
    """Where nothing else is named, nothing was shipped, and the file is named with the reason."""
    name, content = BAD[kind]
    path = Path(os.fsdecode(bytes(ship.folder) + b"/" + name))
    path.write_bytes(content)
    with pytest.raises(UserError) as raised:
        ship(path.name)
    assert name.decode("utf-8", "backslashreplace") in raised.value.message


def test_bad_files_that_come_later_stop_no_other(
    ship: Ship, log: NumberedLog, until: Callable[[Callable[[], bool]], None]
) -> None:
    """A follower treats them as a start does: named in its status, the others are shipped."""
    logs = ship.folder / "logs"
    logs.mkdir()
    (logs / "a.jsonl").write_bytes(log.lines(2))
    with ship.following("logs") as counts:
        until(lambda: counts.decided == 2)
        for name, content in BAD.values():
            Path(os.fsdecode(bytes(logs) + b"/" + name)).write_bytes(content)
        (logs / "b.jsonl").write_bytes(log.lines(3))
        until(lambda: counts.decided == 5)
        names = {name.decode("utf-8", "backslashreplace") for name, _ in BAD.values()}
        until(lambda: names <= {Path(path).name for path in status(ship)["problems"]})
        assert counts.rejected == 0
    assert ship.stored() == dict.fromkeys(log.ids(), 1)


def status(ship: Ship) -> dict[str, dict[str, str]]:
    """Return the status file, empty problems where there is none yet."""
    try:
        value: dict[str, dict[str, str]] = json.loads(ship.state.status.read_bytes())
    except FileNotFoundError:
        return {"problems": {}}
    return value


def test_a_traceback_between_lines_is_kept_and_the_lines_are_stored(
    ship: Ship, log: NumberedLog
) -> None:
    """A log in which something else was printed is a log: what is no line lies in the letters."""
    (ship.folder / "a.jsonl").write_bytes(TRACEBACK + log.lines(3))
    (ship.folder / "b.jsonl").write_bytes(log.lines(3) + TRACEBACK)
    counts = ship("*.jsonl")
    assert (counts.stored, counts.rejected) == (6, 6)


def test_a_log_after_much_other_text_is_found(ship: Ship, log: NumberedLog) -> None:
    """More text than is looked at does not hide the lines behind it."""
    (ship.folder / "a.jsonl").write_bytes(b"noise\n" * 30_000 + log.lines(3))
    assert ship("a.jsonl").stored == 3


def test_a_file_that_becomes_a_log_is_shipped(
    ship: Ship, log: NumberedLog, until: Callable[[Callable[[], bool]], None]
) -> None:
    """A file that held a traceback alone is looked at again when it has grown."""
    path = ship.folder / "a.jsonl"
    path.write_bytes(TRACEBACK)
    with ship.following("*.jsonl") as counts:
        until(lambda: bool(status(ship)["problems"]))
        with path.open("ab") as file:
            file.write(log.lines(4))
        until(lambda: counts.decided == 7)
        assert (counts.stored, counts.rejected) == (4, 3)
        until(lambda: not status(ship)["problems"])


def test_a_name_that_is_not_utf8_is_shipped_and_known_again(
    mlmon: Mlmon, ship: Ship, log: NumberedLog
) -> None:
    """Its lines are stored once over two runs, its rejected line names the path, escaped."""
    path = Path(os.fsdecode(bytes(ship.folder) + b"/caf\xe9.jsonl"))
    path.write_bytes(log.lines(3) + b"no line\n")
    done = mlmon("ship", str(ship.folder / "*.jsonl"), "--json")
    assert (done.returncode, json.loads(done.stdout)["stored"]) == (3, 3)
    with path.open("ab") as file:
        file.write(log.lines(2))
    again = json.loads(mlmon("ship", str(ship.folder / "*.jsonl"), "--json").stdout)
    assert (again["read"], again["stored"]) == (2, 2)
    assert ship.stored() == dict.fromkeys(log.ids(), 1)
    letters = list((ship.folder / "home").rglob("dead-letters.jsonl"))
    assert "caf\\\\xe9.jsonl" in letters[0].read_text()


def test_a_named_path_that_is_missing_stops_no_other(
    mlmon: Mlmon, ship: Ship, log: NumberedLog
) -> None:
    """Of two paths the one that exists is shipped; the other is named, exit code 3."""
    (ship.folder / "a.jsonl").write_bytes(log.lines(3))
    done = mlmon("ship", str(ship.folder / "a.jsonl"), str(ship.folder / "gone.jsonl"), "--json")
    assert (done.returncode, json.loads(done.stdout)["stored"]) == (3, 3)
    assert "gone.jsonl does not exist" in done.stderr


def test_a_file_without_permission_stops_no_other(
    mlmon: Mlmon, ship: Ship, log: NumberedLog
) -> None:
    """A file that this user may not read is named; the others are shipped."""
    (ship.folder / "a.jsonl").write_bytes(log.lines(3))
    secret = ship.folder / "b.jsonl"
    secret.write_bytes(log.line())
    secret.chmod(0)
    if os.access(secret, os.R_OK):
        pytest.skip("this user may read every file")
    done = mlmon("ship", str(ship.folder / "*.jsonl"), "--json")
    assert (done.returncode, json.loads(done.stdout)["stored"]) == (3, 3)
    assert "b.jsonl cannot be read" in done.stderr


def test_links_that_lead_in_a_circle_are_not_followed(ship: Ship, log: NumberedLog) -> None:
    """`ln -s . loop` and a link to the parent: each file is read once, and the walk ends."""
    logs = ship.folder / "logs"
    (logs / "deep" / "er").mkdir(parents=True)
    (logs / "deep" / "er" / "a.jsonl").write_bytes(log.lines(3))
    (logs / "loop").symlink_to(".")
    (logs / "deep" / "other").symlink_to("../..")
    (logs / "deep" / "er" / "self").symlink_to("..")
    counts = ship("logs")
    assert (counts.read, counts.stored) == (3, 3)


@pytest.mark.parametrize("place", [".", "sub"])
def test_a_link_to_itself_hides_nothing(ship: Ship, log: NumberedLog, place: str) -> None:
    """What cannot be followed is one entry of its folder; its neighbours are shipped."""
    folder = ship.folder / "logs" / place
    folder.mkdir(parents=True)
    (folder / "self").symlink_to("self")
    (folder / "a.jsonl").write_bytes(log.lines(3))
    assert ship("logs").stored == 3


def test_a_folder_that_cannot_be_searched_is_named(
    ship: Ship, log: NumberedLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its files are unknown, so it is named; the others are shipped."""
    logs = ship.folder / "logs"
    (logs / "closed").mkdir(parents=True)
    (logs / "a.jsonl").write_bytes(log.lines(3))
    whole = os.scandir

    def refusing(path: str) -> object:
        if path.endswith("closed"):
            raise PermissionError(13, "Permission denied", path)
        return whole(path)

    monkeypatch.setattr(os, "scandir", refusing)
    problems = check([str(logs)], following=False)
    assert problems == {
        str(logs / "closed"): f"{logs}/closed cannot be searched: Permission denied"
    }


@pytest.mark.parametrize("way", ["folder", "pattern", "link"])
def test_a_shipper_never_reads_its_own_files(ship: Ship, log: NumberedLog, way: str) -> None:
    """With its state among the logs, a rejected line is rejected once, and a second run ends."""
    logs = ship.folder / "logs"
    logs.mkdir()
    (logs / "a.jsonl").write_bytes(log.lines(3) + b'{"x":1}\n')
    inside = replace(ship, state_name="logs/state")
    named = {"folder": "logs", "pattern": "logs/**/*.json*", "link": "logs"}[way]
    if way == "link":
        (logs / "other").symlink_to("state")
    for rejected in (1, 0):
        assert inside(named).rejected == rejected
    assert inside.state.dead_letters.read_bytes().count(b"\n") == 1


def test_the_rejected_lines_of_another_shipper_are_no_log(ship: Ship, log: NumberedLog) -> None:
    """Two shippers whose folders lie among the logs would reject each other's lines for ever."""
    logs = ship.folder / "logs"
    logs.mkdir()
    (logs / "a.jsonl").write_bytes(log.lines(3) + b'{"x":1}\n')
    first, second = (replace(ship, state_name=f"logs/{name}") for name in ("first", "second"))
    assert first("logs").rejected == 1
    assert second("logs", from_start=True).rejected == 1
    assert first("logs").rejected == 0
    problems = json.loads(first.state.status.read_text())["problems"]
    assert list(problems) == [str(second.state.dead_letters)]
    assert "retry-rejected" in problems[str(second.state.dead_letters)]


def test_a_link_to_another_folder_is_followed(ship: Ship, log: NumberedLog) -> None:
    """A folder of logs that lies elsewhere and is linked is read, once."""
    (ship.folder / "elsewhere").mkdir()
    (ship.folder / "elsewhere" / "a.jsonl").write_bytes(log.lines(3))
    (ship.folder / "logs").mkdir()
    (ship.folder / "logs" / "one").symlink_to("../elsewhere")
    (ship.folder / "logs" / "two").symlink_to("../elsewhere")
    assert ship("logs").stored == 3


@pytest.mark.parametrize("name", ["[1].jsonl", "a*.jsonl", "what?.jsonl"])
def test_a_path_with_the_characters_of_patterns_is_that_path(
    ship: Ship, log: NumberedLog, name: str
) -> None:
    """A file that exists is meant literally; so is a folder."""
    (ship.folder / name).write_bytes(log.lines(2))
    (ship.folder / "logs[0]").mkdir()
    (ship.folder / "logs[0]" / name).write_bytes(log.lines(2))
    assert ship(name).stored == 2
    assert ship("logs[0]").stored == 2


def test_a_damaged_gzip_file_is_named_and_stops_no_other(
    mlmon: Mlmon, ship: Ship, log: NumberedLog
) -> None:
    """What lies before the damage is stored, the file is named, the exit code is 3."""
    (ship.folder / "a.jsonl").write_bytes(log.lines(3))
    data = bytearray(gzip.compress(NumberedLog("other").lines(2_000)))
    data[len(data) // 2] ^= 0xFF
    (ship.folder / "b.jsonl.gz").write_bytes(data)
    done = mlmon("ship", str(ship.folder / "*.jsonl*"), "--json")
    assert done.returncode == 3
    assert "b.jsonl.gz cannot be read" in done.stderr
    assert ship.stored() == dict.fromkeys(log.ids(), 1)


@pytest.mark.parametrize("damage", ["checksum", "length", "within"])
@pytest.mark.parametrize("count", [1, 5])
def test_a_small_damaged_gzip_file_gives_its_lines(
    ship: Ship, log: NumberedLog, count: int, damage: str
) -> None:
    """What was decompressed before the damage is shipped, and the file is named."""
    whole = bytearray(gzip.compress(log.lines(count)))
    if damage == "within":
        whole += b"\x1f\x8b\x08 no member"
    else:
        whole[{"checksum": -8, "length": -4}[damage]] ^= 1
    path = ship.folder / "a.jsonl.gz"
    path.write_bytes(whole)
    assert ship("a.jsonl.gz").stored == count
    problems = json.loads(ship.state.status.read_text())["problems"]
    assert list(problems) == [str(path)]
    assert "cannot be read further" in problems[str(path)]


@pytest.mark.parametrize("kind", ["padding", "other bytes"])
def test_bytes_behind_gzip_data_hide_no_line(
    mlmon: Mlmon, ship: Ship, log: NumberedLog, kind: str
) -> None:
    """NULs are padding: exit code 0. Other bytes are named, as gzip warns of them: exit code 3."""
    behind = bytes(512) if kind == "padding" else b"uploaded by backup 7\n"
    (ship.folder / "a.jsonl.gz").write_bytes(gzip.compress(log.lines(3)) + behind)
    done = mlmon("ship", str(ship.folder / "*.jsonl*"), "--json")
    assert json.loads(done.stdout)["stored"] == 3
    if kind == "padding":
        assert (done.returncode, done.stderr) == (0, "")
    else:
        assert done.returncode == 3
        assert "a.jsonl.gz cannot be read further: the last 21 bytes are not gzip" in done.stderr


def test_a_gzip_file_that_was_cut_is_named(
    ship: Ship, log: NumberedLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Complete lines do not make a complete file: its end is missing, and nobody brings it."""
    monkeypatch.setattr(tailer, "SETTLING_S", 0.0)
    compressor = zlib.compressobj(wbits=31)
    cut = compressor.compress(log.lines(20)) + compressor.flush(zlib.Z_SYNC_FLUSH)
    path = ship.folder / "a.jsonl.gz"
    path.write_bytes(cut)
    assert ship("a.jsonl.gz").stored == 20
    problems = json.loads(ship.state.status.read_text())["problems"]
    assert problems == {str(path): "ends within its gzip data: the rest is missing"}


def test_more_files_than_may_be_open_are_all_shipped(
    environment: dict[str, str], ship: Ship, log: NumberedLog
) -> None:
    """With 64 descriptors and 300 files, files that are read are closed, and all is stored."""
    logs = ship.folder / "logs"
    logs.mkdir()
    for number in range(300):
        (logs / f"{number}.jsonl").write_bytes(log.lines(2))
    script = f"ulimit -n 64; exec {sys.executable} -m mlmon ship {logs} --json"
    done = subprocess.run(
        ["/bin/bash", "-c", script], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["stored"] == 600


def test_control_characters_of_a_file_name_reach_no_terminal(tmp_path: Path, mlmon: Mlmon) -> None:
    """A name with an escape sequence and a newline is printed escaped, on one line."""
    (tmp_path / "evil\u001b[31m\nname.jsonl").write_text("no log\n")
    done = mlmon("ship", str(tmp_path))
    printed = done.stdout + done.stderr
    assert "\x1b" not in printed
    assert r"evil\u001b[31m\nname.jsonl does not hold JSON lines" in printed
