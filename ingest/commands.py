"""`mlmon ship`: JSON lines to data streams; a shipper's status; its rejected lines again."""

import gc
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

import mlmon.ingest.replay.commands
from mlmon.elastic.command_options import JsonOption, MetricsOption, Namespace
from mlmon.elastic.exit_codes import ExitCode

if TYPE_CHECKING:
    from mlmon.elastic.settings import Settings
    from mlmon.ingest.shipper import ShipRequest
    from mlmon.ingest.state.counts import RunCounts

_COLLECT_AFTER = 70_000
_SHIP = "files"


class _ShipGroup(TyperGroup):
    """`mlmon ship PATH...` ships; `mlmon ship status` and others are commands."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take everything that does not begin with a command's name as arguments of shipping."""
        if not args or args[0] not in self.commands:
            args = [_SHIP, *args]
        rest: list[str] = super().parse_args(ctx, args)
        return rest


class _ShipCommand(TyperCommand):
    """Its usage is that of `mlmon ship`: people do not type the hidden name."""

    def get_usage(self, ctx: Any) -> str:
        """Return `Usage: mlmon ship PATH... [OPTIONS]`."""
        return f"Usage: {ctx.command_path.removesuffix(f' {_SHIP}')} PATH... [OPTIONS]"


ship_app = typer.Typer(
    cls=_ShipGroup, help="Ship JSON lines to the data streams; show a shipper's status."
)
app = typer.Typer()
app.add_typer(ship_app, name="ship")
app.add_typer(mlmon.ingest.replay.commands.app)

State = Annotated[Path | None, typer.Option(help="Folder of checkpoint and dead letters.")]
MaxLineBytes = Annotated[int, typer.Option(min=1_000, max=50_000_000, help="Reject longer lines.")]


@ship_app.command(
    _SHIP,
    cls=_ShipCommand,
    hidden=True,
    epilog="Commands: `mlmon ship status` shows how a shipper does; `mlmon ship retry-rejected` "
    "sends rejected lines again. A file with such a name: ./status.",
)
def ship(
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH...", help="Files, folders, quoted patterns, or - .")
    ],
    follow: Annotated[
        bool, typer.Option("--follow/--once", help="Wait for more, or stop at the files' ends.")
    ] = False,
    namespace: Namespace = None,
    state: State = None,
    from_start: Annotated[
        bool, typer.Option("--from-start", help="Read all files again; nothing is stored twice.")
    ] = False,
    max_line_bytes: MaxLineBytes = 1 << 20,
    metrics: MetricsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ship JSON lines to the data streams `logs-<event.dataset>-<namespace>`, each line once.

    Exit codes: 0 done; 1 blocked; 2 wrong usage; 3 done, but some lines or files were rejected.
    """
    from mlmon.elastic.settings import load_settings
    from mlmon.ingest.files.source import ReadLimits
    from mlmon.ingest.shipper import ShipRequest, locks_folder, state_folder

    settings = load_settings(namespace=namespace)
    request = ShipRequest(
        paths,
        settings.namespace,
        state_folder(settings, state),
        locks_folder(settings),
        following=follow,
        from_start=from_start,
        limits=ReadLimits(max_line_bytes),
    )
    started = time.monotonic()
    counts, unread, problems = _run(settings, request, metrics)
    _print(counts, time.monotonic() - started, request.state.dead_letters, as_json=as_json)
    for text in unread:
        print(text, file=sys.stderr)
    if counts.decided < counts.read or unread:
        raise typer.Exit(ExitCode.FAILED)
    if counts.rejected or problems:
        raise typer.Exit(ExitCode.REJECTED)


@ship_app.command("status")
def status(
    namespace: Namespace = None,
    state: State = None,
    prometheus: Annotated[
        bool, typer.Option("--prometheus", help="Print Prometheus metrics.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show what a shipper counts, how far behind it is, and what it waits for.

    Exit codes: 0 a shipper runs; 4 none runs.
    """
    from dataclasses import replace

    from mlmon.elastic.errors import NotRunningError
    from mlmon.elastic.settings import load_settings
    from mlmon.ingest.progress import describe
    from mlmon.ingest.shipper import state_folder
    from mlmon.ingest.state.health import Health
    from mlmon.ingest.state.metrics import text

    folder = state_folder(load_settings(namespace=namespace), state)
    try:
        health = Health.from_json(folder.status.read_bytes())
    except (OSError, ValueError):
        raise NotRunningError(
            f"No shipper has run with the folder {folder.folder}",
            "Start one with `mlmon ship PATH... --follow`, or name its folder with --state.",
        ) from None
    # A process that was killed could not write that it ended.
    health = replace(health, running=folder.is_locked())
    if prometheus:
        print(text(health), end="")
        return
    print(health.to_json().decode() if as_json else describe(health))
    if not health.running:
        raise typer.Exit(ExitCode.NOT_RUNNING)


@ship_app.command("retry-rejected")
def retry_rejected(
    namespace: Namespace = None,
    state: State = None,
    max_line_bytes: MaxLineBytes = 1 << 20,
    as_json: JsonOption = False,
) -> None:
    """Send rejected lines again, after what they were rejected for is fixed.

    Exit codes: 0 done; 1 blocked; 2 wrong usage; 3 done, but some lines were rejected again.
    """
    from mlmon.elastic.connect import connect
    from mlmon.elastic.settings import load_settings
    from mlmon.elastic.system.shutdown import shutdown_event
    from mlmon.ingest.deliver.retry_policy import StoppedError
    from mlmon.ingest.files.source import ReadLimits
    from mlmon.ingest.shipper import ShipRequest, locks_folder, state_folder
    from mlmon.ingest.shipper import retry_rejected as send_again

    settings = load_settings(namespace=namespace)
    folder = state_folder(settings, state)
    request = ShipRequest(
        [], settings.namespace, folder, locks_folder(settings), limits=ReadLimits(max_line_bytes)
    )
    started = time.monotonic()
    with shutdown_event() as shutdown, connect(settings) as cluster:
        try:
            counts = send_again(cluster, request, shutdown)
        except StoppedError:
            raise typer.Exit(ExitCode.FAILED) from None
    _print(counts, time.monotonic() - started, folder.dead_letters, as_json=as_json)
    if counts.rejected:
        raise typer.Exit(ExitCode.REJECTED)


def _run(
    settings: "Settings", request: "ShipRequest", metrics: str | None
) -> "tuple[RunCounts, list[str], dict[str, str]]":
    """Run the shipper; return the counts, what was not read, and the files that were rejected."""
    from mlmon.elastic.connect import connect
    from mlmon.elastic.system.metrics_endpoint import metrics_endpoint
    from mlmon.elastic.system.shutdown import shutdown_event
    from mlmon.ingest.deliver.retry_policy import RetryPolicy, StoppedError
    from mlmon.ingest.progress import ShipProgress
    from mlmon.ingest.shipper import open_pipeline
    from mlmon.ingest.state.counts import RunCounts

    collectors = []
    if metrics is not None:
        from mlmon.ingest.state.metrics import ShipperMetrics

        collectors.append(ShipperMetrics(lambda: progress.last))
    with (
        _rare_garbage_collection(),
        shutdown_event() as shutdown,
        ShipProgress(request) as progress,
        metrics_endpoint(metrics, *collectors) as url,
        suppress(StoppedError),
    ):
        if url is not None:
            print(f"metrics: {url}", file=sys.stderr)
        if request.following:
            retry = RetryPolicy(shutdown)
            connected = retry.until_reachable(lambda: connect(settings), progress.show_wait)
        else:
            connected = connect(settings)
        with (
            connected as cluster,
            open_pipeline(
                cluster, request, shutdown, progress.show_health, progress.show_wait
            ) as pipeline,
        ):
            counts = pipeline.run(following=request.following)
            return counts, progress.unread(), progress.last.problems if progress.last else {}
    return RunCounts(), [], {}


@contextmanager
def _rare_garbage_collection() -> Iterator[None]:
    """Let Python look for cycles a hundred times less often: lines make none.

    With the default threshold it takes a seventh of the shipper's time.
    """
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def _print(counts: "RunCounts", seconds: float, dead_letters: Path, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({**counts.to_json(), "seconds": round(seconds, 3)}))
        return
    undecided = counts.read - counts.decided
    print(
        f"read {counts.read:,} lines in {seconds:.1f} s: {counts.stored:,} stored, "
        f"{counts.duplicate:,} duplicate, {counts.rejected:,} rejected"
        + (f", {undecided:,} undecided (the next run sends them)" if undecided else "")
    )
    if counts.rejected:
        print(f"rejected lines, with the reason: {dead_letters}", file=sys.stderr)
        for reason, count in counts.reasons.most_common(3):
            print(f"  {count:,}: {reason[:200]}", file=sys.stderr)
