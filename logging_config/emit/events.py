"""The domain's events as fields of the table: pure functions."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from numbers import Number
from typing import Any, Final

from mlmon.logging_config.emit.rules import fit_part
from mlmon.logging_config.emit.service import FeatureSource, Model
from mlmon.logging_config.schema.limits import MAX_REMEMBERED

Fields = dict[str, Any]
"""An event's fields by dotted name."""

Feature = float | str | bool | Sequence[float] | None
"""A feature's value: a number, a category, a yes or no, an embedding, or missing."""


class _Names(dict[str, str]):
    """The dotted names of a family, remembered, for making them costs more than all else."""

    def __init__(self, prefix: str) -> None:
        super().__init__()
        self.prefix = prefix

    def __missing__(self, name: str) -> str:
        full = f"{self.prefix}{name}"
        if len(self) < MAX_REMEMBERED:
            self[name] = full
        return full


_NUMERIC: Final = _Names("ml.features.numeric.")
_CATEGORICAL: Final = _Names("ml.features.categorical.")
_EMBEDDING: Final = _Names("ml.features.embedding.")


def model_fields(model: Model | None) -> Fields:
    """Name a model; none is an empty answer."""
    if model is None:
        return {}
    return {"ml.model.name": model.name, "ml.model.version": model.version}


def add_features(
    fields: Fields, features: Mapping[str, Feature], *, embeddings: bool = True
) -> None:
    """Add features, split by type; embeddings, and features without a value, are named as well.

    NaN is no value.

    Args:
        fields: the event's, to be added to.
        features: by name.
        embeddings: whether sequences of numbers are written.
    """
    missing: list[str] = []
    embedded: list[str] = []
    for name, value in features.items():
        kind = type(value)
        if kind is float or kind is int:
            fields[_NUMERIC[name]] = value
            if value != value:  # noqa: PLR0124 -- NaN alone differs from itself
                missing.append(name)
        elif kind is str or kind is bool:
            fields[_CATEGORICAL[name]] = value
        elif _is_missing(value):
            missing.append(name)
        else:
            family = _family(value)
            if family is not _EMBEDDING:
                fields[family[name]] = value
            elif embeddings:
                fields[family[name]] = value
                embedded.append(name)
    if embedded:
        fields["ml.features.embedded"] = [fit_part(str(name)) for name in embedded]
    if missing:
        fields["ml.features.missing"] = [fit_part(str(name)) for name in missing]


def _is_missing(value: Any) -> bool:
    """Whether a value of no plain type stands for none: None, NaN, pandas.NA."""
    if isinstance(value, Number):
        return value != value  # noqa: PLR0124 -- NaN alone differs from itself
    return value is None or type(value).__name__ == "NAType"


def _family(value: Any) -> _Names:
    """The family of a value that is none of Python's plain types, such as numpy's."""
    if isinstance(value, Number):
        return _NUMERIC
    if hasattr(value, "tolist") and getattr(value, "ndim", 1) == 0:
        return _CATEGORICAL
    is_sequence = isinstance(value, Sequence) and not isinstance(value, (str, bytes))
    return _EMBEDDING if is_sequence or hasattr(value, "tolist") else _CATEGORICAL


def source_fields(sources: Mapping[str, FeatureSource], now: Callable[[], int]) -> Fields:
    """The state of each source of features, by its name.

    Args:
        sources: the sources.
        now: tells the time in nanoseconds since the epoch, from which the age of a source's data
            follows where only the time of its refresh is given.
    """
    fields: Fields = {}
    for name, source in sources.items():
        prefix = f"ml.feature_source.{name}"
        fields[f"{prefix}.status"] = source.status
        age, updated = source.age_s, source.last_updated_at
        if age is None and isinstance(updated, datetime):
            age = _age(updated, now())
        if age is not None:
            fields[f"{prefix}.age_s"] = age
        if updated is not None:
            fields[f"{prefix}.last_updated_at"] = updated
    return fields


def _age(updated: datetime, now: int) -> float | None:
    """Seconds since a moment, one without a time zone being in UTC; None for NaT."""
    if updated != updated:  # noqa: PLR0124 -- pandas' NaT is a datetime unequal to itself
        return None
    moment = updated if updated.tzinfo else updated.replace(tzinfo=UTC)
    return round(now / 1e9 - moment.timestamp(), 6)


def evaluation_fields(metrics: Mapping[str, float]) -> Fields:
    """A model's metrics, by name."""
    return {f"ml.evaluation.{name}": value for name, value in metrics.items()}


def outcome_fields(*, succeeded: bool) -> Fields:
    """Whether something succeeded, as ECS says it."""
    return {"event.outcome": "success" if succeeded else "failure"}
