"""A feature's distribution next to the training set's, coarse enough for a finding.

Numbers are divided by tenths of the training set's rows, as far as buckets allow: without drift,
every bar is as high as training's. Categories are listed by name, the most frequent ones first.
"""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

from mlmon.formatting import number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlmon.analyzers.base.finding import FindingPart
    from mlmon.analyzers.baselines.baseline import CategoryBaseline
    from mlmon.analyzers.profiles.kinds.prediction import Categories
    from mlmon.analyzers.statistics.buckets import Buckets

PARTS = 10
REST = "(other)"
_DIGITS = 4


def numbers_side_by_side(current: Buckets, reference: Buckets) -> tuple[FindingPart, ...]:
    """Return the shares of at most ten ranges of a numeric feature, from the lowest values on.

    Args:
        current: The predictions' values; rows are needed.
        reference: The training set's over the same edges; rows are needed.
    """
    edges = tuple(_tenths(reference))
    if not edges:
        return ()
    now, before = current.coarsened(edges), reference.coarsened(edges)
    shares = zip(_ranges(edges), now.counts, before.counts, strict=True)
    return tuple(
        (name, round(one / now.n, _DIGITS), round(other / before.n, _DIGITS))
        for name, one, other in shares
        if one or other
    )


def categories_side_by_side(
    current: Categories, reference: CategoryBaseline
) -> tuple[FindingPart, ...]:
    """Return the shares of the nine categories most frequent on either side, and of the rest."""
    seen, n, m = current.counts + current.unseen, current.n, reference.n
    shares = {
        name: (seen[name] / n, reference.counts[name] / m)
        for name in sorted(seen.keys() | reference.counts.keys())
    }
    named = sorted(shares, key=lambda share: -max(shares[share]))[: PARTS - 1]
    now, before = (1.0 - sum(shares[name][side] for name in named) for side in (0, 1))
    rows = [(name, *shares[name]) for name in named]
    if max(now, before) > 0.5 * 10**-_DIGITS:
        rows.append((REST, now, before))
    return tuple((name, round(one, _DIGITS), round(other, _DIGITS)) for name, one, other in rows)


def _tenths(reference: Buckets) -> Iterator[float]:
    """Yield the edges at which another tenth of the training set's rows is reached."""
    reached = 0
    for edge, below in zip(reference.edges, accumulate(reference.counts), strict=False):
        tenth = below * PARTS // reference.n
        if reached < tenth < PARTS:
            reached = tenth
            yield edge


def _ranges(edges: tuple[float, ...]) -> Iterator[str]:
    yield f"below {number(edges[0])}"
    yield from (f"{number(low)} to {number(high)}" for low, high in pairwise(edges))
    yield f"{number(edges[-1])} or more"
