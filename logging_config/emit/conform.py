"""Bring a caller's fields into the shape of the table: known fields by type, all else as labels.

Events of one kind have the same keys and types again and again. What is to be done with such a
shape is planned once; only its texts are looked at each time, for they may hold secrets.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import filterfalse
from math import isfinite
from typing import Any, Final

from mlmon.logging_config.emit.ids import is_harmless
from mlmon.logging_config.emit.placing import Placing
from mlmon.logging_config.emit.redaction import redact_text
from mlmon.logging_config.emit.rules import Rules
from mlmon.logging_config.schema.limits import MAX_KEYWORD, MAX_REMEMBERED

_SHORT: Final = 64
_MAX_PLANS: Final = 1024
_clean: set[str] = set()
_clean_ids: set[str] = set()


@dataclass(frozen=True, slots=True)
class Plan:
    """How events of one shape are written as they are.

    Attributes:
        texts: the keys whose values are texts; those longer than a keyword take the careful way.
        ids: the keys whose values are texts that join events.
        floats: the keys whose values may be NaN or infinite.
        placed: the keys of the table's fields.
        labels: the keys that become labels, with the labels' names.
    """

    texts: tuple[str, ...]
    ids: tuple[str, ...]
    floats: tuple[str, ...]
    placed: tuple[str, ...]
    labels: tuple[tuple[str, str], ...]


class Conformer:
    """Places the fields of a dataset's events.

    Args:
        rules: the dataset's.
    """

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self._plans: dict[object, Plan | None] = {}

    def as_planned(self, fields: dict[Any, Any]) -> dict[str, Any] | None:
        """Place fields of which none needs a change; None if one does."""
        shape = (*fields, *map(type, fields.values()))
        try:
            plan = self._plans[shape]
        except KeyError:
            plan = self._remember(fields, shape)
        if plan is None:
            return None
        value_of = fields.__getitem__
        # A sum of finite floats that overflows is looked at one by one, to no harm.
        if not isfinite(sum(map(value_of, plan.floats))):
            return None
        for text in filterfalse(_clean.__contains__, map(value_of, plan.texts)):
            if not is_clean(text):
                return None
        for text in filterfalse(_clean_ids.__contains__, map(value_of, plan.ids)):
            if not is_clean(text, identifier=True):
                return None
        if not plan.labels:
            return fields
        placed = {key: fields[key] for key in plan.placed}
        placed["labels"] = {name: fields[key] for key, name in plan.labels}
        return placed

    def one_by_one(self, fields: Mapping[Any, Any]) -> Placing:
        """Place each value after looking at all of it; whatever it is, this does not raise."""
        placing = Placing(self.rules)
        for key, value in fields.items():
            placing.place(key, value)
        return placing

    def _remember(self, fields: dict[Any, Any], shape: tuple[Any, ...]) -> Plan | None:
        if len(self._plans) >= _MAX_PLANS:
            self._plans.clear()
        plan = self._plans[shape] = self._plan(fields)
        return plan

    def _plan(self, fields: dict[Any, Any]) -> Plan | None:
        ruled = [(key, type(value), self.rules[key]) for key, value in fields.items()]
        names = {(rule.is_label, rule.name) for _, _, rule in ruled}
        if len(names) < len(ruled) or not all(kind in rule.plain for _, kind, rule in ruled):
            return None
        texts = [(key, rule) for key, kind, rule in ruled if kind is str]
        return Plan(
            texts=tuple(key for key, rule in texts if not rule.field.identifier),
            ids=tuple(key for key, rule in texts if rule.field.identifier),
            floats=tuple(key for key, kind, _ in ruled if kind is float),
            placed=tuple(key for key, _, rule in ruled if not rule.is_label),
            labels=tuple((key, rule.name) for key, _, rule in ruled if rule.is_label),
        )


def is_clean(text: Any, *, longest: int = MAX_KEYWORD, identifier: bool = False) -> bool:
    """Whether a text may be written as it is; short ones that may come again are remembered.

    Args:
        text: any value; what is not of the type `str` is not clean.
        longest: characters it may have.
        identifier: whether it joins events, so that it is not taken for a card number; hence what
            is clean as an id may not be as a text.
    """
    if type(text) is not str or len(text) > longest:
        return False
    known = _clean_ids if identifier else _clean
    if text in known:
        return True
    harmless = identifier and is_harmless(text)
    if not harmless and redact_text(text, cards=not identifier) is not text:
        return False
    if len(text) <= _SHORT:
        if len(known) >= MAX_REMEMBERED:
            known.clear()
        known.add(text)
    return True
