"""Display of a run: a bar on a terminal, problems as they appear, and waits."""

import time
from types import TracebackType
from typing import Self

import rich.progress

from mlmon.elastic.system.terminal import terminal_console
from mlmon.ingest.files.paths import size
from mlmon.ingest.shipper import ShipRequest
from mlmon.ingest.state.health import Health

_BAR_AFTER_S = 2.0
_REPEAT_S = 60.0


class ProgressBar:
    """Shows on standard error how far something has come, once it takes longer than two seconds.

    Args:
        total: The work to be done, in any unit; None where that is not known.
    """

    def __init__(self, total: float | None = 1.0) -> None:
        self.console = terminal_console(stderr=True)
        self._started = time.monotonic()
        self._total = total
        self._bar: rich.progress.Progress | None = None

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

    def show(self, done: float, description: str) -> None:
        """Show how much is done, and what is being done."""
        if not self.console.is_terminal or time.monotonic() - self._started < _BAR_AFTER_S:
            return
        if self._bar is None:
            self._bar = rich.progress.Progress(
                rich.progress.BarColumn(),
                rich.progress.TaskProgressColumn(),
                rich.progress.TextColumn("{task.description}"),
                rich.progress.TimeElapsedColumn(),
                console=self.console,
                transient=True,
            )
            self._bar.add_task(description, total=self._total)
            self._bar.start()
        (task,) = self._bar.task_ids
        self._bar.update(task, completed=done, description=description)


class ShipProgress(ProgressBar):
    """Shows a run of the shipper.

    Args:
        request: What is shipped: the bar's length is the size of its files.

    Attributes:
        last: The health that was shown last; None before the run has begun.
    """

    def __init__(self, request: ShipRequest) -> None:
        super().__init__(None if request.following else size(request.paths, request.own_folders))
        self.last: Health | None = None
        self._following = request.following
        self._reported: tuple[str, float] = ("", float("-inf"))
        self._named: dict[str, str] = {}

    def show_health(self, health: Health) -> None:
        """Show the health of the run; name each new problem once."""
        self.last = health
        self.show_wait(health.waiting_for)
        for path, reason in health.problems.items():
            if self._named.get(path) != reason:
                self._named[path] = reason
                self._print(f"not shipped: {path} {reason}", "yellow")
        for dataset, names in health.unindexed.items():
            if dataset not in self._named:
                self._named[dataset] = "unindexed"
                self._print(
                    f"{dataset} has too many field names: new ones are stored but not indexed, "
                    f"such as {', '.join(names)}",
                    "yellow",
                )
        counts = health.counts
        self.show(
            counts.bytes,
            f"{counts.stored:,} stored, {counts.duplicate:,} duplicate, "
            f"{counts.rejected:,} rejected",
        )

    def show_wait(self, reason: str) -> None:
        """Print why the run waits, once, and again each minute that it lasts."""
        before, when = self._reported
        now = time.monotonic()
        if reason and (reason != before or now - when > _REPEAT_S):
            self._reported = (reason, now)
            self._print(f"waiting, nothing is lost: {reason}", "yellow")

    def unread(self) -> list[str]:
        """Return what was not read and why; half a line is none of it, but is printed."""
        if self.last is None:
            return []
        for file in self.last.files:
            if file.lag_bytes and not self._following:
                self._print(
                    f"{file.path} ends within a line: its {file.lag_bytes:,} bytes wait for more"
                )
        unread = [f"{path} was not read: {reason}" for path, reason in self.last.blocked.items()]
        if self.last.lost_bytes:
            unread.append(f"{self.last.lost_bytes:,} bytes disappeared before they were read")
        return unread

    def _print(self, text: str, style: str = "") -> None:
        self.console.print(text, style=style, markup=False, soft_wrap=True)


def describe(health: Health) -> str:
    """Return a shipper's health for a reader."""
    counts = health.counts
    state = f"running (pid {health.process})" if health.running else "not running"
    lines = [
        f"{state}, as of {health.time:%Y-%m-%d %H:%M:%S} UTC",
        f"read {counts.read:,}, stored {counts.stored:,}, duplicate {counts.duplicate:,}",
        f"rejected {counts.rejected:,}, sent again {counts.retried:,} times",
    ]
    if health.waiting_for:
        lines.append(f"waiting: {health.waiting_for}")
    if health.lost_bytes:
        lines.append(f"disappeared unread: {health.lost_bytes:,} bytes")
    for file in health.files:
        behind = f"{file.lag_bytes:,} bytes, {file.lag_seconds:.0f} s behind"
        lines.append(f"  {file.path}: {file.counts.read:,} lines, {behind}")
    lines += [f"  not shipped: {path} {reason}" for path, reason in health.problems.items()]
    lines += [f"  not read yet: {path}: {reason}" for path, reason in health.blocked.items()]
    lines += [
        f"  {dataset}: too many field names; not indexed, for example: {', '.join(names)}"
        for dataset, names in health.unindexed.items()
    ]
    return "\n".join(lines)
