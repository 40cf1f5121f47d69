"""Sends bulk items until each is stored, a known duplicate, or rejected.

What the cluster refuses for everybody is waited for without a limit; a line is rejected only for
what the line itself causes. What may already be stored is looked up before it is sent again.
"""

from collections import Counter
from dataclasses import dataclass, field
from threading import Event
from typing import Any, Protocol

from mlmon.elastic.errors import ClusterError, UserError
from mlmon.ingest.deliver.bulk_result import (
    ItemStatus,
    RequestAction,
    item_result,
    may_have_stored,
    request_action,
)
from mlmon.ingest.deliver.dead_letter import DeadLetter
from mlmon.ingest.deliver.retry_policy import RetryPolicy
from mlmon.ingest.deliver.stored_events import (
    BackingIndices,
    SearchTarget,
    StoredEvent,
    StoredEvents,
    differing_fields,
    second_copies,
)

UNCERTAIN_ATTEMPTS = 6
"""Attempts after an error of unknown kind before the line is rejected."""
FAILURES_ALONE = 3
"""Refusals (400) of one line before it is rejected, where the cluster accepts others."""

_ANSWER = "errors,items.*.status,items.*.error.type,items.*.error.reason,items.*.error.caused_by"
_NOTHING: dict[str, Any] = {"items": []}
_NAMED_FIELDS = 5


class BulkItems(Protocol):
    """Items of bulk requests, in order.

    Attributes:
        items: Action and document of each.
        maybe_sent: Whether some may have been sent before, by this shipper or another one.
    """

    items: list[bytes]
    maybe_sent: bool

    def event_id(self, index: int) -> str:
        """Return the id of an item."""

    def line(self, index: int) -> bytes:
        """Return the event of an item as it was logged; empty where duplicates are not compared."""

    def dead_letter(self, index: int, reason: str) -> DeadLetter:
        """Return the dead letter of an item that is rejected."""


@dataclass(slots=True)
class DeliveryResult:
    """What became of the lines of one batch.

    Attributes:
        stored: Lines stored by this delivery.
        duplicates: Indexes of the lines that were there before, with the same content.
        retried: How often a line had to be sent again.
        rejected: Lines that were rejected.
        too_large: Bytes of the smallest request that was too large; 0 where none was.
    """

    stored: int = 0
    duplicates: list[int] = field(default_factory=list)
    retried: int = 0
    rejected: list[DeadLetter] = field(default_factory=list)
    too_large: int = 0


class Delivery:
    """Delivers batches to one cluster; several threads may deliver at once.

    Args:
        target: The cluster.
        streams: Pattern of the data streams in which ids are looked up.
        shutdown: Ends every wait when set.

    Attributes:
        waiting_for: The error that is being waited for; empty while the cluster accepts lines.
        doubled: Lines that are stored twice because the cluster lets nobody delete the second copy.
    """

    def __init__(self, target: SearchTarget, streams: str, shutdown: Event) -> None:
        self.waiting_for = ""
        self.doubled = 0
        self.stored_events = StoredEvents(target, streams)
        self._target = target
        self._streams = streams
        self._retry = RetryPolicy(shutdown)

    def deliver(self, batch: BulkItems) -> DeliveryResult:
        """Send a batch until each line is stored, a known duplicate, or rejected.

        Raises:
            StoppedError: Shutdown was requested; some lines are undecided.
            UserError: The cluster refuses this shipper: a person has to act.
        """
        return _Attempt(self, batch).run()

    def send(self, body: bytes, expected: int) -> dict[str, Any]:
        """Send one bulk request and check that the answer is complete."""
        answer = self._target.bulk(body, filter_path=_ANSWER)
        items = answer.get("items", [])
        if len(items) != expected:
            raise ClusterError(f"The answer is for {len(items)} of {expected} lines")
        return answer

    @property
    def problems(self) -> dict[str, str]:
        """Problems that a person has to fix in the cluster, by data streams."""
        if not self.doubled:
            return {}
        hint = "give the shipper's user the privilege delete on them"
        return {self._streams: f"{self.doubled} lines are stored twice: {hint}"}

    def wait(self, attempt: int, reason: str) -> None:
        """Wait before a repetition, and report for what."""
        self.waiting_for = reason
        self._retry.wait(attempt)


class _Attempt:
    """The delivery of one batch."""

    def __init__(self, delivery: Delivery, batch: BulkItems) -> None:
        self._delivery = delivery
        self._stored = delivery.stored_events
        self._batch = batch
        self._result = DeliveryResult()
        self._accepted = self._was_accepted = False
        self._bad_requests: list[tuple[int, str]] = []
        self._failed_alone: Counter[int] = Counter()

    def run(self) -> DeliveryResult:
        parts = [list(range(len(self._batch.items)))]
        attempt = 0
        while parts:
            while parts:
                part = parts.pop()
                if part:
                    parts += self._deliver(part)
            attempt += 1
            parts = self._judge_bad_requests(attempt)
        return self._result

    def _judge_bad_requests(self, attempt: int) -> list[list[int]]:
        """Reject the lines that alone get a 400 again and again; return the others to be sent.

        Where the cluster accepted no other line of the batch, the refusal may be for everybody. A
        batch of one line proves nothing, so it is repeated more often.
        """
        waiting, self._bad_requests = self._bad_requests, []
        if not waiting:
            return []
        alone = len(self._batch.items) == 1
        # Only failures after the cluster accepted another line prove something about this one.
        if self._was_accepted or alone:
            self._failed_alone.update(index for index, _ in waiting)
        self._was_accepted = self._accepted
        again: list[int] = []
        for index, reason in waiting:
            failures = self._failed_alone[index]
            if failures >= (UNCERTAIN_ATTEMPTS if alone else FAILURES_ALONE):
                self._reject(index, reason)
            else:
                again.append(index)
        if not again:
            return []
        self._delivery.wait(attempt, waiting[0][1])
        self._result.retried += len(again)
        # One by one: together, the request would be refused for one of them.
        return [[index] for index in again]

    def _deliver(self, part: list[int]) -> list[list[int]]:
        """Send some lines until they are decided, or return smaller parts to be sent."""
        maybe_sent = self._batch.maybe_sent
        look_up = False
        attempt = 0
        while True:
            before = len(part)
            try:
                indices = self._stored.backing_indices() if maybe_sent else None
                # With one backing index, `create` is enough for what an earlier run or another one
                # sent; what this run sent could be refused now although it was stored then.
                if look_up or (maybe_sent and not _are_single(indices)):
                    part = self._without_stored(part)
                sent = part
                body = b"".join([self._batch.items[index] for index in part])
                answer = self._delivery.send(body, len(part)) if part else _NOTHING
                part, look_up, reason = self._apply(part, answer, attempt)
                if maybe_sent:
                    self._remove_second_copies(set(sent).difference(part), indices)
            except ClusterError as error:
                match request_action(error.status):
                    case RequestAction.STOP:
                        raise
                    case RequestAction.SPLIT:
                        return self._split(part, error)
                look_up |= may_have_stored(error.status)
                reason = error.message
            maybe_sent |= look_up
            if not part:
                self._delivery.waiting_for = ""
                return []
            self._result.retried += len(part)
            # Where some lines were decided, the cluster works: waits start again from the shortest.
            attempt = attempt + 1 if len(part) == before else 1
            self._delivery.wait(attempt, reason)

    def _apply(
        self, part: list[int], answer: dict[str, Any], attempt: int
    ) -> tuple[list[int], bool, str]:
        """Count what is decided; return what to send again, whether to look it up, and why."""
        if answer.get("errors") is False:
            self._result.stored += len(part)
            self._accepted = True
            return [], False, ""
        again: list[int] = []
        duplicates: list[int] = []
        look_up = False
        reason = ""
        for index, item in zip(part, answer["items"], strict=True):
            result = item_result(item)
            status = result.status
            if status is ItemStatus.UNCERTAIN:
                last = attempt + 1 >= UNCERTAIN_ATTEMPTS
                status = ItemStatus.REJECTED if last else ItemStatus.RETRY
            match status:
                case ItemStatus.STORED:
                    self._result.stored += 1
                    self._accepted = True
                case ItemStatus.DUPLICATE:
                    duplicates.append(index)
                case ItemStatus.REJECTED:
                    self._reject(index, result.reason)
                case ItemStatus.RETRY:
                    again.append(index)
                    look_up |= result.may_be_stored
                    reason = result.reason
                case ItemStatus.FORBIDDEN:
                    raise UserError(
                        f"The cluster does not let this shipper write: {result.reason}",
                        "Give its user or API key the privilege create_doc on logs-ml.*.",
                    )
        self._settle_duplicates(duplicates)
        return again, look_up, reason

    def _split(self, part: list[int], error: ClusterError) -> list[list[int]]:
        """Return the halves of a request that was refused; a single line is judged at the end."""
        too_large = error.status == 413  # noqa: PLR2004 - Content Too Large
        if len(part) == 1:
            if too_large:
                self._reject(part[0], error.message)
            else:
                self._bad_requests.append((part[0], error.message))
            return []
        if too_large:
            size = sum(len(self._batch.items[index]) for index in part)
            self._result.too_large = min(self._result.too_large or size, size)
        middle = len(part) // 2
        return [part[middle:], part[:middle]]

    def _without_stored(self, part: list[int]) -> list[int]:
        """Return the lines whose id no backing index holds; count the others."""
        stored, _ = self._look_up(part)
        self._compare(stored)
        return [index for index in part if index not in stored]

    def _settle_duplicates(self, part: list[int]) -> None:
        """Count lines that Elasticsearch called duplicates, after comparing their contents."""
        stored, _ = self._look_up([index for index in part if self._batch.line(index)])
        self._compare({index: stored.get(index, {}) for index in part})

    def _remove_second_copies(self, decided: set[int], before: BackingIndices | None) -> None:
        """Delete what was stored a second time because a stream rolled over while it was sent.

        Args:
            decided: Lines that were sent and are decided.
            before: The backing indices before the lines were looked up; None where not known.
        """
        attempt = 0
        while decided:
            try:
                now = self._stored.backing_indices()
                if now is not None and (now == before or _are_single(now)):
                    return
                stored, doubled = self._look_up(sorted(decided))
            except ClusterError as error:
                if request_action(error.status) is RequestAction.STOP:
                    raise
                attempt += 1
                self._delivery.wait(attempt, error.message)
                continue
            # Counted as stored by this delivery, but an earlier request had stored it.
            again = doubled.difference(self._result.duplicates)
            self._result.stored -= len(again)
            self._compare({index: stored[index] for index in sorted(again)})
            return

    def _look_up(self, part: list[int]) -> tuple[dict[int, StoredEvent], set[int]]:
        """Return the first stored event of each line that is stored, and which lines had two.

        The second one is deleted where it says what the line says.
        """
        found = self._stored.find([self._batch.event_id(index) for index in part])
        first: dict[int, StoredEvent] = {}
        second: dict[tuple[str, str], int] = {}
        for index in part:
            id_ = self._batch.event_id(index)
            copies = found.get(id_, [])
            if copies:
                first[index] = copies[0].event
            for copy in second_copies(copies):
                if not differing_fields(self._batch.line(index), copy.event):
                    second[copy.index, id_] = index
        self._delivery.doubled += len(self._stored.remove(second))
        return first, set(second.values())

    def _compare(self, stored: dict[int, StoredEvent]) -> None:
        """Count lines as duplicates where the stored event is the same, else reject them."""
        for index, event in stored.items():
            different = differing_fields(self._batch.line(index), event)
            if different:
                named = ", ".join(different[:_NAMED_FIELDS])
                self._reject(index, f"event.id is stored with other content: {named} differ")
            else:
                self._result.duplicates.append(index)

    def _reject(self, index: int, reason: str) -> None:
        self._result.rejected.append(self._batch.dead_letter(index, reason))


def _are_single(indices: BackingIndices | None) -> bool:
    """Return whether no data stream has a second backing index: then `create` doubles nothing."""
    return indices is not None and all(len(names) == 1 for names in indices.values())
