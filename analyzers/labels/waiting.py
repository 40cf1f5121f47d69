"""Outcomes whose prediction is not there: kept, and looked up again at growing intervals."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from mlmon.analyzers.base.window import DAY, MINUTE, iso, parse_time
from mlmon.analyzers.labels.label import Outcome
from mlmon.elastic.client.documents import NEW, Document
from mlmon.elastic.indices.lifecycle import LIFECYCLES
from mlmon.elastic.indices.names import WAITING, all_months, month_index

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from mlmon.elastic.client.cluster import Cluster

SOONEST, LATEST = 5 * MINUTE, DAY
"""An outcome is looked up again after as long as it has waited, within these bounds."""

MAX_WAIT = (
    next(lifecycle.days or 30 for lifecycle in LIFECYCLES if lifecycle.name == "ml.prediction")
    * DAY
)
"""Age at which an outcome is given up: predictions are kept no longer."""


class WaitingStatus(StrEnum):
    """Status of a waiting outcome."""

    WAITING = "waiting"
    FOUND = "found"
    ORPHAN = "orphan"


@dataclass(frozen=True, slots=True)
class Waiting:
    """An outcome whose prediction was not there.

    Args:
        outcome: The outcome.
        since: When its prediction was first looked up.
    """

    outcome: Outcome
    since: datetime

    def status(self, now: datetime) -> WaitingStatus:
        """Return whether it still waits at a moment at which its prediction was not there."""
        return WaitingStatus.ORPHAN if now - self.since >= MAX_WAIT else WaitingStatus.WAITING

    def next(self, now: datetime) -> datetime:
        """Return when to look it up again."""
        return now + min(max(now - self.since, SOONEST), LATEST)


class WaitingStore:
    """The outcomes of one namespace that wait, have been found since, or are given up."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._indices = all_months(WAITING, namespace)

    def add(self, outcomes: Iterable[Outcome], now: datetime) -> None:
        """Keep outcomes that are looked up for the first time; those that are kept stay."""
        # Those that wait already are in conflict with a new document, and that is all right.
        self._write((Waiting(outcome, now) for outcome in outcomes), now, new=True)

    def due(self, now: datetime) -> Iterator[Waiting]:
        """Yield those whose next look-up is due."""
        filters: list[dict[str, Any]] = [
            {"term": {"waiting.status": WaitingStatus.WAITING}},
            {"range": {"waiting.next": {"lte": iso(now)}}},
        ]
        for hit in self._cluster.scan(self._indices, {"query": {"bool": {"filter": filters}}}):
            yield _read(hit["_id"], hit["_source"])

    def again(self, waiting: Iterable[Waiting], now: datetime) -> None:
        """Look them up again later, or give them up."""
        self._write(waiting, now)

    def found(self, waiting: Iterable[Waiting], now: datetime) -> None:
        """Their predictions were found and their labels are stored."""
        self._write(waiting, now, WaitingStatus.FOUND)

    def refresh(self) -> None:
        """Make what was stored visible."""
        self._cluster.refresh(self._indices)

    def _write(
        self,
        waiting: Iterable[Waiting],
        now: datetime,
        status: WaitingStatus | None = None,
        *,
        new: bool = False,
    ) -> None:
        self._cluster.put(
            Document(
                month_index(WAITING, self._namespace, entry.outcome.at),
                entry.outcome.id,
                _source(entry, status or entry.status(now), now),
                NEW if new else None,
            )
            for entry in waiting
        )


def _source(waiting: Waiting, status: WaitingStatus, now: datetime) -> dict[str, Any]:
    outcome = waiting.outcome
    known = {
        "service.name": outcome.service,
        "ml.outcome.value": outcome.value,
        "event.created": iso(outcome.created) if outcome.created else None,
        "waiting.next": iso(waiting.next(now)) if status is WaitingStatus.WAITING else None,
    }
    return {
        "@timestamp": iso(outcome.at),
        # The time of this document's last change, not of its last look-up.
        "event.ingested": iso(waiting.since if status is WaitingStatus.WAITING else now),
        "ml.prediction.id": outcome.prediction_id,
        "ml.outcome.label": outcome.label,
        "waiting.status": status,
        "waiting.since": iso(waiting.since),
        **{name: value for name, value in known.items() if value is not None},
    }


def _read(ident: str, source: dict[str, Any]) -> Waiting:
    created = source.get("event.created")
    outcome = Outcome(
        ident,
        source["ml.prediction.id"],
        parse_time(source["@timestamp"]),
        source["ml.outcome.label"],
        source.get("ml.outcome.value"),
        parse_time(created) if created else None,
        source.get("service.name"),
    )
    return Waiting(outcome, parse_time(source["waiting.since"]))
