"""Map a caller's keys to the fields of a dataset: known fields by type, all others as labels.

Events of one kind have the same keys and types again and again. How such a shape is written is
decided once and cached; only its texts are searched each time, because they may hold secrets.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isfinite
from operator import itemgetter
from typing import Any, Final

from mlmon.logging_config.emit.field_rules import FieldRules
from mlmon.logging_config.emit.schema_validator import SchemaValidator
from mlmon.logging_config.emit.tables import hidden_columns, is_rows

_MAX_SHAPES: Final = 1024
_INT64: Final = range(-(2**63), 2**63)


_Getter = Callable[[dict[Any, Any]], tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class _Shape:
    """How events with the same keys and types are written without a change.

    Attributes:
        texts: returns the values that are texts; one longer than a keyword needs validation.
        ids: returns the ids that join events.
        floats: returns the values that may be NaN or infinite.
        longs: returns the values that may exceed 64 bits.
        fields: the keys of the table's fields.
        labels: the keys that become labels, with the labels' names.
    """

    texts: _Getter | None
    ids: _Getter | None
    floats: _Getter | None
    longs: _Getter | None
    fields: tuple[str, ...]
    labels: tuple[tuple[str, str], ...]


class FieldMapper:
    """Maps the fields of a dataset's events.

    Args:
        rules: the dataset's.
    """

    def __init__(self, rules: FieldRules) -> None:
        self.rules = rules
        self.redactor = rules.redactor
        self.messages = rules.redactor.messages
        self._known_texts = rules.redactor.clean.issuperset
        self._known_ids = rules.redactor.clean_ids.issuperset
        self._clean_ids = rules.redactor.clean_ids
        self._is_clean = rules.redactor.is_clean
        self._shapes: dict[object, _Shape | None] = {}

    def map_unchanged(self, fields: dict[Any, Any]) -> dict[str, Any] | None:
        """Map fields of which none needs a change; None if one does."""
        key = (*fields, *map(type, fields.values()))
        try:
            shape = self._shapes[key]
        except KeyError:
            shape = self._cache_shape(fields, key)
        if shape is None:
            return None
        # Finite floats whose sum overflows take the slow path, which writes them unchanged.
        if (
            (shape.longs and not all(map(_INT64.__contains__, shape.longs(fields))))
            or (shape.floats and not isfinite(sum(shape.floats(fields))))
            or (shape.texts and not self._are_clean(shape.texts(fields)))
            or (shape.ids and not self._are_clean_ids(shape.ids(fields)))
        ):
            return None
        if not shape.labels:
            return fields
        mapped = {key: fields[key] for key in shape.fields}
        mapped["labels"] = {name: fields[key] for key, name in shape.labels}
        return mapped

    def _are_clean(self, texts: tuple[Any, ...]) -> bool:
        return self._known_texts(texts) or all(map(self._is_clean, texts))

    def _are_clean_ids(self, ids: tuple[Any, ...]) -> bool:
        if self._known_ids(ids):
            return True
        # Most events have a new id next to known ones.
        for text in ids:
            if text not in self._clean_ids and not self._is_clean(text, identifier=True):
                return False
        return True

    def validate(self, fields: Mapping[Any, Any]) -> SchemaValidator:
        """Validate and map each value by itself; raises nothing."""
        validator = SchemaValidator(self.rules)
        columns = hidden_columns(fields, self.redactor.hides)
        for key, value in fields.items():
            if columns and is_rows(value):
                validator.add_rows(key, value, columns)
            else:
                validator.add(key, value)
        return validator

    def _cache_shape(self, fields: dict[Any, Any], key: tuple[Any, ...]) -> _Shape | None:
        if len(self._shapes) >= _MAX_SHAPES:
            self._shapes.clear()
        shape = self._shapes[key] = self._make_shape(fields)
        return shape

    def _make_shape(self, fields: dict[Any, Any]) -> _Shape | None:
        """Return the shape; None if a key or a type always needs validation."""
        ruled = [(key, type(value), self.rules[key]) for key, value in fields.items()]
        names = {(rule.is_label, rule.name) for _, _, rule in ruled}
        if len(names) < len(ruled) or not all(kind in rule.plain_types for _, kind, rule in ruled):
            return None
        texts = [(key, rule) for key, kind, rule in ruled if kind is str]
        return _Shape(
            texts=_getter([key for key, rule in texts if not rule.field.identifier]),
            ids=_getter([key for key, rule in texts if rule.field.identifier]),
            floats=_getter([key for key, kind, _ in ruled if kind is float]),
            longs=_getter([key for key, _, rule in ruled if rule.field.type == "long"]),
            fields=tuple(key for key, _, rule in ruled if not rule.is_label),
            labels=tuple((key, rule.name) for key, _, rule in ruled if rule.is_label),
        )


def _getter(keys: list[str]) -> _Getter | None:
    """Return a function that returns the values of some keys; None if there is no key."""
    if len(keys) == 1:
        key = keys[0]
        return lambda fields: (fields[key],)
    return itemgetter(*keys) if keys else None
