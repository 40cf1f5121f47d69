"""`mlmon ship`: JSON lines to data streams."""

import json
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Annotated

import typer

from ingest.account import Account

app = typer.Typer()

REFUSED = 3
"""Exit code where every line was decided and some were refused."""


@app.command()
def ship(
    paths: Annotated[
        list[str],
        typer.Argument(metavar="PATH...", help="Files, folders, quoted patterns, or - ."),
    ],
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
    as_json: Annotated[bool, typer.Option("--json", help="Print the account as JSON.")] = False,
) -> None:
    """Bring JSON lines to the data streams logs-<event.dataset>-<namespace>, each line once.

    Exit code 3: all lines are decided, and some lie in the dead letters with the reason.
    """
    from elastic.cluster import connect
    from elastic.settings import load_settings
    from ingest.shipper import Order, prepare, state_of

    settings = load_settings(namespace=namespace)
    order = Order(
        paths,
        settings.namespace,
        state_of(settings, state),
        following=follow,
        from_start=from_start,
    )
    started = time.monotonic()
    stopping = Event()
    with order.state.lock(), connect(settings) as cluster, _stopped_by_signals(stopping):
        pipeline = prepare(cluster, order, stopping, stopping.wait)
        account = pipeline.run(following=follow)
    _print(account, time.monotonic() - started, order.state.dead_letters, as_json=as_json)
    if account.refused:
        raise typer.Exit(REFUSED)
    if account.decided < account.read:
        raise typer.Exit(1)


@contextmanager
def _stopped_by_signals(stopping: Event) -> Iterator[None]:
    """Let the first SIGINT or SIGTERM end the run in order; a second SIGINT ends it at once."""

    def stop(_signal: int, _frame: object) -> None:
        if stopping.is_set():
            raise KeyboardInterrupt
        stopping.set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _print(account: Account, seconds: float, dead_letters: Path, *, as_json: bool) -> None:
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
