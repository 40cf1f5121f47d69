"""What went wrong, to be read: a sentence, since when, what it began with, what followed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from mlmon.analyzers.base.identity import FindingIdentity
from mlmon.dashboards.links.links import Linked, Links
from mlmon.dashboards.model.history import Mark
from mlmon.formatting import count, duration, machine_moment, short_moment
from mlmon.report.html.severity import FACES
from mlmon.report.html.spells import Spell
from mlmon.report.html.troubles import Trouble

MOST_ROWS: Final = 12
MOST_EFFECTS: Final = 5


@dataclass(frozen=True, slots=True)
class Effect:
    """A check that followed, and how long after the beginning."""

    key: FindingIdentity
    anchor: str
    after: str
    severity: str


@dataclass(frozen=True, slots=True)
class TroubleRow:
    """One trouble.

    Attributes:
        severity: Its worst severity.
        ongoing: It still lasts.
        sentence: The sentence of the worst finding of the check it began with.
        first, anchor: That check, and its chart.
        since, since_iso, lasted: When it began, and for how long.
        until: When it ended; empty while it lasts.
        effects: The checks that followed; `more` of them are not listed.
        incidents: Labels of the known incidents it overlaps.
        links: Where its first finding leads in Kibana, None where there is none.
    """

    severity: str
    ongoing: bool
    sentence: str
    first: FindingIdentity
    anchor: str
    since: str
    since_iso: str
    lasted: str
    until: str
    effects: tuple[Effect, ...]
    more: int
    incidents: tuple[str, ...]
    links: Links | None


@dataclass(frozen=True, slots=True)
class TroubleList:
    """Troubles that last, those that ended (newest first), and what was left out of these."""

    ongoing: tuple[TroubleRow, ...]
    ended: tuple[TroubleRow, ...]
    left_out: str


def trouble_list(
    troubles: Iterable[Trouble],
    anchors: Mapping[FindingIdentity, str],
    incidents: Sequence[Mark],
    links: Linked,
) -> TroubleList:
    """Return the troubles to read; of those that ended the worst and longest `MOST_ROWS`."""
    everything = list(troubles)
    ended = sorted(
        (trouble for trouble in everything if not trouble.ongoing),
        key=lambda trouble: (-trouble.severity, trouble.since - trouble.until),
    )
    kept, left = ended[:MOST_ROWS], ended[MOST_ROWS:]
    lasting = [trouble for trouble in everything if trouble.ongoing]
    lasting.sort(key=lambda trouble: (-trouble.severity, trouble.since))
    kept.sort(key=lambda trouble: -trouble.since)
    return TroubleList(
        ongoing=tuple(_row(trouble, anchors, incidents, links) for trouble in lasting),
        ended=tuple(_row(trouble, anchors, incidents, links) for trouble in kept),
        left_out=_left_out(left),
    )


def _row(
    trouble: Trouble,
    anchors: Mapping[FindingIdentity, str],
    incidents: Sequence[Mark],
    links: Linked,
) -> TroubleRow:
    """Return one trouble to read."""
    first = trouble.first
    followers = _followers(trouble)
    return TroubleRow(
        severity=FACES[trouble.severity].name,
        ongoing=trouble.ongoing,
        sentence=first.worst.reason,
        first=first.key,
        anchor=anchors[first.key],
        since=short_moment(trouble.since),
        since_iso=machine_moment(trouble.since),
        lasted=duration(trouble.until - trouble.since),
        until="" if trouble.ongoing else short_moment(trouble.until),
        effects=tuple(_effect(spell, trouble.since, anchors) for spell in followers[:MOST_EFFECTS]),
        more=max(len(followers) - MOST_EFFECTS, 0),
        incidents=tuple(
            one.label for one in incidents if one.start < trouble.until and trouble.since < one.end
        ),
        links=links(first.worst),
    )


def _followers(trouble: Trouble) -> list[Spell]:
    """Return the first spell of each other check of a trouble."""
    first: dict[FindingIdentity, Spell] = {}
    for spell in trouble.spells[1:]:
        first.setdefault(spell.key, spell)
    first.pop(trouble.first.key, None)
    return list(first.values())


def _effect(spell: Spell, since: float, anchors: Mapping[FindingIdentity, str]) -> Effect:
    """Return one follower."""
    after = spell.since - since
    return Effect(
        key=spell.key,
        anchor=anchors[spell.key],
        after=f"{duration(after)} later" if after > 0 else "at once",
        severity=FACES[spell.severity].name,
    )


def _left_out(left: Sequence[Trouble]) -> str:
    """Say which troubles are not listed."""
    if not left:
        return ""
    worst = FACES[max(trouble.severity for trouble in left)].label.lower()
    lesser = count(len(left), "lesser one")
    return f"{lesser} not listed, none worse than {worst}: see the table of findings."
