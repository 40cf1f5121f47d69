"""Which alert may have caused which: a graph of layers, and when each began.

Order in time alone proves nothing, so a cause needs three things: an edge of the graph, the same
model or service, and an onset that fits. A windowed statistic crosses its limit some time after
the change: the onset of an alert is therefore a time range, not a moment.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from mlmon.analyzers.base.alert_policy import LAYERS, CauseLayer

if TYPE_CHECKING:
    from datetime import datetime

    from mlmon.alerting.alerts.alert import Alert

_DIRECT: dict[CauseLayer, tuple[CauseLayer, ...]] = {
    "job": ("statistics", "training", "labels"),
    "training": ("deployment", "score", "performance"),
    "deployment": ("service", "score", "concept", "performance"),
    "service": ("business",),
    "statistics": ("fallback",),
    "fallback": ("feature", "score"),
    "feature": ("score", "concept"),
    "score": ("performance", "concept"),
    "concept": ("performance",),
    "performance": ("business",),
}
"""What each layer causes without another one between. Lost logs (`ingest`) cause no alert: a
finding that they could explain is withheld before it alarms."""

_LAG: dict[CauseLayer, timedelta] = {
    "ingest": timedelta(hours=1),
    "job": timedelta(hours=1),
    "training": timedelta(hours=6),
    "deployment": timedelta(hours=1),
    "service": timedelta(minutes=30),
    "statistics": timedelta(hours=3),
    "fallback": timedelta(hours=6),
    "feature": timedelta(hours=6),
    "score": timedelta(hours=12),
    "labels": timedelta(days=1),
    "concept": timedelta(days=2),
    "performance": timedelta(days=2),
    "business": timedelta(days=2),
}
"""How much later than its cause an effect of a layer may begin: statistics are refreshed by the
hour and grow stale in hours, labels take days."""

_SYMPTOMS: frozenset[CauseLayer] = frozenset({"score", "performance", "business"})
"""Layers in which nothing breaks by itself: their alerts join what is open on the same model."""

_SHARED: frozenset[CauseLayer] = frozenset({"job", "statistics"})
"""Layers that run as services of their own and serve every service of the environment."""


def _downstream() -> dict[CauseLayer, frozenset[CauseLayer]]:
    """Return everything each layer may cause, over any number of steps."""
    found: dict[CauseLayer, frozenset[CauseLayer]] = {}
    for layer in reversed(LAYERS):
        direct = _DIRECT.get(layer, ())
        found[layer] = frozenset(direct).union(
            *(found.get(effect, frozenset()) for effect in direct)
        )
    return found


DOWNSTREAM = _downstream()


class Onset(NamedTuple):
    """When an alert's condition began, to the precision of its windows."""

    earliest: datetime
    latest: datetime

    def gap(self, other: Onset) -> timedelta:
        """Return the time between two onsets; zero where they overlap."""
        return max(self.earliest - other.latest, other.earliest - self.latest, timedelta(0))


def onset(alert: Alert) -> Onset:
    """Return when an alert's condition began.

    Not after the first window that counted ended. Where windows overlap, a change may have begun
    before the part that is new in it: half of the overlap is allowed for, since a change that
    fills more of a window would have been seen in the window before.
    """
    overlap = alert.since - alert.first_start
    return Onset(alert.since - overlap / 2, alert.first_end)


def same_scope(one: Alert, other: Alert) -> bool:
    """Return whether two alerts are about one model, else about one service."""
    if one.environment and other.environment and one.environment != other.environment:
        return False
    if one.model_name and other.model_name:
        return one.model_name == other.model_name
    return one.service == other.service


def may_cause(cause: Alert, effect: Alert) -> bool:
    """Return whether one alert is a possible cause of another: graph, scope and onsets fit."""
    if effect.layer not in DOWNSTREAM[cause.layer]:
        return False
    if cause.layer not in _SHARED and not same_scope(cause, effect):
        return False
    began, follows = onset(cause), onset(effect)
    if began.earliest > follows.latest:
        return False
    lasted = cause.ended is None or cause.ended >= follows.earliest
    return lasted and follows.earliest - began.latest <= _LAG[effect.layer]


def same_condition(one: Alert, other: Alert) -> bool:
    """Return whether two alerts of one layer show one condition.

    It is one series that flaps, they are about the same subject, began together, or lie in a layer
    of mere symptoms.
    """
    if one.series == other.series:
        return True
    if one.layer != other.layer or not same_scope(one, other):
        return False
    if one.layer in _SYMPTOMS:
        return True
    named = one.subject is not None and _part_of(one.subject) == _part_of(other.subject)
    limit = _LAG[one.layer] if named else timedelta(0)
    return onset(one).gap(onset(other)) <= limit


def _part_of(subject: str | None) -> str | None:
    """Return a subject without the part that follows a colon, such as a fallback's reason."""
    return subject and subject.partition(": ")[0]
