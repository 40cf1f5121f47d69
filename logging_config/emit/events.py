"""Typed events as fields of the table: pure functions."""

import traceback
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from numbers import Number
from typing import Any, Final

from mlmon.logging_config.emit.feature_types import BOOLEAN_WORDS
from mlmon.logging_config.emit.field_rules import field_part
from mlmon.logging_config.emit.library_values import to_python
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

    None, NaN, NaT, pandas.NA and a masked value have none. A value whose methods raise is a
    category.
    """
    try:
        is_array = hasattr(value, "tolist") and getattr(value, "ndim", 1) != 0
        if is_array or (isinstance(value, Sequence) and not isinstance(value, (str, bytes))):
            return _EMBEDDING
        plain = value if isinstance(value, Number) else to_python(value)
        if plain is None or plain != plain:  # noqa: PLR0124 -- only NaN and NaT differ from themselves
            return None
        is_number = isinstance(plain, Number) and not isinstance(plain, bool)
    except BaseException as raised:
        if is_interruption(raised):
            raise
        return _CATEGORICAL
    return _NUMERIC if is_number else _CATEGORICAL


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
        if age is None and updated is not None:
            age = _age(updated, now())
        if age is not None:
            fields[f"{prefix}.age_s"] = age
        if updated is not None:
            fields[f"{prefix}.last_updated_at"] = updated
    return fields


def _age(updated: Any, now: int) -> float | None:
    """Return the seconds since a time (UTC if it has no zone); None for NaT and what is none."""
    try:
        moment = updated if issubclass(type(updated), datetime) else to_python(updated)
        if not issubclass(type(moment), datetime) or moment != moment:  # noqa: PLR0124 -- pandas' NaT is a datetime unequal to itself
            return None
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return float(round(now / 1e9 - aware.timestamp(), 6))
    except BaseException as raised:
        if is_interruption(raised):
            raise
        return None


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


def stack_fields(trace: Any, stack: Any) -> EventFields:
    """Return the stack trace of an exception and below it that of the call, as `logging` prints.

    Args:
        trace: that of the exception; None without one.
        stack: that of the call; anything but a text is ignored.
    """
    if type(stack) is not str or not stack:
        return {}
    return {"error.stack_trace": f"{trace.rstrip()}\n{stack}" if type(trace) is str else stack}


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
