"""The table of alerts: one row each, with the sentence of its worst finding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mlmon.formatting import count, duration, machine_moment, short_moment

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from mlmon.alerting.alerts.alert import Alert
    from mlmon.analyzers.base.identity import FindingIdentity

MOST_ROWS: Final = 600


@dataclass(frozen=True, slots=True)
class AlertRow:
    """One row of the table; times both for people and for machines."""

    severity: str
    since: str
    since_iso: str
    lasted: str
    is_open: bool
    key: FindingIdentity
    anchor: str
    windows: str
    sentence: str
    runbook: str


@dataclass(frozen=True, slots=True)
class AlertTable:
    """The rows, the newest first, and what had to be left out of them."""

    rows: tuple[AlertRow, ...]
    left_out: str


def alert_table(
    alerts: Iterable[Alert], anchors: Mapping[FindingIdentity, str], now: datetime
) -> AlertTable:
    """Return the table; of more than `MOST_ROWS` alerts the worst and longest are kept.

    Args:
        alerts: In any order.
        anchors: The id of each check's chart.
        now: Until when open alerts have lasted.
    """
    ranked = sorted(
        alerts,
        key=lambda alert: (alert.severity.rank, alert.findings, alert.onset_start),
        reverse=True,
    )
    kept, left = ranked[:MOST_ROWS], ranked[MOST_ROWS:]
    kept.sort(key=lambda alert: (alert.onset_start, alert.severity.rank, alert.id), reverse=True)
    return AlertTable(tuple(_row(alert, anchors, now) for alert in kept), _left_out(left))


def _row(alert: Alert, anchors: Mapping[FindingIdentity, str], now: datetime) -> AlertRow:
    key = alert.identity.across_versions()
    return AlertRow(
        severity=alert.severity.value,
        since=short_moment(alert.onset_start.timestamp()),
        since_iso=machine_moment(alert.onset_start.timestamp()),
        lasted=duration((alert.ended or now) - alert.onset_start),
        is_open=alert.ended is None,
        key=key,
        anchor=anchors.get(key, f"analyzer-{key.analyzer}"),
        windows=count(alert.findings, "window"),
        sentence=alert.reason,
        runbook=alert.runbook or "",
    )


def _left_out(left: list[Alert]) -> str:
    """Describe what the table does not show, and where it is."""
    if not left:
        return ""
    worst = left[0].severity.value
    return (
        f"{count(len(left), 'more alert')} left out, none worse than {worst}: "
        "the shortest of the least severe. `mlmon alerts` lists every alert."
    )
