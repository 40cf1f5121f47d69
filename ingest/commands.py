"""`mlmon ship`: JSON lines to data streams; how a shipper is; its dead letters once more."""

import gc
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import mlmon.ingest.replay.commands
from mlmon.elastic.command_options import Json

if TYPE_CHECKING:
    from mlmon.elastic.settings import Settings
    from mlmon.ingest.shipper import Order
    from mlmon.ingest.state.account import Account
    from mlmon.ingest.state.state_folder import State

app = typer.Typer()
app.add_typer(mlmon.ingest.replay.commands.app)

REFUSED = 3
"""Exit code where every line was decided and some were refused."""

NOT_RUNNING = 3
"""Exit code of `--status` where no shipper runs."""

_COLLECT_AFTER = 70_000


@app.command()
def ship(  # noqa: PLR0917 - its options
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="PATH...", help="Files, folders, quoted patterns, or - ."),
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow/--once", help="Wait for more, or end at the files' ends.")
    ] = False,
    namespace: Annotated[
        str | None, typer.Option(help="Environment. [default: MLMON_NAMESPACE]")
    ] = None,
    state: Annotated[
        Path | None, typer.Option(help="Folder of checkpoint and dead letters.")
    ] = None,
    from_start: Annotated[
        bool, typer.Option("--from-start", help="Read all again; what is stored is not doubled.")
    ] = False,
    replay_dead_letters: Annotated[
        bool, typer.Option("--replay-dead-letters", help="Send the refused lines again.")
    ] = False,
    status: Annotated[bool, typer.Option("--status", help="Say how the shipper is.")] = False,
    prometheus: Annotated[
        bool, typer.Option("--prometheus", help="With --status: as Prometheus metrics.")
    ] = False,
    max_line_bytes: Annotated[
        int, typer.Option(min=1_000, max=50_000_000, help="Longer lines are refused.")
    ] = 1 << 20,
    as_json: Json = False,
) -> None:
    """Bring JSON lines to the data streams logs-<event.dataset>-<namespace>, each line once.

    Exit code 3: every line is decided, and some lie in the dead letters with the reason.
    """
    from mlmon.elastic.settings import load_settings
    from mlmon.ingest.files.source import Limits
    from mlmon.ingest.shipper import Order, locks_of, state_of

    settings = load_settings(namespace=namespace)
    folder = state_of(settings, state)
    if status:
        _status(folder, as_json=as_json, prometheus=prometheus)
        return
    if bool(paths) == replay_dead_letters:
        raise typer.BadParameter("name the files to ship, or --replay-dead-letters")
    order = Order(
        paths or [],
        settings.namespace,
        folder,
        locks_of(settings),
        following=follow,
        from_start=from_start,
        limits=Limits(max_line_bytes),
    )
    started = time.monotonic()
    account, complaints = _run(settings, order)
    _print(account, time.monotonic() - started, folder.dead_letters, as_json=as_json)
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    if account.decided < account.read or complaints:
        raise typer.Exit(1)
    if account.refused:
        raise typer.Exit(REFUSED)


def _run(settings: "Settings", order: "Order") -> "tuple[Account, list[str]]":
    """Run an order; return the account, and what was not read."""
    from mlmon.elastic.connect import connect
    from mlmon.elastic.system.shutdown import stopped_by_signals
    from mlmon.ingest.deliver.delivery import StoppedError
    from mlmon.ingest.deliver.outage import patiently
    from mlmon.ingest.progress import Progress
    from mlmon.ingest.shipper import prepared, replay_dead_letters
    from mlmon.ingest.state.account import Account

    with (
        _collecting_rarely(),
        stopped_by_signals() as stopping,
        Progress(order) as progress,
        suppress(StoppedError),
    ):
        if order.following:
            connected = patiently(lambda: connect(settings), stopping, progress.wait_for)
        else:
            connected = connect(settings)
        with connected as cluster:
            if not order.paths:
                return replay_dead_letters(cluster, order, stopping), []
            with prepared(cluster, order, stopping, progress.show, progress.wait_for) as pipeline:
                account = pipeline.run(following=order.following)
                return account, progress.complaints()
    return Account(), []


def _status(state: "State", *, as_json: bool, prometheus: bool) -> None:
    from dataclasses import replace

    from mlmon.elastic.errors import UserError
    from mlmon.ingest.progress import in_words
    from mlmon.ingest.state.health import Health
    from mlmon.ingest.state.health import prometheus as as_prometheus

    try:
        health = Health.from_json(state.status.read_bytes())
    except (OSError, ValueError):
        raise UserError(
            f"No shipper has run with the folder {state.folder}",
            "Start one with `mlmon ship PATH... --follow`, or name its folder with --state.",
        ) from None
    # A process that was killed could not say so.
    health = replace(health, running=state.is_locked())
    if prometheus:
        print(as_prometheus(health), end="")
        return
    print(health.to_json().decode() if as_json else in_words(health))
    if not health.running:
        raise typer.Exit(NOT_RUNNING)


@contextmanager
def _collecting_rarely() -> Iterator[None]:
    """Let Python look for cycles a hundred times less often: lines make none.

    Among a batch's answers and all that was imported it took a seventh of the shipper's time.
    """
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def _print(account: "Account", seconds: float, dead_letters: Path, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({**account.to_json(), "seconds": round(seconds, 3)}))
        return
    undecided = account.read - account.decided
    print(
        f"read {account.read:,} lines in {seconds:.1f} s: {account.stored:,} stored, "
        f"{account.duplicate:,} duplicate, {account.refused:,} refused"
        + (f", {undecided:,} undecided (the next run sends them)" if undecided else "")
    )
    if account.refused:
        print(f"refused lines, with the reason: {dead_letters}", file=sys.stderr)
        for reason, count in account.reasons.most_common(3):
            print(f"  {count:,}: {reason[:200]}", file=sys.stderr)
