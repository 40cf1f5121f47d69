"""Typed events as fields of the table: pure functions."""

import traceback
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from numbers import Number
from typing import Any, Final

from mlmon.logging_config.emit.feature_types import BOOLEAN_WORDS
from mlmon.logging_config.emit.field_rules import field_part
from mlmon.logging_config.emit.service import FeatureSource, Model
from mlmon.logging_config.interruptions import is_interruption
from mlmon.logging_config.schema.fields import MAX_CACHED, MAX_TEXT

EventFields = dict[str, Any]
"""An event's fields by dotted name."""

Feature = float | str | bool | Sequence[float] | None
"""A feature's value: a number, a category, a boolean, an embedding, or None if missing."""


class _FamilyNames(dict[str, str]):
    """The dotted names of a family of fields, cached because building them is expensive."""

    def __init__(self, prefix: str) -> None:
        super().__init__()
        self.prefix = prefix

    def __missing__(self, name: str) -> str:
        full = f"{self.prefix}{name}"
        if len(self) < MAX_CACHED:
            self[name] = full
        return full


_NUMERIC: Final = _FamilyNames("ml.features.numeric.")
_CATEGORICAL: Final = _FamilyNames("ml.features.categorical.")
_EMBEDDING: Final = _FamilyNames("ml.features.embedding.")


def model_fields(model: Model | None) -> EventFields:
    """Return a model's name and version; empty if None."""
    if model is None:
        return {}
    return {"ml.model.name": model.name, "ml.model.version": model.version}


def add_features(
    fields: EventFields, features: Mapping[str, Feature], *, embeddings: bool = True
) -> None:
    """Add features, split by type, and the names of embeddings and of features without a value.

    NaN counts as no value.

    Args:
        fields: the event's fields; changed in place.
        features: values by name.
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
            fields[_CATEGORICAL[name]] = BOOLEAN_WORDS.get(value, value)
        else:
            family = _family(value)
            if family is None:
                missing.append(name)
            elif family is not _EMBEDDING:
                fields[family[name]] = value
            elif embeddings:
                fields[family[name]] = value
                embedded.append(name)
    if embedded:
        fields["ml.features.embedded"] = [field_part(str(name)) for name in embedded]
    if missing:
        fields["ml.features.missing"] = [field_part(str(name)) for name in missing]


def _family(value: Any) -> _FamilyNames | None:
    """Return the family of a value that is not a plain Python type, such as numpy's.

    None, NaN and pandas.NA have none. A value whose methods raise is a category.
    """
    try:
        if isinstance(value, Number):
            return None if value != value else _NUMERIC  # noqa: PLR0124 -- only NaN differs from itself
        if value is None or type(value).__name__ == "NAType":
            return None
        is_array = hasattr(value, "tolist")
        if is_array and getattr(value, "ndim", 1) == 0:
            return _CATEGORICAL
        is_sequence = isinstance(value, Sequence) and not isinstance(value, (str, bytes))
    except BaseException as raised:
        if is_interruption(raised):
            raise
        return _CATEGORICAL
    return _EMBEDDING if is_sequence or is_array else _CATEGORICAL


def source_fields(sources: Mapping[str, FeatureSource], now: Callable[[], int]) -> EventFields:
    """Return the state of each feature source.

    Args:
        sources: the sources by name.
        now: returns the time in nanoseconds since the epoch; the age of a source's data is computed
            from it where only the time of the refresh is given.
    """
    fields: EventFields = {}
    for name, source in sources.items():
        prefix = f"ml.feature_source.{name}"
        fields[f"{prefix}.status"] = source.status
        age, updated = source.age_s, source.last_updated_at
        if age is None and updated is not None and issubclass(type(updated), datetime):
            age = _age(updated, now())
        if age is not None:
            fields[f"{prefix}.age_s"] = age
        if updated is not None:
            fields[f"{prefix}.last_updated_at"] = updated
    return fields


def _age(updated: datetime, now: int) -> float | None:
    """Return the seconds since a time (UTC if it has no zone); None for NaT."""
    if updated != updated:  # noqa: PLR0124 -- pandas' NaT is a datetime unequal to itself
        return None
    aware = updated if updated.tzinfo else updated.replace(tzinfo=UTC)
    return round(now / 1e9 - aware.timestamp(), 6)


def evaluation_fields(metrics: Mapping[str, float]) -> EventFields:
    """Return a model's evaluation metrics."""
    return {f"ml.evaluation.{name}": value for name, value in metrics.items()}


def outcome_fields(*, succeeded: bool) -> EventFields:
    """Return ECS's `event.outcome`."""
    return {"event.outcome": "success" if succeeded else "failure"}


def error_fields(error: BaseException | str | None) -> EventFields:
    """Return ECS's `error.*` fields of an exception or of an error's text; empty if None."""
    if error is None:
        return {}
    kind = type(error)
    if not issubclass(kind, BaseException):  # not `isinstance`: its own `__class__` may raise
        return {"error.message": error}
    return {
        "error.type": f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins."),
        "error.message": _error_message(error),  # type: ignore[arg-type]
        "error.stack_trace": _stack_trace(error),  # type: ignore[arg-type]
    }


def _error_message(error: BaseException) -> str:
    try:
        return str(error)
    except BaseException as raised:
        if is_interruption(raised):
            raise
        return f"<unreadable {type(error).__name__}>"


def _stack_trace(error: BaseException) -> str:
    """Return the stack trace, without the values of variables; cut in the middle if too long."""
    try:
        text = "".join(traceback.format_exception(error))
    except BaseException as raised:
        if is_interruption(raised):
            raise
        return f"<unreadable stack trace of {type(error).__name__}>"
    half = MAX_TEXT // 2 - 1
    # The end holds the cause, the beginning the entry point.
    return text if len(text) <= MAX_TEXT else f"{text[:half]}…{text[-half:]}"
