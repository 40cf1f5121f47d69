"""Programs that close descriptors, change their directory or turn threads into greenlets."""

import json
import subprocess
import sys
import textwrap
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

DEADLINE_S = 60.0


def run(script: str, *arguments: object, folder: Path | None = None) -> str:
    """Run a Python process to its end; return what it printed."""
    command = [sys.executable, "-c", textwrap.dedent(script), *map(str, arguments)]
    ended = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=DEADLINE_S, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def read(path: Path) -> list[dict[str, Any]]:
    """The events of a file."""
    return [json.loads(line) for line in path.read_bytes().splitlines()]


OPENED = """
    import os, sys, time
    from pathlib import Path
    from mlmon.logging_config import Rotation, Service, configure, open_log
    from mlmon.logging_config.sinks.file_sink import FileSink
    path, way = Path(sys.argv[1]), sys.argv[2]
    service = Service("host", "1", "production")
    if way == "queue":
        log = configure(service, path)
    elif way == "rotation":
        log = open_log(service, sink=FileSink(path, Rotation(max_bytes=10**6)))
    else:
        log = open_log(service, path=path)
    def write(number):
        log.app("info", "m", {"number": number})
        assert log.flush()
"""


@pytest.mark.parametrize("way", ["queue", "direct", "rotation"])
def test_closed_descriptors_are_opened_again(tmp_path: Path, way: str) -> None:
    """After the program closed all descriptors, no event is lost, whenever it is logged."""
    script = f"""{OPENED}
    write(0)
    os.closerange(3, 64)
    write(1)
    time.sleep(0.15)
    write(2)
    os.closerange(3, 64)
    log.close()
    """
    path = tmp_path / "log.jsonl"
    run(script, path, way)
    assert [event["labels"]["number"] for event in read(path)] == [0, 1, 2]


@pytest.mark.parametrize("way", ["queue", "direct", "rotation"])
@pytest.mark.parametrize("pause_s", [0, 0.15])
def test_a_descriptor_of_the_program_is_left_alone(
    tmp_path: Path, way: str, pause_s: float
) -> None:
    """A file the program opened under the log's old number is neither written to nor closed."""
    script = f"""{OPENED}
    write(0)
    os.closerange(3, 64)
    host = open(sys.argv[3], "wb", buffering=0)
    time.sleep({pause_s})
    write(1)
    write(2)
    host.write(b"HOST")
    log.close()
    host.write(b" DATA")
    host.close()
    """
    path, host = tmp_path / "log.jsonl", tmp_path / "host.db"
    run(script, path, way, host)
    assert host.read_bytes() == b"HOST DATA"
    assert [event["labels"]["number"] for event in read(path)] == [0, 1, 2]


@pytest.mark.parametrize("way", ["queue", "direct", "rotation"])
def test_a_relative_path_stays_where_it_was_opened(tmp_path: Path, way: str) -> None:
    """A program that changes its directory writes on in the same file, also a rotated one."""
    (tmp_path / "other").mkdir()
    script = f"""{OPENED}
    write(0)
    os.chdir("other")
    time.sleep(0.15)
    write(1)
    log.close()
    write(2)
    """
    run(script, "logs/log.jsonl", way, folder=tmp_path)
    assert list((tmp_path / "other").iterdir()) == []
    events = read(tmp_path / "logs/log.jsonl")
    assert [event["labels"]["number"] for event in events] == [0, 1, 2]


GREENLETS = """
    import sys, time
    from pathlib import Path
    from mlmon.logging_config import Service, configure
    path, order = Path(sys.argv[1]), sys.argv[2]
    def patch():
        from gevent import monkey
        monkey.patch_all()
    if order == "before configure":
        patch()
    log = configure(Service("greenlets", "1", "production"), path)
    if order == "after the writer started":
        log.app("info", "m", {"number": 0})
        time.sleep(0.05)
    if order != "before configure":
        patch()
    import gevent
    def work(first):
        for number in range(first, first + 50):
            log.app("info", "m", {"number": number})
            gevent.sleep(0.001)
    gevent.joinall([gevent.spawn(work, 1000 * task) for task in range(1, 5)], raise_error=True)
    assert log.flush()
    print(sum(b'"message":"m"' in line for line in path.open("rb")))
    log.app("info", "m", {"number": 1})
    log.close()
"""


@pytest.mark.skipif(find_spec("gevent") is None, reason="gevent is not installed")
@pytest.mark.parametrize(
    ("order", "more"),
    [("before configure", 0), ("after configure", 0), ("after the writer started", 1)],
)
def test_greenlets_are_not_blocked(tmp_path: Path, order: str, more: int) -> None:
    """Greenlets go on while they log, whenever gevent replaced threads, and no event is lost."""
    path = tmp_path / "log.jsonl"
    assert int(run(GREENLETS, path, order)) == 200 + more
    numbers = [event["labels"]["number"] for event in read(path) if event["message"] == "m"]
    assert len(set(numbers)) == len(numbers) == 201 + more
