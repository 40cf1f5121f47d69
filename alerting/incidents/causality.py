"""Which alert may have caused which: a graph of layers, and when each began.

Order in time alone proves nothing, so a cause needs three things: an edge of the graph, the same
model or service, and an onset that fits. A windowed statistic crosses its limit some time after
the change: the onset of an alert is therefore a time range, not a moment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from mlmon.analyzers.base.alert_policy import LAYERS, CauseLayer
from mlmon.analyzers.base.window import DAY, HOUR

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from mlmon.alerting.alerts.alert import Alert


@dataclass(frozen=True, slots=True)
class Place:
    """A layer's place among causes.

    Args:
        lag: How much later than its cause an effect of this layer may begin: statistics are
            refreshed by the hour and grow stale in hours, labels take days.
        causes: What it causes without another layer between.
        symptom: Whether nothing breaks in it by itself: its alerts join what is open on the same
            model.
        shared: Whether it runs as a service of its own and serves every service of the environment.
        spares: Layers that it cannot harm without one of the layers between: a job that does not
            run makes no service fail, unless a reload failed.
    """

    lag: timedelta
    causes: tuple[CauseLayer, ...] = ()
    symptom: bool = False
    shared: bool = False
    spares: tuple[CauseLayer, ...] = ()


PLACES: dict[CauseLayer, Place] = {
    # Lost logs cause no alert: a finding that they could explain is withheld before it alarms.
    "ingest": Place(HOUR),
    "job": Place(HOUR, ("statistics", "training", "labels"), shared=True, spares=("service",)),
    "training": Place(6 * HOUR, ("deployment", "score", "performance")),
    "deployment": Place(HOUR, ("service", "score", "concept", "performance")),
    "service": Place(HOUR / 2, ("business",)),
    "statistics": Place(3 * HOUR, ("fallback",), shared=True),
    "fallback": Place(6 * HOUR, ("feature", "score")),
    "feature": Place(6 * HOUR, ("score", "concept")),
    "score": Place(12 * HOUR, ("performance", "concept"), symptom=True),
    "labels": Place(DAY),
    "concept": Place(2 * DAY, ("performance",)),
    "performance": Place(2 * DAY, ("business",), symptom=True),
    "business": Place(2 * DAY, symptom=True),
}


def _downstream() -> dict[CauseLayer, frozenset[CauseLayer]]:
    """Return everything each layer may cause, over any number of steps, without what it spares.

    Raises:
        KeyError: A layer is listed after one of its effects.
    """
    found: dict[CauseLayer, frozenset[CauseLayer]] = {}
    for layer in reversed(LAYERS):
        direct = PLACES[layer].causes
        reached = frozenset(direct).union(*(found[effect] for effect in direct))
        found[layer] = reached - frozenset(PLACES[layer].spares)
    return found


DOWNSTREAM = _downstream()
REOPENING = 6 * HOUR
"""An incident that ended so long ago at most is opened again by an alert that belongs to it."""


def related(one: CauseLayer, other: CauseLayer) -> bool:
    """Return whether two layers are the same, or one causes the other over any steps."""
    return one == other or other in DOWNSTREAM[one] or one in DOWNSTREAM[other]


class Onset(NamedTuple):
    """The onset of an alert's condition, to the precision of its windows."""

    earliest: datetime
    latest: datetime

    def gap(self, other: Onset) -> timedelta:
        """Return the time between two onsets; zero where they overlap."""
        return max(self.earliest - other.latest, other.earliest - self.latest, 0 * HOUR)


def onset(alert: Alert) -> Onset:
    """Return when an alert's condition began.

    Not after the first window that counted ended. Where windows overlap, a change may have begun
    before the part that is new in it: half of the overlap is allowed for, since a change that
    fills more of a window would have been seen in the window before. Where a line shows the begin,
    it may lie long before: an outage whose failures change their kind has another series, which
    goes back to the same line.
    """
    earliest = alert.since - (alert.since - alert.first_start) / 2
    if alert.onset_start == alert.onset_end:
        earliest = min(earliest, alert.onset_start)
    return Onset(earliest, alert.first_end)


def same_scope(one: Alert, other: Alert) -> bool:
    """Return whether two alerts are about one model, else about one service."""
    if not _same_environment(one, other):
        return False
    if one.model_name and other.model_name:
        return one.model_name == other.model_name
    return one.service == other.service


def _same_environment(one: Alert, other: Alert) -> bool:
    """Return whether two alerts may be of one environment: an alert without one is of any."""
    return not one.environment or not other.environment or one.environment == other.environment


def may_cause(cause: Alert, effect: Alert) -> bool:
    """Return whether one alert is a possible cause of another: graph, scope and onsets fit."""
    if effect.layer not in DOWNSTREAM[cause.layer]:
        return False
    # A shared layer serves every service of its environment, and of no other: the cycles of mlmon,
    # which log the namespace as theirs, are no cause of what happens to a service.
    if not _same_environment(cause, effect):
        return False
    if not PLACES[cause.layer].shared and not same_scope(cause, effect):
        return False
    began, follows = onset(cause), onset(effect)
    if began.earliest > follows.latest:
        return False
    lasted = cause.ended is None or cause.ended >= follows.earliest
    return lasted and follows.earliest - began.latest <= PLACES[effect.layer].lag


def same_condition(one: Alert, other: Alert) -> bool:
    """Return whether two alerts of one layer show one condition.

    It is one series that flaps, they are about the same subject, began together, or lie in a layer
    of mere symptoms. What opens long after the other has ended is something new, also in the same
    series.
    """
    if one.series == other.series:
        return _follows(one, other)
    if one.layer != other.layer or not same_scope(one, other):
        return False
    if PLACES[one.layer].symptom:
        return _follows(one, other)
    limit = PLACES[one.layer].lag if same_subject(one, other) else 0 * HOUR
    return onset(one).gap(onset(other)) <= limit


def same_subject(one: Alert, other: Alert) -> bool:
    """Return whether two alerts of one layer are about one subject, such as a job or a feature."""
    named = one.subject is not None and _part_of(one.subject) == _part_of(other.subject)
    return named and one.layer == other.layer and same_scope(one, other)


def _follows(one: Alert, other: Alert) -> bool:
    """Return whether the later of two alerts opened before the other ended, or soon after."""
    first, second = sorted((one, other), key=lambda alert: alert.opened)
    return first.ended is None or second.opened - first.ended <= REOPENING


def _part_of(subject: str | None) -> str | None:
    """Return a subject without the part that follows a colon, such as a fallback's reason."""
    return subject and subject.partition(": ")[0]
