"""Sends one parcel of lines until every one of them is decided.

The cluster's troubles are waited out without a limit; a line's own fault ends in a refusal.
Whatever may already be stored is looked up across the whole data stream before it is sent again:
`create` alone prevents a second copy only within one backing index.
"""

from dataclasses import dataclass, field
from random import Random
from threading import Event
from typing import Any, Protocol

from mlmon.elastic.errors import ClusterError, UserError
from mlmon.ingest.deliver import backoff
from mlmon.ingest.deliver.bulk_result import Fate, Verdict, fate, judge, may_have_stored
from mlmon.ingest.deliver.dead_letter import DeadLetter

_ANSWER = "errors,items.*.status,items.*.error.type,items.*.error.reason,items.*.error.caused_by"
_NOTHING: dict[str, Any] = {"items": []}
_LOOK_UP = 1_000
# So many backing indices may hold one id before an answer of this size could miss another one.
_COPIES = 4


class Target(Protocol):
    """What delivery needs of a `Cluster`."""

    def bulk(self, body: bytes, *, filter_path: str | None = None) -> dict[str, Any]:
        """Send one bulk request, once."""

    def search(self, index: str, body: dict[str, Any]) -> dict[str, Any]:
        """Return the answer of one search."""

    def refresh(self, index: str) -> None:
        """Make what was stored visible to searches."""


class Parcel(Protocol):
    """Items of bulk requests that are to be decided."""

    items: list[bytes]
    suspect: bool

    def ident(self, index: int) -> str:
        """Return the id of an item."""

    def dead_letter(self, index: int, reason: str) -> DeadLetter:
        """Return the dead letter of an item that is refused."""


class StoppedError(Exception):
    """The shipper is to stop before the batch is decided."""


@dataclass(slots=True)
class Outcome:
    """What became of the lines of a parcel.

    Attributes:
        stored: Lines stored by this delivery.
        duplicates: Indexes of the lines that were there before.
        retried: How often a line had to be sent again.
        refused: Lines that Elasticsearch refused.
        too_large: Bytes of the smallest request it found too large; 0 where there was none.
    """

    stored: int = 0
    duplicates: list[int] = field(default_factory=list)
    retried: int = 0
    refused: list[DeadLetter] = field(default_factory=list)
    too_large: int = 0


class Delivery:
    """Delivers batches to one cluster; several threads may deliver at once.

    Args:
        target: The cluster.
        streams: Pattern of the data streams in which ids are looked up.
        stopping: Set when nothing is to be waited for any more.
        random: Draws the waits.

    Attributes:
        waiting_for: What the cluster said when a request failed; empty once it goes on.
    """

    def __init__(
        self,
        target: Target,
        streams: str,
        stopping: Event,
        *,
        random: Random | None = None,
    ) -> None:
        self.waiting_for = ""
        self._target = target
        self._streams = streams
        self._stopping = stopping
        self._random = random or Random()

    def deliver(self, parcel: Parcel) -> Outcome:
        """Send a batch until each line is stored, known as a duplicate, or refused.

        Raises:
            StoppedError: The shipper stops; some lines are undecided.
            UserError: The cluster refuses this shipper: a person has to act.
        """
        outcome = Outcome()
        parts = [list(range(len(parcel.items)))]
        while parts:
            part = parts.pop()
            if part:
                parts += self._deliver(parcel, part, outcome)
        return outcome

    def _deliver(self, parcel: Parcel, part: list[int], outcome: Outcome) -> list[list[int]]:
        """Send some lines of a batch until they are decided, or return smaller parts to be sent."""
        suspect = parcel.suspect
        attempt = 0
        while True:
            before = len(part)
            try:
                if suspect:
                    part = self._without_known(parcel, part, outcome)
                body = b"".join([parcel.items[index] for index in part])
                answer = self._send(body, len(part)) if part else _NOTHING
                part, suspect, reason = self._apply(parcel, part, answer, outcome)
            except ClusterError as error:
                match fate(error.status):
                    case Fate.STOP:
                        raise
                    case Fate.SPLIT:
                        return self._split(parcel, part, error, outcome)
                suspect |= may_have_stored(error.status)
                reason = error.message
            if not part:
                self.waiting_for = ""
                return []
            outcome.retried += len(part)
            # Where some lines were decided, the cluster is at work: the waits begin anew.
            attempt = attempt + 1 if len(part) == before else 1
            self._wait(attempt, reason)

    def _send(self, body: bytes, expected: int) -> dict[str, Any]:
        answer = self._target.bulk(body, filter_path=_ANSWER)
        items = answer.get("items", [])
        if len(items) != expected:
            raise ClusterError(f"The answer is for {len(items)} of {expected} lines")
        return answer

    def _apply(
        self, parcel: Parcel, part: list[int], answer: dict[str, Any], outcome: Outcome
    ) -> tuple[list[int], bool, str]:
        """Count what is decided; return what to send again, whether it may be stored, and why."""
        if answer.get("errors") is False:
            outcome.stored += len(part)
            return [], False, ""
        again: list[int] = []
        ambiguous = False
        reason = ""
        for index, item in zip(part, answer["items"], strict=True):
            judgement = judge(item)
            match judgement.verdict:
                case Verdict.STORED:
                    outcome.stored += 1
                case Verdict.DUPLICATE:
                    outcome.duplicates.append(index)
                case Verdict.REFUSED:
                    outcome.refused.append(parcel.dead_letter(index, judgement.reason))
                case Verdict.RETRY:
                    again.append(index)
                    ambiguous |= judgement.ambiguous
                    reason = judgement.reason
                case Verdict.FORBIDDEN:
                    raise UserError(
                        f"The cluster does not let this shipper write: {judgement.reason}",
                        "Give its user or API key the privilege create_doc on logs-ml.*.",
                    )
        return again, ambiguous, reason

    def _split(
        self, parcel: Parcel, part: list[int], error: ClusterError, outcome: Outcome
    ) -> list[list[int]]:
        """Return the halves of what was refused as a whole; a single line is refused for good."""
        if len(part) == 1:
            outcome.refused.append(parcel.dead_letter(part[0], error.message))
            return []
        size = sum(len(parcel.items[index]) for index in part)
        if error.status == 413:  # noqa: PLR2004 - Content Too Large
            outcome.too_large = min(outcome.too_large or size, size)
        middle = len(part) // 2
        return [part[middle:], part[:middle]]

    def _without_known(self, parcel: Parcel, part: list[int], outcome: Outcome) -> list[int]:
        """Return the lines that no backing index of the data streams holds yet."""
        self._target.refresh(self._streams)
        ids = {index: parcel.ident(index) for index in part}
        wanted = list(ids.values())
        known: set[str] = set()
        for first in range(0, len(wanted), _LOOK_UP):
            known |= self._known(wanted[first : first + _LOOK_UP])
        outcome.duplicates += [index for index in part if ids[index] in known]
        return [index for index in part if ids[index] not in known]

    def _known(self, ids: list[str]) -> set[str]:
        body = {
            "size": len(ids) * _COPIES,
            "query": {"ids": {"values": ids}},
            "sort": ["_doc"],
            "_source": False,
            "track_total_hits": False,
        }
        answer = self._target.search(self._streams, body)
        return {hit["_id"] for hit in answer["hits"]["hits"]}

    def _wait(self, attempt: int, reason: str) -> None:
        self.waiting_for = reason
        if self._stopping.wait(backoff.wait_s(attempt, self._random)):
            raise StoppedError
