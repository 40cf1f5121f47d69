"""The rule for each key of a dataset: a field of the table or a label. Decided once per key."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final, Literal

from mlmon.logging_config.emit.ids import Id
from mlmon.logging_config.emit.redaction import Redaction
from mlmon.logging_config.schema.fields import (
    DATASETS,
    ENVELOPE,
    MAX_CACHED,
    MAX_KEY,
    MAX_KEYWORD,
    MAX_TEXT,
    UNINDEXED_NAMES,
    Field,
)

_PLAIN_TYPES: Final[Mapping[str, frozenset[type]]] = MappingProxyType(
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
"""Python types whose values are written unchanged, by field type."""

_RESERVED: Final = frozenset(field.name for field in ENVELOPE) | {
    "ml.log.changes",
    "ml.log.dropped",
    # The shipper's.
    "agent.id",
    "agent.type",
    "elastic_agent.id",
    "event.ingested",
    UNINDEXED_NAMES.name,
}
_LABEL: Final = Field("labels", "flattened", "", level="core")
_LABEL_TYPES: Final = frozenset({str, Id, int, float, bool})
_FEATURES: Final = "ml.features."
_UNFIT_IN_LABEL: Final = re.compile(r"[.*\\\0]")
_UNFIT_IN_NAME: Final = re.compile(r"[.*\\\0\s]")


def field_part(name: str) -> str:
    """Turn a name, such as a feature's, into one part of a dotted field name."""
    return _UNFIT_IN_NAME.sub("_", name)[:MAX_KEY] or "_"


HIDDEN_NAMES: Final = frozenset({"ml.features.hashed", "ml.features.withheld"})
"""Fields that name the features which the redaction changed: written also where not allowed."""

Treatment = Literal["keep", "redact", "hash", "omit"]


@dataclass(frozen=True, slots=True)
class FieldRule:
    """How the values under one key are written.

    Attributes:
        field: the field of the table (`labels` for any other key).
        name: the name to write: dotted, or the key within `labels`.
        is_label: whether it is written within `labels`.
        plain_types: the Python types written unchanged; a text only if it holds no secret.
        max_length: characters a text may have.
        treatment: whether the value is kept, redacted, hashed or left out.
        change: what the rule itself changes: `reserved`, `renamed` or empty.
        secret_feature: the feature's name if it names a secret, else empty.
    """

    field: Field
    name: str
    is_label: bool
    plain_types: frozenset[type]
    max_length: int = MAX_KEYWORD
    treatment: Treatment = "keep"
    change: str = ""
    secret_feature: str = ""


class FieldRules(dict[Any, FieldRule]):
    """The rules of one dataset, made when a key is first used, then cached."""

    def __init__(self, dataset: str, redaction: Redaction) -> None:
        super().__init__()
        self.redaction = redaction
        self.redactor = redaction.redactor()
        self._allowed = redaction.allowed.get(dataset)
        self._fields = {f.name: f for f in DATASETS[dataset] if not f.is_family}
        self.message = _field_rule(self._fields["message"], "message")
        self._families = [(_pattern(f), f) for f in DATASETS[dataset] if f.is_family]

    def __missing__(self, key: str) -> FieldRule:
        rule = self._apply_redaction(key, self._find(key))
        if len(self) < MAX_CACHED:
            self[key] = rule
        return rule

    def label(self, key: str, change: str = "") -> FieldRule:
        r"""Return the rule that writes a key as a label.

        The specification of ecs-logging asks that `.`, `*` and `\` become `_`.
        """
        clean = self.redactor.redact(key.removeprefix("labels."))  # a key may be a URL
        name = _UNFIT_IN_LABEL.sub("_", clean)[:MAX_KEY] or "_"
        return FieldRule(_LABEL, name, is_label=True, plain_types=_LABEL_TYPES, change=change)

    def _find(self, key: str) -> FieldRule:
        if key in _RESERVED:
            return self.label(key, "reserved")
        field = self._fields.get(key)
        if field is not None and field.type != "flattened":
            return _field_rule(field, key)
        for pattern, family in self._families:
            if match := pattern.fullmatch(key):
                name = family.name.replace("*", field_part(self.redactor.redact(match[1])))
                return _field_rule(family, name, "" if name == key else "renamed")
        return self.label(key)

    def _apply_redaction(self, key: str, rule: FieldRule) -> FieldRule:
        written = f"labels.{rule.name}" if rule.is_label else rule.name
        treatment: Treatment = "keep"
        feature = self._secret_feature(key, rule)
        if self._leaves_out(rule, written):
            treatment = "omit"
        elif key in self.redaction.hashed or written in self.redaction.hashed:
            treatment = "hash"
        elif rule.is_label and self.redactor.hides(key):
            treatment = "redact"
        elif feature:  # a field of numbers does not take the marker
            treatment = "redact" if rule.field.type == "keyword" else "omit"
        if treatment == "keep" and not rule.change:
            return rule
        if treatment == "hash":
            feature = ""
        return replace(rule, treatment=treatment, plain_types=frozenset(), secret_feature=feature)

    def _secret_feature(self, key: str, rule: FieldRule) -> str:
        """Return the name of a feature whose name is that of a secret; else empty."""
        prefix = rule.field.name.removesuffix("*")
        if not prefix.startswith(_FEATURES) or not rule.field.is_family:
            return ""
        return rule.name.removeprefix(prefix) if self.redactor.hides(key[len(prefix) :]) else ""

    def _leaves_out(self, rule: FieldRule, written: str) -> bool:
        if self._allowed is None or rule.field.required or written in HIDDEN_NAMES:
            return False
        return written not in self._allowed


def _field_rule(field: Field, name: str, change: str = "") -> FieldRule:
    plain_types = _PLAIN_TYPES[field.type]
    if field.is_family and field.type == "keyword":
        plain_types |= {bool}
    max_length = MAX_TEXT if field.type == "match_only_text" else MAX_KEYWORD
    return FieldRule(
        field, name, is_label=False, plain_types=plain_types, max_length=max_length, change=change
    )


def _pattern(family: Field) -> re.Pattern[str]:
    return re.compile(re.escape(family.name).replace(r"\*", "(.*)"), re.DOTALL)
