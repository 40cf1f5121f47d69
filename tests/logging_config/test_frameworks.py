"""The documented set-up in the worker processes of gunicorn and Celery, which really run."""

import json
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from tests.support.loopback import free_port

pytestmark = pytest.mark.long

DOCS = Path(__file__).parents[2] / "docs" / "logging.md"
DEADLINE_S = 60.0


def write_module(folder: Path, title: str) -> None:
    """Write a documented example as the module `service`."""
    found = re.search(rf"```python title={title}\n(.*?)```", DOCS.read_text(), re.DOTALL)
    assert found
    (folder / "service.py").write_text(found[1])
    (folder / "logs").mkdir()


def read(path: Path) -> list[dict[str, Any]]:
    """The events written so far."""
    lines = path.read_bytes().splitlines() if path.exists() else []
    return [json.loads(line) for line in lines]


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, "the condition never held"
        Event().wait(0.05)


@pytest.mark.skipif(find_spec("gunicorn") is None, reason="gunicorn is not installed")
@pytest.mark.parametrize(
    "options", [[], ["--preload"], ["-k", "gevent"], ["-k", "gevent", "--preload"]]
)
def test_gunicorn(tmp_path: Path, options: list[str]) -> None:
    """Every request of two prefork workers is in the log when the server has ended.

    With gevent's workers, too, which replace threads by greenlets after the log was configured.
    """
    write_module(tmp_path, "gunicorn")
    port = free_port()
    command = [
        sys.executable, "-m", "gunicorn", "service:app", "--workers", "2", "--no-control-socket",
        "--bind", f"127.0.0.1:{port}", *options,
    ]  # fmt: skip
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stderr is not None
            booted = 0
            while booted < 2:
                line = server.stderr.readline()
                assert line, "gunicorn ended"
                booted += "Booting worker" in line
            for _ in range(20):
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30) as answer:
                    assert answer.read() == b"ok"
        finally:
            server.terminate()
            server.communicate(timeout=DEADLINE_S)
    events = [event for event in read(tmp_path / "logs/shop.jsonl") if event["message"] == "served"]
    assert len({event["event.id"] for event in events}) == len(events) == 20


@pytest.mark.skipif(find_spec("celery") is None, reason="celery is not installed")
def test_celery(tmp_path: Path) -> None:
    """Every task of the prefork pool is two events, in a process of the pool."""
    write_module(tmp_path, "celery")
    (tmp_path / "queue").mkdir()
    send = "from service import refresh\nfor number in range(6): refresh.delay(number)"
    subprocess.run([sys.executable, "-c", send], cwd=tmp_path, check=True, timeout=DEADLINE_S)
    command = [
        sys.executable, "-m", "celery", "-A", "service", "worker", "--concurrency", "2",
        "--pool", "prefork",
    ]  # fmt: skip
    log = tmp_path / "logs/worker.jsonl"

    def runs() -> list[dict[str, Any]]:
        return [event for event in read(log) if event["event.dataset"] == "ml.job"]

    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as worker:
        try:
            wait_for(lambda: len(runs()) >= 12)
        finally:
            worker.terminate()
            worker.wait(DEADLINE_S)
    assert [event.get("event.outcome") for event in runs()].count("success") == 6
    assert len({event["ml.job.run_id"] for event in runs()}) == 6
    main = {event["process.entity_id"] for event in read(log) if "ready" in event["message"]}
    assert not main & {event["process.entity_id"] for event in runs()}
