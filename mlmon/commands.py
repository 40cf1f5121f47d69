"""The commands of `mlmon`: those of each stage, joined."""

import difflib
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from mlmon.alerting import commands as alerting
from mlmon.alerting.publish import Alerting
from mlmon.analyzers import commands as analyzers
from mlmon.elastic import commands as elastic
from mlmon.elastic.errors import UserError, WrongValueError
from mlmon.elastic.exit_codes import ExitCode
from mlmon.elastic.system.terminal import escaped_output, terminal_console
from mlmon.formatting import visible
from mlmon.grafana import commands as grafana
from mlmon.ingest import commands as ingest
from mlmon.kibana import commands as kibana
from mlmon.prometheus import commands as prometheus
from mlmon.report import commands as report
from mlmon.scoreboard import commands as scoreboard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlmon.alerting.notify.pages import PageLinks
    from mlmon.elastic.client.cluster import Cluster

DOCS = Path(__file__).parent / "docs"
WITHOUT_SETTINGS = frozenset({"docs"})
"""Commands that answer with wrong settings too."""

PANELS = {
    "Set up": ("doctor", "node", "setup", "prune"),
    "Ship": ("ship", "replay"),
    "Analyze": ("baseline", "run", "analyze", "compare", "tune", "analyzers"),
    "Read": ("findings", "logs", "trace", "report", "serve"),
    "Act": ("incidents", "alerts", "alerting"),
    "Export": (
        "kibana",
        "grafana",
        "prometheus",
        "sample",
        "evidently",
        "nannyml",
        "whylogs",
        "reports",
    ),
    "Learn": ("demo", "scoreboard", "docs"),
}
"""The panels of `mlmon --help`, and the commands of each, in the order of their use."""


@contextmanager
def _escaped_errors() -> "Iterator[None]":
    """Escape what errors quote: typer prints it past standard error, and escapes a part of it."""
    try:
        yield
    except Exception as error:
        if isinstance(message := getattr(error, "message", None), str):
            vars(error)["message"] = visible(message)
        raise


class PanelGroup(TyperGroup):
    """Lists the commands by panel."""

    def make_context(self, *arguments: Any, **options: Any) -> Any:
        """Return the context of a command line; what is wrong with it is escaped."""
        with _escaped_errors():
            return super().make_context(*arguments, **options)

    def invoke(self, ctx: Any) -> Any:
        """Run the command; what is wrong with its arguments is escaped."""
        with _escaped_errors():
            return super().invoke(ctx)

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of the commands in the order of `PANELS`; a new one comes last."""
        ordered = [name for names in PANELS.values() for name in names]
        others = [name for name in super().list_commands(ctx) if name not in ordered]
        return [name for name in ordered if name in self.commands] + others

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command that knows its panel."""
        command = super().get_command(ctx, cmd_name)
        panel = next((panel for panel, names in PANELS.items() if cmd_name in names), None)
        if command is not None and panel is not None:
            vars(command)["rich_help_panel"] = panel
        return command


app = typer.Typer(
    name="mlmon",
    cls=PanelGroup,
    no_args_is_help=True,
    # A traceback that shows local variables could show a secret.
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
for stage in (
    *(elastic, ingest, analyzers, alerting, report, kibana, grafana, prometheus),
    scoreboard,
):
    app.add_typer(stage.app)


def _kibana_pages(cluster: "Cluster", namespace: str) -> "PageLinks":
    """Return what links incidents to Kibana."""
    from mlmon.dashboards.links.incident_pages import kibana_pages

    return kibana_pages(cluster, namespace)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib import metadata

        typer.echo(f"mlmon {metadata.version('mlmon')}")
        raise typer.Exit


@app.callback()
def mlmon(
    context: typer.Context,
    version: Annotated[  # noqa: ARG001 - its callback prints it
        bool,
        typer.Option(
            "--version", help="Print the version.", is_eager=True, callback=_print_version
        ),
    ] = False,
) -> None:
    """Watch a machine-learning service through its logs."""
    context.obj = Alerting(pages=_kibana_pages)
    if context.invoked_subcommand in WITHOUT_SETTINGS or "--help" in sys.argv:
        return
    from mlmon.settings import check_settings

    check_settings()


@app.command()
def demo(
    folder: Annotated[Path, typer.Option("--dir", help="Folder for its files.")] = Path(".demo"),
    predictions: Annotated[
        int, typer.Option(help="Number of predictions in the scenario.")
    ] = 100_000,
    clean_up: Annotated[
        bool, typer.Option("--clean", help="Stop its node and remove its files.")
    ] = False,
) -> None:
    """Run the end-to-end demo: service, scenario, shipper, analyzers, report."""
    from mlmon.demo import run as run_demo

    if not run_demo(folder, predictions, clean_up=clean_up):
        raise typer.Exit(ExitCode.FAILED)


@app.command()
def docs(
    page: Annotated[
        str | None, typer.Argument(help="A page, such as kibana or analyzers/score_shift.")
    ] = None,
) -> None:
    """List the pages of the documentation with their titles, or print one."""
    pages = {
        str(path.relative_to(DOCS).with_suffix("")): path for path in sorted(DOCS.rglob("*.md"))
    }
    if page is None:
        width = max(map(len, pages))
        for name, path in pages.items():
            typer.echo(f"{name:{width}}  {_title(path)}")
        return
    name = page.removeprefix("docs/").removesuffix(".md")
    if name not in pages:
        near = difflib.get_close_matches(name, pages, 1)
        raise WrongValueError(
            f"There is no page {name!r}",
            f"Did you mean {near[0]}?" if near else "List the pages with `mlmon docs`.",
        )
    typer.echo(pages[name].read_text(encoding="utf-8"), nl=False)


def _title(page: Path) -> str:
    """Return the first heading of a page, without its marks."""
    heading = next(
        line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("# ")
    )
    return heading.removeprefix("# ").replace("`", "")


def run() -> int:
    """Run the command that `sys.argv` names; return the exit code."""
    try:
        with escaped_output():
            _flushed(app)
    except UserError as error:
        console = terminal_console(stderr=True, soft_wrap=True)
        console.print(f"mlmon: {error.message}", style="bold red", markup=False)
        if error.hint:
            console.print(f"       {error.hint}", markup=False)
        return error.exit_code
    except BrokenPipeError:
        return _output_closed()
    except SystemExit as end:
        # typer and rich turn a closed pipe into an end with 1.
        if isinstance(end.__context__, BrokenPipeError):
            return _output_closed()
        raise
    return ExitCode.DONE


def _flushed(command: "Callable[[], object]") -> None:
    """Run a command; write what it printed, also where it ends with an exit code."""
    try:
        command()
    except SystemExit:
        _flush()
        raise
    _flush()


def _flush() -> None:
    # Without standard output, as for some services, there is none.
    if sys.stdout is not None:
        sys.stdout.flush()


def _output_closed() -> ExitCode:
    """Return the exit code for a reader (`| head`) that has seen enough.

    What is still to be written goes nowhere: else Python would try again as it ends, and fail.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
    return ExitCode.OUTPUT_CLOSED
