"""The outbox: each message of each route, from its change to its delivery.

An entry is written before the change it is about, and marked once the channel took it: a process
that is killed in between sends it in the next cycle. A channel that does not answer is tried again
with growing pauses, across cycles; one that refuses is not, and the refusal is kept.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from mlmon.alerting.incidents.documents import change_document, read_change
from mlmon.alerting.notify.message import digest_message, message
from mlmon.alerting.notify.notifier import SendResult, Sent
from mlmon.analyzers.base.digest import digest
from mlmon.analyzers.base.window import iso, parse_time
from mlmon.elastic.client.documents import NEW, Document
from mlmon.elastic.errors import UserError
from mlmon.elastic.indices.names import DELIVERIES, index_name
from mlmon.elastic.json_object import Json
from mlmon.formatting import count

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from mlmon.alerting.incidents.incident import IncidentChange
    from mlmon.alerting.incidents.record import IncidentRecord
    from mlmon.alerting.incidents.store import IncidentStore
    from mlmon.alerting.notify.message import Message
    from mlmon.alerting.notify.pages import PageLinks
    from mlmon.alerting.notify.route import Route
    from mlmon.elastic.client.cluster import Cluster

_STATUS = "delivery.status"
_Entry = tuple[str, Json]
"""An entry's id and document."""
Compose = Callable[["IncidentChange", "IncidentRecord"], "Message"]
"""Makes the message about a change of an incident, given the incident."""

LATEST = timedelta(days=1)
"""A change of data that is older is not sent for itself: nobody is called for a history that is
analyzed. What is open now is sent however late it became known, and so is the end of what was
announced."""
STORM = 10
"""From this number on, messages of one route at once become one."""
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=30), timedelta(hours=1)
GIVEN_UP = timedelta(days=3)
"""For so long a message is tried."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """Result of a delivery."""

    sent: int = 0
    failed: tuple[str, ...] = ()
    waiting: int = 0

    def __add__(self, other: Delivered) -> Delivered:
        """Return what both did."""
        return Delivered(
            self.sent + other.sent, self.failed + other.failed, self.waiting + other.waiting
        )

    def summary(self) -> str:
        """Return it in a line, empty where there was nothing to send."""
        parts = [f"sent {count(self.sent, 'message')}"] if self.sent else []
        parts += [f"{count(self.waiting, 'message')} waiting"] if self.waiting else []
        return "; ".join([*parts, *self.failed])


class Outbox:
    """The outbox of one namespace."""

    def __init__(self, cluster: Cluster, namespace: str, routes: Mapping[str, Route]) -> None:
        self._cluster = cluster
        self._routes = routes
        self.index = index_name(DELIVERIES, namespace)

    def put(
        self,
        changes: Iterable[tuple[IncidentChange, IncidentRecord]],
        now: datetime,
        held: Callable[[IncidentRecord], datetime | None] = lambda _incident: None,
    ) -> None:
        """Add an entry for each published change and each route that takes its incident.

        Args:
            changes: Changes that are not stored yet, each with its incident.
            now: When this is.
            held: Until when messages about an incident are held back, if they are.
        """
        news = [(change, incident) for change, incident in changes if change.kind.published]
        late = {
            change.incident
            for change, incident in news
            if now - change.at > LATEST and not incident.is_open
        }
        announced = self._announced(late) if late else set()
        entries = [
            Document(
                self.index,
                digest((change.id, name)),
                {
                    "@timestamp": iso(now),
                    "delivery.route": name,
                    "delivery.status": "waiting",
                    "delivery.attempts": 0,
                    "delivery.next_attempt": iso(held(incident) or now),
                    "delivery.held": held(incident) is not None,
                    "delivery.change": change_document(change, None),
                    "change.id": change.id,
                    "change.kind": change.kind.value,
                    "incident.id": change.incident,
                },
                NEW,
            )
            for change, incident in news
            for name, route in self._routes.items()
            if route.matches(incident)
            and (change.incident not in late or (change.incident, name) in announced)
        ]
        if entries:
            self._cluster.put(entries)
            self._cluster.refresh(self.index)

    def deliver(self, store: IncidentStore, now: datetime, compose: Compose) -> Delivered:
        """Send what is due; return what was sent and which routes failed."""
        due: dict[str, list[_Entry]] = defaultdict(list)
        for name, entry in self._waiting():
            if parse_time(entry["delivery.next_attempt"]) > now:
                continue
            if entry.get("delivery.held") and not self._is_open(store, entry):
                # It opened and ended while nobody was to be called.
                self._cluster.put([Document(self.index, name, entry | {_STATUS: "withheld"})])
                continue
            due[entry["delivery.route"]].append((name, entry))
        total = Delivered()
        for route, entries in sorted(due.items()):
            total += self._deliver(route, entries, store, now, compose)
        return total

    def _is_open(self, store: IncidentStore, entry: Json) -> bool:
        incident = store.get(entry["incident.id"])
        return incident is not None and incident.is_open

    def _deliver(
        self,
        route: str,
        entries: Sequence[_Entry],
        store: IncidentStore,
        now: datetime,
        compose: Compose,
    ) -> Delivered:
        """Send one route's messages; the first that fails ends it until the next attempt."""
        try:
            notifier = self._routes[route].notifier() if route in self._routes else None
        except UserError as error:
            return self._failed(route, entries, SendResult(Sent.RETRY, error.message), now)
        if notifier is None:
            gone = SendResult(Sent.REFUSED, "this route is no longer declared")
            return self._failed(route, entries, gone, now)
        sent = 0
        for batch, one in _messages(entries, store, compose):
            outcome = notifier.send(one)
            if outcome.sent is Sent.RETRY:
                return Delivered(sent) + self._failed(route, batch, outcome, now)
            self._mark(batch, outcome, now)
            if outcome.sent is Sent.REFUSED:
                return Delivered(sent, (_failure_line(route, outcome),))
            sent += 1
        return Delivered(sent)

    def _failed(
        self, route: str, entries: Sequence[_Entry], outcome: SendResult, now: datetime
    ) -> Delivered:
        self._mark(entries, outcome, now)
        waiting = len(entries) if outcome.sent is Sent.RETRY else 0
        return Delivered(0, (_failure_line(route, outcome),), waiting)

    def _mark(self, entries: Sequence[_Entry], outcome: SendResult, now: datetime) -> None:
        self._cluster.put(
            Document(self.index, name, entry | _after(entry, outcome, now))
            for name, entry in entries
        )
        self._cluster.refresh(self.index)

    def _announced(self, incidents: Iterable[str]) -> set[tuple[str, str]]:
        """Return the incidents about which there are messages already, each with the route."""
        body = {"query": {"terms": {"incident.id": sorted(incidents)}}}
        hits = self._cluster.scan(self.index, body)
        return {(hit["_source"]["incident.id"], hit["_source"]["delivery.route"]) for hit in hits}

    def _waiting(self) -> Iterable[tuple[str, Json]]:
        body = {"query": {"term": {"delivery.status": "waiting"}}, "sort": [{"@timestamp": "asc"}]}
        return ((hit["_id"], hit["_source"]) for hit in self._cluster.scan(self.index, body))


def _messages(
    entries: Sequence[_Entry], store: IncidentStore, compose: Compose
) -> Iterator[tuple[list[_Entry], Message]]:
    """Yield messages, each with the entries it delivers; a storm is one message."""
    composed = []
    for entry in sorted(entries, key=lambda entry: entry[1]["@timestamp"]):
        incident = store.get(entry[1]["incident.id"])
        if incident is not None:
            composed.append((entry, compose(read_change(entry[1]["delivery.change"]), incident)))
    if len(composed) > STORM:
        yield [entry for entry, _ in composed], digest_message([one for _, one in composed])
        return
    for entry, one in composed:
        yield [entry], one


def _failure_line(route: str, outcome: SendResult) -> str:
    return f"{route}: {outcome.sent.value} ({outcome.reason})"


def _after(entry: Json, outcome: SendResult, now: datetime) -> Json:
    """Return what an attempt changes of an entry."""
    attempts = entry["delivery.attempts"] + 1
    age = now - parse_time(entry["@timestamp"])
    known: Json = {"delivery.attempts": attempts, "delivery.reason": outcome.reason}
    if outcome.sent is Sent.DONE:
        return known | {"delivery.status": "sent", "delivery.sent_at": iso(now)}
    if outcome.sent is Sent.REFUSED or age > GIVEN_UP:
        return known | {"delivery.status": "refused"}
    pause = min(FIRST_PAUSE * 2 ** min(attempts - 1, 10), LONGEST_PAUSE)
    return known | {"delivery.next_attempt": iso(now + pause)}


def composer(namespace: str, runbooks: str, links: PageLinks) -> Compose:
    """Return what makes messages of changes.

    Args:
        namespace: Environment.
        runbooks: URL that the runbooks' paths follow.
        links: The pages that show an incident, absolute.
    """

    def compose(change: IncidentChange, incident: IncidentRecord) -> Message:
        return message(
            change, incident, namespace=namespace, runbooks=runbooks, links=links(incident)
        )

    return compose
