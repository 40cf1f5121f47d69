"""The table of findings: one row per spell, with the sentence of its worst finding."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from mlmon.analyzers.base.identity import FindingIdentity
from mlmon.formatting import count, duration, machine_moment, number, short_moment
from mlmon.report.html.severity import FACES
from mlmon.report.html.spells import Spell

MOST_ROWS: Final = 600


@dataclass(frozen=True, slots=True)
class FindingRow:
    """One row of the table; times both for people and for machines."""

    severity: str
    since: str
    since_iso: str
    lasted: str
    ongoing: bool
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
    spells: Iterable[Spell],
    anchors: Mapping[FindingIdentity, str],
    units: Mapping[tuple[str, str], str],
) -> FindingTable:
    """Return the table; of more than `MOST_ROWS` spells the worst and longest are kept.

    Args:
        spells: In any order.
        anchors: The id of each check's chart.
        units: The unit of each analyzer's metric.
    """
    ranked = sorted(spells, key=lambda spell: (-spell.severity, -spell.alarms, -spell.since))
    kept, left = ranked[:MOST_ROWS], ranked[MOST_ROWS:]
    kept.sort(key=lambda spell: (-spell.since, -spell.severity))
    rows = (
        _row(spell, anchors[spell.key], units.get((spell.key.analyzer, spell.key.metric), ""))
        for spell in kept
    )
    return FindingTable(tuple(rows), _left_out(left))


def _row(spell: Spell, anchor: str, unit: str) -> FindingRow:
    """Return one spell's row."""
    worst = spell.worst
    limit = worst.critical if worst.severity == "critical" else worst.warning
    return FindingRow(
        severity=FACES[spell.severity].name,
        since=short_moment(spell.since),
        since_iso=machine_moment(spell.since),
        lasted=duration(spell.until - spell.since),
        ongoing=spell.ongoing,
        key=spell.key,
        anchor=anchor,
        value=number(worst.value, unit),
        limit=number(limit, unit),
        windows=f"{spell.alarms:,} of {count(spell.windows, 'window')}",
        sentence=worst.reason,
        runbook=worst.runbook or "",
    )


def _left_out(left: list[Spell]) -> str:
    """Say what the table does not show, and where it is."""
    if not left:
        return ""
    worst = FACES[max(spell.severity for spell in left)].label.lower()
    return (
        f"{count(len(left), 'further row')} left out, none worse than {worst}: "
        "the shortest of the least severe. `mlmon findings` lists every finding."
    )
