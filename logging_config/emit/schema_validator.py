"""Validate an event's values against the table of fields, one by one: the slow path."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import orjson

from mlmon.logging_config.emit.field_rules import FieldRule, FieldRules
from mlmon.logging_config.emit.json_value import JsonConverter, free_name
from mlmon.logging_config.emit.redaction import REDACTED_TEXT
from mlmon.logging_config.schema.field_types import EXPECTED, MISFIT, fit

_MAX_CHANGES: Final = 64
_WITHHELD: Final = "ml.features.withheld"


class SchemaValidator:
    """Validates and maps the values of one event.

    Attributes:
        fields: fields of the table, by dotted name.
        labels: all other values, by key.
        problems: values that do not fit their field, each as a sentence for the developer.
    """

    __slots__ = ("_converter", "_copies", "_rules", "_withheld", "fields", "labels", "problems")

    def __init__(self, rules: FieldRules) -> None:
        self.fields: dict[str, Any] = {}
        self.labels: dict[str, Any] = {}
        self.problems: list[str] = []
        self._rules = rules
        self._copies: dict[str, int] = {}
        self._converter = JsonConverter(rules.redactor)
        self._withheld: list[str] = []

    def mapped(self) -> dict[str, Any]:
        """Return fields, labels and the list of changes, ready to be serialised."""
        mapped = self.fields
        if self.labels:
            mapped["labels"] = self.labels
        if self._withheld:
            known = mapped.get(_WITHHELD) or []
            mapped[_WITHHELD] = list(dict.fromkeys([*known, *self._withheld]))
        if changes := self._converter.changes:
            unique = list(dict.fromkeys(changes))[:_MAX_CHANGES]
            mapped["ml.log.changes"] = [self._rules.redactor.redact(change) for change in unique]
        return mapped

    def message(self, message: Any) -> str:
        """Return the message as a text without secrets."""
        value = self._converter.convert(message, "message")
        text = value if isinstance(value, str) else _dumps(value)
        return str(self._protect(self._rules.message, text, "message"))

    def add(self, key: Any, value: Any) -> None:
        """Add one value; neither it nor its key can make this raise."""
        name = self._converter.key(key, "key")
        if self._is_withheld(name):
            return
        converted = self._converter.convert(value, name)
        rule = self._rules[name]
        if rule.treatment == "keep" and (
            type(converted) is dict or (rule.is_label and type(converted) is list)
        ):
            converted = self._redact_nested(converted, name)
        self._flatten(name, converted, value)

    def add_rows(self, key: Any, rows: Iterable[Sequence[Any]], columns: frozenset[int]) -> None:
        """Add the rows of a table, of which some columns are secret."""
        self._converter.record("redacted", self._converter.key(key, "key"))
        self.add(
            key,
            [
                [REDACTED_TEXT if index in columns else item for index, item in enumerate(row)]
                for row in rows
            ],
        )

    def _redact_nested(self, value: Any, name: str) -> Any:
        return self._rules.redactor.redact_field(
            name, value, lambda: self._converter.record("redacted", name)
        )

    def _is_withheld(self, key: str) -> bool:
        """Whether the value under a key must not be read at all."""
        rule = self._rules[key]
        if rule.treatment not in ("omit", "redact"):
            return False
        self._converter.record("redacted", key)
        if rule.secret_feature:
            self._withheld.append(rule.secret_feature)
        if rule.treatment == "redact":
            self._store(rule, REDACTED_TEXT)
        return True

    def _flatten(self, key: str, value: Any, given: Any) -> None:
        """Add a JSON value; a mapping's entries one by one, under dotted names."""
        rule = self._rules[key]
        if not isinstance(value, dict) or not value:
            self._add_leaf(key, rule, value, given)
            return
        if not rule.is_label:
            self._record_misfit(key, rule, value, given)
        for name, item in value.items():
            nested = f"{key}.{name}"
            if not self._is_withheld(nested):
                self._flatten(nested, item, item)

    def _add_leaf(self, key: str, rule: FieldRule, value: Any, given: Any) -> None:
        if rule.change:
            self._converter.record(rule.change, key)
        if rule.is_label:
            self._store(rule, self._protect(rule, _label_value(value), key))
            return
        fitted = fit(rule.field, value)
        if fitted is MISFIT:
            self._record_misfit(key, rule, value, given)
            if value is not None:
                label = self._rules.label(key)
                value = self._redact_nested(value, key)
                self._store(label, self._protect(label, _label_value(value), key))
        elif fitted is not None:
            self._store(rule, self._protect(rule, fitted, key))

    def _record_misfit(self, key: str, rule: FieldRule, value: Any, given: Any) -> None:
        """Record that a value does not fit its field; it is written as a label instead."""
        self._converter.record("missing" if value is None else "wrong_type", key)
        found = given if given is None or type(given) is float else type(given).__name__
        self.problems.append(f"{key} is {EXPECTED[rule.field.type]}, not {found}.")

    def _protect(self, rule: FieldRule, value: Any, key: str) -> Any:
        """Hash or redact what is secret in a value, and cut what is too long."""
        if rule.treatment == "hash":
            self._converter.record("hashed", key)
            return self._rules.redaction.hash(value if isinstance(value, str) else _dumps(value))
        if isinstance(value, list):
            return [self._protect(rule, item, key) for item in value]
        if not isinstance(value, str):
            return value
        clean = self._rules.redactor.redact(value, cards=not rule.field.identifier)
        if clean is not value:
            self._converter.record("redacted", key)
        if len(clean) > rule.max_length:
            self._converter.record("too_long", key)
            clean = clean[: rule.max_length - 1] + "…"
        return clean

    def _store(self, rule: FieldRule, value: Any) -> None:
        """Store a value; a second one of the same field becomes a label."""
        if rule.is_label:
            self._store_label(rule.name, value)
        elif rule.name in self.fields:
            self._converter.record("collision", rule.name)
            self._store_label(self._rules.label(rule.name).name, value)
        else:
            self.fields[rule.name] = value

    def _store_label(self, name: str, value: Any) -> None:
        if name in self.labels:
            self._converter.record("collision", f"labels.{name}")
            name = free_name(name, self.labels, self._copies)
        self.labels[name] = value


def _label_value(value: Any) -> Any:
    """A label's value: a scalar or a list of them; what is nested in a list becomes JSON text."""
    if isinstance(value, dict):
        return _dumps(value)
    if isinstance(value, list):
        return [_dumps(item) if isinstance(item, (dict, list)) else item for item in value]
    return value


def _dumps(value: Any) -> str:
    return orjson.dumps(value).decode()
