"""Reports on a schedule: what is due, what a failure leaves, and what cannot stop the cycles."""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlmon.analyzers.base.window import DAY, HOUR, iso
from mlmon.analyzers.report_settings import ReportsSettings
from mlmon.analyzers.run.cycle.runner import Runner
from mlmon.analyzers.run.cycle.side_command import SideCommand
from mlmon.analyzers.run.cycle.state import Bookmark, BookmarkStore
from mlmon.analyzers.sample.report_folder import ReportFolder, ReportRecord
from mlmon.analyzers.sample.scheduled import (
    RETRY,
    ScheduledReports,
    interpreter,
    is_due,
    line,
    run_library,
    scheduled_reports,
)
from mlmon.elastic.client.cluster import Cluster
from mlmon.elastic.errors import UserError

NOW = datetime(2026, 3, 9, 12, tzinfo=UTC)
RECORD = ReportRecord("evidently", "bids", "7", NOW - 7 * DAY, NOW, NOW, 40)
# What stands for mlmon in an environment: it writes its report, fails, or takes too long.
WRITES = "import sys; open(sys.argv[sys.argv.index('--out') + 1], 'w').write('<p>report')"
FAILS = "import sys; sys.exit('mlmon: Evidently cannot compare this sample: no rows')"
HANGS = "import time; time.sleep(600)"


@pytest.mark.parametrize(
    ("age", "error", "due"),
    [
        (timedelta(hours=23), "", False),
        (DAY, "", True),
        (timedelta(hours=5), "failed", False),
        (RETRY, "failed", True),
    ],
)
def test_a_report_is_due_by_its_last_attempt(age: timedelta, error: str, *, due: bool) -> None:
    """A written one after its interval, a failed one after six hours, one without any at once."""
    assert is_due(replace(RECORD, made=NOW - age, error=error), NOW, DAY) is due
    assert is_due(None, NOW, DAY)


def test_records_are_kept_and_the_oldest_go_with_their_files(tmp_path: Path) -> None:
    """Each schedule keeps its own newest; what is no record is passed over."""
    folder = ReportFolder(tmp_path)
    (tmp_path / "other.json").write_text('{"library": 3}')
    for hours in range(4):
        made = replace(RECORD, made=NOW + hours * HOUR)
        made = replace(made, files=(f"{made.stem}.html",))
        (tmp_path / made.files[0]).write_text(f"{hours}")
        folder.keep(made, 2)
    folder.keep(replace(RECORD, version="8", error="x"), 2)
    found = folder.records()
    assert [record.made - NOW for record in found] == [3 * HOUR, 2 * HOUR, 0 * HOUR]
    assert found[2].version == "8"
    assert len(list(tmp_path.glob("*.html"))) == 2
    assert folder.page(found[0].files[0]) == b"3"
    assert folder.page("other.json") is None
    assert folder.page("../test.html") is None


def test_names_of_files_hold_no_path(tmp_path: Path) -> None:
    """A model's name from the logs cannot lead out of the folder."""
    record = replace(RECORD, model="../../etc/x", version="..")
    assert record.stem == "evidently-etc_x-_-20260309T120000"
    ReportFolder(tmp_path).keep(record, 1)
    assert ReportFolder(tmp_path).records() == [record]


@pytest.fixture
def environment(tmp_path: Path) -> Callable[[str], Path]:
    """Makes an environment whose mlmon is a program of one line."""

    def make(program: str) -> Path:
        folder = tmp_path / "environment"
        (folder / "bin").mkdir(parents=True, exist_ok=True)
        python = folder / "bin" / "python"
        # `python -m mlmon …` runs the program with the same words.
        python.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{program}" "$@"\n')
        python.chmod(0o755)
        return folder

    return make


@pytest.fixture
def scheduled(
    cluster: Cluster, namespace: str, ship: Callable[..., None], tmp_path: Path
) -> Callable[..., ScheduledReports]:
    """Makes the reports of 40 predictions of version 7, and 3 of version 8."""
    ship(
        {
            "@timestamp": iso(NOW - (number + 1) * HOUR),
            "event.dataset": "ml.prediction",
            "event.ingested": iso(NOW),
            "service.name": "api",
            "ml.model.name": "bids",
            "ml.model.version": "7" if number < 40 else "8",
            "ml.prediction.id": f"p-{number}",
            "ml.prediction.score": 0.5,
            "ml.features.numeric.price": float(number),
        }
        for number in range(43)
    )
    for version in ("7", "8"):
        folder = tmp_path / "models" / version
        folder.mkdir(parents=True)
        pq.write_table(pa.table({"price": [1.0, 2.0]}), folder / "training_set.parquet")

    def make(**known: object) -> ScheduledReports:
        settings = ReportsSettings.load(**{"models": tmp_path / "models", **known})
        return scheduled_reports(cluster, namespace, settings, tmp_path / "reports")

    return make


def test_each_version_gets_its_report(
    scheduled: Callable[..., ScheduledReports], environment: Callable[[str], Path]
) -> None:
    """One file per version that has predictions enough; nothing is due again at once."""
    reports = scheduled(evidently=environment(WRITES))
    written, small = sorted(reports.write(NOW), key=lambda record: record.version)
    assert (written.rows, written.error) == (40, "")
    assert written.files == (f"{written.stem}.html",)
    assert reports.folder.page(written.files[0]) == b"<p>report"
    assert line(written) == f"evidently of bids 7: {written.files[0]} (40 predictions)"
    assert line(small) == "evidently of bids 8 failed: 3 predictions; 30 are needed"
    assert list(reports.write(NOW + HOUR)) == []
    assert len(list(reports.write(NOW + HOUR, regardless=True))) == 2


@pytest.mark.parametrize(
    ("program", "error"),
    [
        (FAILS, "Evidently cannot compare this sample: no rows"),
        (HANGS, "stopped after 1 s"),
        (None, "its environment cannot be used"),
    ],
)
def test_a_failure_is_kept_with_its_reason(
    scheduled: Callable[..., ScheduledReports],
    environment: Callable[[str], Path],
    tmp_path: Path,
    program: str | None,
    error: str,
) -> None:
    """A library that fails, takes too long or is not installed leaves its reason and no file."""
    folder = environment(program) if program else tmp_path / "gone"
    record = next(iter(scheduled(nannyml=folder, timeout="1s").write(NOW)))
    assert record.error.startswith(error)
    assert record.files == ()


def test_a_model_without_training_set_is_reported(
    scheduled: Callable[..., ScheduledReports],
    environment: Callable[[str], Path],
    tmp_path: Path,
) -> None:
    """Which version lacks one, and where it was looked for, is the reason."""
    (tmp_path / "models" / "7" / "training_set.parquet").unlink()
    record = next(iter(scheduled(whylogs=environment(WRITES)).write(NOW)))
    assert (record.version, record.error) == (
        "7",
        f"there is no training set of it in {tmp_path / 'models'}",
    )


def test_without_settings_there_is_nothing_to_write(cluster: Cluster, tmp_path: Path) -> None:
    """The message names the table and the page."""
    with pytest.raises(UserError, match="No reports are set") as caught:
        scheduled_reports(cluster, "n", ReportsSettings.load(), tmp_path)
    assert "[reports]" in caught.value.hint


def test_a_library_gets_no_settings(
    environment: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither variables with credentials nor the folder of `mlmon.toml` reach it."""
    monkeypatch.setenv("MLMON_ELASTICSEARCH_API_KEY", "secret")
    monkeypatch.chdir(tmp_path)
    program = (
        "import os,json,sys; known=[n for n in os.environ if n.startswith('MLMON_')]; "
        "open(sys.argv[-1],'w').write(json.dumps([known, os.getcwd()]))"
    )
    out = tmp_path / "seen.json"
    assert run_library(interpreter(environment(program)), [str(out)], HOUR) == ""
    known, folder = json.loads(out.read_text())
    assert known == []
    assert Path(folder) != tmp_path


def polled(command: SideCommand, seconds: float = 30) -> list[str]:
    """Poll until the command has ended; return what it printed."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := list(command.poll()):
            return found
        # Nothing tells the poller that its child has ended.
        Event().wait(0.05)
    raise TimeoutError


def test_a_command_beside_the_cycles_is_reported_and_starts_again() -> None:
    """What it prints arrives once it ended; it starts again after its interval, not before."""
    now = NOW
    command = SideCommand(("docs", "report"), HOUR, lambda: now)
    assert list(command.poll()) == []
    assert "# Report, serve and terminal" in polled(command)
    assert list(command.poll()) == []
    now += HOUR
    assert list(command.poll()) == []
    assert polled(command)


def test_a_command_that_takes_too_long_is_stopped() -> None:
    """After an interval it is ended, and the line says so; stopping twice is no error."""
    now = NOW
    command = SideCommand(("run", "--every", "1h"), HOUR, lambda: now)
    list(command.poll())
    process = command._process
    assert process is not None
    now += HOUR
    assert "stopped after 1 h" in next(iter(command.poll()))
    assert process.returncode is not None
    command.stop()


def test_no_cycle_waits_for_it(cluster: Cluster, namespace: str) -> None:
    """Cycles go on while it runs, and it is ended with them."""
    lines: list[str] = []
    stopping, start = Event(), datetime.now(UTC)
    # After a cycle of just now, the first one need not wait for lines.
    BookmarkStore(cluster, namespace).write(Bookmark(start, start, start), start)

    def report(text: str) -> None:
        lines.append(text)
        if sum("judged to" in known for known in lines) == 2:
            stopping.set()

    side = SideCommand(("run", "--every", "1h"), HOUR, lambda: datetime.now(UTC))
    runner = Runner(
        cluster, namespace, "test", lambda: datetime.now(UTC), report=report, side_command=side
    )
    runner.until(stopping, timedelta(seconds=1))
    assert sum("judged to" in known for known in lines) == 2
    assert side._process is None
