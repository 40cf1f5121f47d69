"""A bar on a terminal, for a table that takes longer than two seconds."""

import time
from types import TracebackType
from typing import Final, Self

import rich.progress
from rich.console import Console

_PATIENCE_S: Final = 2.0


class Progress:
    """Shows on standard error how far a table has been read."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._console = Console(stderr=True, highlight=False)
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
        """Show the share that has been read, 0 to 1, and what is being done."""
        if not self._console.is_terminal or time.monotonic() - self._started < _PATIENCE_S:
            return
        if self._bar is None:
            self._bar = rich.progress.Progress(
                rich.progress.BarColumn(),
                rich.progress.TaskProgressColumn(),
                rich.progress.TextColumn("{task.description}"),
                rich.progress.TimeElapsedColumn(),
                console=self._console,
                transient=True,
            )
            self._bar.add_task(description, total=1.0)
            self._bar.start()
        (task,) = self._bar.task_ids
        self._bar.update(task, completed=done, description=description)
