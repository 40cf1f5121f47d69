"""Queue lines for a writer thread, so that the caller never waits for the disk."""

import _thread
import time
from enum import Enum, auto
from queue import Empty, SimpleQueue
from threading import Event, Lock, Thread
from time import sleep
from typing import Final, Literal

from mlmon.logging_config.errors import ConfigurationError, warn
from mlmon.logging_config.interruptions import is_interruption
from mlmon.logging_config.sinks import lifecycle
from mlmon.logging_config.sinks.sink import CLOSE_TIMEOUT_S, Sink

Overflow = Literal["drop", "block"]
"""Behaviour of a full queue: drop and count the event, or block the caller."""

_BATCH_DELAY_S: Final = 0.01
_BATCH_BYTES: Final = 256 * 1024
_FIRST_PAUSE_S: Final = 0.01
_LONGEST_PAUSE_S: Final = 1.0
_FLUSH_TIMEOUT_S: Final = 5.0
_GREENLETS: Final = ("gevent.", "eventlet.")


class _Signal(Enum):
    STOP = auto()
    EMPTY = auto()


class _Written:
    """Set by the writer thread when it comes to it.

    It is made of the system's lock, also where gevent has replaced those of `threading`, because
    the writer may have been started before.
    """

    __slots__ = ("_lock", "set")

    def __init__(self) -> None:
        self._lock = _native_lock()
        self._lock.acquire()
        self.set = self._lock.release

    def wait(self, timeout_s: float) -> bool:
        """Return whether it was set in time."""
        return self._lock.acquire(timeout=timeout_s)


_native_lock: Final = _thread.allocate_lock
_LineQueue = SimpleQueue[bytes | _Written | _Signal]


class QueueSink:
    """Passes lines to a writer thread, which writes them in batches.

    A batch the disk does not accept is retried until it does; meanwhile the queue fills up. Where
    gevent or eventlet has replaced threads by greenlets, a waiting writer would block all of them:
    lines are written by the caller.

    Args:
        sink: receives the batches.
        capacity: lines the queue holds.
        overflow: what to do when the queue is full.

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

    def write(self, lines: bytes) -> int:
        """Queue a line; return 0 if there is no room for it."""
        if self._closed:
            return self._sink.write(lines)
        if self._queue.qsize() >= self._capacity and not self._waits_for_room():
            return 0
        self._queue.put(lines)
        if self._thread is None:
            self._start()
        self._drain_if_closed()
        return len(lines)

    def flush(self) -> bool:
        """Wait until all queued lines are written; False if that takes too long."""
        if self._thread is None or self._closed:
            self._drain_if_closed()
            return self._sink.flush()
        written = _Written()
        self._queue.put(written)
        return written.wait(_FLUSH_TIMEOUT_S)

    def close(self, timeout_s: float = CLOSE_TIMEOUT_S) -> None:
        """Write all queued lines; later lines are written by the caller.

        Lines that cannot be written in time are given up, and counted on standard error.
        """
        deadline = time.monotonic() + timeout_s
        self._closed = True
        thread = self._thread
        if thread is not None and thread.is_alive():
            self._queue.put(_Signal.STOP)
            thread.join(max(deadline - time.monotonic(), 0.0))
            self._abandoned.set()
        if thread is None or not thread.is_alive():
            self._drain()
        self._warn_unwritten()
        self._sink.close(max(deadline - time.monotonic(), 0.0))

    def before_fork(self) -> None:
        """Wait until no write is running."""
        self._sink.before_fork()

    def after_fork(self, *, in_child: bool) -> None:
        """Continue; a child starts with an empty queue, because the parent writes the lines."""
        self._sink.after_fork(in_child=in_child)
        if in_child:
            self._reset()

    def _reset(self) -> None:
        self._queue: _LineQueue = SimpleQueue()
        self._starting = Lock()
        self._thread: Thread | None = None
        self._closed = False
        self._abandoned = Event()
        self._in_flight = 0

    def _start(self) -> None:
        # Another thread, or this one below a signal handler, may be starting the thread already.
        if not self._starting.acquire(blocking=False):
            return
        try:
            if _thread.start_new_thread.__module__.startswith(_GREENLETS):
                self._closed = True
            elif self._thread is None:
                lifecycle.look_after_signals()
                thread = Thread(target=self._run, name="log writer", daemon=True)
                thread.start()
                self._thread = thread
        except RuntimeError as error:  # the interpreter is ending, or there are no threads left
            if is_interruption(error):
                raise
            self._closed = True
        finally:
            self._starting.release()

    def _waits_for_room(self) -> bool:
        while self._overflow == "block" and not self._closed:
            sleep(_FIRST_PAUSE_S / 10)
            if self._queue.qsize() < self._capacity:
                return True
        return False

    def _run(self) -> None:
        """Write batches until the sink is closed; report a failure, after which others go on."""
        try:
            self._write_batches()
        except BaseException as error:  # noqa: BLE001 -- MemoryError, or what another thread set
            # The next line starts another thread: a log that has stopped shows nowhere.
            self._thread = None
            warn(f"the writer failed ({error!r}): {self._in_flight} lines were not written")
            self._in_flight = 0

    def _write_batches(self) -> None:
        """Write batches; a batch ends at its maximum size, at a signal or when no line waits."""
        queue = self._queue
        lines: list[bytes] = []
        size = 0
        while True:
            item = self._next(queue, batching=bool(lines))
            if isinstance(item, bytes):
                lines.append(item)
                size += len(item)
                if size < _BATCH_BYTES:
                    continue
            self._persist(lines)
            lifecycle.look_after_signals()
            if self._abandoned.is_set():
                return
            lines, size = [], 0
            if isinstance(item, _Written):
                item.set()
            elif item is _Signal.STOP:
                return

    def _next(self, queue: _LineQueue, *, batching: bool) -> bytes | _Written | _Signal:
        try:
            return queue.get_nowait()
        except Empty:
            if batching:
                return _Signal.EMPTY
            item = queue.get()
            # Lines that follow soon share one write and one thread switch.
            if not self._closed:
                sleep(_BATCH_DELAY_S)
            return item

    def _persist(self, lines: list[bytes]) -> None:
        """Write a batch; retry until the disk accepts it or the sink is closed."""
        self._in_flight = len(lines)
        data = b"".join(lines)
        pause = _FIRST_PAUSE_S
        while data:
            written = self._sink.write(data)
            if written:
                data = data[written:]
                self._in_flight = data.count(b"\n")
                pause = _FIRST_PAUSE_S
            elif self._abandoned.wait(pause):
                return
            else:
                pause = min(2 * pause, _LONGEST_PAUSE_S)

    def _drain_if_closed(self) -> None:
        """Write lines queued while the sink was being closed: the writer may not see them."""
        if self._closed:
            self._drain()

    def _drain(self) -> None:
        """Write in the calling thread the lines that the writer thread will not write."""
        while True:
            try:
                item = self._queue.get_nowait()
            except Empty:
                return
            if isinstance(item, bytes):
                if not self._sink.write(item):
                    self._in_flight += 1
            elif isinstance(item, _Written):
                item.set()
            elif self._thread is not None and self._thread.is_alive():
                self._queue.put(item)  # the writer thread still has to see it
                return

    def _warn_unwritten(self) -> None:
        """Report once on standard error how many lines were given up."""
        unwritten = self._in_flight
        while True:
            try:
                unwritten += isinstance(self._queue.get_nowait(), bytes)
            except Empty:
                break
        self._in_flight = 0
        if unwritten:
            warn(f"{unwritten} lines were not written: the output did not accept them in time")
