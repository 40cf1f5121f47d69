"""`mlmon prometheus`: rules for a Prometheus that scrapes a service and mlmon."""

import json
from pathlib import Path
from typing import Annotated

import typer

from mlmon.elastic.command_options import JsonOption
from mlmon.elastic.errors import UserError

app = typer.Typer(
    name="prometheus",
    help="Write recording and alerting rules for Prometheus.",
    no_args_is_help=True,
)


@app.callback()
def prometheus() -> None:
    """Keep `rules` a command of its own."""


@app.command()
def rules(
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="File to write; standard output without it.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write rules over the metrics of services, shippers and `mlmon run`.

    Limits are those of the analyzers, changed by the rules of mlmon.toml that hold for everything.
    """
    from mlmon.alerting.settings import load_alerting_settings
    from mlmon.analyzers.checks import discover
    from mlmon.analyzers.settings import AnalyzersSettings
    from mlmon.elastic.system.atomic_write import check_output_file
    from mlmon.prometheus.rules import rules_file
    from mlmon.prometheus.rules_text import rules_text

    if out is not None:
        check_output_file(out)
    found = rules_file(
        discover(), AnalyzersSettings.load().rules, load_alerting_settings().runbook_url
    )
    text = json.dumps(found) + "\n" if as_json else rules_text(found)
    if out is None:
        typer.echo(text, nl=False)
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(
            f"{out} cannot be written: {error.strerror}", "Choose another file with --out."
        ) from error
    typer.echo(f"wrote {out}: load it with `rule_files` in prometheus.yml", err=True)
