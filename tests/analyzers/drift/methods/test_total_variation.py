"""Total variation holds the raw categories' distance, also when a rest was pooled."""

from __future__ import annotations

from collections import Counter
from itertools import combinations_with_replacement
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlmon.analyzers.drift.methods.total_variation import (
    critical_total_variation,
    minimum_rows,
    total_variation,
)
from mlmon.analyzers.statistics.categories import CategoryCounts
from mlmon.analyzers.statistics.empty_sample import EmptySampleError

if TYPE_CHECKING:
    from collections.abc import Iterator

counted = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 10**12), min_size=1).filter(
    lambda counts: sum(counts.values()) > 0
)


def plain(current: dict[str, int], reference: dict[str, int]) -> float:
    """Half the sum of the absolute differences of the shares."""
    n, m = sum(current.values()), sum(reference.values())
    categories = current.keys() | reference.keys()
    return sum(abs(current.get(c, 0) / n - reference.get(c, 0) / m) for c in categories) / 2


def pooled(counts: dict[str, int], apart: set[str]) -> CategoryCounts:
    """The rows of some categories counted separately, and of the others in one rest."""
    known = {name: rows for name, rows in counts.items() if name in apart}
    return CategoryCounts(known, sum(counts.values()) - sum(known.values()))


@given(current=counted, reference=counted)
def test_without_a_rest_it_is_one_number(
    current: dict[str, int], reference: dict[str, int]
) -> None:
    """Fully counted categories give the textbook sum, symmetric, without width."""
    interval = total_variation(CategoryCounts(current), CategoryCounts(reference))
    assert interval.width == 0
    assert interval.low == pytest.approx(plain(current, reference), abs=1e-12)
    assert interval == total_variation(CategoryCounts(reference), CategoryCounts(current))


@given(
    current=counted,
    reference=counted,
    current_apart=st.sets(st.sampled_from("abcdefgh")),
    reference_apart=st.sets(st.sampled_from("abcdefgh")),
)
def test_a_pooled_rest_hides_no_more_than_the_interval(
    current: dict[str, int],
    reference: dict[str, int],
    current_apart: set[str],
    reference_apart: set[str],
) -> None:
    """Whichever categories each side counted separately, the true distance is inside."""
    interval = total_variation(pooled(current, current_apart), pooled(reference, reference_apart))
    assert interval.contains(plain(current, reference), rounding=1e-12)


@given(x=st.integers(0, 50), rest=st.integers(1, 50), other=st.integers(1, 50))
def test_both_ends_are_attained(x: int, rest: int, other: int) -> None:
    """A rest all in common gives the low end, one with nothing in common the high end."""
    interval = total_variation(CategoryCounts({"a": x}, rest), CategoryCounts({"a": 7}, other))
    assert interval.low == pytest.approx(plain({"a": x, "r": rest}, {"a": 7, "r": other}))
    assert interval.high == pytest.approx(plain({"a": x, "r": rest}, {"a": 7, "s": other}))


hours = st.lists(
    st.tuples(
        st.dictionaries(st.sampled_from("abcde"), st.integers(1, 4), min_size=1),
        st.sets(st.sampled_from("abcde")),
    ),
    min_size=1,
    max_size=3,
)
Hours = list[tuple[dict[str, int], set[str]]]


def added(hours: Hours) -> tuple[dict[str, int], CategoryCounts]:
    """All rows of some hours, and what is known of them if each counts its own set apart."""
    rows: Counter[str] = Counter()
    known = CategoryCounts({})
    for counts, apart in hours:
        rows.update(counts)
        named = {name: counts.get(name, 0) for name in apart}
        known += CategoryCounts(named, sum(counts.values()) - sum(named.values()))
    return dict(rows), known


@given(current=hours, reference=hours)
def test_parts_that_name_other_categories_hide_no_more_than_the_interval(
    current: Hours, reference: Hours
) -> None:
    """A category that one hour counts and the next one pools may have more rows than counted."""
    (now, known), (before, known_before) = added(current), added(reference)
    interval = total_variation(known, known_before)
    assert interval.contains(plain(now, before), rounding=1e-12)
    assert interval == total_variation(known_before, known)
    # Whatever is not counted everywhere put into the rest is true as well, and says less.
    vaguer = total_variation(known.certain(), known_before.certain())
    assert vaguer.contains(interval.low, rounding=1e-12)
    assert vaguer.contains(interval.high, rounding=1e-12)


@given(
    counts=st.tuples(*[st.integers(0, 3)] * 4),
    rows=st.integers(6, 7),
    vague=st.tuples(st.sets(st.sampled_from("ab")), st.sets(st.sampled_from("ab"))),
)
def test_no_interval_is_narrower(
    counts: tuple[int, ...], rows: int, vague: tuple[set[str], set[str]]
) -> None:
    """Of all ways to deal out both rests, the least and the greatest distance are the ends."""
    a, b, c, d = counts
    current = CategoryCounts({"a": a, "b": b}, rows - a - b, frozenset(vague[0]))
    reference = CategoryCounts({"a": c, "b": d}, rows - c - d, frozenset(vague[1]))
    found = [
        plain(now, before) for now in dealt(current, "new") for before in dealt(reference, "old")
    ]
    interval = total_variation(current, reference)
    assert interval.low == pytest.approx(min(found), abs=1e-12)
    assert interval.high == pytest.approx(max(found), abs=1e-12)


def dealt(sample: CategoryCounts, own: str) -> Iterator[dict[str, int]]:
    """Every way to give a rest's rows to what it may hold: a, b, one of both, one of its own."""
    holds = [*sorted(sample.at_least), "both", own]
    for names in combinations_with_replacement(holds, sample.rest):
        rows = Counter(sample.counts)
        rows.update(names)
        yield dict(rows)


def test_an_empty_side_is_an_error() -> None:
    """No rows have no shares."""
    with pytest.raises(EmptySampleError, match="reference"):
        total_variation(CategoryCounts({"a": 1}), CategoryCounts({"a": 0}))


@pytest.mark.parametrize("categories", [2, 20])
def test_chance_seldom_passes_the_critical_distance(categories: int) -> None:
    """Two samples of one distribution pass the critical distance in at most 5 % of 400 trials."""
    random = np.random.default_rng(1)
    critical = critical_total_variation(categories, 300, 500, alpha=0.05)
    shares = np.full(categories, 1 / categories)
    current, reference = random.multinomial(300, shares, 400), random.multinomial(500, shares, 400)
    distances = np.abs(current / 300 - reference / 500).sum(axis=1) / 2
    assert (distances > critical).mean() <= 0.05


def test_the_minimum_rows_have_the_power_stated() -> None:
    """At the minimum rows, a true distance of 0.1 passes the critical one in 90 % of trials."""
    rows = minimum_rows(0.1, categories=4, reference_rows=5_000, alpha=0.05, power=0.9)
    assert rows is not None
    random = np.random.default_rng(2)
    current = random.multinomial(rows, [0.35, 0.25, 0.25, 0.15], 300)
    reference = random.multinomial(5_000, [0.25] * 4, 300)
    distances = np.abs(current / rows - reference / 5_000).sum(axis=1) / 2
    assert (distances > critical_total_variation(4, rows, 5_000)).mean() >= 0.9


def test_a_small_reference_can_never_have_the_power() -> None:
    """With 50 reference rows a distance of 0.05 is never certain enough."""
    assert minimum_rows(0.05, categories=3, reference_rows=50) is None
