"""Categories of two samples are brought together without losing a row."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mlmon.analyzers.statistics.categories import pair

counts = st.dictionaries(st.sampled_from("abcd"), st.integers(0, 100))


@given(current=counts, reference=counts, rest=st.integers(0, 5), other=st.integers(0, 5))
def test_no_row_is_lost(
    current: dict[str, int], reference: dict[str, int], rest: int, other: int
) -> None:
    """Known categories and the rest add up to either sample."""
    paired = pair(current, reference, rest, other)
    assert sum(x for x, _ in paired.known) + paired.current_rest == sum(current.values()) + rest
    assert (
        sum(y for _, y in paired.known) + paired.reference_rest == sum(reference.values()) + other
    )


def test_a_category_may_hide_in_a_rest() -> None:
    """A category absent from a sample with a rest is not known to be absent."""
    assert pair({"a": 1}, {"b": 2}).known == ((1, 0), (0, 2))
    assert pair({"a": 1}, {"b": 2}, current_rest=1).known == ((1, 0),)
    assert pair({"a": 1}, {"b": 2}, current_rest=1, reference_rest=1).known == ()
