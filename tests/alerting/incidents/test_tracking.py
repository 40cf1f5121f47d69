"""For any late data, what was stored amounts to what is so, and nothing is stored twice."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from mlmon.alerting.incidents.correlation import correlate
from mlmon.alerting.incidents.documents import incident_record
from mlmon.alerting.incidents.incident import (
    ChangeKind,
    IncidentChange,
    IncidentStatus,
    in_order,
)
from mlmon.alerting.incidents.matching import match
from mlmon.alerting.incidents.people import handling
from mlmon.alerting.incidents.tracking import news, withdrawal
from mlmon.analyzers.base.window import HOUR, MINUTE
from tests.support.histories import START, all_alerts, rule, spell

if TYPE_CHECKING:
    from datetime import datetime

    from mlmon.alerting.alerts.alert import Alert
    from mlmon.alerting.incidents.record import IncidentRecord

MODEL = {"service": "api", "model_name": "autobid"}
LATER = START + 48 * HOUR
LIFE = {
    ChangeKind.OPENED: IncidentStatus.OPEN,
    ChangeKind.REOPENED: IncidentStatus.OPEN,
    ChangeKind.RESOLVED: IncidentStatus.RESOLVED,
    ChangeKind.WITHDRAWN: IncidentStatus.WITHDRAWN,
    ChangeKind.MERGED: IncidentStatus.MERGED,
}


class Memory:
    """Alerts, incidents and changes in memory, brought up as `evaluate_incidents` does it."""

    def __init__(self) -> None:
        self.alerts: dict[str, Alert] = {}
        self.records: dict[str, IncidentRecord] = {}
        self.stored: dict[str, list[IncidentChange]] = {}

    def bring_up(self, alerts: list[Alert], now: datetime) -> list[IncidentChange]:
        """Bring incidents up to alerts; return what is news."""
        current = {alert.id: alert for alert in alerts}
        gone = {
            name: replace(alert, withdrawn=True)
            for name, alert in self.alerts.items()
            if name not in current
        }
        self.alerts = gone | current
        found = correlate(alerts)
        matches = match(found, list(self.records.values()), self.alerts)
        fresh: list[IncidentChange] = []
        for incident in found:
            record, name = matches.continued.get(incident.id), matches.id_of(incident)
            recomputed = tuple(replace(change, incident=name) for change in incident.changes)
            named = replace(incident, id=name, changes=recomputed)
            stored = self.stored.setdefault(name, [])
            fresh += (new := news(named, stored, self.alerts, now))
            stored += new
            about = tuple(change for change in stored if change.by is None)
            state = handling(stored)
            self.records[name] = incident_record(replace(named, changes=about), state, now, record)
        for record in matches.gone:
            merged = record.id in matches.merged
            kind = ChangeKind.MERGED if merged else ChangeKind.WITHDRAWN
            if not record.status.stands:
                continue
            change = IncidentChange(record.id, kind, record.opened, record.severity, "late")
            fresh += (new := withdrawal(change, self.stored[record.id], now))
            self.stored[record.id] += new
            self.records[record.id] = replace(record, status=IncidentStatus(kind.value))
        return fresh


def alerts_of(words: list[str]) -> list[Alert]:
    """Return the alerts of several features of one model, an hour a letter."""
    policy = rule(1, 1, clear=2, layer="feature")
    return [
        alert
        for number, letters in enumerate(words)
        for alert in all_alerts(policy, spell(letters, f"f{number}", **MODEL))
    ]


HISTORY = st.lists(st.text("owc", min_size=12, max_size=24), min_size=1, max_size=3)


@settings(deadline=None)  # several revisions a history
@given(st.lists(HISTORY, min_size=1, max_size=5), st.data())
def test_what_is_stored_amounts_to_what_is_so(
    revisions: list[list[str]], data: st.DataObject
) -> None:
    """After any revisions and acts: last message, severity, ids and repetition are right."""
    memory, now = Memory(), LATER
    for words in revisions:
        now += HOUR
        alerts = alerts_of(words)
        fresh = memory.bring_up(alerts, now)
        assert memory.bring_up(alerts, now + MINUTE) == []
        assert len({change.id for change in fresh}) == len(fresh)
        for name, changes in memory.stored.items():
            record = memory.records[name]
            assert len({change.id for change in changes}) == len(changes)
            assert [change.kind for change in changes].count(ChangeKind.OPENED) == 1
            ordered = in_order(change for change in changes if change.by is None)
            life = [LIFE[change.kind] for change in ordered if change.kind in LIFE]
            closed = handling(changes).closed_at is not None
            if not closed:
                assert life[-1] is record.status
            if record.is_open:
                worst = max(
                    (change.severity for change in ordered if change.kind.published),
                    key=lambda severity: severity.rank,
                )
                assert worst.rank >= record.severity.rank
                seen = handling(changes).seen
                assert seen is None or seen.rank >= record.severity.rank
        standing = [one for one in memory.records.values() if one.status.stands]
        members = [name for one in standing for name in one.alert_ids]
        assert sorted(members) == sorted({alert.id for alert in alerts})
        if standing:
            chosen = data.draw(st.sampled_from(sorted(standing, key=lambda one: one.id)))
            kind = data.draw(st.sampled_from((None, *ACTS)))
            if kind is not None and chosen.is_open:
                now += MINUTE
                act = IncidentChange(
                    chosen.id, kind, now, chosen.severity, "act", by="ada", until=now + 2 * HOUR
                )
                memory.stored[chosen.id].append(replace(act, known=now))


ACTS = (ChangeKind.ACKNOWLEDGED, ChangeKind.SNOOZED, ChangeKind.CLOSED)


@settings(deadline=None)
@given(HISTORY, st.lists(st.integers(1, 23), min_size=1, max_size=4))
def test_hour_by_hour_or_at_once_is_the_same(words: list[str], cuts: list[int]) -> None:
    """Where nothing is late, the changes of all parts are those of the whole."""
    parts, at_once, policy = Memory(), Memory(), rule(1, 1, clear=2, layer="feature")
    for number, cut in enumerate([*sorted(set(cuts)), 24]):
        findings = [
            finding
            for place, letters in enumerate(words)
            for finding in spell(letters[:cut], f"f{place}", **MODEL)
        ]
        parts.bring_up(all_alerts(policy, findings), LATER + number * HOUR)
    at_once.bring_up(alerts_of(words), LATER)
    assert {name: set(changes) for name, changes in parts.stored.items()} == {
        name: set(changes) for name, changes in at_once.stored.items()
    }
    assert parts.records == at_once.records


def test_two_incidents_never_share_an_id() -> None:
    """One goes on without the alert that opened it; when that is back, it has its id again."""
    memory, hours = Memory(), "c" * 10
    revisions = ([f"oc{hours}", f"cc{hours}"], [f"cc{hours}"], [f"ooc{hours}", f"cc{hours}"])
    for number, words in enumerate(revisions):
        alerts = alerts_of(words)
        memory.bring_up(alerts, LATER + number * HOUR)
        assert memory.bring_up(alerts, LATER + number * HOUR + MINUTE) == []
    standing = [one for one in memory.records.values() if one.status.stands]
    assert len({one.id for one in standing}) == len(correlate(alerts_of(revisions[-1])))
    assert sum(one.alerts for one in standing) == 2
