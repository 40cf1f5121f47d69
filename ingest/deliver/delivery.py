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
from mlmon.ingest.deliver.stored_events import SearchTarget, StoredEvents, differing_fields

UNCERTAIN_ATTEMPTS = 6
"""How often an error of unknown kind is repeated before the line is rejected."""

_ANSWER = "errors,items.*.status,items.*.error.type,items.*.error.reason,items.*.error.caused_by"
_NOTHING: dict[str, Any] = {"items": []}
_NAMED_FIELDS = 5
_FAILURES = 3


class BulkTarget(SearchTarget, Protocol):
    """The part of `Cluster` that delivery uses."""

    def bulk(self, body: bytes, *, filter_path: str | None = None) -> dict[str, Any]:
        """Send one bulk request, once."""


class BulkItems(Protocol):
    """Items of bulk requests, in order.

    Attributes:
        items: Action and document of each.
        maybe_sent: Whether some may have been sent before, so that they are looked up first.
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
    """

    def __init__(self, target: BulkTarget, streams: str, shutdown: Event) -> None:
        self.waiting_for = ""
        self._target = target
        self._stored = StoredEvents(target, streams)
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

    def find(self, ids: list[str]) -> dict[str, dict[str, Any]]:
        """Return the stored event of each id that is there."""
        return self._stored.find(ids)

    def wait(self, attempt: int, reason: str) -> None:
        """Wait before a repetition, and report for what."""
        self.waiting_for = reason
        self._retry.wait(attempt)


class _Attempt:
    """The delivery of one batch."""

    def __init__(self, delivery: Delivery, batch: BulkItems) -> None:
        self._delivery = delivery
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
            if failures >= (UNCERTAIN_ATTEMPTS if alone else _FAILURES):
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
        look_up = self._batch.maybe_sent
        attempt = 0
        while True:
            before = len(part)
            try:
                if look_up:
                    part = self._without_stored(part)
                body = b"".join([self._batch.items[index] for index in part])
                answer = self._delivery.send(body, len(part)) if part else _NOTHING
                part, look_up, reason = self._apply(part, answer, attempt)
            except ClusterError as error:
                match request_action(error.status):
                    case RequestAction.STOP:
                        raise
                    case RequestAction.SPLIT:
                        return self._split(part, error)
                look_up |= may_have_stored(error.status)
                reason = error.message
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
        stored = self._delivery.find([self._batch.event_id(index) for index in part])
        known = [index for index in part if self._batch.event_id(index) in stored]
        self._compare(known, stored)
        found = set(known)
        return [index for index in part if index not in found]

    def _settle_duplicates(self, part: list[int]) -> None:
        """Count lines that Elasticsearch called duplicates, after comparing their contents."""
        compared = [index for index in part if self._batch.line(index)]
        stored = self._delivery.find([self._batch.event_id(index) for index in compared])
        self._compare(part, stored)

    def _compare(self, part: list[int], stored: dict[str, dict[str, Any]]) -> None:
        """Count lines as duplicates where the stored event is the same, else reject them."""
        for index in part:
            id_ = self._batch.event_id(index)
            different = differing_fields(self._batch.line(index), stored.get(id_, {}))
            if different:
                named = ", ".join(different[:_NAMED_FIELDS])
                self._reject(index, f"event.id is stored with other content: {named} differ")
            else:
                self._result.duplicates.append(index)

    def _reject(self, index: int, reason: str) -> None:
        self._result.rejected.append(self._batch.dead_letter(index, reason))
