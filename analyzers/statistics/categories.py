"""Categories of samples that pooled their rarer ones into a rest, added and brought together.

A terms aggregation returns the most frequent categories and one number for all others. A category
absent from a sample's counts was counted there, with zero rows, unless that sample pooled a
rest, in which it may hide. So the categories known on both sides are compared and every other row
belongs to one rest, about which only its size on either side is known.

Samples name different categories (hours, baselines). Of their sum a category's rows are known if
each part knows them; else they are at least those that were counted, and the rest may hold more.

>>> day = CategoryCounts({"DE": 5, "FR": 2}) + CategoryCounts({"DE": 4, "IT": 3}, rest=1)
>>> day.counts, day.rest, sorted(day.at_least)
({'DE': 9, 'FR': 2, 'IT': 3}, 1, ['FR'])
>>> pair({"DE": 5, "FR": 2}, {"DE": 4, "IT": 3})
Paired(known=((5, 4), (2, 0), (0, 3)), current_rest=0, reference_rest=0)
>>> pair({"DE": 5, "FR": 2}, {"DE": 4, "IT": 3}, current_rest=1)
Paired(known=((5, 4), (2, 0)), current_rest=1, reference_rest=3)
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mlmon.analyzers.statistics.empty_sample import require_rows

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class CategoryCounts:
    """The rows of one sample per category.

    `rest` rows were not counted by category. They are of categories without a count, or of those in
    `at_least`, of which not all rows were counted. A category known to have no row has a zero.
    """

    counts: Mapping[str, int]
    rest: int = 0
    at_least: frozenset[str] = field(default=frozenset())

    @property
    def n(self) -> int:
        """All rows."""
        return sum(self.counts.values()) + self.rest

    def knows(self, category: str) -> bool:
        """Whether all rows of a category are counted."""
        return not self.rest or (category in self.counts and category not in self.at_least)

    def certain(self) -> CategoryCounts:
        """The same rows with every category in the rest whose rows are not all counted."""
        counts = {name: rows for name, rows in self.counts.items() if self.knows(name)}
        return CategoryCounts(counts, self.n - sum(counts.values()))

    def __add__(self, other: CategoryCounts) -> CategoryCounts:
        counts = Counter(self.counts)
        counts.update(other.counts)
        vague = (name for name in counts if not (self.knows(name) and other.knows(name)))
        return CategoryCounts(dict(counts), self.rest + other.rest, frozenset(vague))


def table(current: CategoryCounts, reference: CategoryCounts) -> list[tuple[int, int]]:
    """The rows of both samples per category that both know, and last those of all others."""
    now, before = current.certain(), reference.certain()
    paired = pair(now.counts, before.counts, now.rest, before.rest)
    return [*paired.known, (paired.current_rest, paired.reference_rest)]


@dataclass(frozen=True, slots=True)
class Paired:
    """Rows (current, reference) of each category known on both sides, and of the rest."""

    known: tuple[tuple[int, int], ...]
    current_rest: int
    reference_rest: int

    def rows(self) -> tuple[int, int]:
        """All rows of the current sample and of the reference.

        Raises:
            EmptySampleError: a sample has no rows.
        """
        current = self.current_rest + sum(x for x, _ in self.known)
        reference = self.reference_rest + sum(y for _, y in self.known)
        require_rows(current=current, reference=reference)
        return current, reference


def pair(
    current: Mapping[str, int],
    reference: Mapping[str, int],
    current_rest: int = 0,
    reference_rest: int = 0,
) -> Paired:
    """Bring two samples' categories together; `*_rest` are rows not counted by category."""
    categories = [
        category
        for category in dict.fromkeys([*current, *reference])
        if (category in current or not current_rest)
        and (category in reference or not reference_rest)
    ]
    known = tuple((current.get(c, 0), reference.get(c, 0)) for c in categories)
    return Paired(
        known,
        sum(current.values()) + current_rest - sum(x for x, _ in known),
        sum(reference.values()) + reference_rest - sum(y for _, y in known),
    )
