"""A bounded queue with a writer thread before a sink: the caller never waits for a disk."""

import sys
import time
from enum import Enum, auto
from queue import Empty, SimpleQueue
from threading import Event, Lock, Thread
from typing import Final, Literal

from mlmon.logging_config.errors import ConfigurationError
from mlmon.logging_config.sinks.file_sink import Sink

Overflow = Literal["drop", "block"]
"""What to do with an event when the queue is full: drop and count it, or let the caller wait."""

_GATHER_S: Final = 0.01
_BATCH_BYTES: Final = 256 * 1024
_FIRST_PAUSE_S: Final = 0.01
_LONGEST_PAUSE_S: Final = 1.0
_PATIENCE_S: Final = 5.0
_LAST_PATIENCE_S: Final = 20.0  # Kubernetes kills after 30 s


class _Mark(Enum):
    STOP = auto()
    EMPTY = auto()


_Lines = SimpleQueue[bytes | Event | _Mark]


class QueueSink:
    """Hands lines to a thread that writes them in batches.

    A disk that refuses a batch is asked again until it takes it; meanwhile the queue fills.

    Args:
        sink: takes the lines.
        capacity: lines the queue holds.
        overflow: what happens to a line that finds the queue full.

    Raises:
        ConfigurationError: an argument is out of range.
    """

    def __init__(self, sink: Sink, *, capacity: int = 32_768, overflow: Overflow = "drop") -> None:
        if capacity < 1 or overflow not in ("drop", "block"):
            raise ConfigurationError(
                f"Cannot queue {capacity} lines and then {overflow!r}.",
                "Give a positive number, and 'drop' or 'block'.",
            )
        self._sink = sink
        self._capacity = capacity
        self._overflow = overflow
        self._reset()

    def write(self, lines: bytes) -> bool:
        """Queue a line; False if there is no room for it."""
        if self._closed:
            return self._sink.write(lines)
        if self._queue.qsize() >= self._capacity and not self._waits_for_room():
            return False
        self._queue.put(lines)
        if self._thread is None:
            self._start()
        self._drain_if_closed()
        return True

    def flush(self) -> bool:
        """Wait until all that was queued before is written; False if the disk does not take it."""
        if self._thread is None:
            return True
        written = Event()
        self._queue.put(written)
        return written.wait(_PATIENCE_S)

    def close(self) -> None:
        """Write out the queue; from now on lines are written at once."""
        self._closed = True
        thread = self._thread
        if thread is not None:
            self._queue.put(_Mark.STOP)
            thread.join(_LAST_PATIENCE_S)
        if thread is None or not thread.is_alive():
            self._drain()
        else:
            # The log itself cannot say it any more.
            lost = self._queue.qsize()
            sys.stderr.write(f"logging_config: the disk stalls, {lost} lines or more are lost\n")
        self._sink.close()

    def before_fork(self) -> None:
        """Let no write be under way."""
        self._sink.before_fork()

    def after_fork(self, *, in_child: bool) -> None:
        """Go on; in the child with an empty queue, for what was queued is the parent's to write."""
        self._sink.after_fork(in_child=in_child)
        if in_child:
            self._reset()

    def _reset(self) -> None:
        self._queue: _Lines = SimpleQueue()
        self._starting = Lock()
        self._thread: Thread | None = None
        self._closed = False

    def _start(self) -> None:
        # Whoever starts the thread already, be it this one below a signal's handler, is enough.
        if not self._starting.acquire(blocking=False):
            return
        try:
            if self._thread is None:
                thread = Thread(target=self._run, name="log writer", daemon=True)
                thread.start()
                self._thread = thread
        finally:
            self._starting.release()

    def _waits_for_room(self) -> bool:
        while self._overflow == "block" and not self._closed:
            time.sleep(_FIRST_PAUSE_S / 10)
            if self._queue.qsize() < self._capacity:
                return True
        return False

    def _run(self) -> None:
        """Write batches, each ended by its size, by a mark, or by the queue's being empty."""
        queue = self._queue
        lines: list[bytes] = []
        size = 0
        while True:
            item = self._next(queue, gathering=bool(lines))
            if isinstance(item, bytes):
                lines.append(item)
                size += len(item)
                if size < _BATCH_BYTES:
                    continue
            self._persist(lines)
            lines, size = [], 0
            if isinstance(item, Event):
                item.set()
            elif item is _Mark.STOP:
                return

    def _next(self, queue: _Lines, *, gathering: bool) -> bytes | Event | _Mark:
        try:
            return queue.get_nowait()
        except Empty:
            if gathering:
                return _Mark.EMPTY
            item = queue.get()
            # Lines that come soon after share one write and one switch of threads.
            time.sleep(_GATHER_S)
            return item

    def _persist(self, lines: list[bytes]) -> None:
        """Write a batch, however long the disk refuses it."""
        data = b"".join(lines)
        pause = _FIRST_PAUSE_S
        while data and not self._sink.write(data):
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_S)

    def _drain_if_closed(self) -> None:
        """Write a line queued while the sink was being closed: the thread may not see it."""
        if self._closed:
            self._drain()

    def _drain(self) -> None:
        """Write in the calling thread what the writer thread no longer will."""
        while True:
            try:
                item = self._queue.get_nowait()
            except Empty:
                return
            if isinstance(item, bytes):
                self._sink.write(item)
            elif isinstance(item, Event):
                item.set()
            elif self._thread is not None and self._thread.is_alive():
                self._queue.put(item)  # it is the writer's, which takes over from here
                return
