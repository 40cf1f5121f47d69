"""A command of mlmon that runs next to the cycles, in a process of its own, at intervals."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING

from mlmon.formatting import duration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime, timedelta

_STOP_S = 10.0


@dataclass(slots=True)
class SideCommand:
    """Starts a command, never twice at once, and gives what it printed once it ended.

    The cycles do not wait for it. One that runs for longer than an interval is stopped.

    Args:
        words: The command, without `mlmon`.
        every: Time from one start to the next.
        clock: Returns the time.
    """

    words: Sequence[str]
    every: timedelta
    clock: Callable[[], datetime]
    _process: subprocess.Popen[bytes] | None = field(init=False, default=None)
    _output: IO[bytes] | None = field(init=False, default=None)
    _begun: datetime | None = field(init=False, default=None)

    def poll(self) -> Iterator[str]:
        """Start the command if it is time; yield what it printed if it has ended."""
        now = self.clock()
        if self._process is not None:
            late = self._begun is not None and now - self._begun >= self.every
            if self._process.poll() is None and not late:
                return
            if self._process.returncode is None:
                self._end()
                yield f"{self._named}: stopped after {duration(self.every)}"
            yield from self._printed()
        elif self._begun is None or now - self._begun >= self.every:
            self._start(now)

    def stop(self) -> None:
        """End the command if it runs."""
        if self._process is not None:
            self._end()
            for _ in self._printed():
                pass

    @property
    def _named(self) -> str:
        return f"mlmon {' '.join(self.words)}"

    def _start(self, now: datetime) -> None:
        self._begun = now
        # Into a file: a pipe that nobody reads would stop the command when it is full.
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - closed once the command ended
        self._process = subprocess.Popen(  # noqa: S603 - a command of mlmon
            [sys.executable, "-m", "mlmon", *self.words],
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
        )

    def _end(self) -> None:
        assert self._process is not None  # noqa: S101 - asked by the callers
        self._process.terminate()
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _printed(self) -> Iterator[str]:
        """Yield the lines that the ended command printed, or that it failed without one."""
        process, output = self._process, self._output
        self._process = self._output = None
        if process is None or output is None:
            return
        with output:
            output.seek(0)
            text = output.read().decode("utf-8", "replace")
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        yield from lines
        if process.returncode and not lines:
            yield f"{self._named} ended with exit code {process.returncode}"
