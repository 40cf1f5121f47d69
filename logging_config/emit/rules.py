"""Where each key of a dataset goes, decided once per key: a field of the table, or a label."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final, Literal

from mlmon.logging_config.emit.ids import Id
from mlmon.logging_config.emit.redaction import Redaction
from mlmon.logging_config.schema.fields import DATASETS, ENVELOPE, Field
from mlmon.logging_config.schema.limits import MAX_KEY, MAX_KEYWORD, MAX_REMEMBERED, MAX_TEXT

PLAIN: Final[Mapping[str, frozenset[type]]] = MappingProxyType(
    {
        "boolean": frozenset({bool}),
        "date": frozenset(),
        "double": frozenset({float, int}),
        "flattened": frozenset(),
        "keyword": frozenset({str, Id}),
        "long": frozenset({int}),
        "match_only_text": frozenset({str}),
    }
)
"""Python types whose values are written as they are, by field type."""

_RESERVED: Final = frozenset(field.name for field in ENVELOPE) | {"ml.log.changes"}
_LABEL: Final = Field("labels", "flattened", "", level="core")
_LABEL_TYPES: Final = frozenset({str, Id, int, float, bool})
_UNFIT_IN_LABEL: Final = re.compile(r"[.*\\\0]")
_UNFIT_IN_NAME: Final = re.compile(r"[.*\\\0\s]")


def fit_part(name: str) -> str:
    """Make a name, such as a feature's, into one part of a dotted field name."""
    return _UNFIT_IN_NAME.sub("_", name)[:MAX_KEY] or "_"


Treatment = Literal["keep", "redact", "hash", "omit"]


@dataclass(frozen=True, slots=True)
class Rule:
    """What becomes of the values under one key.

    Attributes:
        field: the field of the table (`labels` for any other key).
        name: the name to write: dotted, or the key within `labels`.
        is_label: whether it is written within `labels`.
        plain: the Python types written as they are; a text only if nothing in it is secret.
        longest: characters a text may have.
        treatment: whether the value is kept, redacted, hashed or left out.
        change: what is changed by the rule itself: `reserved` or `renamed`, else empty.
    """

    field: Field
    name: str
    is_label: bool
    plain: frozenset[type]
    longest: int = MAX_KEYWORD
    treatment: Treatment = "keep"
    change: str = ""


class Rules(dict[Any, Rule]):
    """The rules of one dataset, made as keys are met and remembered."""

    def __init__(self, dataset: str, redaction: Redaction) -> None:
        super().__init__()
        self.redaction = redaction
        self._allowed = redaction.allowed.get(dataset)
        self._fields = {f.name: f for f in DATASETS[dataset] if not f.is_family}
        self.message = _field_rule(self._fields["message"], "message")
        self._families = [(_pattern(f), f) for f in DATASETS[dataset] if f.is_family]

    def __missing__(self, key: str) -> Rule:
        rule = self._treat(key, self._find(key))
        if len(self) < MAX_REMEMBERED:
            self[key] = rule
        return rule

    def label(self, key: str, change: str = "") -> Rule:
        r"""Make the rule that writes a key as a label.

        The specification of ecs-logging asks that `.`, `*` and `\` become `_`.
        """
        name = _UNFIT_IN_LABEL.sub("_", key.removeprefix("labels."))[:MAX_KEY] or "_"
        return Rule(_LABEL, name, is_label=True, plain=_LABEL_TYPES, change=change)

    def _find(self, key: str) -> Rule:
        if key in _RESERVED:
            return self.label(key, "reserved")
        field = self._fields.get(key)
        if field is not None and field.type != "flattened":
            return _field_rule(field, key)
        for pattern, family in self._families:
            if match := pattern.fullmatch(key):
                name = family.name.replace("*", fit_part(match[1]))
                return _field_rule(family, name, "" if name == key else "renamed")
        return self.label(key)

    def _treat(self, key: str, rule: Rule) -> Rule:
        written = f"labels.{rule.name}" if rule.is_label else rule.name
        treatment: Treatment = "keep"
        if self._allowed is not None and not rule.field.required and written not in self._allowed:
            treatment = "omit"
        elif key in self.redaction.hashed or written in self.redaction.hashed:
            treatment = "hash"
        elif rule.is_label and self.redaction.hides(key):
            treatment = "redact"
        if treatment == "keep" and not rule.change:
            return rule
        return replace(rule, treatment=treatment, plain=frozenset())


def _field_rule(field: Field, name: str, change: str = "") -> Rule:
    plain = PLAIN[field.type] | ({bool} if field.is_family and field.type == "keyword" else set())
    longest = MAX_TEXT if field.type == "match_only_text" else MAX_KEYWORD
    return Rule(field, name, is_label=False, plain=plain, longest=longest, change=change)


def _pattern(family: Field) -> re.Pattern[str]:
    return re.compile(re.escape(family.name).replace(r"\*", "(.*)"), re.DOTALL)
