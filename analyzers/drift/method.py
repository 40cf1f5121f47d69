"""The declaration of a drift method: its name, its limits, and a pure function per feature type."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar

from mlmon.analyzers.statistics.buckets import Buckets, merge

if TYPE_CHECKING:
    from mlmon.analyzers.base.limits import Limits
    from mlmon.analyzers.drift.drift import Drift
    from mlmon.analyzers.statistics.categories import CategoryCounts

Numbers: TypeAlias = Sequence[Buckets]
"""Numbers in parts, each counted over edges of its own."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class DriftMeasurement(Generic[T]):
    """How a method compares features of one type.

    Args:
        drift: Compares a sample with its reference. It raises `EmptySampleError` where one has no
            rows or the method has no value for them, `ValueError` where numbers were counted over
            different edges that the method cannot compare.
        rows_needed: The rows at which a drift of an effect is found nine times in ten against a
            reference; None if no number of rows suffices. It raises `EmptySampleError` likewise.
        fewest: Rows of the sample below which the sampling error is not valid, so that nothing can
            be compared.
    """

    drift: Callable[[T, T], Drift]
    rows_needed: Callable[[float, T], int | None]
    fewest: int = 1


@dataclass(frozen=True, slots=True)
class DriftMethod:
    """One drift test. Its module's docstring gives the formula, what the interval holds, the paper.

    Args:
        name: The module's name; `test` in mlmon.toml.
        title: As a sentence names the distance, such as `PSI`.
        metric: `finding.metric`.
        limits: By default.
        unit: Of the distance; empty for a plain number.
        numeric: For numbers, None if it has no meaning for them.
        categorical: For categories, likewise.
    """

    name: str
    title: str
    metric: str
    limits: Limits
    unit: str = ""
    numeric: DriftMeasurement[Numbers] | None = None
    categorical: DriftMeasurement[CategoryCounts] | None = None

    @property
    def feature_types(self) -> tuple[str, ...]:
        """The types of features it compares: `numeric`, `categorical` or both."""
        return tuple(name for name in ("numeric", "categorical") if getattr(self, name))


def rows_of(numbers: Numbers) -> int:
    """Return the rows of all parts."""
    return sum(part.n for part in numbers)


def one_set_of_edges(current: Numbers, reference: Numbers) -> tuple[Buckets, Buckets]:
    """Return both samples as one each.

    Raises:
        ValueError: Their parts were counted over different edges.
    """
    if len({part.edges for part in (*current, *reference)}) > 1:
        raise ValueError("counted over different edges, which only the KS test compares")
    return merge(current), merge(reference)


def measured(
    method: DriftMethod, comparison: DriftMeasurement[T] | None, current: T, reference: T
) -> Drift | str:
    """Return the drift by a method; where it cannot measure it, the reason."""
    if comparison is None:
        types = " and ".join(method.feature_types)
        return f"the drift test {method.name} is for {types} features only"
    try:
        return comparison.drift(current, reference)
    except ValueError as error:
        return f"not comparable by {method.name}: {error}"
