"""The commands of `mlmon`: those of each stage, joined."""

import difflib
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from mlmon.alerting import commands as alerting
from mlmon.alerting.publish import follow as alerting_follow
from mlmon.analyzers import commands as analyzers
from mlmon.analyzers.run import following as findings_changed
from mlmon.elastic import commands as elastic
from mlmon.elastic.errors import UserError, WrongValueError
from mlmon.elastic.exit_codes import ExitCode
from mlmon.ingest import commands as ingest
from mlmon.kibana import commands as kibana
from mlmon.report import commands as report

DOCS = Path(__file__).parent / "docs"

app = typer.Typer(
    name="mlmon",
    help="Watch a machine-learning service through its logs.",
    no_args_is_help=True,
    add_completion=False,
    # A traceback that shows local variables could show a secret.
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
for stage in (elastic, ingest, analyzers, alerting, report, kibana):
    app.add_typer(stage.app)
findings_changed.join(alerting_follow)


@app.command()
def demo(
    folder: Annotated[Path, typer.Option("--dir", help="Where its files go.")] = Path(".demo"),
    predictions: Annotated[int, typer.Option(help="Predictions of the scenario.")] = 100_000,
    clean_up: Annotated[
        bool, typer.Option("--clean", help="Stop its node and remove its files instead.")
    ] = False,
) -> None:
    """Take a scored bid all the way to a verdict: service, scenario, shipper, analyzers, report."""
    from mlmon.demo import run as run_demo

    if not run_demo(folder, predictions, clean_up=clean_up):
        raise typer.Exit(ExitCode.FAILED)


@app.command()
def docs(
    page: Annotated[
        str | None, typer.Argument(help="A page, such as kibana or analyzers/score_shift.")
    ] = None,
) -> None:
    """List the pages of the documentation, or print one."""
    pages = {
        str(path.relative_to(DOCS).with_suffix("")): path for path in sorted(DOCS.rglob("*.md"))
    }
    if page is None:
        typer.echo("\n".join(pages))
        return
    name = page.removeprefix("docs/").removesuffix(".md")
    if name not in pages:
        near = difflib.get_close_matches(name, pages, 1)
        raise WrongValueError(
            f"There is no page {name!r}",
            f"Did you mean {near[0]}?" if near else "List the pages with `mlmon docs`.",
        )
    typer.echo(pages[name].read_text(encoding="utf-8"), nl=False)


def run() -> int:
    """Run the command that `sys.argv` names; return the exit code."""
    try:
        app()
    except UserError as error:
        console = Console(stderr=True, highlight=False, soft_wrap=True)
        console.print(f"mlmon: {error.message}", style="bold red", markup=False)
        if error.hint:
            console.print(f"       {error.hint}", markup=False)
        return error.exit_code
    except BrokenPipeError:
        # The reader (`| head`) has seen enough; nothing is left to be flushed to it.
        sys.stderr.close()
        return ExitCode.OUTPUT_CLOSED
    return ExitCode.DONE
