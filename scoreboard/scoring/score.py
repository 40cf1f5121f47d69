"""The score of one timeline: pure, from the plan and what was observed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mlmon.analyzers.base.window import DAY, HOUR
from mlmon.scoreboard.timelines.plan import AFTERMATH

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from mlmon.alerting.incidents.record import IncidentRecord
    from mlmon.scoreboard.scoring.observed import Observed, SentMessage
    from mlmon.scoreboard.timelines.plan import Planned, Timeline


ONSET_TOLERANCE = HOUR
"""So long before a fault its alert may say that it began, at most."""


@dataclass(frozen=True, slots=True)
class Found:
    """What became of one fault.

    Args:
        fault: Its id.
        title: For people.
        size: Traffic.
        seed: Start of chance.
        within: How late the first message may come.
        delay: From its start to the first message; None where it was missed.
        incidents: Incidents that are about it.
        messages: Messages about these incidents, from opened to resolved; None where not counted.
        cause: Layer of the likely cause of the first of them.
        is_cause_right: Whether that is a right one.
        sentence: The first message.
        by: Analyzer and metric of it.
        is_joined: Whether it only joined an incident that was open, of which no message is sent.
    """

    fault: str
    title: str
    size: str
    seed: int
    within: timedelta
    delay: timedelta | None = None
    incidents: int = 0
    messages: int | None = None
    cause: str = ""
    is_cause_right: bool = False
    sentence: str = ""
    by: str = ""
    is_joined: bool = False

    @property
    def is_in_time(self) -> bool:
        """Whether it was found within its delay."""
        return self.delay is not None and self.delay <= self.within


@dataclass(frozen=True, slots=True)
class FalseIncident:
    """An incident that nothing of the plan explains.

    Args:
        timeline: Where.
        size: Traffic.
        seed: Start of chance.
        at: First message.
        by: Analyzer, metric and subject of it.
        sentence: The message.
        trap: The trap that it fell into, empty where it came at another time.
        during: The fault in whose time it came, without being a sign of it.
    """

    timeline: str
    size: str
    seed: int
    at: datetime
    by: str
    sentence: str
    trap: str = ""
    during: str = ""


@dataclass(slots=True)
class TimelineScore:
    """The score of one timeline.

    Args:
        timeline: Its group of faults.
        size: Traffic.
        seed: Start of chance.
        model_days: Days, times the models in service.
        found: What became of each fault.
        false: False incidents.
        traps: Ids of the traps in it.
    """

    timeline: str
    size: str
    seed: int
    model_days: float
    found: list[Found] = field(default_factory=list)
    false: list[FalseIncident] = field(default_factory=list)
    traps: list[str] = field(default_factory=list)
    lines: int = 0
    seconds: float = 0.0


def score(timeline: Timeline, observed: Observed) -> TimelineScore:
    """Return the score of a timeline."""
    starts = [one.start for one in timeline.planned if one.fault.starts]
    days = timeline.days + sum((timeline.end - start) / DAY for start in starts)
    result = TimelineScore(timeline.name, timeline.size.value, timeline.seed, days)
    by_fault: dict[str, list[tuple[SentMessage, IncidentRecord]]] = {}
    for incident in observed.incidents:
        messages = list(observed.messages(incident))
        if not messages:
            continue
        explained = False
        for one in timeline.planned:
            shown = [message for message in messages if _shows(message, one, timeline)]
            if not shown:
                continue
            explained = True
            if not one.fault.is_trap:
                first = min(shown, key=lambda message: (not message.is_sent, message.at))
                by_fault.setdefault(one.fault.id, []).append((first, incident))
        if not explained:
            result.false.append(_false(timeline, messages[0]))
    for one in timeline.planned:
        if one.fault.is_trap:
            result.traps.append(one.fault.id)
        else:
            result.found.append(_found(timeline, one, by_fault.get(one.fault.id, []), observed))
    return result


def _shows(message: SentMessage, one: Planned, timeline: Timeline) -> bool:
    """Return whether a message comes in a fault's time, or soon after, and is a sign of it."""
    alert = message.alert
    in_time = one.start < message.at <= one.end + AFTERMATH[timeline.size] + one.within
    # What began before the fault is not about it; a silence begins with the last line before it.
    begun = alert.onset_end > one.start - min(one.within, ONSET_TOLERANCE)
    return in_time and begun and one.fault.shown_by(alert.analyzer, alert.metric, alert.subject)


def _found(
    timeline: Timeline,
    one: Planned,
    shown: list[tuple[SentMessage, IncidentRecord]],
    observed: Observed,
) -> Found:
    about = (one.fault.id, one.fault.title, timeline.size.value, timeline.seed, one.within)
    if not shown:
        return Found(*about)
    # A message before a mere joining, then the earlier one.
    message, incident = min(shown, key=lambda pair: (not pair[0].is_sent, pair[0].at))
    cause = observed.alerts.get(incident.cause_id)
    layer = cause.layer if cause else incident.layer
    return Found(
        *about,
        delay=message.at - one.start,
        incidents=len(shown),
        messages=sum(observed.published(incident) for _, incident in shown),
        cause=layer,
        is_cause_right=layer in one.fault.layers,
        sentence=message.text,
        by=f"{message.alert.analyzer} {message.alert.metric}",
        is_joined=not message.is_sent,
    )


def _false(timeline: Timeline, message: SentMessage) -> FalseIncident:
    def at_the_time(*, is_trap: bool) -> str:
        return next(
            (
                one.fault.id
                for one in timeline.planned
                if one.fault.is_trap is is_trap
                and one.start < message.at <= one.end + AFTERMATH[timeline.size]
            ),
            "",
        )

    alert = message.alert
    return FalseIncident(
        timeline.name,
        timeline.size.value,
        timeline.seed,
        message.at,
        f"{alert.analyzer} {alert.metric} {alert.subject or ''}".strip(),
        message.text,
        at_the_time(is_trap=True),
        at_the_time(is_trap=False),
    )
