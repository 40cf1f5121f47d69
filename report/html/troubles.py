"""Troubles: spells that belong together, told as one story with its beginning.

When a job dies, its statistics age, defaults step in, features move and scores follow: five checks
raise their voice, and a person asks which came first. A spell joins a trouble that still lasts when
they began together, when a spell of that trouble lies upstream of it in the chain of causes, or
when one has the same subject. What merely lasts at the same time stays a trouble of its own.

Windows differ in length, so that "first" is known to a window only: among the spells that began
together with the earliest one, the trouble is said to begin with the one farthest upstream.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mlmon.report.html.spells import Spell


@dataclass(frozen=True, slots=True)
class Trouble:
    """Spells that belong together.

    Attributes:
        spells: By their beginning; the one the trouble began with stands first.
        since, until: From the first beginning to the last end, in seconds since the epoch.
        severity: The worst rank in it.
        ongoing: One of its spells still lasts.
    """

    spells: tuple[Spell, ...]
    since: float
    until: float
    severity: int
    ongoing: bool

    @property
    def first(self) -> Spell:
        """The spell that the trouble began with."""
        return self.spells[0]


def troubles(spells: Iterable[Spell], upstream: Mapping[str, int]) -> tuple[Trouble, ...]:
    """Return the troubles that some spells amount to, by their beginning.

    Args:
        spells: In any order.
        upstream: An analyzer's place in the chain of causes, causes first; others cause nothing.
    """
    groups: list[list[Spell]] = []
    for spell in sorted(
        spells, key=lambda spell: (spell.since, upstream.get(spell.key.analyzer, 0))
    ):
        home = next((group for group in reversed(groups) if _belongs(spell, group, upstream)), None)
        if home is None:
            groups.append([spell])
        else:
            home.append(spell)
    return tuple(_trouble(group, upstream) for group in groups)


def _belongs(spell: Spell, group: list[Spell], upstream: Mapping[str, int]) -> bool:
    """Say whether a spell began together with one of a group, or belongs to one that lasts."""
    return any(
        _together(other, spell) or (spell.since < other.until and _related(other, spell, upstream))
        for other in group
    )


def _related(cause: Spell, effect: Spell, upstream: Mapping[str, int]) -> bool:
    """Say whether two spells have one subject, or the first one's analyzer lies upstream."""
    if cause.key.subject and cause.key.subject == effect.key.subject:
        return True
    places = upstream.get(cause.key.analyzer), upstream.get(effect.key.analyzer)
    return places[0] is not None and places[1] is not None and places[0] < places[1]


def _together(earlier: Spell, later: Spell) -> bool:
    """Say whether two spells began within one window of each other."""
    return abs(later.since - earlier.since) < max(earlier.window, later.window)


def _trouble(group: list[Spell], upstream: Mapping[str, int]) -> Trouble:
    """Describe one group of spells, which stand by their beginning."""
    candidates = [spell for spell in group if _together(group[0], spell)]
    last = len(upstream)
    first = min(candidates, key=lambda spell: upstream.get(spell.key.analyzer, last))
    return Trouble(
        spells=(first, *(spell for spell in group if spell is not first)),
        since=group[0].since,
        until=max(spell.until for spell in group),
        severity=max(spell.severity for spell in group),
        ongoing=any(spell.ongoing for spell in group),
    )
