"""The table of findings: one row per alarm period, with the sentence of its worst finding."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from mlmon.analyzers.base.identity import FindingIdentity
from mlmon.formatting import count, duration, machine_moment, number, short_moment
from mlmon.report.html.alarm_periods import AlarmPeriod
from mlmon.report.html.severity import FACES

MOST_ROWS: Final = 600


@dataclass(frozen=True, slots=True)
class FindingRow:
    """One row of the table; times both for people and for machines."""

    severity: str
    since: str
    since_iso: str
    lasted: str
    key: FindingIdentity
    anchor: str
    value: str
    limit: str
    windows: str
    sentence: str
    runbook: str


@dataclass(frozen=True, slots=True)
class FindingTable:
    """The rows, the newest first, and what had to be left out of them."""

    rows: tuple[FindingRow, ...]
    left_out: str


def finding_table(
    periods: Iterable[AlarmPeriod],
    anchors: Mapping[FindingIdentity, str],
    units: Mapping[tuple[str, str], str],
) -> FindingTable:
    """Return the table; of more than `MOST_ROWS` periods the worst and longest are kept.

    Args:
        periods: In any order.
        anchors: The id of each check's chart.
        units: The unit of each analyzer's metric.
    """
    ranked = sorted(periods, key=lambda period: (-period.severity, -period.alarms, -period.since))
    kept, left = ranked[:MOST_ROWS], ranked[MOST_ROWS:]
    kept.sort(key=lambda period: (-period.since, -period.severity))
    rows = (
        _row(period, anchors[period.key], units.get((period.key.analyzer, period.key.metric), ""))
        for period in kept
    )
    return FindingTable(tuple(rows), _left_out(left))


def _row(period: AlarmPeriod, anchor: str, unit: str) -> FindingRow:
    """Return the row of one alarm period."""
    worst = period.worst
    limit = worst.critical if worst.severity == "critical" else worst.warning
    return FindingRow(
        severity=FACES[period.severity].name,
        since=short_moment(period.since),
        since_iso=machine_moment(period.since),
        lasted=duration(period.until - period.since),
        key=period.key,
        anchor=anchor,
        value=number(worst.value, unit),
        limit=number(limit, unit),
        windows=f"{period.alarms:,} of {count(period.windows, 'window')}",
        sentence=worst.reason,
        runbook=worst.runbook or "",
    )


def _left_out(left: list[AlarmPeriod]) -> str:
    """Describe what the table does not show, and where it is."""
    if not left:
        return ""
    worst = FACES[max(period.severity for period in left)].label.lower()
    return (
        f"{count(len(left), 'further row')} left out, none worse than {worst}: "
        "the shortest of the least severe. `mlmon findings` lists every finding."
    )
