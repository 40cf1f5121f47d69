"""The outbox: each message of each route, from its change to its delivery.

An entry is written before the change it is about, and marked once the channel took it: a process
that is killed in between sends it in the next cycle. A channel that does not answer is tried again
with growing pauses, across cycles; one that refuses is not, and the refusal is kept.

A route that got an incident's first message gets every later one, regardless of what the incident
matches by then; a route that matches later joins. Messages of one incident and route are sent in
order, and what was not taken before the next change is folded into one message that says all of it.

An incident that ends and opens again and again is no message each time: once it has opened again,
its next end is sent after an hour of calm, and opening again before that is not sent.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from mlmon.alerting.incidents.causality import REOPENING
from mlmon.alerting.incidents.documents import change_document, read_change
from mlmon.alerting.incidents.incident import ChangeKind, in_order
from mlmon.alerting.notify.message import digest_message, message
from mlmon.alerting.notify.notifier import SendResult, Sent
from mlmon.analyzers.base.digest import digest
from mlmon.analyzers.base.window import iso, parse_time
from mlmon.elastic.client.documents import NEW, Document, DocumentVersion
from mlmon.elastic.errors import UserError
from mlmon.elastic.indices.names import DELIVERIES, index_name
from mlmon.formatting import count

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from mlmon.alerting.incidents.incident import IncidentChange
    from mlmon.alerting.incidents.record import IncidentRecord
    from mlmon.alerting.incidents.store import IncidentStore
    from mlmon.alerting.notify.message import Message
    from mlmon.alerting.notify.pages import PageLinks
    from mlmon.alerting.notify.route import Route
    from mlmon.elastic.client.cluster import Cluster
    from mlmon.elastic.json_object import Json

_STATUS = "delivery.status"


class _Entry(NamedTuple):
    """An entry of the outbox, as it was read."""

    id: str
    document: Json
    version: DocumentVersion

    @property
    def kind(self) -> ChangeKind:
        """What happened."""
        return ChangeKind(self.document["change.kind"])

    @property
    def about(self) -> tuple[str, str]:
        """The incident, and the route."""
        return self.document["incident.id"], self.document["delivery.route"]


Compose = Callable[["Pending", "IncidentRecord"], "Message"]
"""Makes the message about changes of an incident, given the incident."""
_ORDER = {kind: number for number, kind in enumerate(ChangeKind)}

LATEST = timedelta(days=1)
"""A change of data that is older is not sent for itself: nobody is called for a history that is
analyzed. What is open now is sent however late it became known, and so is the end of what was
announced."""
STORM = 10
"""From this number on, messages of one route at once become one."""
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=30), timedelta(hours=1)
GIVEN_UP = timedelta(days=3)
"""For so long a message is tried."""
CALM = timedelta(hours=1)
"""So long an end waits of an incident that has opened again within `REOPENING`."""
CLAIM = timedelta(minutes=2)
"""So long no other process sends what one began to send."""


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


@dataclass(frozen=True, slots=True)
class Pending:
    """What was not sent by one route of one incident.

    Args:
        entries: Its entries in the outbox, in order.
        last: The last change that was sent by the route, None for none.
    """

    entries: tuple[_Entry, ...]
    last: IncidentChange | None = None

    @property
    def last_sent(self) -> ChangeKind | None:
        """The kind of the last change that was sent, None for none."""
        return None if self.last is None else self.last.kind

    @property
    def changes(self) -> list[IncidentChange]:
        """The changes, in order."""
        return [read_change(entry.document["delivery.change"]) for entry in self.entries]

    @property
    def incident(self) -> str:
        """The incident's id."""
        return str(self.entries[0].document["incident.id"])

    @property
    def due(self) -> datetime:
        """When it is sent: a message never overtakes an earlier one that waits.

        Only an end that waits for calm keeps nothing back that comes after it.
        """
        *before, last = self.entries
        waiting = [entry for entry in before if entry.kind is not ChangeKind.RESOLVED]
        times = (entry.document["delivery.next_attempt"] for entry in (*waiting, last))
        return max(map(parse_time, times))

    @property
    def attempts(self) -> int:
        """How often it was tried."""
        return max(int(entry.document["delivery.attempts"]) for entry in self.entries)

    @property
    def is_obsolete(self) -> bool:
        """Whether the route knows already that it is over, as after a person closed it."""
        over = self.last_sent is not None and self.last_sent.ends
        return over and all(change.kind is ChangeKind.RESOLVED for change in self.changes)

    @property
    def is_flapping(self) -> bool:
        """Whether it ended and opened again, no worse than the route knows it, and knows not."""
        first, last = self.changes[0], self.changes[-1]
        return (
            (first.kind, last.kind) == (ChangeKind.RESOLVED, ChangeKind.REOPENED)
            and self.last is not None
            and not self.last.kind.ends
            and all(change.severity.rank <= self.last.severity.rank for change in self.changes)
        )

    @property
    def is_withheld(self) -> bool:
        """Whether it was held back by a maintenance window, and the route knows nothing of it."""
        held = any(entry.document.get("delivery.held") for entry in self.entries)
        return held and self.last_sent is None


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
        news = [
            (change, incident)
            for change, incident in changes
            if change.kind.published or change.kind is ChangeKind.CAUSE_CHANGED
        ]
        late = {
            change.incident
            for change, incident in news
            if now - change.at > LATEST and not incident.is_open
        }
        known = self._known({change.incident for change, _ in news})
        announced = {entry.about for entry in known}
        flapping = {
            entry.about
            for entry in known
            if entry.kind is ChangeKind.REOPENED
            and now - parse_time(entry.document["@timestamp"]) <= REOPENING
        }
        entries = []
        for change, incident in news:
            for name in self._receivers(change, incident, announced, late):
                announced.add((change.incident, name))
                if change.kind is ChangeKind.REOPENED:
                    flapping.add((change.incident, name))
                entry = self._entry(change, name, now, held(incident))
                if change.kind is ChangeKind.RESOLVED and (change.incident, name) in flapping:
                    calm = max(now + CALM, parse_time(entry.source["delivery.next_attempt"]))
                    entry.source["delivery.next_attempt"] = iso(calm)
                entries.append(entry)
        self._add(entries)

    def put_open(
        self,
        store: IncidentStore,
        now: datetime,
        held: Callable[[IncidentRecord], datetime | None] = lambda _incident: None,
    ) -> None:
        """Add an entry for each open incident that a route takes and knows nothing of.

        Such as all that are open when a route is declared. What somebody took is left out.
        """
        found = [incident for incident in store.open() if incident.muted is None]
        announced = {entry.about for entry in self._known({one.id for one in found})}
        missing = [
            (name, incident)
            for incident in found
            for name, route in self._routes.items()
            if (incident.id, name) not in announced and route.matches(incident)
        ]
        changes = store.changes([incident.id for _, incident in missing])
        self._add(
            [
                self._entry(opening, name, now, held(incident))
                for name, incident in missing
                if (opening := _last_opening(changes.get(incident.id, ())))
            ]
        )

    def put_closings(self, store: IncidentStore, now: datetime) -> None:
        """Add an entry for each incident that a person closed and each route that knows of it."""
        closings = list(store.closings(now - LATEST))
        announced = {entry.about for entry in self._known({change.incident for change in closings})}
        entries = {
            digest((change.id, name)): self._entry(change, name, now, None)
            for change in closings
            for name in self._routes
            if (change.incident, name) in announced
        }
        if entries:
            body = {"query": {"ids": {"values": [*entries]}}, "_source": False}
            known = {hit["_id"] for hit in self._cluster.scan(self.index, body)}
            self._add([entry for name, entry in entries.items() if name not in known])

    def _receivers(
        self,
        change: IncidentChange,
        incident: IncidentRecord,
        announced: Collection[tuple[str, str]],
        late: Collection[str],
    ) -> Iterator[str]:
        """Yield the routes that get a change: those that know of the incident, and new ones."""
        for name, route in self._routes.items():
            if (change.incident, name) in announced:
                if change.kind.published:
                    yield name
            elif change.incident not in late and route.matches(incident):
                # Routes that another likely cause concerns are notified, unless somebody has it.
                joins = incident.is_open and incident.muted is None
                if change.kind.published or joins:
                    yield name

    def _entry(
        self, change: IncidentChange, route: str, now: datetime, held: datetime | None
    ) -> Document:
        return Document(
            self.index,
            digest((change.id, route)),
            {
                "@timestamp": iso(now),
                "delivery.route": route,
                "delivery.status": "waiting",
                "delivery.attempts": 0,
                "delivery.next_attempt": iso(held or now),
                "delivery.held": held is not None,
                "delivery.change": change_document(change, None)
                | {"event.ingested": iso(change.known or now)},
                "change.id": change.id,
                "change.kind": change.kind.value,
                "incident.id": change.incident,
            },
            NEW,
        )

    def _add(self, entries: Sequence[Document]) -> None:
        if entries:
            self._cluster.put(entries)
            self._cluster.refresh(self.index)

    def deliver(self, store: IncidentStore, now: datetime, compose: Compose) -> Delivered:
        """Send what is due; return what was sent and which routes failed."""
        due: dict[str, list[Pending]] = defaultdict(list)
        dropped: list[tuple[str, Pending]] = []
        for route, pending in self._pending():
            if pending.is_flapping:
                dropped.append(("flapping", pending))
                continue
            if pending.due > now:
                continue
            if pending.is_obsolete:
                dropped.append(("obsolete", pending))
            elif pending.is_withheld and not self._is_open(store, pending):
                # It opened and ended while nobody was to be called.
                dropped.append(("withheld", pending))
            else:
                due[route].append(pending)
        self._cluster.put(
            Document(self.index, entry.id, entry.document | {_STATUS: status})
            for status, pending in dropped
            for entry in pending.entries
        )
        total = Delivered()
        for route, waiting in sorted(due.items()):
            total += self._deliver(route, waiting, store, now, compose)
        return total

    def _pending(self) -> Iterator[tuple[str, Pending]]:
        """Yield what was not sent by each route of each incident, the oldest first."""
        waiting: dict[tuple[str, str], list[_Entry]] = defaultdict(list)
        for entry in self._entries([{"term": {_STATUS: "waiting"}}]):
            waiting[entry.about].append(entry)
        last_sent: dict[tuple[str, str], IncidentChange] = {}
        of = {"terms": {"incident.id": sorted({incident for incident, _ in waiting})}}
        sent = self._entries([{"term": {_STATUS: "sent"}}, of]) if waiting else []
        for entry in sorted(sent, key=_order):
            last_sent[entry.about] = read_change(entry.document["delivery.change"])
        for key, entries in waiting.items():
            yield key[1], Pending(tuple(sorted(entries, key=_order)), last_sent.get(key))

    def _is_open(self, store: IncidentStore, pending: Pending) -> bool:
        incident = store.get(pending.incident)
        return incident is not None and incident.is_open

    def _deliver(
        self,
        route: str,
        waiting: Sequence[Pending],
        store: IncidentStore,
        now: datetime,
        compose: Compose,
    ) -> Delivered:
        """Send one route's messages; the first that fails ends it until the next attempt.

        Then all of them wait: a receiver that is away is not asked for each. What was tried less
        often goes first, so that one that is never taken keeps no other back.
        """
        entries = [entry for pending in waiting for entry in pending.entries]
        try:
            notifier = self._routes[route].notifier() if route in self._routes else None
        except UserError as error:
            return self._failed(route, entries, SendResult(Sent.RETRY, error.message), now)
        if notifier is None:
            gone = SendResult(Sent.REFUSED, "this route is no longer declared")
            return self._failed(route, entries, gone, now)
        sent = 0
        left = list(_messages(waiting, store, compose, digests=notifier.digests))
        while left:
            batch, one = left.pop(0)
            if not self._claimed(batch, now):
                continue
            outcome = notifier.send(one)
            if outcome.sent is Sent.RETRY:
                done = Delivered(sent) + self._failed(route, batch, outcome, now)
                self._put_off([entry for rest, _ in left for entry in rest], batch, now)
                return done
            self._mark(batch, outcome, now)
            if outcome.sent is Sent.REFUSED:
                return Delivered(sent, (_failure_line(route, outcome),))
            sent += 1
        return Delivered(sent)

    def _claimed(self, entries: Sequence[_Entry], now: datetime) -> bool:
        """Keep other processes from sending entries; return False where one is at it already.

        Two may deliver at once: `mlmon run`, and a person's `mlmon analyze`.
        """
        until = {"delivery.next_attempt": iso(now + CLAIM)}
        written = self._cluster.put(
            Document(self.index, entry.id, entry.document | until, entry.version)
            for entry in entries
        )
        return not written.conflicted

    def _put_off(self, entries: Sequence[_Entry], tried: Sequence[_Entry], now: datetime) -> None:
        """Let entries wait as long as some that failed."""
        if entries:
            until = iso(now + max(_pause(entry.document) for entry in tried))
            self._cluster.put(
                Document(
                    self.index,
                    entry.id,
                    entry.document | {"delivery.next_attempt": until},
                    entry.version,
                )
                for entry in entries
            )
            self._cluster.refresh(self.index)

    def _failed(
        self, route: str, entries: Sequence[_Entry], outcome: SendResult, now: datetime
    ) -> Delivered:
        self._mark(entries, outcome, now)
        waiting = len(entries) if outcome.sent is Sent.RETRY else 0
        return Delivered(0, (_failure_line(route, outcome),), waiting)

    def _mark(self, entries: Sequence[_Entry], outcome: SendResult, now: datetime) -> None:
        self._cluster.put(
            Document(self.index, entry.id, entry.document | _after(entry.document, outcome, now))
            for entry in entries
        )
        self._cluster.refresh(self.index)

    def _known(self, incidents: Collection[str]) -> list[_Entry]:
        """Return the entries there are already about some incidents."""
        of = {"terms": {"incident.id": sorted(incidents)}}
        return list(self._entries([of])) if incidents else []

    def _entries(self, filters: Sequence[Json]) -> Iterator[_Entry]:
        body = {"query": {"bool": {"filter": [*filters]}}, "seq_no_primary_term": True}
        return (
            _Entry(
                hit["_id"], hit["_source"], DocumentVersion(hit["_seq_no"], hit["_primary_term"])
            )
            for hit in self._cluster.scan(self.index, body)
        )


def _last_opening(changes: Iterable[IncidentChange]) -> IncidentChange | None:
    """Return the change by which an incident opened, or opened again."""
    kinds = {ChangeKind.OPENED, ChangeKind.REOPENED}
    return next((one for one in reversed(in_order(changes)) if one.kind in kinds), None)


def _order(entry: _Entry) -> tuple[str, str, int]:
    """Return the place of an entry: when it became known, when it happened, and what it is."""
    document = entry.document
    return document["@timestamp"], document["delivery.change"]["@timestamp"], _ORDER[entry.kind]


def _messages(
    waiting: Sequence[Pending], store: IncidentStore, compose: Compose, *, digests: bool
) -> Iterator[tuple[Sequence[_Entry], Message]]:
    """Yield messages, each with the entries it delivers; a storm is one message."""
    composed = []
    for pending in sorted(
        waiting, key=lambda pending: (pending.attempts, _order(pending.entries[0]))
    ):
        incident = store.get(pending.incident)
        if incident is not None:
            composed.append((pending.entries, compose(pending, incident)))
    if digests and len(composed) > STORM:
        every = [entry for entries, _ in composed for entry in entries]
        yield every, digest_message([one for _, one in composed])
        return
    yield from composed


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
    return known | {"delivery.next_attempt": iso(now + _pause(entry))}


def _pause(entry: Json) -> timedelta:
    """Return how long an entry waits after one more failed attempt."""
    doublings: int = min(entry["delivery.attempts"], 10)
    pause: timedelta = FIRST_PAUSE * 2**doublings
    return min(pause, LONGEST_PAUSE)


def composer(namespace: str, runbooks: str, links: PageLinks) -> Compose:
    """Return what makes messages of changes.

    Args:
        namespace: Environment.
        runbooks: URL that the runbooks' paths follow.
        links: The pages that show an incident, absolute.
    """

    def compose(pending: Pending, incident: IncidentRecord) -> Message:
        *before, last = pending.changes
        return message(
            last,
            incident,
            namespace=namespace,
            runbooks=runbooks,
            links=links(incident),
            before=before,
            first=pending.last_sent is None,
        )

    return compose
