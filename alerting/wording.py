"""How alerts are told: what is open, since when, and what is its likely first cause."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from mlmon.alerting.alerts.alert import Ending
from mlmon.alerting.causes import likely_causes
from mlmon.formatting import duration, moment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mlmon.alerting.alerts.alert import Alert


def story(alerts: Sequence[Alert], others: Mapping[str, Alert]) -> Iterator[tuple[int, str]]:
    """Yield the lines that tell of alerts, each with how deep it is indented.

    What another one explains stands below it, so that the first line is where to begin.

    Args:
        alerts: What is listed.
        others: Episodes by their ids, of which causes that are not listed are taken.
    """
    effects: dict[str | None, list[Alert]] = defaultdict(list)
    for alert in alerts:
        effects[alert.explained_by].append(alert)
    for root in likely_causes(alerts):
        yield 0, headline(root)
        yield 1, root.reason
        yield from ((1, line) for line in remarks(root, others))
        for effect in effects[root.id]:
            yield 1, f"perhaps therefore {headline(effect)}"
            yield 2, effect.reason


def headline(alert: Alert) -> str:
    """Return severity, since when, and what is in alarm."""
    until = f" to {moment(alert.ended)}" if alert.ended is not None else ""
    return f"{alert.severity} since {moment(alert.since)}{until}: {alert.title}"


def remarks(alert: Alert, others: Mapping[str, Alert]) -> Iterator[str]:
    """Yield what else a person should know of an alert."""
    cause = others.get(alert.explained_by or "")
    if cause is not None:
        yield f"perhaps because of {headline(cause)}"
    if alert.ended is None and alert.last_finding > alert.last_alarm:
        calm = f"{alert.calm} ok since" if alert.calm else "no verdict since"
        yield f"last in alarm {moment(alert.last_alarm)}, {calm}"
    if alert.ending is Ending.ABSENCE:
        silence = duration(alert.expires - alert.last_finding)
        yield f"nothing was said of it for {silence}, so it is taken to be gone"
    if alert.runbook:
        yield f"what to do: {alert.runbook}"
