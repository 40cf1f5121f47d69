"""Bring a caller's fields into the shape of the table: known fields by type, all else as labels.

Events of one kind have the same keys and types again and again. What is to be done with such a
shape is planned once; only its texts are looked at each time, for they may hold secrets.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, Final

from logging_config.ids import is_harmless
from logging_config.limits import MAX_REMEMBERED
from logging_config.placing import Placing
from logging_config.redaction import redact_text
from logging_config.rules import Rule, Rules

_SHORT: Final = 64
_MAX_PLANS: Final = 1024
_clean: set[str] = set()
_clean_ids: set[str] = set()


@dataclass(frozen=True, slots=True)
class Plan:
    """How events of one shape are written as they are.

    Attributes:
        texts: the keys whose values are texts.
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
        shape = (tuple(fields), tuple(map(type, fields.values())))
        try:
            plan = self._plans[shape]
        except KeyError:
            plan = self._remember(shape)
        if plan is None:
            return None
        value_of = fields.__getitem__
        # A sum of finite floats that overflows is looked at one by one, to no harm.
        if not isfinite(sum(map(value_of, plan.floats))):
            return None
        if not _clean.issuperset(map(value_of, plan.texts)) and not self._are_clean(
            fields, plan.texts
        ):
            return None
        if not _clean_ids.issuperset(map(value_of, plan.ids)) and not self._are_clean(
            fields, plan.ids
        ):
            return None
        if not plan.labels:
            return fields
        placed = {key: fields[key] for key in plan.placed}
        placed["labels"] = {name: fields[key] for key, name in plan.labels}
        return placed

    def _are_clean(self, fields: dict[Any, Any], keys: tuple[str, ...]) -> bool:
        return all(is_clean(fields[key], self.rules[key]) for key in keys)

    def one_by_one(self, fields: Mapping[Any, Any]) -> Placing:
        """Place each value after looking at all of it; whatever it is, this does not raise."""
        placing = Placing(self.rules)
        for key, value in fields.items():
            placing.place(key, value)
        return placing

    def _remember(self, shape: tuple[tuple[Any, ...], tuple[type, ...]]) -> Plan | None:
        if len(self._plans) >= _MAX_PLANS:
            self._plans.clear()
        plan = self._plans[shape] = self._plan(*shape)
        return plan

    def _plan(self, keys: tuple[Any, ...], kinds: tuple[type, ...]) -> Plan | None:
        rules = [self.rules[key] for key in keys]
        names = {(rule.is_label, rule.name) for rule in rules}
        if len(names) < len(keys) or not all(
            kind in rule.plain for kind, rule in zip(kinds, rules, strict=True)
        ):
            return None
        ruled = list(zip(keys, kinds, rules, strict=True))
        texts = [(key, rule) for key, kind, rule in ruled if kind is str]
        return Plan(
            texts=tuple(key for key, rule in texts if not rule.field.identifier),
            ids=tuple(key for key, rule in texts if rule.field.identifier),
            floats=tuple(key for key, kind, _ in ruled if kind is float),
            placed=tuple(key for key, _, rule in ruled if not rule.is_label),
            labels=tuple((key, rule.name) for key, _, rule in ruled if rule.is_label),
        )


def is_clean(text: Any, rule: Rule) -> bool:
    """Whether a text may be written as it is; short ones that may come again are remembered."""
    if type(text) is not str or len(text) > rule.longest:
        return False
    # Ids are not searched for card numbers, hence what is clean as an id may not be as a text.
    identifier = rule.field.identifier
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
