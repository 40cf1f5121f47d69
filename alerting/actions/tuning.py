"""The same past under other limits: incidents gained and lost, messages, and what is a regression.

Both sides are judged in memory, from stored profiles and by what is known today; nothing is
written. docs/decisions/0014-tune.md says why.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mlmon.alerting.alerts.replay import AlertReplay
from mlmon.alerting.alerts.store import AlertStore
from mlmon.alerting.incidents.correlation import correlate
from mlmon.alerting.incidents.store import IncidentStore
from mlmon.alerting.incidents.verdict import Verdict
from mlmon.analyzers.base.finding import Severity
from mlmon.analyzers.base.window import DAY, WEEK, Window, iso
from mlmon.analyzers.run.engine import judged_under
from mlmon.elastic.errors import UserError
from mlmon.formatting import count, moment, number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime

    from mlmon.alerting.alerts.alert import Alert
    from mlmon.alerting.incidents.incident import Incident
    from mlmon.alerting.incidents.record import IncidentRecord
    from mlmon.analyzers.run.limit_set import LimitSet
    from mlmon.elastic.client.cluster import Cluster
    from mlmon.elastic.json_object import Json

AT_ONCE = 7 * DAY
"""So much is judged in one go, so that memory stays flat."""

_Subject = tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class JudgedPast:
    """What a period comes to under some limits.

    Args:
        incidents: In the order in which they opened.
        metrics: Metrics by the name of their analyzer.
    """

    incidents: tuple[Incident, ...]
    metrics: dict[str, frozenset[str]]

    @property
    def critical(self) -> int:
        """Incidents that were critical at some time."""
        return sum(incident.worst is Severity.CRITICAL for incident in self.incidents)

    @property
    def messages(self) -> int:
        """Messages that their changes would have been, maintenance windows left out."""
        return sum(
            change.kind.published for incident in self.incidents for change in incident.changes
        )


@dataclass(frozen=True, slots=True)
class Tuning:
    """A period under the limits in force and under others.

    Args:
        period: What was judged.
        in_force: Under the limits in force.
        proposed: Under the others.
        gained: Incidents that only the others find.
        lost: Incidents that only the limits in force find.
        milder: Incidents in force that were critical, and are found, but no longer critical.
        confirmed: Stored incidents that people called true (`fixed`).
        not_found: Of them, those that the limits in force do not find either.
        confirmed_lost: Of them, those that are lost or milder.
        false_alarms: Stored incidents that people called false alarms.
        false_in_force: How many of them the limits in force find.
        false_proposed: How many of them the others find.
    """

    period: Window
    in_force: JudgedPast
    proposed: JudgedPast
    gained: tuple[Incident, ...]
    lost: tuple[Incident, ...]
    milder: tuple[Incident, ...]
    confirmed: tuple[IncidentRecord, ...]
    not_found: tuple[IncidentRecord, ...]
    confirmed_lost: tuple[IncidentRecord, ...]
    false_alarms: tuple[IncidentRecord, ...]
    false_in_force: int
    false_proposed: int

    def messages_a_week(self, judged: JudgedPast) -> float:
        """Return how many messages a week one of the two sides comes to."""
        return judged.messages / (self.period.length / WEEK)

    def regressions(self, more_messages: float = 0.0) -> list[str]:
        """Return what is worse than under the limits in force, a sentence each.

        Args:
            more_messages: So many more messages a week are allowed.
        """
        found = [
            f"{record.title} ({record.short_id}), which was confirmed true, is lost or milder."
            for record in self.confirmed_lost
        ]
        if self.false_proposed > self.false_in_force:
            found.append(
                f"{self.false_proposed} of {count(len(self.false_alarms), 'false alarm')} would be "
                f"raised; {self.false_in_force} are under the limits in force."
            )
        before, after = self.messages_a_week(self.in_force), self.messages_a_week(self.proposed)
        if after > before + more_messages:
            allowed = f"; {number(more_messages)} more are allowed" if more_messages else ""
            found.append(f"{number(after)} messages a week instead of {number(before)}{allowed}.")
        return found

    def lines(self, file: str, more_messages: float = 0.0) -> Iterator[str]:
        """Yield it in lines for people.

        Args:
            file: The name of the file with the other limits.
            more_messages: As for `regressions`.
        """
        yield (
            f"Judged {moment(self.period.start)} to {moment(self.period.end)} under the limits in "
            f"force and under {file}"
        )
        for what, before, after in (
            ("incidents", len(self.in_force.incidents), len(self.proposed.incidents)),
            ("critical", self.in_force.critical, self.proposed.critical),
            (
                "messages a week",
                self.messages_a_week(self.in_force),
                self.messages_a_week(self.proposed),
            ),
        ):
            yield f"  {what}: {number(before)} in force, {number(after)} under {file}"
        for what, incidents in (
            ("lost", self.lost),
            ("gained", self.gained),
            ("milder", self.milder),
        ):
            for incident in incidents:
                yield f"{what}: {incident.worst} {moment(incident.opened)} {incident.title}"
                yield f"  {incident.changes[0].text}"
        if not (self.lost or self.gained or self.milder):
            yield "No incident is gained or lost."
        yield (
            f"Feedback: {len(self.confirmed)} confirmed true, {len(self.confirmed_lost)} of them "
            f"lost or milder; {count(len(self.false_alarms), 'false alarm')}, "
            f"{self.false_in_force} raised in force, {self.false_proposed} under {file}"
        )
        for record in self.not_found:
            yield f"  found by neither: {record.title} ({record.short_id})"
        for sentence in self.regressions(more_messages):
            yield f"regression: {sentence}"

    def to_json(self, more_messages: float = 0.0) -> Json:
        """Return it as a JSON value."""
        return {
            "since": iso(self.period.start),
            "until": iso(self.period.end),
            "in_force": self._side(self.in_force),
            "proposed": self._side(self.proposed),
            "gained": [_described(incident) for incident in self.gained],
            "lost": [_described(incident) for incident in self.lost],
            "milder": [_described(incident) for incident in self.milder],
            "feedback": {
                "confirmed": len(self.confirmed),
                "confirmed_lost": [record.id for record in self.confirmed_lost],
                "confirmed_found_by_neither": [record.id for record in self.not_found],
                "false_alarms": len(self.false_alarms),
                "false_alarms_in_force": self.false_in_force,
                "false_alarms_proposed": self.false_proposed,
            },
            "regressions": self.regressions(more_messages),
        }

    def _side(self, judged: JudgedPast) -> Json:
        return {
            "incidents": len(judged.incidents),
            "critical": judged.critical,
            "messages": judged.messages,
            "messages_per_week": self.messages_a_week(judged),
        }


def _described(incident: Incident) -> Json:
    return {
        "title": incident.title,
        "sentence": incident.changes[0].text,
        "severity": incident.worst.value,
        "start": iso(incident.start),
        "opened": iso(incident.opened),
        "ended": iso(incident.ended) if incident.ended else None,
        "alerts": [member.title for member in incident.members],
    }


def tuning(
    cluster: Cluster,
    namespace: str,
    period: Window,
    now: datetime,
    in_force: LimitSet,
    proposed: LimitSet,
    progress: Callable[[str], None] = lambda _doing: None,
) -> Tuning:
    """Judge a period under two sets of limits, and compare the incidents; store nothing.

    Args:
        cluster: Where everything is.
        namespace: Environment.
        period: What to judge; it must have ended by now.
        now: The present time.
        in_force: The limits to compare with.
        proposed: The other limits.
        progress: Called with what is being done.

    Raises:
        UserError: An analyzer cannot judge, or nothing can be judged in the period.
    """
    sets = (in_force, proposed)
    replays = [AlertReplay() for _ in sets]
    judged = 0
    for part in period.split(AT_ONCE):
        progress(f"judging {moment(part.start)}")
        for together in judged_under(cluster, namespace, part, now, sets):
            judged += sum(finding.severity is not Severity.UNKNOWN for finding in together[0])
            for replay, findings in zip(replays, together, strict=True):
                replay.take(findings)
    if not judged:
        raise UserError(
            f"Nothing can be judged between {moment(period.start)} and {moment(period.end)}",
            "Choose a time that `mlmon run` or `mlmon analyze` has judged: it makes the profiles.",
        )
    before, after = (
        _past(replay, limits, period.end) for replay, limits in zip(replays, sets, strict=True)
    )
    records = list(IncidentStore(cluster, namespace).overlapping(period.start, period.end))
    store = AlertStore(cluster, namespace)
    stored = {
        record.id: store.get(record.alert_ids)
        for record in records
        if record.feedback in {Verdict.FIXED, Verdict.FALSE_ALARM}
    }
    return compared(period, before, after, records, stored)


def _past(replay: AlertReplay, limits: LimitSet, until: datetime) -> JudgedPast:
    metrics = {analyzer.name: frozenset(analyzer.limits) for analyzer in limits.analyzers}
    return JudgedPast(tuple(correlate(replay.alerts(until))), metrics)


def compared(
    period: Window,
    in_force: JudgedPast,
    proposed: JudgedPast,
    records: Sequence[IncidentRecord],
    stored: dict[str, list[Alert]],
) -> Tuning:
    """Return how two sides differ. Pure.

    Args:
        period: What was judged.
        in_force: Under the limits in force.
        proposed: Under the others.
        records: Stored incidents of the period.
        stored: Alerts of those with feedback, by their ids.
    """
    before, after = _Side.of(in_force), _Side.of(proposed)
    kept = [incident for incident in in_force.incidents if after.holds(incident.members)]
    confirmed = [record for record in records if record.feedback == Verdict.FIXED]
    false = [record for record in records if record.feedback == Verdict.FALSE_ALARM]
    known = [record for record in confirmed if before.holds(stored[record.id])]
    return Tuning(
        period=period,
        in_force=in_force,
        proposed=proposed,
        gained=tuple(one for one in proposed.incidents if not before.holds(one.members)),
        lost=tuple(one for one in in_force.incidents if one not in kept),
        milder=tuple(
            one
            for one in kept
            if one.worst is Severity.CRITICAL and not after.is_critical(one.members)
        ),
        confirmed=tuple(confirmed),
        not_found=tuple(record for record in confirmed if record not in known),
        confirmed_lost=tuple(
            record
            for record in known
            if not after.holds(alerts := stored[record.id])
            or (before.is_critical(alerts) and not after.is_critical(alerts))
        ),
        false_alarms=tuple(false),
        false_in_force=sum(before.holds(stored[record.id]) for record in false),
        false_proposed=sum(after.holds(stored[record.id]) for record in false),
    )


@dataclass(frozen=True, slots=True)
class _Side:
    """The alerts of one side, to be found by what they are about.

    Args:
        metrics: Metrics by the name of their analyzer.
        by_series: Its alerts by series, each with its incident.
        by_subject: The same by what they are about, without the metric.
    """

    metrics: dict[str, frozenset[str]]
    by_series: dict[str, list[tuple[Alert, Incident]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    by_subject: dict[_Subject, list[tuple[Alert, Incident]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    @classmethod
    def of(cls, judged: JudgedPast) -> _Side:
        """Return the alerts of a judged past."""
        side = cls(judged.metrics)
        for incident in judged.incidents:
            for alert in incident.members:
                side.by_series[alert.series].append((alert, incident))
                side.by_subject[_subject(alert)].append((alert, incident))
        return side

    def holds(self, alerts: Iterable[Alert]) -> bool:
        """Return whether one of some alerts is found on this side, too."""
        return next(self._partners(alerts), None) is not None

    def is_critical(self, alerts: Iterable[Alert]) -> bool:
        """Return whether an incident of this side that holds one of some alerts was critical."""
        return any(incident.worst is Severity.CRITICAL for incident in self._partners(alerts))

    def _partners(self, alerts: Iterable[Alert]) -> Iterator[Incident]:
        for alert in alerts:
            # Another drift test has another metric: then the feature says what an alert is about.
            has_metric = alert.metric in self.metrics.get(alert.analyzer, frozenset())
            near = (
                self.by_series.get(alert.series, ())
                if has_metric
                else self.by_subject.get(_subject(alert), ())
            )
            yield from (incident for other, incident in near if alert.overlaps(other))


def _subject(alert: Alert) -> _Subject:
    """Return what an alert is about, regardless of its metric."""
    return (
        alert.analyzer,
        alert.subject,
        alert.segment,
        alert.service,
        alert.model_name,
        alert.model_version,
    )
