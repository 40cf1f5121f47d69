"""`mlmon replay`: a table of past predictions as the events their service would have logged."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mlmon.elastic.command_options import Json

if TYPE_CHECKING:
    from mlmon.ingest.replay.mapping import Mapping
    from mlmon.ingest.replay.replay import Account, Target
    from mlmon.ingest.replay.table import Table

app = typer.Typer()

REFUSED = 3
"""Exit code where every row was decided and some were refused, as with `mlmon ship`."""

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
    as_json: Json = False,
) -> None:
    """Write a table of past predictions as events, ready for `mlmon ship`.

    The same table and mapping give the same ids: shipped twice, they are stored once.

    Exit code 3: some rows were refused; they lie in a file, each with its reason.
    """
    from mlmon.ingest.replay.table import open_table

    if (mapping is None) != suggest:
        raise typer.BadParameter("give --mapping FILE, or --suggest to get one to begin with")
    if mapping is None:
        from mlmon.ingest.replay.suggestion import suggestion

        print(suggestion(path), end="")
        return
    from mlmon.ingest.replay.mapping import read_mapping

    read = read_mapping(mapping)
    account, changes = _run(open_table(path, read.table.delimiter), read, out, training_set)
    if as_json:
        print(json.dumps(_document(account, changes)))
    else:
        _print(account, changes, path)
    if account.refusals:
        raise typer.Exit(REFUSED)


def _run(
    table: "Table", mapping: "Mapping", out: Path, training_set: Path | None
) -> tuple["Account", dict[str, int]]:
    """Replay the table; return what became of it, and what the log changed in the values."""
    from mlmon.ingest.replay.events import EventFiles
    from mlmon.ingest.replay.identity import entity_id
    from mlmon.ingest.replay.progress import Progress
    from mlmon.ingest.replay.replay import Replay
    from mlmon.ingest.replay.table import require_columns

    require_columns(table, mapping)
    stem = table.path.name.split(".")[0] or "table"
    entity = entity_id(table.path, mapping)
    events = EventFiles(out, stem, mapping, entity)
    target: Target = events
    if training_set is not None:
        from mlmon.ingest.replay.training_set import TrainingSet

        out, stem = training_set.parent, training_set.stem
        target = TrainingSet(training_set, mapping)
    refused = out / f"{stem}.refused.ndjson"
    with Progress() as progress:
        account = Replay(table, mapping, entity, target, refused).run(progress.show)
    return account, dict(events.changes)


def _print(account: "Account", changes: dict[str, int], table: Path) -> None:
    print(
        f"{account.rows:,} rows of {table.name}: {account.predictions:,} predictions, "
        f"{account.outcomes:,} with an outcome, {account.refused:,} refused"
    )
    if account.first and account.last:
        zone = f" ({account.naive:,} rows without a zone, read as UTC)" if account.naive else ""
        print(f"{account.first:%Y-%m-%d %H:%M:%S} to {account.last:%Y-%m-%d %H:%M:%S} UTC{zone}")
    for file in account.files:
        print(f"wrote {file}")
    for change, events in changes.items():
        print(f"changed by the log in {events:,} events: {change}", file=sys.stderr)
    if account.refusals:
        print(f"refused rows, with the reason: {account.refused_file}", file=sys.stderr)
        for refusal in account.refusals[:_SHOWN]:
            print(f"  {refusal.in_words()}", file=sys.stderr)


def _document(account: "Account", changes: dict[str, int]) -> dict[str, object]:
    return {
        "rows": account.rows,
        "predictions": account.predictions,
        "outcomes": account.outcomes,
        "approved": account.approved,
        "without_zone": account.naive,
        "first": account.first.isoformat() if account.first else None,
        "last": account.last.isoformat() if account.last else None,
        "files": [str(file) for file in account.files],
        "changes": changes,
        "refused": account.refused,
        "refused_file": str(account.refused_file) if account.refused_file else None,
        "reasons": [
            {
                "column": refusal.column,
                "reason": refusal.reason,
                "rows": refusal.rows,
                "first": refusal.first,
            }
            for refusal in account.refusals
        ],
    }
