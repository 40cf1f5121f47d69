"""From rows of features to the model's matrix, by numpy alone, so that one row costs microseconds.

Each number is clipped to the range seen in training, standardised and given hinge functions at its
quartiles (a piecewise linear additive model: Hastie, Tibshirani & Friedman, *The Elements of
Statistical Learning*, 2nd ed., section 5.2); a missing number becomes the median and a flag. Each
category is one-hot; one that training never saw is all zeros.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlmon.autobid.features import MODEL_NUMERIC
from mlmon.autobid.opportunity import OPPORTUNITY_CATEGORICAL, FeatureValue

Floats: TypeAlias = NDArray[np.float64]
FeatureRow: TypeAlias = Mapping[str, FeatureValue]

KNOTS = (25.0, 50.0, 75.0)
"""Percentiles at which a numeric feature's line may bend."""


@dataclass(frozen=True, slots=True)
class FeatureEncoder:
    """The fitted parameters of the features: arrays of shape (numeric,) and (numeric, knots)."""

    low: Floats
    high: Floats
    median: Floats
    mean: Floats
    scale: Floats
    knots: Floats
    vocabularies: tuple[dict[str, int], ...]
    category_width: int

    def transform(self, rows: Sequence[FeatureRow]) -> Floats:
        """The matrix of shape (rows, columns) for the classifier."""
        numbers = _numbers(rows)
        absent = np.isnan(numbers)
        filled = np.where(absent, self.median, np.clip(numbers, self.low, self.high))
        standard = (filled - self.mean) / self.scale
        hinges = np.maximum(standard[:, :, None] - self.knots, 0.0).reshape(len(rows), -1)
        return np.concatenate([standard, hinges, absent, self._one_hot(rows)], axis=1)

    def _one_hot(self, rows: Sequence[FeatureRow]) -> Floats:
        # The column after the last is where unknown categories go, to be cut off.
        unknown = self.category_width
        matrix = np.zeros((len(rows), unknown + 1))
        for name, vocabulary in zip(OPPORTUNITY_CATEGORICAL, self.vocabularies, strict=True):
            columns = [vocabulary.get(_text(row[name]), unknown) for row in rows]
            matrix[np.arange(len(rows)), columns] = 1.0
        return matrix[:, :unknown]


def fit_encoder(rows: Sequence[FeatureRow]) -> FeatureEncoder:
    """Learn ranges, medians, knots and vocabularies from training rows (at least one)."""
    numbers = _numbers(rows)
    low, high = np.nanmin(numbers, axis=0), np.nanmax(numbers, axis=0)
    median = np.nanmedian(numbers, axis=0)
    filled = np.where(np.isnan(numbers), median, numbers)
    mean, spread = filled.mean(axis=0), filled.std(axis=0)
    scale = np.where(spread > 0, spread, 1.0)
    knots = (np.percentile(filled, KNOTS, axis=0).T - mean[:, None]) / scale[:, None]
    vocabularies, width = _vocabularies(rows)
    return FeatureEncoder(low, high, median, mean, scale, knots, vocabularies, width)


def _numbers(rows: Sequence[FeatureRow]) -> Floats:
    # numpy reads None as nan, which is how a missing value is known from here on.
    values: list[list[Any]] = [[row[name] for name in MODEL_NUMERIC] for row in rows]
    return np.array(values, dtype=np.float64)


def _vocabularies(rows: Sequence[FeatureRow]) -> tuple[tuple[dict[str, int], ...], int]:
    vocabularies: list[dict[str, int]] = []
    width = 0
    for name in OPPORTUNITY_CATEGORICAL:
        seen = sorted({_text(row[name]) for row in rows})
        vocabularies.append({category: width + column for column, category in enumerate(seen)})
        width += len(seen)
    return tuple(vocabularies), width


def _text(value: FeatureValue) -> str:
    return value if isinstance(value, str) else str(value)
