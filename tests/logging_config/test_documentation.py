"""The documentation is current, and its snippets run."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlmon.logging_config import EventLog
from mlmon.logging_config.errors import ConfigurationError
from mlmon.logging_config.schema.fields import DATASETS, OWN, PURPOSES, Field

DOCS = Path(__file__).parents[2] / "docs"
SNIPPET = re.compile(r"```python title=(\w+)\n(.*?)```", re.DOTALL)
SNIPPETS = dict(SNIPPET.findall((DOCS / "logging.md").read_text()))

# Run by test_frameworks.py.
SERVED = {"gunicorn", "celery"}

# What a reader would do next, to see the snippet's log.
USES = {
    "script": "",
    "fastapi": "from fastapi.testclient import TestClient\nTestClient(app).get('/x')",
    "scheduler": "schedule.run_all()",
    "apscheduler": (
        "import datetime, threading; done = threading.Event()\n"
        "scheduler.add_listener(lambda _: done.set(), 1 << 12); scheduler.start()\n"
        "scheduler.modify_job('refresh', next_run_time=datetime.datetime.now(datetime.UTC))\n"
        "assert done.wait(30); scheduler.shutdown()"
    ),
    "dictconfig": "logging.getLogger('a').info('hello')",
    "queue": "logging.getLogger('a').info('hello')\nlistener.stop()",
    "events": "",
    "prometheus": (
        "from fastapi.testclient import TestClient\n"
        "assert 'ml_log_events_total' in TestClient(app).get('/metrics').text"
    ),
}
LINES = {
    "script": 1, "fastapi": 1, "scheduler": 2, "apscheduler": 2, "dictconfig": 1, "events": 2,
    "prometheus": 1, "queue": 1,
}  # fmt: skip


def test_every_snippet_is_tried() -> None:
    """No snippet is left out."""
    assert set(SNIPPETS) == set(USES) | SERVED
    assert set(USES) == set(LINES)


@pytest.mark.parametrize("title", USES)
def test_snippets_run(title: str, tmp_path: Path) -> None:
    """Each snippet works as it stands and leaves its events in the log."""
    (tmp_path / "logs").mkdir()
    subprocess.run(
        [sys.executable, "-c", f"{SNIPPETS[title]}\n{USES[title]}"],
        cwd=tmp_path, check=True, timeout=60,
    )  # fmt: skip
    (log,) = (tmp_path / "logs").iterdir()
    events = [json.loads(line) for line in log.read_bytes().splitlines()]
    # The test client of this version logs, and warns of its future.
    own = [event for event in events if event.get("log.logger") not in ("httpx", "py.warnings")]
    assert len(own) == LINES[title]


@pytest.mark.parametrize("title", ["script", "fastapi", "scheduler"])
def test_adoption_is_short(title: str) -> None:
    """A plain script, FastAPI and a scheduler each adopt the log in under ten lines."""
    assert len([line for line in SNIPPETS[title].splitlines() if line.strip()]) < 10


UNTITLED = re.compile(r"```python\n(log\..*?)```", re.DOTALL)
INLINE = re.compile(r"`(log\.\w+\(\".*?\))`")


def test_single_calls_run(log: EventLog, events: Callable[[], list[dict[str, Any]]]) -> None:
    """The calls that the pages show alone fit the log's methods."""
    calls = UNTITLED.findall((DOCS / "logging.md").read_text())
    calls += INLINE.findall((DOCS / "how-to" / "add-a-field.md").read_text())
    for call in calls:
        exec(call, {"log": log})  # noqa: S102 -- this repository's page
    assert [event["event.dataset"] for event in events()] == ["ml.store", "ml.app", "ml.app"]
    assert all("ml.log.changes" not in event for event in events())
    assert events()[1]["labels"] == {"rows": 3}
    assert events()[2]["ml.job.name"] == "refresh"


def test_datasets() -> None:
    """Each dataset has a purpose, no name twice, and no field that is another's object."""
    assert set(PURPOSES) == set(DATASETS) == set(OWN)
    for fields in DATASETS.values():
        names = [field.name for field in fields]
        assert len(names) == len(set(names))
        assert not any(other.startswith(f"{name}.") for name in names for other in names)


@pytest.mark.parametrize("wrong", [{"type": "float"}, {"level": "made up"}])
def test_a_wrong_field_is_refused(wrong: dict[str, str]) -> None:
    """A field of an unknown type or level is refused when the table is read."""
    with pytest.raises(ConfigurationError, match="Use one of"):
        Field(**({"name": "ml.x", "type": "long", "description": "X."} | wrong))  # type: ignore[arg-type]
