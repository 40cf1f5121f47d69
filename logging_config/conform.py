"""Bring a caller's fields into the shape of the table: known fields by type, all else as labels."""

import re
from collections.abc import Mapping
from typing import Any, Final

from logging_config.limits import MAX_REMEMBERED
from logging_config.placing import Placing
from logging_config.redaction import redact_text
from logging_config.rules import Rule, Rules

_SHORT: Final = 64
_HARMLESS_ID: Final = re.compile(r"[0-9a-f]{32}|(?:[0-9A-Za-z]{1,15}[-_.:]){0,8}[0-9A-Za-z]{1,15}")
_clean: set[str] = set()


def as_is(fields: dict[str, Any], rules: Rules) -> bool:
    """Whether each field is known, of its type, and without a secret: nothing is to be changed.

    A float that is not finite passes unseen: orjson writes it as null, which the encoder sees.
    """
    plain = rules.plain
    clean = _clean
    for key, value in fields.items():
        kind = type(value)
        if kind not in plain[key] or (
            kind is str and value not in clean and not is_clean(value, rules[key])
        ):
            return False
    return True


def conform(fields: Mapping[Any, Any], rules: Rules) -> Placing:
    """Place each value, quickly where its type is the expected one."""
    placing = Placing(rules)
    placed, labels = placing.placed, placing.labels
    for key, value in fields.items():
        rule = rules[key]
        target = labels if rule.is_label else placed
        kind = type(value)
        if (
            kind in rule.plain
            and rule.name not in target
            and (kind is not str or value in _clean or is_clean(value, rule))
        ):
            target[rule.name] = value
        else:
            placing.place(key, value)
    return placing


def conform_carefully(fields: Mapping[Any, Any], rules: Rules) -> Placing:
    """Place each value after looking at all of it; whatever it is, this does not raise."""
    placing = Placing(rules)
    for key, value in fields.items():
        placing.place(key, value)
    return placing


def is_clean(text: Any, rule: Rule) -> bool:
    """Whether a text may be written as it is; short ones that may come again are remembered."""
    if type(text) is not str or len(text) > rule.longest:
        return False
    if rule.field.identifier:
        return bool(_HARMLESS_ID.fullmatch(text)) or redact_text(text, cards=False) is text
    if text in _clean:
        return True
    if redact_text(text) is not text:
        return False
    if len(text) <= _SHORT:
        if len(_clean) >= MAX_REMEMBERED:
            _clean.clear()
        _clean.add(text)
    return True
