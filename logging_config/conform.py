"""Bring a caller's fields into the shape of the table: known fields by type, all else as labels."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from logging_config.limits import MAX_REMEMBERED
from logging_config.placing import Placing
from logging_config.redaction import redact_text
from logging_config.rules import Rule, Rules

_SHORT: Final = 64
_clean: set[str] = set()


class Conformed(NamedTuple):
    """What to write of an event, what was changed, and which values were of a wrong type."""

    fields: dict[str, Any]
    changes: list[str]
    wrong: list[str]


def conform(fields: Mapping[Any, Any], rules: Rules) -> Conformed:
    """Place each value, quickly where its type is the expected one.

    A float that is not finite passes unseen here: orjson writes it as null, which the encoder sees.
    """
    placed: dict[str, Any] = {}
    labels: dict[str, Any] = {}
    placing = None
    for key, value in fields.items():
        rule = rules[key]
        kind = type(value)
        if kind in rule.plain and (kind is not str or value in _clean or is_clean(value, rule)):
            if not rule.is_label:
                placed[rule.name] = value
                continue
            if rule.name not in labels:
                labels[rule.name] = value
                continue
        placing = placing or Placing(rules, placed, labels)
        placing.place(key, value)
    if labels:
        placed["labels"] = labels
    return Conformed(placed, placing.changes if placing else [], placing.wrong if placing else [])


def conform_carefully(fields: Mapping[Any, Any], rules: Rules) -> Placing:
    """Place each value after looking at all of it; whatever it is, this does not raise."""
    placing = Placing(rules, {}, {})
    for key, value in fields.items():
        placing.place(key, value)
    return placing


def is_clean(text: str, rule: Rule) -> bool:
    """Whether a text may be written as it is; short ones that may come again are remembered."""
    if type(text) is not str or len(text) > rule.longest:
        return False
    if text in _clean:
        return True
    if redact_text(text) is not text:
        return False
    if len(text) <= _SHORT and not rule.field.identifier:
        if len(_clean) >= MAX_REMEMBERED:
            _clean.clear()
        _clean.add(text)
    return True
