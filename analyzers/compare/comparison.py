"""How far traffic lies from a reference, feature by feature; pure.

The reference is the training set, or the same model's traffic of another time. Both are sums of
counts, so a window of any length costs no more than its sum. Where several versions served, each
version's predictions were counted over its own baseline's edges: a side then has parts, and a
distance the interval that holds for all that the edges leave open (statistics/probability_box.py).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from mlmon.analyzers.base.finding import Severity
from mlmon.analyzers.drift.chosen_tests import ChosenTests
from mlmon.analyzers.drift.method import measured, rows_of
from mlmon.analyzers.drift.moved import categories_moved, parts_moved
from mlmon.analyzers.statistics.benjamini_hochberg import FALSE_DISCOVERY_RATE, q_values

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from mlmon.analyzers.baselines.baseline import Baseline
    from mlmon.analyzers.drift.drift import Drift
    from mlmon.analyzers.drift.method import DriftMethod
    from mlmon.analyzers.profiles.kinds.prediction import PredictionProfile
    from mlmon.analyzers.statistics.buckets import Buckets
    from mlmon.analyzers.statistics.categories import CategoryCounts

SCORES = "(score)"


@dataclass(frozen=True, slots=True)
class ComparedSide:
    """One side of a comparison.

    Args:
        name: What it is, as a sentence names it.
        numeric: Its numbers, the scores among them under `SCORES`, in parts of one set of edges.
        categorical: Its categories.
    """

    name: str
    numeric: Mapping[str, Sequence[Buckets]]
    categorical: Mapping[str, CategoryCounts]


@dataclass(frozen=True, slots=True)
class ComparisonRow:
    """One feature, or the scores, compared.

    Args:
        feature: Its name; `SCORES` for the scores.
        drift: How far it moved; None where one side has no rows.
        q_value: Its p-value after Benjamini-Hochberg over all rows.
        severity: As `feature_drift` judges such a distance.
        moved: What moved, for a person; without a drift, why it is not known.
        test: The drift test.
    """

    feature: str
    drift: Drift | None
    q_value: float
    severity: Severity
    moved: str
    test: str

    def to_json(self) -> dict[str, Any]:
        """Return it as a JSON value."""
        known: dict[str, Any] = {"value": None, "open": []}
        if self.drift:
            known = {**self.drift.measured(), "open": list(self.drift.left_open)}
        about = {"severity": str(self.severity), "moved": self.moved, "q_value": self.q_value}
        return {"feature": self.feature, "test": self.test, **about, **known}


def of_training(baseline: Baseline) -> ComparedSide:
    """Return a training set as a side."""
    scores = {SCORES: baseline.score} if baseline.score else {}
    return ComparedSide(
        "training",
        {name: [sample] for name, sample in {**baseline.numeric, **scores}.items()},
        {name: categories.counted for name, categories in baseline.categorical.items()},
    )


def of_traffic(
    name: str, parts: Sequence[PredictionProfile], baselines: Mapping[str, Baseline]
) -> ComparedSide:
    """Return traffic as a side.

    Args:
        name: What it is, as a sentence names it.
        parts: Its predictions, summed per baseline over whose edges they were counted.
        baselines: These baselines, by id.
    """
    numeric: dict[str, list[Buckets]] = {}
    categorical: dict[str, CategoryCounts] = {}
    for part in parts:
        scores = {SCORES: part.score} if part.score else {}
        for feature, numbers in {**part.numeric, **scores}.items():
            numeric.setdefault(feature, []).append(numbers)
        known = baselines[part.baseline_id].categorical
        for feature, categories in part.categorical.items():
            counted = categories.counted(known[feature].counts)
            before = categorical.get(feature)
            categorical[feature] = before + counted if before else counted
    return ComparedSide(name, numeric, categorical)


def compare(
    current: ComparedSide, reference: ComparedSide, tests: ChosenTests | None = None
) -> list[ComparisonRow]:
    """Compare every feature and the scores, what moved most first.

    Args:
        current: This time.
        reference: What it is compared with.
        tests: The drift tests of the features, by default those of `feature_drift`.
    """
    chosen = tests or ChosenTests()
    found = [*_numbers(current, reference, chosen), *_categories(current, reference, chosen)]
    corrected = q_values([row.drift.p_value if row.drift else 1.0 for row in found])
    rows = [
        replace(row, q_value=q_value, severity=_severity(row.drift, q_value))
        for row, q_value in zip(found, corrected, strict=True)
    ]
    return sorted(rows, key=lambda row: (-row.drift.low if row.drift else 1.0, -_value(row)))


def _value(row: ComparisonRow) -> float:
    return row.drift.value if row.drift else 0.0


def _severity(drift: Drift | None, q_value: float) -> Severity:
    if drift is None:
        return Severity.UNKNOWN
    insignificant = drift.severity.alarming and q_value > FALSE_DISCOVERY_RATE
    return Severity.UNKNOWN if insignificant else drift.severity


def _numbers(
    current: ComparedSide, reference: ComparedSide, tests: ChosenTests
) -> Iterator[ComparisonRow]:
    """Yield rows before their p-values are corrected."""
    for feature in sorted(current.numeric.keys() & reference.numeric.keys()):
        now, before = current.numeric[feature], reference.numeric[feature]
        method = tests.numeric(feature)
        missing = _missing(rows_of(now), rows_of(before), reference)
        drift = missing or measured(method, method.numeric, now, before)
        moved = partial(parts_moved, now, before, f"in {reference.name}")
        yield _row(feature, method, drift, moved)


def _categories(
    current: ComparedSide, reference: ComparedSide, tests: ChosenTests
) -> Iterator[ComparisonRow]:
    for feature in sorted(current.categorical.keys() & reference.categorical.keys()):
        now, before = current.categorical[feature], reference.categorical[feature]
        method = tests.categorical(feature)
        missing = _missing(now.n, before.n, reference)
        drift = missing or measured(method, method.categorical, now, before)
        moved = partial(categories_moved, now, before, f"in {reference.name}")
        yield _row(feature, method, drift, moved)


def _row(
    feature: str, method: DriftMethod, drift: Drift | str, moved: Callable[[], str]
) -> ComparisonRow:
    """Return a row; of a drift that is not known, with the reason."""
    if isinstance(drift, str):
        return ComparisonRow(feature, None, 1.0, Severity.UNKNOWN, drift, method.name)
    return ComparisonRow(feature, drift, 1.0, Severity.UNKNOWN, moved(), method.name)


def _missing(rows: int, reference_rows: int, reference: ComparedSide) -> str:
    if rows and reference_rows:
        return ""
    return f"no values in {reference.name}" if rows else "no values now"
