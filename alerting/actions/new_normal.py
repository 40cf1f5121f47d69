"""Accepting a change as the new normal: what it would do, judged on the past, and doing it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from mlmon.alerting.alerts.replay import replayed_alerts
from mlmon.alerting.alerts.store import AlertStore
from mlmon.alerting.incidents.sentences import member_line
from mlmon.alerting.incidents.store import IncidentStore
from mlmon.alerting.incidents.verdict import Verdict
from mlmon.analyzers.base.window import EPOCH, HOUR, Window, floor
from mlmon.analyzers.baselines.accepted_store import AcceptedStore
from mlmon.analyzers.checks import discover
from mlmon.analyzers.run.accepting import count_reference, movable_part
from mlmon.analyzers.run.engine import judged_with
from mlmon.elastic.errors import UserError
from mlmon.formatting import count, moment

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from datetime import datetime

    from mlmon.alerting.alerts.alert import Alert
    from mlmon.alerting.incidents.record import IncidentRecord
    from mlmon.analyzers.base.reference_part import ReferencePart
    from mlmon.analyzers.baselines.accepted import AcceptedReference
    from mlmon.elastic.client.cluster import Cluster

REPLAYED = timedelta(days=30)
"""How much of the past is judged with the new references."""

_Model = tuple[str | None, str | None]


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which alerts of an incident are accepted; of each kind, none given means all.

    Args:
        metrics: Names of metrics, such as `ks.distance`.
        segments: Segments, such as `country=DE`.
        series: Series by their titles, or by what these name: a feature or another subject.
        parts: Parts of baselines, as `part_title` names them.
    """

    metrics: Collection[str] = ()
    segments: Collection[str] = ()
    series: Collection[str] = ()
    parts: Collection[str] = ()

    def takes(self, alert: Alert) -> bool:
        """Return whether an alert is chosen."""
        about = alert.identity
        names = {alert.title, about.title, about.series, about.subject}
        return (
            (not self.metrics or about.metric in self.metrics)
            and (not self.segments or about.segment in self.segments)
            and (not self.series or bool(names & {*self.series}))
            and (not self.parts or part_title(*_place(alert)) in self.parts)
        )


@dataclass(frozen=True, slots=True)
class NewNormal:
    """What accepting an incident, or a part of it, would do.

    Args:
        references: What would be compared with from now on.
        moved: Members of the incident that are compared with them.
        others: Members that could be accepted, too, and are not chosen.
        left: Members of the incident that nothing can be moved for.
        replayed: The time that was judged with the references.
        vanished: Alerts of that time that would not have been raised.
        confirmed: Those of them that belong to incidents that were called true and fixed.
    """

    references: tuple[AcceptedReference, ...]
    moved: tuple[Alert, ...]
    others: tuple[Alert, ...]
    left: tuple[Alert, ...]
    replayed: Window
    vanished: tuple[Alert, ...]
    confirmed: tuple[Alert, ...]

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts of baselines that would move, as people read them."""
        return tuple(part_title(one.model, one.part) for one in self.references)

    @property
    def choices(self) -> tuple[str, ...]:
        """All parts that the incident could be accepted for, the ones that would move first."""
        others = sorted({part_title(*_place(alert)) for alert in self.others})
        return (*self.parts, *others)

    def lines(self) -> Iterator[str]:
        """Yield it in lines."""
        for reference in self.references:
            yield (
                f"{part_title(reference.model, reference.part)}: compared with "
                f"{count(reference.rows, 'row')} since {moment(reference.counted.start)}"
            )
            for alert in self.moved:
                if _place(alert) == (reference.model, reference.part):
                    yield f"  accepted: {alert.title}"
        for alert in self.others:
            yield f"not chosen: {alert.title}"
        for alert in self.left:
            yield f"not changed by this: {alert.title}"
        begin = moment(self.replayed.start)
        yield (
            f"Replayed from {begin}: {count(len(self.vanished), 'past alert')} would not have been "
            f"raised, {len(self.confirmed)} of them confirmed true"
        )
        for alert in self.vanished:
            mark = "confirmed true" if alert in self.confirmed else "would vanish"
            yield f"  {mark}: {member_line(alert)}"


def preview(
    cluster: Cluster,
    namespace: str,
    incident: IncidentRecord,
    now: datetime,
    *,
    by: str,
    why: str = "",
    since: datetime | None = None,
    chosen: Chosen = Chosen(),
) -> NewNormal:
    """Return what accepting an incident, or a part of it, would do; nothing is stored.

    Args:
        cluster: Where everything is.
        namespace: Environment.
        incident: The incident.
        now: When it would be accepted.
        by: Who would accept it.
        why: Why.
        since: The change point; by default when each alert began.
        chosen: Which of its alerts are accepted. All that are compared with the same part of a
            baseline are accepted together.

    Raises:
        UserError: No reference of it can be moved, none is chosen, or too little was counted since.
    """
    members = AlertStore(cluster, namespace).get(incident.alert_ids)
    movable = [member for member in members if movable_part(member.identity) is not None]
    if not movable:
        raise UserError(
            f"{incident.title} is compared with nothing that could be moved",
            "Features, scores, segments and measures compared with a version's evaluation can; "
            "for others change the limit, or say that it is a false alarm.",
        )
    places = {_place(member) for member in movable if chosen.takes(member)}
    if not places:
        raise UserError(
            f"No alert of {incident.title} that could be accepted is chosen",
            f"These can be: {'; '.join(sorted(member.title for member in movable))}.",
        )
    moved = [member for member in movable if _place(member) in places]
    references = {}
    for member in sorted(moved, key=lambda alert: alert.since, reverse=True):
        # Of several alerts about one part, the earliest knows since when.
        references[_place(member)] = count_reference(
            cluster,
            namespace,
            member.identity,
            since or member.since,
            now,
            by=by,
            why=why,
            incident=incident.id,
        )
    accepted = tuple(sorted(references.values(), key=lambda reference: reference.part))
    period = Window(floor(now - REPLAYED, HOUR), floor(now, HOUR))
    vanished = _vanished(cluster, namespace, accepted, period, now)
    true = _confirmed(cluster, namespace, period)
    return NewNormal(
        references=accepted,
        moved=tuple(moved),
        others=tuple(member for member in movable if _place(member) not in places),
        left=tuple(member for member in members if member not in movable),
        replayed=period,
        vanished=vanished,
        confirmed=tuple(alert for alert in vanished if alert.id in true),
    )


def accept(cluster: Cluster, namespace: str, proposed: NewNormal, *, force: bool) -> None:
    """Store the references.

    Raises:
        UserError: An alert that was confirmed true would have vanished, and `force` is not set.
    """
    if proposed.confirmed and not force:
        named = "; ".join(alert.title for alert in proposed.confirmed[:3])
        raise UserError(
            f"{count(len(proposed.confirmed), 'alert')} confirmed true would not have been raised: "
            f"{named}",
            "Choose a later change point with --since, or accept it all the same with --force.",
        )
    AcceptedStore(cluster, namespace).add(proposed.references)


def part_title(model: _Model, part: ReferencePart | None) -> str:
    """Return a part of a version's baseline as people read it, such as `feature price of m 1`."""
    return f"{part.title if part else ''} of {' '.join(name for name in model if name)}"


def _place(alert: Alert) -> tuple[_Model, ReferencePart | None]:
    return (alert.model_name, alert.model_version), movable_part(alert.identity)


def _vanished(
    cluster: Cluster,
    namespace: str,
    references: Sequence[AcceptedReference],
    period: Window,
    now: datetime,
) -> tuple[Alert, ...]:
    """Return the alerts of a period that its findings no longer amount to with references."""
    places = {(reference.model, reference.part) for reference in references}
    concerned = [
        alert
        for alert in AlertStore(cluster, namespace).overlapping(period.start, period.end)
        # Of one that began before, the replay lacks the beginning.
        if alert.first_start >= period.start and _place(alert) in places
    ]
    if not concerned:
        return ()
    names = {alert.analyzer for alert in concerned}
    analyzers = [analyzer for analyzer in discover() if analyzer.name in names]
    # As if it had been accepted before all of it.
    always = [replace(reference, accepted=EPOCH) for reference in references]
    known = AcceptedStore(cluster, namespace).all()
    findings = judged_with(cluster, namespace, period, now, analyzers, [*known, *always])
    standing = list(replayed_alerts(findings))
    within = {
        (finding.series, finding.end) for finding in findings if not finding.severity.alarming
    }
    return tuple(
        alert
        for alert in concerned
        # Traffic before the change differs from the new reference, too: an alarm of that at the
        # same time does not stand for one whose own worst window is within its limits now.
        if (alert.series, alert.reason_end) in within
        or not any(alert.series == other.series and alert.overlaps(other) for other in standing)
    )


def _confirmed(cluster: Cluster, namespace: str, period: Window) -> set[str]:
    """Return the alerts of the incidents that people called true and fixed."""
    incidents = IncidentStore(cluster, namespace).overlapping(period.start)
    return {
        name
        for incident in incidents
        if incident.feedback == Verdict.FIXED
        for name in incident.alert_ids
    }
