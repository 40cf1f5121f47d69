"""`mlmon sample`, and reports on samples by Evidently, NannyML and whylogs."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mlmon.elastic.command_options import (
    JsonOption,
    Namespace,
    OptionalSince,
    OptionalUntil,
)
from mlmon.elastic.exit_codes import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlmon.analyzers.sample.comparison import SampleComparison
    from mlmon.elastic.client.cluster import Cluster

app = typer.Typer()
reports = typer.Typer(
    help="Write reports of other libraries on a schedule, and list them.", no_args_is_help=True
)
app.add_typer(reports, name="reports")

Sample = Annotated[Path, typer.Argument(exists=True, help="File that `mlmon sample` wrote.")]
TrainingSetOption = Annotated[
    Path, typer.Option(exists=True, help="Training set of the model: a Parquet file or its folder.")
]


@app.command()
def sample(  # noqa: PLR0917 - its options
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write.")] = Path(
        "sample.parquet"
    ),
    window: Annotated[
        str | None,
        typer.Option(help="Period in one word: 7d, 14d/7d, or 2026-11-01/2026-11-08."),
    ] = None,
    since: OptionalSince = None,
    until: OptionalUntil = None,
    rows: Annotated[
        int, typer.Option(min=1, max=1_000_000, help="Maximum number of predictions.")
    ] = 10_000,
    model: Annotated[str | None, typer.Option(help="Sample this model only.")] = None,
    model_version: Annotated[str | None, typer.Option(help="Sample this version only.")] = None,
    namespace: Namespace = None,
    as_json: JsonOption = False,
) -> None:
    """Write a sample of predictions with features, scores and outcomes to a Parquet file.

    The same predictions give the same sample again. [default period: the last 7 days]
    """
    from datetime import UTC, datetime

    import pyarrow.parquet as pq

    from mlmon.analyzers.base.time_argument import window_argument
    from mlmon.analyzers.sample.draw import sample as draw
    from mlmon.elastic.connect import connect
    from mlmon.elastic.errors import UserError, WrongValueError
    from mlmon.elastic.settings import load_settings
    from mlmon.elastic.system.atomic_write import atomic_write, check_output_file
    from mlmon.elastic.system.progress import show_progress

    check_output_file(out)
    settings, now = load_settings(namespace=namespace), datetime.now(UTC)
    if window and (since or until):
        raise WrongValueError("The period is given twice", "Give --window, or --since and --until.")
    period = window_argument(window or f"{since or '7d'}/{until or 'now'}", now)
    wanted = {"ml.model.name": model, "ml.model.version": model_version}
    narrowed = {name: value for name, value in wanted.items() if value is not None}
    with connect(settings) as cluster, show_progress() as progress:
        table = draw(cluster, settings.namespace, period, rows, model=narrowed, progress=progress)
        if table.num_rows == 0:
            _check_known(cluster, settings.namespace, narrowed)
    if table.num_rows == 0:
        raise UserError(
            f"Namespace {settings.namespace} holds no such predictions",
            "Choose another period or another model.",
        )
    with atomic_write(out, hint="Choose another file with --out.") as part:
        pq.write_table(table, part, compression="zstd")
    labeled = table.num_rows - table.column("ml.outcome.label").null_count
    if as_json:
        answer = {"path": str(out.absolute()), "rows": table.num_rows, "labeled": labeled}
        print(json.dumps(answer))
        return
    print(f"{out.absolute()}: {table.num_rows:,} predictions, {labeled:,} with their outcome")


def _check_known(cluster: "Cluster", namespace: str, model: dict[str, str]) -> None:
    """Refuse a model's name or version that no prediction of any time has."""
    from mlmon.elastic.client.stored_values import stored_values
    from mlmon.elastic.errors import WrongValueError
    from mlmon.elastic.indices.names import data_stream

    for field, value in model.items():
        known = stored_values(cluster, data_stream("ml.prediction", namespace), field)
        if known and value not in known:
            raise WrongValueError(
                f"No prediction of namespace {namespace} has {field} {value!r}",
                f"There are: {', '.join(known)}.",
            )


@app.command()
def evidently(
    sample_file: Sample,
    reference: TrainingSetOption,
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write.")] = Path(
        "evidently.html"
    ),
    as_json: JsonOption = False,
) -> None:
    """Compare a sample with the training set in Evidently's HTML report (extra `evidently`).

    Where outcomes are known, a second report shows the performance.
    """
    from mlmon.analyzers.sample.evidently_report import write_report

    _compare(sample_file, reference, out, write_report, as_json=as_json)


@app.command()
def nannyml(
    sample_file: Sample,
    reference: TrainingSetOption,
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write.")] = Path("nannyml.html"),
    as_json: JsonOption = False,
) -> None:
    """Compare a sample with the training set in NannyML's figures (extra `nannyml`)."""
    from mlmon.analyzers.sample.nannyml_report import write_report

    _compare(sample_file, reference, out, write_report, as_json=as_json)


def _compare(
    sample_file: Path,
    reference: Path,
    out: Path,
    write_report: "Callable[[SampleComparison, Path], list[Path]]",
    *,
    as_json: bool,
) -> None:
    """Write a library's report of a sample and its training set, and print where."""
    from mlmon.analyzers.sample import comparison
    from mlmon.elastic.system.atomic_write import check_output_file

    check_output_file(out)
    compared = comparison.read(sample_file, reference)
    _report(compared.left_out, *write_report(compared, out), as_json=as_json)


@app.command()
def whylogs(
    sample_file: Sample,
    reference: TrainingSetOption,
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write.")] = Path("whylogs.html"),
    as_json: JsonOption = False,
) -> None:
    """Compare a sample with the training set by whylogs' drift scores (extra `whylogs`)."""
    from mlmon.analyzers.sample.whylogs_report import write_report

    _compare(sample_file, reference, out, write_report, as_json=as_json)


@reports.command()
def write(
    regardless: Annotated[
        bool, typer.Option("--all", help="Write also those that are not due.")
    ] = False,
    namespace: Namespace = None,
    as_json: JsonOption = False,
) -> None:
    """Write the reports under [reports] of mlmon.toml that are due, as `mlmon run` does hourly."""
    import signal
    from datetime import UTC, datetime

    from mlmon.analyzers.report_settings import ReportsSettings
    from mlmon.analyzers.sample.scheduled import line, scheduled_reports
    from mlmon.elastic.connect import connect
    from mlmon.elastic.settings import load_settings
    from mlmon.elastic.system.progress import show_progress

    # Whoever stops this command stops the library that it waits for.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    settings, wanted = load_settings(namespace=namespace), ReportsSettings.load()
    folder, failed = wanted.namespace_folder(settings), False
    with connect(settings) as cluster, show_progress() as progress:
        scheduled = scheduled_reports(cluster, settings.namespace, wanted, folder)
        for record in scheduled.write(datetime.now(UTC), progress, regardless=regardless):
            print(json.dumps(record.to_json()) if as_json else line(record), flush=True)
            failed |= bool(record.error)
    if failed:
        raise typer.Exit(ExitCode.FAILED)


@reports.command("list")
def list_reports(namespace: Namespace = None, as_json: JsonOption = False) -> None:
    """List the reports that were written or failed, the newest first."""
    from mlmon.analyzers.report_settings import ReportsSettings
    from mlmon.analyzers.sample.report_folder import ReportFolder
    from mlmon.analyzers.sample.scheduled import line
    from mlmon.elastic.settings import load_settings
    from mlmon.formatting import moment

    folder = ReportsSettings.load().namespace_folder(load_settings(namespace=namespace))
    found = ReportFolder(folder).records()
    for record in found:
        shown = f"{moment(record.made)}  {line(record)}"
        print(json.dumps(record.to_json()) if as_json else shown)
    if not found and not as_json:
        print(f"no reports in {folder}")


def _report(left_out: tuple[str, ...], *written: Path, as_json: bool) -> None:
    if left_out:
        why = "without values in one of them, or of two types"
        print(f"left out, {why}: {', '.join(left_out)}", file=sys.stderr)
    for path in written:
        print(json.dumps({"path": str(path.absolute())}) if as_json else path.absolute())
