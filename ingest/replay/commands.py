"""`mlmon replay`: a table of past predictions as the events their service would have logged."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mlmon.elastic.command_options import JsonOption
from mlmon.elastic.exit_codes import ExitCode

if TYPE_CHECKING:
    from mlmon.ingest.replay.mapping import ColumnMapping
    from mlmon.ingest.replay.replay import ReplayResult, ReplayTarget
    from mlmon.ingest.replay.table import Table

app = typer.Typer()

_SHOWN = 5


@app.command()
def replay(
    path: Annotated[Path, typer.Argument(metavar="TABLE", help="A CSV or Parquet file.")],
    mapping: Annotated[
        Path | None, typer.Option(help="TOML file: which column holds what.")
    ] = None,
    suggest: Annotated[
        bool, typer.Option("--suggest", help="Print a mapping guessed from the columns, to edit.")
    ] = False,
    out: Annotated[Path, typer.Option(help="Folder for the events.")] = Path("replay"),
    training_set: Annotated[
        Path | None,
        typer.Option(help="Write this Parquet file for `mlmon baseline create`, and no events."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write a table of past predictions as events, ready for `mlmon ship`.

    The same table and mapping give the same ids: shipped twice, they are stored once.

    Exit code 3: some rows were rejected; they lie in a file, each with its reason.
    """
    from mlmon.elastic.system.atomic_write import check_output_folder
    from mlmon.ingest.replay.table import open_table

    if (mapping is None) != suggest:
        raise typer.BadParameter("give --mapping FILE, or --suggest to get one to begin with")
    if mapping is None:
        from mlmon.ingest.replay.suggestion import suggestion

        print(suggestion(path), end="")
        return
    from mlmon.ingest.replay.mapping import read_mapping

    check_output_folder(out if training_set is None else training_set.parent)
    read = read_mapping(mapping)
    result, changes = _run(open_table(path, read.table.delimiter), read, out, training_set)
    if as_json:
        print(json.dumps(_document(result, changes)))
    else:
        _print(result, changes, path)
    if result.rejections:
        raise typer.Exit(ExitCode.REJECTED)


def _run(
    table: "Table", mapping: "ColumnMapping", out: Path, training_set: Path | None
) -> tuple["ReplayResult", dict[str, int]]:
    """Replay the table; return the result, and what the log changed in the values."""
    from mlmon.ingest.progress import ProgressBar
    from mlmon.ingest.replay.events import EventFiles, entity_id
    from mlmon.ingest.replay.replay import Replay
    from mlmon.ingest.replay.table import require_columns

    require_columns(table, mapping)
    stem = table.path.name.split(".")[0] or "table"
    entity = entity_id(table.path, mapping)
    events = EventFiles(out, stem, mapping, entity)
    target: ReplayTarget = events
    if training_set is not None:
        from mlmon.ingest.replay.training_set import TrainingSet

        out, stem = training_set.parent, training_set.stem
        target = TrainingSet(training_set, mapping)
    rejected = out / f"{stem}.rejected.ndjson"
    with ProgressBar() as progress:
        result = Replay(table, mapping, entity, target, rejected).run(progress.show)
    return result, dict(events.changes)


def _print(result: "ReplayResult", changes: dict[str, int], table: Path) -> None:
    print(
        f"{result.rows:,} rows of {table.name}: {result.predictions:,} predictions, "
        f"{result.outcomes:,} with an outcome, {result.rejected:,} rejected"
    )
    if result.first and result.last:
        zone = f" ({result.naive:,} rows without a zone, read as UTC)" if result.naive else ""
        print(f"{result.first:%Y-%m-%d %H:%M:%S} to {result.last:%Y-%m-%d %H:%M:%S} UTC{zone}")
    for file in result.files:
        print(f"wrote {file}")
    for change, events in changes.items():
        print(f"changed by the log in {events:,} events: {change}", file=sys.stderr)
    if result.rejections:
        print(f"rejected rows, with the reason: {result.rejected_file}", file=sys.stderr)
        for rejection in result.rejections[:_SHOWN]:
            print(f"  {rejection.describe()}", file=sys.stderr)


def _document(result: "ReplayResult", changes: dict[str, int]) -> dict[str, object]:
    return {
        "rows": result.rows,
        "predictions": result.predictions,
        "outcomes": result.outcomes,
        "approved": result.approved,
        "without_zone": result.naive,
        "first": result.first.isoformat() if result.first else None,
        "last": result.last.isoformat() if result.last else None,
        "files": [str(file) for file in result.files],
        "changes": changes,
        "rejected": result.rejected,
        "rejected_file": str(result.rejected_file) if result.rejected_file else None,
        "reasons": [
            {
                "column": rejection.column,
                "reason": rejection.reason,
                "rows": rejection.rows,
                "first": rejection.first,
            }
            for rejection in result.rejections
        ],
    }
