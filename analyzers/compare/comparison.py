"""How far traffic lies from a reference, feature by feature; pure.

The reference is the training set, or the same model's traffic of another time: both are counts over
one baseline's edges, so that a window of any length costs no more than its sum.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from analyzers.baseline.baseline import CategoryBaseline
from analyzers.drift import (
    LIMITS,
    Drift,
    categorical_drift,
    categories_moved,
    numbers_moved,
    numeric_drift,
)
from analyzers.feature_drift import FALSE_DISCOVERY_RATE
from analyzers.finding import Severity
from analyzers.statistics.benjamini_hochberg import q_values

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from analyzers.baseline.baseline import Baseline
    from analyzers.profile.predictions import PredictionProfile
    from analyzers.statistics.buckets import Buckets

SCORE = "(score)"


@dataclass(frozen=True, slots=True)
class Reference:
    """What traffic is compared with.

    Args:
        name: What it is, as a sentence names it.
        numeric: Its numbers, the scores among them under `SCORE`.
        categorical: Its categories.
    """

    name: str
    numeric: Mapping[str, Buckets]
    categorical: Mapping[str, CategoryBaseline]


@dataclass(frozen=True, slots=True)
class Row:
    """One feature, or the scores, compared.

    Args:
        feature: Its name; `SCORE` for the scores.
        drift: How far it moved; None where one side has no rows.
        q_value: Its p-value after Benjamini-Hochberg over all rows.
        severity: As `feature_drift` judges such a distance.
        moved: What moved, for a person.
    """

    feature: str
    drift: Drift | None
    q_value: float
    severity: Severity
    moved: str

    def to_json(self) -> dict[str, Any]:
        """Return it as a JSON value."""
        measured = self.drift.measured() if self.drift else {"value": None}
        about = {"severity": str(self.severity), "moved": self.moved, "q_value": self.q_value}
        return {"feature": self.feature, **about, **measured}


def of_training(baseline: Baseline) -> Reference:
    """Return a training set as the reference."""
    scores = {SCORE: baseline.score} if baseline.score else {}
    return Reference("training", {**baseline.numeric, **scores}, baseline.categorical)


def of_traffic(name: str, profile: PredictionProfile) -> Reference:
    """Return traffic of another time as the reference."""
    return Reference(
        name,
        _numbers(profile),
        {
            feature: CategoryBaseline(each.counts + each.unseen, each.other)
            for feature, each in profile.categorical.items()
        },
    )


def compare(traffic: PredictionProfile, reference: Reference) -> list[Row]:
    """Compare every feature and the scores, what moved most first."""
    found = list(_compared(traffic, reference))
    corrected = q_values([drift.p_value if drift else 1.0 for _, drift, _ in found])
    rows = [
        Row(feature, drift, q_value, _severity(drift, q_value), moved)
        for (feature, drift, moved), q_value in zip(found, corrected, strict=True)
    ]
    return sorted(rows, key=lambda each: (-each.drift.low if each.drift else 1.0, -_value(each)))


def _value(row: Row) -> float:
    return row.drift.value if row.drift else 0.0


def _severity(drift: Drift | None, q_value: float) -> Severity:
    if drift is None:
        return Severity.UNKNOWN
    if q_value > FALSE_DISCOVERY_RATE:
        return Severity.OK
    return LIMITS.judge(drift.low, drift.high)


def _compared(
    traffic: PredictionProfile, reference: Reference
) -> Iterator[tuple[str, Drift | None, str]]:
    numbers, where = _numbers(traffic), f"in {reference.name}"
    for feature in sorted(numbers.keys() & reference.numeric.keys()):
        now, before = numbers[feature], reference.numeric[feature]
        if now.n and before.n:
            moved = numbers_moved(now, before, where)
            yield feature, numeric_drift(now, before), moved
        else:
            yield feature, None, _without(now.n, reference)
    for feature in sorted(traffic.categorical.keys() & reference.categorical.keys()):
        some, known = traffic.categorical[feature], reference.categorical[feature]
        if some.n and known.n:
            moved = categories_moved(some, known, where)
            yield feature, categorical_drift(some, known), moved
        else:
            yield feature, None, _without(some.n, reference)


def _numbers(profile: PredictionProfile) -> dict[str, Buckets]:
    scores = {SCORE: profile.score} if profile.score else {}
    return {**profile.numeric, **scores}


def _without(rows: int, reference: Reference) -> str:
    return f"no values in {reference.name}" if rows else "no values now"
