"""What a person sees of a run: a bar on a terminal, and what the run waits for."""

import time
from types import TracebackType
from typing import Self

import rich.progress
from rich.console import Console

from mlmon.ingest.files.paths import size
from mlmon.ingest.shipper import Order
from mlmon.ingest.state.health import Health

_PATIENCE_S = 2.0
_REPEAT_S = 60.0


class Progress:
    """Shows on standard error how a run goes.

    Args:
        order: What is shipped: the bar's length is the size of its files.

    Attributes:
        last: What was shown last; None before the run has begun.
    """

    def __init__(self, order: Order) -> None:
        self.last: Health | None = None
        self._started = time.monotonic()
        self._told: tuple[str, float] = ("", float("-inf"))
        self._console = Console(stderr=True, highlight=False)
        self._bar: rich.progress.Progress | None = None
        self._total = None if order.following else size(order.paths)
        self._following = order.following

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar:
            self._bar.stop()

    def show(self, health: Health) -> None:
        """Show how the run is."""
        self.last = health
        self.wait_for(health.waiting_for)
        if not self._console.is_terminal or time.monotonic() - self._started < _PATIENCE_S:
            return
        if self._bar is None:
            self._bar = _bar(self._console)
            self._bar.add_task("shipping", total=self._total)
            self._bar.start()
        account = health.account
        counts = f"{account.stored:,} stored, {account.duplicate:,} duplicate"
        counts += f", {account.refused:,} refused"
        (task,) = self._bar.task_ids
        self._bar.update(task, completed=account.bytes, description=counts)

    def complaints(self) -> list[str]:
        """Return what was not read, and why; a half line is none of it, but is told."""
        if self.last is None:
            return []
        for file in self.last.files:
            if file.lag_bytes and not self._following:
                text = f"{file.path} ends within a line: its {file.lag_bytes:,} bytes wait for more"
                self._console.print(text, markup=False, soft_wrap=True)
        found = [f"{path} cannot be read: {why}" for path, why in self.last.troubles.items()]
        if self.last.lost_bytes:
            found.append(f"{self.last.lost_bytes:,} bytes disappeared before they were read")
        return found

    def wait_for(self, reason: str) -> None:
        """Say it once, and again when it lasts, on a terminal or not."""
        before, when = self._told
        now = time.monotonic()
        if reason and (reason != before or now - when > _REPEAT_S):
            self._told = (reason, now)
            text = f"waiting, nothing is lost: {reason}"
            self._console.print(text, style="yellow", markup=False, soft_wrap=True)


def _bar(console: Console) -> rich.progress.Progress:
    return rich.progress.Progress(
        rich.progress.BarColumn(),
        rich.progress.TaskProgressColumn(),
        rich.progress.TextColumn("{task.description}"),
        rich.progress.TimeElapsedColumn(),
        console=console,
        transient=True,
    )


def in_words(health: Health) -> str:
    """Return a shipper's health for a reader."""
    account = health.account
    state = f"running (pid {health.process})" if health.running else "not running"
    lines = [
        f"{state}, as of {health.time:%Y-%m-%d %H:%M:%S} UTC",
        f"read {account.read:,}, stored {account.stored:,}, duplicate {account.duplicate:,}",
        f"refused {account.refused:,}, sent again {account.retried:,} times",
    ]
    if health.waiting_for:
        lines.append(f"waiting: {health.waiting_for}")
    if health.lost_bytes:
        lines.append(f"disappeared unread: {health.lost_bytes:,} bytes")
    for file in health.files:
        behind = f"{file.lag_bytes:,} bytes, {file.lag_seconds:.0f} s behind"
        lines.append(f"  {file.path}: {file.counts.read:,} lines, {behind}")
    lines += [f"  {path} cannot be read: {reason}" for path, reason in health.troubles.items()]
    return "\n".join(lines)
