"""A person's actions on incidents; each is stored as a change for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mlmon.alerting.alerts.store import AlertStore
from mlmon.alerting.incidents.documents import change_document, handled
from mlmon.alerting.incidents.incident import ChangeKind, IncidentChange, IncidentStatus, in_order
from mlmon.alerting.incidents.people import LONGEST_SNOOZE, clean_name, handling
from mlmon.alerting.incidents.record import listing_order
from mlmon.alerting.incidents.sentences import MOST_NAMED
from mlmon.alerting.incidents.store import IncidentStore
from mlmon.alerting.incidents.verdict import Verdict
from mlmon.analyzers.base.digest import digest
from mlmon.analyzers.run.judged import JudgedSeries, judged
from mlmon.elastic.errors import UserError, WrongValueError
from mlmon.formatting import count, cut, duration, listed, moment

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime, timedelta

    from mlmon.alerting.actions.new_normal import Chosen, NewNormal
    from mlmon.alerting.alerts.alert import Alert
    from mlmon.alerting.incidents.record import IncidentRecord
    from mlmon.elastic.client.cluster import Cluster
    from mlmon.elastic.json_object import Json

SHORTEST_ID: Final = 4
"""Digits of an id that are needed to name an incident."""
LONGEST_TEXT: Final = 2_000
"""Characters of a comment or a reason."""
_LONGEST_ID: Final = 64


class UnknownIncidentError(WrongValueError):
    """No incident, or several, begin with an id."""


class ClosedIncidentError(UserError):
    """An incident is not open, and has to be."""


class IncidentActions:
    """The incidents of one namespace, as people act on them.

    Each method that acts returns a sentence, which names who had the incident before. It raises
    `UserError` where the incident is unknown, or not open although it has to be, and where a name
    or a comment is empty or too long.
    """

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster, self.namespace = cluster, namespace
        self._store = IncidentStore(cluster, namespace)
        self._alerts = AlertStore(cluster, namespace)

    def listed(self, since: datetime | None = None) -> list[IncidentRecord]:
        """Return the open incidents, or those that lasted after a moment, in `listing_order`."""
        found = self._store.open() if since is None else self._store.overlapping(since)
        return sorted(found, key=listing_order)

    def judged(self) -> JudgedSeries:
        """Return what was judged lately, and what could not be."""
        return judged(self._cluster, self.namespace)

    def silenced(self, incidents: Iterable[IncidentRecord]) -> dict[str, str]:
        """Return who silences which open incident in Alertmanager, by the incident's id."""
        from mlmon.alerting.notify.silences import silenced
        from mlmon.alerting.settings import load_alerting_settings

        return silenced(incidents, self.namespace, load_alerting_settings())

    def show(self, prefix: str) -> tuple[IncidentRecord, Sequence[Alert], list[Json]]:
        """Return an incident, its alerts, and its changes in the order in which they were known."""
        incident = self.find(prefix)
        alerts = self._alerts.get(incident.alert_ids)
        changes = self._store.changes([incident.id])
        ordered = in_order(changes.get(incident.id, ()))
        return incident, alerts, [change_document(change, incident) for change in ordered]

    def mark(self, incident: IncidentRecord) -> str:
        """Return what changes when a person acts on an incident, and when it grows worse or ends.

        Who decides on what a page shows compares it with the one of that page.
        """
        acts = [
            change.id
            for change in self._changes(incident.id)
            if change.by is not None and change.kind is not ChangeKind.COMMENTED
        ]
        return digest([incident.status, incident.severity, *sorted(acts)])

    def acknowledge(self, prefix: str, by: str, why: str, now: datetime) -> str:
        """Take an incident."""
        incident, by = self._open(prefix), person_name(by)
        before = _before(incident, by)
        text = why or f"{by} acknowledged it{before}."
        self._act(incident, ChangeKind.ACKNOWLEDGED, by, text, now)
        return f"{incident.title}: acknowledged by {by}{before}"

    def assign(self, prefix: str, to: str, by: str, why: str, now: datetime) -> str:
        """Assign an incident."""
        incident, by, to = self.find(prefix), person_name(by), person_name(to, "assignee")
        other = incident.assignee
        before = f"; before to {other}" if other and other != to else ""
        text = why or f"{by} assigned it to {to}{before}."
        self._act(incident, ChangeKind.ASSIGNED, by, text, now, about=to)
        return f"{incident.title}: assigned to {to}{before}"

    def comment(self, prefix: str, text: str, by: str, now: datetime) -> str:
        """Add a comment."""
        incident, by = self.find(prefix), person_name(by)
        self._act(incident, ChangeKind.COMMENTED, by, _given(text, "comment"), now)
        return f"{incident.title}: comment added"

    def snooze(self, prefix: str, length: timedelta, by: str, why: str, now: datetime) -> str:
        """Hold back messages for a while."""
        if length > LONGEST_SNOOZE:
            raise UserError(
                f"{duration(length)} is too long to snooze",
                f"Choose {duration(LONGEST_SNOOZE)} at most, or use `mlmon incidents feedback`.",
            )
        incident, by = self._open(prefix), person_name(by)
        until = now + length
        text = why or f"{by} snoozed it until {moment(until)}."
        self._act(incident, ChangeKind.SNOOZED, by, text, now, until=until)
        return f"{incident.title}: no messages until {moment(until)}"

    def close(self, prefix: str, by: str, why: str, now: datetime) -> str:
        """Close an incident whose alerts do not end by themselves."""
        incident, by = self._open(prefix), person_name(by)
        other = incident.acknowledged_by
        taken = f", though {other} has it" if other and other != by else ""
        alerts = self._alerts.get(incident.alert_ids)
        still_open = [alert.title for alert in alerts if alert.ended is None]
        self._act(incident, ChangeKind.CLOSED, by, why or f"{by} closed it.", now)
        holds = duration(handling(self._changes(incident.id)).closing_holds)
        named = "; ".join(still_open[:MOST_NAMED])
        more = f" and {len(still_open) - MOST_NAMED} more" if len(still_open) > MOST_NAMED else ""
        return (
            f"{incident.title}: closed by {by}{taken}. {count(len(still_open), 'alert')} still "
            f"open: {named}{more}. It opens again where one still alarms after {holds}, grows "
            "worse, or another joins"
        )

    def new_normal(
        self,
        prefix: str,
        by: str,
        why: str,
        now: datetime,
        since: datetime | None = None,
        chosen: Chosen | None = None,
    ) -> NewNormal:
        """Return what accepting an incident, or a part of it, would do; nothing is stored."""
        from mlmon.alerting.actions.new_normal import Chosen, preview

        incident, chosen = self.find(prefix), chosen or Chosen()
        return preview(
            self._cluster,
            self.namespace,
            incident,
            now,
            by=person_name(by),
            why=why,
            since=since,
            chosen=chosen,
        )

    def accept(
        self, prefix: str, proposed: NewNormal, by: str, why: str, now: datetime, *, force: bool
    ) -> str:
        """Accept what was proposed as the new normal: later windows are compared with it.

        Where only a part of the incident is accepted, that is a comment, and no feedback.

        Raises:
            UserError: An alert confirmed true would have vanished, and `force` is not set.
        """
        from mlmon.alerting.actions.new_normal import accept

        # Before anything is stored: half of it would stay.
        by = person_name(by)
        _check_length(why)
        accept(self._cluster, self.namespace, proposed, force=force)
        if not proposed.others:
            return self.feedback(prefix, Verdict.NEW_NORMAL, by, why, now)
        parts = ", ".join(proposed.parts)
        text = f"Accepted as the new normal: {parts}. {why}".strip()
        self.comment(prefix, cut(text, LONGEST_TEXT), by, now)
        return f"{parts}: new normal"

    def feedback(self, prefix: str, verdict: Verdict, by: str, why: str, now: datetime) -> str:
        """Record what an incident was."""
        incident, by = self.find(prefix), person_name(by)
        text = why or f"{by}: {verdict.value.replace('_', ' ')}."
        self._act(incident, ChangeKind.FEEDBACK, by, text, now, about=verdict.value)
        return f"{incident.title}: {verdict.value.replace('_', ' ')}"

    def find(self, prefix: str) -> IncidentRecord:
        """Return the incident whose id begins so; upper case and spaces around it do not count.

        Raises:
            UnknownIncidentError: There is none, there are several, or the id is too short.
        """
        digits = prefix.strip().lower()
        if len(digits) < SHORTEST_ID:
            raise UnknownIncidentError(
                f"{prefix!r} is too short for the id of an incident",
                f"Give its first {SHORTEST_ID} digits at least; `mlmon incidents` lists the ids.",
            )
        found = self._store.find(digits) if len(digits) <= _LONGEST_ID else []
        if len(found) == 1:
            return found[0]
        if found:
            names = listed(sorted(incident.id for incident in found))
            raise UnknownIncidentError(
                f"{digits!r} begins the ids of {len(found)} incidents: {names}",
                "Give more of the incident's id.",
            )
        raise UnknownIncidentError(
            f"There is no incident {digits!r} in namespace {self.namespace!r}",
            "`mlmon incidents --since 30d` lists the ids; --namespace names another namespace.",
        )

    def _open(self, prefix: str) -> IncidentRecord:
        incident = self.find(prefix)
        if not incident.is_open:
            hint = "Only open incidents can be acknowledged, snoozed or closed."
            if (into := self._merged_into(incident)) is not None:
                hint = f"It is part of incident {into[:8]}: act on that one."
            raise ClosedIncidentError(f"Incident {incident.short_id} is {incident.status}", hint)
        return incident

    def _merged_into(self, incident: IncidentRecord) -> str | None:
        """Return the incident that one was merged into last; None where it was not."""
        if incident.status is not IncidentStatus.MERGED:
            return None
        changes = in_order(self._changes(incident.id))
        merged = [change.about for change in changes if change.kind is ChangeKind.MERGED]
        return merged[-1] if merged else None

    def _act(
        self,
        incident: IncidentRecord,
        kind: ChangeKind,
        by: str,
        text: str,
        now: datetime,
        *,
        about: str | None = None,
        until: datetime | None = None,
    ) -> None:
        """Store a change and the incident as it stands after it."""
        _check_length(text)
        name = incident.id
        change = IncidentChange(name, kind, now, incident.severity, text, by, until, about)
        self._store.add([(change, incident)], now)
        written: Sequence[IncidentChange] = ()
        # Two people may act at once: whoever writes last has read the changes of both.
        while len(changes := self._changes(name)) != len(written):
            current = self._store.get(name) or incident
            self._store.write([handled(current, handling(changes), now)])
            written = changes

    def _changes(self, name: str) -> Sequence[IncidentChange]:
        return self._store.changes([name]).get(name, ())


def _given(text: str, what: str) -> str:
    """Return a text without space around it.

    Raises:
        WrongValueError: Nothing is left.
    """
    if not (text := text.strip()):
        raise WrongValueError(f"The {what} is empty", "Give at least one word.")
    return text


def _check_length(text: str) -> None:
    """Refuse a text that no page would take.

    Raises:
        WrongValueError: It is too long.
    """
    if len(text) > LONGEST_TEXT:
        raise WrongValueError(
            f"The text has {len(text):,} characters", f"Write {LONGEST_TEXT:,} at most."
        )


def person_name(name: str, what: str = "name of who acts") -> str:
    """Return a name as the audit trail keeps it: one line.

    Raises:
        WrongValueError: Nothing of it can be seen.
    """
    return _given(clean_name(name), what)


def _before(incident: IncidentRecord, by: str) -> str:
    """Return who else has acknowledged an incident, to stand after what is done now."""
    other, at = incident.acknowledged_by, incident.acknowledged_at
    return f"; before by {other}, {moment(at)}" if other and other != by and at else ""
