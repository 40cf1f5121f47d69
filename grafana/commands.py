"""`mlmon grafana`: dashboards and data sources for Grafana, as files."""

import json
from pathlib import Path
from typing import Annotated

import typer

from mlmon.elastic.command_options import JsonOption, Namespace

app = typer.Typer(
    name="grafana",
    help="Export dashboards and data sources for Grafana.",
    no_args_is_help=True,
)


@app.callback()
def grafana() -> None:
    """Keep `export` a command of its own."""


@app.command()
def export(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write to.")],
    namespace: Namespace = None,
    as_json: JsonOption = False,
) -> None:
    """Write dashboards, and the files with which Grafana provisions them and their data sources."""
    from mlmon.analyzers.checks import discover
    from mlmon.elastic.settings import load_settings
    from mlmon.elastic.system.atomic_write import check_output_folder, write_files
    from mlmon.grafana.export import export_files

    check_output_folder(out)
    texts = export_files(discover(), load_settings(namespace=namespace).namespace)
    write_files(texts, out)
    if as_json:
        print(json.dumps({"folder": str(out), "files": sorted(texts)}))
    else:
        print(f"wrote {len(texts)} files to {out}")
