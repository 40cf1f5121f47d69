"""How a feature is named and typed: the one rule of the log, of replay and of a baseline."""

from collections.abc import Mapping
from typing import Any, Final

from mlmon.logging_config.emit.field_rules import field_part

BOOLEAN_WORDS: Final[Mapping[Any, str]] = {
    word: word.lower() for word in ("True", "False", "TRUE", "FALSE", "true", "false")
}
"""Texts that mean a boolean, and how it is written: pandas writes `True`, JSON `true`."""


def feature_name(name: str) -> str:
    """Return a feature's name as the log writes it: one part of a dotted field name.

    >>> feature_name("Hours per week"), feature_name("a.b"), feature_name("price €")
    ('Hours_per_week', 'a_b', 'price_€')
    """
    return field_part(name)


def category_text(value: object) -> str:
    """Return a category as Elasticsearch's keyword of what the log writes.

    >>> category_text(True), category_text("True"), category_text(3)
    ('true', 'true', '3')
    """
    text = str(value)
    return BOOLEAN_WORDS.get(text, text)
