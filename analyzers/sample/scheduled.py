"""Reports that are due: drawn here, written by each library in an environment of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pyarrow.parquet as pq

from mlmon.analyzers.base.window import HOUR, Window
from mlmon.analyzers.baselines.training_set import training_tables
from mlmon.analyzers.event_logs.aggregations import period_query
from mlmon.analyzers.sample.comparison import MIN_SAMPLE
from mlmon.analyzers.sample.draw import sample
from mlmon.analyzers.sample.report_folder import ReportFolder, ReportRecord
from mlmon.elastic.errors import UserError
from mlmon.elastic.indices.names import data_stream
from mlmon.elastic.system.folders import make_folder
from mlmon.formatting import count, duration, excerpt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime, timedelta

    from mlmon.analyzers.report_settings import ReportsSettings
    from mlmon.elastic.client.cluster import Cluster

RETRY: Final = 6 * HOUR
"""After a failure the next attempt is made no later than so long."""
_MOST_VERSIONS: Final = 20
_VARIABLES: Final = "MLMON_"


def is_due(last: ReportRecord | None, now: datetime, every: timedelta) -> bool:
    """Return whether a report is to be written, by the last attempt at it."""
    if last is None:
        return True
    return now - last.made >= (min(every, RETRY) if last.error else every)


def line(record: ReportRecord) -> str:
    """Return what became of an attempt, in one line."""
    about = f"{record.library} of {record.model} {record.version}"
    if record.error:
        return f"{about} failed: {record.error}"
    return f"{about}: {', '.join(record.files)} ({count(record.rows, 'prediction')})"


@dataclass(frozen=True, slots=True)
class ScheduledReports:
    """Writes the reports of one namespace.

    Args:
        cluster: Where the predictions are.
        namespace: Environment.
        settings: What is written, and where.
        folder: Where reports and records are kept.
    """

    cluster: Cluster
    namespace: str
    settings: ReportsSettings
    folder: ReportFolder

    def write(
        self,
        now: datetime,
        progress: Callable[[str], None] = lambda _doing: None,
        *,
        regardless: bool = False,
    ) -> Iterator[ReportRecord]:
        """Write the reports that are due, and yield what became of each.

        Args:
            now: When this is.
            progress: Called with what is being done.
            regardless: Whether to write also those that are not due.

        Raises:
            UserError: Elasticsearch does not answer, or the folder cannot be written.
        """
        last: dict[tuple[str, str, str], ReportRecord] = {}
        for record in self.folder.records():
            last.setdefault(record.about, record)
        period = Window(now - self.settings.period, now)
        for model, version in self._versions(period):
            due = [
                library
                for library in self.settings.environments
                if regardless
                or is_due(last.get((library, model, version)), now, self.settings.interval)
            ]
            if due:
                yield from self._reports(model, version, period, due, progress)

    def _versions(self, period: Window) -> list[tuple[str, str]]:
        """Return the models and versions that made predictions."""
        version = {"terms": {"field": "ml.model.version", "size": _MOST_VERSIONS}}
        body = {
            "size": 0,
            "query": period_query(period, {})["query"],
            "aggs": {
                "model": {
                    "terms": {"field": "ml.model.name", "size": _MOST_VERSIONS},
                    "aggs": {"version": version},
                }
            },
        }
        answer = self.cluster.search(data_stream("ml.prediction", self.namespace), body)
        models = answer.get("aggregations", {}).get("model", {}).get("buckets", [])
        return [
            (model["key"], found["key"])
            for model in models
            for found in model["version"]["buckets"]
        ]

    def _reports(
        self,
        model: str,
        version: str,
        period: Window,
        due: list[str],
        progress: Callable[[str], None],
    ) -> Iterator[ReportRecord]:
        """Draw one sample, and let each library compare it with the training set."""
        make_folder(self.folder.path)
        with tempfile.TemporaryDirectory(prefix="mlmon-reports-") as scratch:
            drawn, problem = Path(scratch) / "sample.parquet", ""
            chosen = {"ml.model.name": model, "ml.model.version": version}
            table = sample(
                self.cluster,
                self.namespace,
                period,
                self.settings.rows,
                model=chosen,
                progress=progress,
            )
            pq.write_table(table, drawn, compression="zstd")
            reference = self._training_set(model, version)
            if reference is None:
                problem = f"there is no training set of it in {self.settings.models}"
            elif table.num_rows < MIN_SAMPLE:
                problem = f"{count(table.num_rows, 'prediction')}; {MIN_SAMPLE} are needed"
            for library in due:
                progress(f"{library} of {model} {version}")
                record = ReportRecord(
                    library, model, version, period.start, period.end, period.end, table.num_rows
                )
                if reference is None or problem:
                    record = replace(record, error=problem)
                else:
                    record = self._report(record, drawn, reference)
                self.folder.keep(record, self.settings.keep)
                yield record

    def _training_set(self, model: str, version: str) -> Path | None:
        if self.settings.models is None:
            return None
        return next(
            (
                table
                for name, number, table in training_tables(self.settings.models)
                if (name or model, number) == (model, version)
            ),
            None,
        )

    def _report(self, record: ReportRecord, drawn: Path, reference: Path) -> ReportRecord:
        """Run a library in its environment; return the record with its files, or its error."""
        out = self.folder.path / f"{record.stem}.html"
        python = interpreter(self.settings.environments[record.library])
        words = [record.library, str(drawn), "--reference", str(reference), "--out", str(out)]
        error = run_library(python, words, self.settings.limit)
        files = tuple(sorted(path.name for path in self.folder.path.glob(f"{record.stem}*.html")))
        if error:
            for name in files:
                (self.folder.path / name).unlink(missing_ok=True)
            return replace(record, error=error)
        return replace(record, files=files)


def interpreter(environment: Path) -> Path:
    """Return the interpreter of a virtual environment; the path may name that itself."""
    path = environment.expanduser()
    return path if path.is_file() else path / "bin" / "python"


def run_library(python: Path, words: list[str], limit: timedelta) -> str:
    """Run a command of mlmon in another environment; return why it failed, empty if it did not.

    It gets none of mlmon's settings: neither the file nor variables, and with them no credentials.

    Args:
        python: The environment's interpreter.
        words: The command, with absolute paths.
        limit: Time after which it is stopped, with all processes that it started.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_VARIABLES)}
    with tempfile.TemporaryDirectory(prefix="mlmon-library-") as folder:
        try:
            process = subprocess.Popen(  # noqa: S603 - the environment of the settings
                [python, "-m", "mlmon", *words],
                cwd=folder,
                env=kept,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
        except OSError as error:
            return f"its environment cannot be used: {python}: {error.strerror}"
        with process:
            try:
                _, text = process.communicate(timeout=limit.total_seconds())
            except subprocess.TimeoutExpired:
                return f"stopped after {duration(limit)}"
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
    return "" if process.returncode == 0 else _reason(text, process.returncode)


def _reason(text: str, code: int) -> str:
    """Return the message of a command that failed: the line that mlmon wrote, else the last one."""
    lines = [found.strip() for found in text.splitlines() if found.strip()]
    own = [found.removeprefix("mlmon: ") for found in lines if found.startswith("mlmon")]
    return excerpt((own or lines or [""])[-1]) or f"it ended with exit code {code}"


def scheduled_reports(
    cluster: Cluster, namespace: str, settings: ReportsSettings, path: Path
) -> ScheduledReports:
    """Return what writes the reports that the settings ask for.

    Raises:
        UserError: They ask for none.
    """
    if not settings.wanted:
        raise UserError(
            "No reports are set",
            "Set models and an environment, such as evidently, under [reports] of mlmon.toml "
            "(`mlmon docs report`).",
        )
    return ScheduledReports(cluster, namespace, settings, ReportFolder(path))
