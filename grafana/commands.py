"""`mlmon grafana`: dashboards and data sources for Grafana, as files."""

import json
from pathlib import Path
from typing import Annotated

import typer

from mlmon.elastic.command_options import JsonOption, Namespace
from mlmon.elastic.errors import UserError

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
    from mlmon.elastic.system.atomic_write import check_output_folder
    from mlmon.grafana.dashboards import dashboard_files
    from mlmon.grafana.provisioning import provisioning_files

    check_output_folder(out)
    name = load_settings(namespace=namespace).namespace
    texts = {f"dashboards/{path}": text for path, text in dashboard_files(discover()).items()}
    texts |= {f"provisioning/{path}": text for path, text in provisioning_files(name).items()}
    try:
        for path, text in texts.items():
            file = out / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(
            f"{out} cannot be written: {error.strerror}", "Choose another folder with --out."
        ) from error
    if as_json:
        print(json.dumps({"folder": str(out), "files": sorted(texts)}))
    else:
        print(f"wrote {len(texts)} files to {out}")
