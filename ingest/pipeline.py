"""Reads, encodes, sends and commits: several requests in flight, in bounded memory.

The thread that reads also encodes; the requests are sent by other threads. When the maximum of
batches is in flight, reading stops until the first of them is decided: so a slow cluster slows the
reading. Batches are committed in the order of reading, so that everything before a committed offset
is decided.
"""

import os
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Event

from mlmon.elastic.errors import UserError
from mlmon.ingest.deliver.batch import Batch
from mlmon.ingest.deliver.dead_letters import DeadLetters
from mlmon.ingest.deliver.delivery import Delivery, DeliveryResult
from mlmon.ingest.deliver.line_counter import LineCounter
from mlmon.ingest.deliver.retry_policy import StoppedError
from mlmon.ingest.encode.line import LineEncoder
from mlmon.ingest.files.source import Block
from mlmon.ingest.files.tailer import SETTLING_S, Tailer
from mlmon.ingest.state.checkpoint import Checkpoint
from mlmon.ingest.state.counts import RunCounts
from mlmon.ingest.state.health import Health, file_health

SETTLE_LIMIT_S = 3 * SETTLING_S
"""Seconds for which a run that does not follow waits for files still being written."""

_LEAST_BATCH_BYTES = 1 << 16
_LONGEST_WAIT_S = 0.05
_REPORT_S = 1.0


@dataclass(frozen=True, slots=True)
class Flow:
    """How much is in flight at once.

    Attributes:
        batch_bytes: Size of a bulk request.
        batch_age_s: How long the first line of a batch waits for more.
        in_flight: Bulk requests at once.
        save_s: Seconds between two writes of the checkpoint.
        discover_s: Seconds between two looks for new, renamed and deleted files.
    """

    batch_bytes: int = 2 << 20
    batch_age_s: float = 0.25
    in_flight: int = 4
    save_s: float = 1.0
    discover_s: float = 1.0


class Cadence:
    """When something that costs time is due again.

    After its interval, and not before four times what it took: with thousands of files on a busy
    machine it would otherwise be due again when it ends, and no line would be read between.

    Args:
        interval_s: Seconds from one beginning to the next.
    """

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self.due = float("-inf")

    def is_due(self, now: float) -> bool:
        """Return whether it is due."""
        return now >= self.due

    def done(self, began: float, ended: float) -> None:
        """Record that it was done."""
        self.due = max(began + self._interval_s, ended + 4 * (ended - began))

    def hurry(self) -> None:
        """Let it be due at once."""
        self.due = float("-inf")


Wake = Callable[[float], object]
ReportHealth = Callable[[Health], None]


class Pipeline:
    """One run of the shipper.

    Args:
        tailer: The files.
        encoder: Makes bulk items of lines.
        delivery: Sends batches.
        dead_letters: Keeps rejected lines.
        checkpoint: Where the offsets are kept.
        shutdown: Ends the run when set.
        wake: Waits for a change of a file, at most so many seconds; returns whether files appeared
            or disappeared.
        report: Called about every second with the health of the run.
        flow: How much is in flight at once.

    Attributes:
        counter: Counts what became of the lines.
    """

    def __init__(
        self,
        tailer: Tailer,
        encoder: LineEncoder,
        delivery: Delivery,
        dead_letters: DeadLetters,
        checkpoint: Checkpoint,
        shutdown: Event,
        *,
        wake: Wake,
        report: ReportHealth = lambda _: None,
        flow: Flow | None = None,
    ) -> None:
        self.counter = LineCounter()
        self._tailer = tailer
        self._encoder = encoder
        self._delivery = delivery
        self._dead_letters = dead_letters
        self._checkpoint = checkpoint
        self._shutdown = shutdown
        self._wake = wake
        self._report = report
        self._reporting = Cadence(_REPORT_S)
        self._flow = flow or Flow()
        self._batch_bytes = self._flow.batch_bytes
        self._batch: Batch | None = None
        self._in_flight: deque[tuple[Batch, Future[DeliveryResult]]] = deque()
        self._pool = ThreadPoolExecutor(self._flow.in_flight, thread_name_prefix="ship")
        self._saving = Cadence(self._flow.save_s)
        self._discovery = Cadence(self._flow.discover_s)
        self._changed = False
        self._progressed = time.monotonic()
        self._read_since_drain = False
        self._changes = 0

    def run(self, *, following: bool) -> RunCounts:
        """Ship until the files are read and every line is decided, or until shutdown.

        Args:
            following: Whether to wait for more at the files' ends.

        Raises:
            UserError: A person has to act; what is undecided is sent again by the next run.
        """
        try:
            while not self._shutdown.is_set() and not self._tailer.ended:
                if not self._step(following=following):
                    break
            self._submit()
            self._collect(to=0)
            if not following and not self._shutdown.is_set():
                # There is no later run that would search for them.
                self._tailer.name_missing(final=True)
        except StoppedError:
            pass
        except BaseException as error:
            # Threads that wait for the cluster must end too.
            self._shutdown.set()
            if isinstance(error, OSError):
                raise _disk_error(error) from error
            raise
        finally:
            self._finish()
        return self.counter.total

    def _step(self, *, following: bool) -> bool:
        """Read one block, or wait for one; return False where there is nothing left to do."""
        now = time.monotonic()
        if self._discovery.is_due(now):
            self._tailer.discover()
            self._tailer.name_missing()
            self._save_if_files_changed()
            self._discovery.done(now, time.monotonic())
        block = self._tailer.read()
        if block:
            self._take(block, now)
        elif following or self._tailer.listening:
            self._idle(now)
        else:
            return self._drain()
        self._collect()
        self._save_and_report_if_due(now)
        return True

    def _save_if_files_changed(self) -> None:
        """Save which files appeared or disappeared, so that they are known after a crash."""
        if self._tailer.changes != self._changes:
            self._changes = self._tailer.changes
            self._save_now()

    def _take(self, block: Block, now: float) -> None:
        """Add a block to the batch, and send the batch when it is full."""
        batch = self._batch
        if batch is None:
            batch = self._batch = Batch(now)
        # For each block: while a batch waits, lines are written that would seem to arrive before.
        self._encoder.stamp(datetime.now(UTC))
        self.counter.count_read(block, batch.add(block, self._encoder))
        self._progressed = now
        self._read_since_drain = True
        if batch.size >= self._batch_bytes:
            self._submit()

    def _idle(self, now: float) -> None:
        """Send what has waited long enough, and wait for more."""
        rest = self._discovery.due - now
        if self._tailer.listening:
            rest = min(rest, _LONGEST_WAIT_S)
        if self._batch:
            rest = min(rest, self._batch.opened + self._flow.batch_age_s - now)
            if rest <= 0:
                self._submit()
        if rest > 0 and self._wake(min(rest, _LONGEST_WAIT_S) if self._in_flight else rest):
            self._discovery.hurry()

    def _drain(self) -> bool:
        """Decide everything that was read; return whether there may be more to read then."""
        self._submit()
        while self._in_flight and not self._shutdown.is_set():
            self._collect(to=0)
        again = self._read_since_drain
        self._read_since_drain = False
        self._discovery.hurry()
        if again or not self._tailer.waiting:
            return again
        # Files that are still being written: there is no later run that would look again.
        self._shutdown.wait(_LONGEST_WAIT_S)
        now = time.monotonic()
        self._save_and_report_if_due(now)
        return now - self._progressed < SETTLE_LIMIT_S

    def _submit(self) -> None:
        """Send the batch."""
        batch, self._batch = self._batch, None
        if batch is None:
            return
        self._in_flight.append((batch, self._pool.submit(self._decide, batch)))
        # One batch more than there are senders, so that none of them waits for the encoder.
        self._collect(to=self._flow.in_flight)

    def _decide(self, batch: Batch) -> DeliveryResult:
        """Deliver a batch and keep what is rejected; runs in a thread of the pool."""
        result = self._delivery.deliver(batch)
        self._dead_letters.keep([*batch.rejected, *result.rejected])
        return result

    def _collect(self, to: int | None = None) -> None:
        """Commit the batches that are decided, in the order of reading.

        Args:
            to: Wait until at most so many batches are in flight; None does not wait.
        """
        while self._in_flight and (
            self._in_flight[0][1].done() or (to is not None and len(self._in_flight) > to)
        ):
            batch, future = self._in_flight[0]
            if not future.done():
                wait([future], timeout=_LONGEST_WAIT_S)
                self._save_and_report_if_due(time.monotonic())
                continue
            self._commit(batch, future.result())
            self._in_flight.popleft()

    def _commit(self, batch: Batch, result: DeliveryResult) -> None:
        for block in batch.blocks:
            block.source.commit(block)
        self.counter.count_result(batch, result)
        if result.too_large:
            self._batch_bytes = max(_LEAST_BATCH_BYTES, result.too_large // 2)
        self._changed = True

    def _save_and_report_if_due(self, now: float) -> None:
        if self._changed and self._saving.is_due(now):
            self._save_now()
        if self._reporting.is_due(now):
            self._report(self._health(running=True))
            self._reporting.done(now, time.monotonic())

    def _health(self, *, running: bool) -> Health:
        now = datetime.now(UTC)
        tailer = self._tailer
        sources = tailer.sources
        self.counter.keep_only({source.path for source in sources})
        return Health(
            time=now,
            shipper_id=self._dead_letters.shipper_id,
            process=os.getpid(),
            running=running,
            waiting_for=self._delivery.waiting_for,
            counts=self.counter.total,
            lost_bytes=sum(lost.bytes for lost in tailer.lost(final=not running)),
            files=[
                file_health(source, self.counter.of_file(source.path), now) for source in sources
            ],
            problems={**tailer.problems, **self._delivery.problems},
            blocked={**tailer.blocked, **tailer.waiting},
            unindexed={
                dataset: names.examples
                for dataset, names in self._encoder.field_names.items()
                if names.moved
            },
        )

    def _save_now(self) -> None:
        began = time.monotonic()
        self._checkpoint.save(self._tailer.records())
        self._saving.done(began, time.monotonic())
        self._changed = False

    def _finish(self) -> None:
        """Let the requests in flight end, commit what is decided, and save it."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        with suppress(StoppedError, CancelledError, UserError, OSError):
            self._collect(to=0)
        with suppress(OSError):
            self._save_now()
        self._report(self._health(running=False))
        self._tailer.close()


def _disk_error(error: OSError) -> UserError:
    where = f" ({error.filename})" if error.filename else ""
    return UserError(
        f"The shipper cannot keep its checkpoint or a rejected line: {error.strerror}{where}",
        "Make room or correct the rights, then run it again; nothing is lost.",
    )
