"""Place values one by one, looking at all of each: the thorough half of `conform`."""

from typing import Any, Final

import orjson

from mlmon.logging_config.emit.json_value import Converter
from mlmon.logging_config.emit.redaction import REDACTED, redact_text
from mlmon.logging_config.emit.rules import Rule, Rules
from mlmon.logging_config.schema.field_types import EXPECTED, MISFIT, fit

_MAX_CHANGES: Final = 64


class Placing:
    """Places the values of one event.

    Attributes:
        placed: fields of the table, by dotted name.
        labels: all else, by key.
        wrong: values that do not fit their field, each as a sentence for the developer.
    """

    __slots__ = ("_converter", "_rules", "labels", "placed", "wrong")

    def __init__(self, rules: Rules) -> None:
        self.placed: dict[str, Any] = {}
        self.labels: dict[str, Any] = {}
        self.wrong: list[str] = []
        self._rules = rules
        self._converter = Converter()

    @property
    def changes(self) -> list[str]:
        """What was changed, each `<kind>:<field>` once."""
        return list(dict.fromkeys(self._converter.changes))[:_MAX_CHANGES]

    def written(self) -> dict[str, Any]:
        """All that is to be written: fields, labels, and the record of the changes."""
        written = self.placed
        if self.labels:
            written["labels"] = self.labels
        if self._converter.changes:
            written["ml.log.changes"] = self.changes
        return written

    def text(self, message: Any, rule: Rule) -> str:
        """Return the message, whatever it is, as a text without secrets."""
        value = self._converter.convert(message, "message")
        text = value if isinstance(value, str) else _dumps(value)
        return str(self._secure(rule, text, "message"))

    def place(self, key: Any, value: Any) -> None:
        """Place one value, whatever it and its key are."""
        name = self._converter.key(key, "key")
        if not self._withheld(name):
            self._spread(name, self._converter.convert(value, name), value)

    def _withheld(self, key: str) -> bool:
        """Whether the value under a key is not to be read at all."""
        rule = self._rules[key]
        if rule.treatment not in ("omit", "redact"):
            return False
        self._converter.mark("redacted", key)
        if rule.treatment == "redact":
            self._put(rule, REDACTED)
        return True

    def _spread(self, key: str, value: Any, given: Any) -> None:
        """Place a JSON value; a mapping's entries one by one, under dotted names."""
        rule = self._rules[key]
        if not isinstance(value, dict) or not value:
            self._place_leaf(key, rule, value, given)
            return
        if not rule.is_label:
            self._note_misfit(key, rule, value, given)
        for name, item in value.items():
            below = f"{key}.{name}"
            if not self._withheld(below):
                self._spread(below, item, item)

    def _place_leaf(self, key: str, rule: Rule, value: Any, given: Any) -> None:
        if rule.change:
            self._converter.mark(rule.change, key)
        if rule.is_label:
            self._put(rule, self._secure(rule, _flat(value), key))
            return
        fitted = fit(rule.field, value)
        if fitted is MISFIT:
            self._note_misfit(key, rule, value, given)
            if value is not None:
                label = self._rules.label(key)
                self._put(label, self._secure(label, _flat(value), key))
        elif fitted is not None:
            self._put(rule, self._secure(rule, fitted, key))

    def _note_misfit(self, key: str, rule: Rule, value: Any, given: Any) -> None:
        """Note that a value does not fit its field; it is written as a label instead."""
        self._converter.mark("missing" if value is None else "wrong_type", key)
        found = given if given is None or type(given) is float else type(given).__name__
        self.wrong.append(f"{key} is {EXPECTED[rule.field.type]}, not {found}.")

    def _secure(self, rule: Rule, value: Any, key: str) -> Any:
        """Hash or redact what is secret in a value, and cut what is too long."""
        if rule.treatment == "hash":
            self._converter.mark("hashed", key)
            return self._rules.redaction.hash(value if isinstance(value, str) else _dumps(value))
        if isinstance(value, list):
            return [self._secure(rule, item, key) for item in value]
        if not isinstance(value, str):
            return value
        clean = redact_text(value, cards=not rule.field.identifier)
        if clean is not value:
            self._converter.mark("redacted", key)
        if len(clean) > rule.longest:
            self._converter.mark("too_long", key)
            clean = clean[: rule.longest - 1] + "…"
        return clean

    def _put(self, rule: Rule, value: Any) -> None:
        """Write a value; one whose place is taken becomes a label, of another name if need be."""
        if rule.is_label:
            self._put_label(rule.name, value)
        elif rule.name in self.placed:
            self._converter.mark("collision", rule.name)
            self._put_label(self._rules.label(rule.name).name, value)
        else:
            self.placed[rule.name] = value

    def _put_label(self, name: str, value: Any) -> None:
        while name in self.labels:
            self._converter.mark("collision", f"labels.{name}")
            name += "_2"
        self.labels[name] = value


def _flat(value: Any) -> Any:
    """A label's value: a scalar or a list of them; what is nested in a list becomes JSON text."""
    if isinstance(value, dict):
        return _dumps(value)
    if isinstance(value, list):
        return [_dumps(item) if isinstance(item, (dict, list)) else item for item in value]
    return value


def _dumps(value: Any) -> str:
    return orjson.dumps(value).decode()
