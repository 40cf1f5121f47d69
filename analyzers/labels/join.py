"""Joins outcomes to their predictions: those that are new, and those whose look-up is due.

Nothing is marked as done before it is stored, so a run that is killed anywhere, or overlaps with
another one, ends in the same labels. Memory holds a few batches.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from threading import Lock
from typing import TYPE_CHECKING

from mlmon.analyzers.baselines.baseline import dividing
from mlmon.analyzers.labels.arrivals import Arrivals, horizon, newest_hours, parts
from mlmon.analyzers.labels.label import Label, document_id
from mlmon.analyzers.labels.store import LabelStore
from mlmon.analyzers.labels.waiting import WaitingStatus, WaitingStore
from mlmon.elastic.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime
    from typing import TypeVar

    from mlmon.analyzers.event_logs.logs import Logs
    from mlmon.analyzers.labels.label import Outcome
    from mlmon.analyzers.labels.store import StoredLabel
    from mlmon.analyzers.labels.waiting import Waiting
    from mlmon.elastic.client.cluster import Cluster

    T = TypeVar("T")
    U = TypeVar("U")

OUTCOMES_PER_BATCH = 1_000
"""Number of outcomes looked up at once."""

AT_A_TIME = 2
"""Number of batches joined at once: Elasticsearch works at one while another is prepared."""

_ATTEMPTS = 20


@dataclass(slots=True)
class Joined:
    """What a run did.

    Args:
        outcomes: New outcomes that were read, some of them again.
        labels: Labels that were new or changed.
        waiting: Outcomes looked up that wait for their predictions.
        orphans: Outcomes given up.
        note: What was damaged and set aside, in a sentence.
    """

    outcomes: int = 0
    labels: int = 0
    waiting: int = 0
    orphans: int = 0
    note: str = ""


class LabelJoin:
    """The join of one namespace.

    Args:
        cluster: Where everything is.
        namespace: Environment.
        now: When this is; labels are marked as joined then.
        divided_by: The categorical features whose segments new labels name.
    """

    def __init__(
        self, cluster: Cluster, namespace: str, now: datetime, divided_by: tuple[str, ...] = ()
    ) -> None:
        self._now = now
        self._arrivals = Arrivals(cluster, namespace)
        self._labels = LabelStore(cluster, namespace, divided_by)
        self._waiting = WaitingStore(cluster, namespace)
        self._done = Joined()
        self._counting = Lock()

    def run(self) -> Joined:
        """Join what can be joined now."""
        self._retry()
        self._read_new()
        # This run counts as joined what a killed run, or one at the same time, has joined: it must
        # be visible, too.
        self._labels.refresh()
        self._waiting.refresh()
        return self._done

    def _retry(self) -> None:
        for batch in _batches(self._waiting.due(self._now)):
            missing = self._join([waiting.outcome for waiting in batch])
            found = [waiting for waiting in batch if waiting.outcome.prediction_id not in missing]
            again = [waiting for waiting in batch if waiting.outcome.prediction_id in missing]
            self._waiting.found(found, self._now)
            self._waiting.again(again, self._now)
            self._count(again)

    def _read_new(self) -> None:
        known = self._arrivals.read(self._now)
        self._done.note = self._arrivals.note
        since = horizon(known.hours, self._now)
        present = self._arrivals.survey(since)
        newest = newest_hours(present)
        for hours in parts(present, known.hours):
            part = self._arrivals.with_slots(hours, newest)
            with closing(self._arrivals.outcomes(part, known)) as outcomes:
                for batch, missing in self._all_joined(outcomes):
                    self._done.outcomes += len(batch)
                    waiting = [outcome for outcome in batch if outcome.prediction_id in missing]
                    self._done.waiting += len(waiting)
                    self._waiting.add(waiting, self._now)
            known = known.with_part(part, since)
            self._arrivals.write(known, self._now)

    def _all_joined(self, outcomes: Iterator[Outcome]) -> Iterator[tuple[list[Outcome], set[str]]]:
        """Join batches, some at a time; yield each with the predictions that are not there."""
        started: deque[tuple[list[Outcome], Future[set[str]]]] = deque()
        with ThreadPoolExecutor(AT_A_TIME) as pool:
            for number, batch in enumerate(_batches(outcomes)):
                started.append((batch, pool.submit(self._join, batch)))
                # The first one alone: it makes the index that all of them search.
                while len(started) > (AT_A_TIME if number else 0):
                    yield _ended(started)
            while started:
                yield _ended(started)

    def _join(self, outcomes: Iterable[Outcome]) -> set[str]:
        """Store the labels by these outcomes; return the predictions that are not there."""
        missing: set[str] = set()
        pending = _by_prediction(outcomes)
        for _ in range(_ATTEMPTS):
            stored = self._labels.labels(pending)
            predictions = self._labels.predictions(
                [outcome for outcome in pending if outcome not in stored]
            )
            missing |= pending.keys() - stored.keys() - predictions.keys()
            changed: list[tuple[Label, StoredLabel | None]] = []
            for ident, of in pending.items():
                known = stored.get(ident)
                if known is None and ident in predictions:
                    changed.append((Label.of(predictions[ident], of), None))
                elif known and (label := known.label.with_outcomes(of)) != known.label:
                    changed.append((label, known))
            conflicted = set(self._labels.write(changed, self._now))
            with self._counting:
                self._done.labels += len(changed) - len(conflicted)
            if not conflicted:
                return missing
            self._labels.refresh()
            pending = {i: of for i, of in pending.items() if document_id(i) in conflicted}
        raise UserError(
            f"{len(pending)} labels are written by others again and again",
            "See that one `mlmon run` or `mlmon analyze` runs at a time, then run this one again.",
        )

    def _count(self, again: Iterable[Waiting]) -> None:
        for waiting in again:
            given_up = waiting.status(self._now) is WaitingStatus.ORPHAN
            self._done.orphans += given_up
            self._done.waiting += not given_up


def join_new(logs: Logs) -> Joined:
    """Join all outcomes that have come; labels name the declared segments."""
    divided_by = dividing(logs.baselines.values())
    joined = LabelJoin(logs.cluster, logs.namespace, logs.now, divided_by).run()
    if joined.note:
        logs.notes.append(joined.note)
    return joined


def _ended(started: deque[tuple[T, Future[U]]]) -> tuple[T, U]:
    """Wait for the one that was started first."""
    batch, future = started.popleft()
    return batch, future.result()


def _batches(items: Iterator[T]) -> Iterator[list[T]]:
    while batch := list(islice(items, OUTCOMES_PER_BATCH)):
        yield batch


def _by_prediction(outcomes: Iterable[Outcome]) -> Mapping[str, Sequence[Outcome]]:
    by_prediction: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        by_prediction.setdefault(outcome.prediction_id, []).append(outcome)
    return by_prediction
