"""The domain's events as fields of the table: pure functions."""

from collections.abc import Mapping, Sequence
from numbers import Number
from typing import Any, Final

from logging_config.rules import fit_part
from logging_config.service import FeatureSource, Model

Fields = dict[str, Any]
"""An event's fields by dotted name."""

Feature = float | str | bool | Sequence[float] | None
"""A feature's value: a number, a category, a yes or no, an embedding, or missing."""

_NUMERIC: Final = "ml.features.numeric."
_CATEGORICAL: Final = "ml.features.categorical."
_EMBEDDING: Final = "ml.features.embedding."


def model_fields(model: Model | None) -> Fields:
    """Name a model; none is an empty answer."""
    if model is None:
        return {}
    return {"ml.model.name": model.name, "ml.model.version": model.version}


def feature_fields(features: Mapping[str, Feature], *, embeddings: bool = True) -> Fields:
    """Split features by type; those without a value, NaN too, are named in `ml.features.missing`.

    Args:
        features: by name.
        embeddings: whether sequences of numbers are written.
    """
    fields: Fields = {}
    missing: list[str] = []
    for name, value in features.items():
        kind = type(value)
        if kind is str or kind is bool:
            fields[f"{_CATEGORICAL}{name}"] = value
        elif value is None:
            missing.append(name)
        else:
            family = _NUMERIC if kind is float or kind is int else _family(value)
            if kind.__name__ == "NAType" or (family is _NUMERIC and value != value):  # noqa: PLR0124 -- NaN alone differs from itself
                missing.append(name)
            if embeddings or family is not _EMBEDDING:
                fields[f"{family}{name}"] = value
    if missing:
        fields["ml.features.missing"] = [fit_part(str(name)) for name in missing]
    return fields


def _family(value: Any) -> str:
    """The family of a value that is none of Python's plain types, such as numpy's."""
    if isinstance(value, Number):
        return _NUMERIC
    if hasattr(value, "tolist") and getattr(value, "ndim", 1) == 0:
        return _CATEGORICAL
    is_sequence = isinstance(value, Sequence) and not isinstance(value, (str, bytes))
    return _EMBEDDING if is_sequence or hasattr(value, "tolist") else _CATEGORICAL


def source_fields(sources: Mapping[str, FeatureSource]) -> Fields:
    """The state of each source of features, by its name."""
    fields: Fields = {}
    for name, source in sources.items():
        prefix = f"ml.feature_source.{name}"
        fields[f"{prefix}.status"] = source.status
        if source.age_s is not None:
            fields[f"{prefix}.age_s"] = source.age_s
        if source.last_updated_at is not None:
            fields[f"{prefix}.last_updated_at"] = source.last_updated_at
    return fields


def evaluation_fields(metrics: Mapping[str, float]) -> Fields:
    """A model's metrics, by name."""
    return {f"ml.evaluation.{name}": value for name, value in metrics.items()}


def outcome_fields(*, succeeded: bool) -> Fields:
    """Whether something succeeded, as ECS says it."""
    return {"event.outcome": "success" if succeeded else "failure"}
