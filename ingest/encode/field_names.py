"""Bounds the field names that a dataset brings into the cluster.

Each new name changes the mapping, which costs the cluster about 40 ms and memory for ever. A
producer that makes names of values (a user id as a feature's name) would stop everybody's writes.
Beyond the bound new names are kept with their values in one unindexed text field.
"""

from collections.abc import Collection, Iterable
from random import Random
from typing import Any

import orjson

from mlmon.logging_config.schema.fields import UNINDEXED_NAMES

MOST_NAMES = 800
"""Names per dataset that are not in the table of fields."""

UNINDEXED = "ml.features.unindexed"
"""Field that holds the fields beyond the bound, as JSON text."""

_MOST_LISTED = 20
_CHECK_EVERY = 16
_WATCH_LINES = 5_000
_NAMED = 5


class FieldNames:
    """The field names of one dataset.

    While no new name is seen, one line in sixteen (drawn at random) is checked; after a new one,
    each of the next 5,000 lines is.

    Args:
        declared: Names and families (`ml.features.numeric.*`) of the table of fields.
        known: Names that the cluster's mapping has already.

    Attributes:
        moved: Lines from which fields were moved to `UNINDEXED`.
        examples: Some of the names that were moved.
    """

    def __init__(self, declared: Iterable[str], known: Collection[str] = ()) -> None:
        self.moved = 0
        self.examples: list[str] = []
        self._seen = set(declared)
        self._room = MOST_NAMES - len(set(known) - self._seen)
        self._seen.update(known)
        self._watch = _WATCH_LINES
        self._random = Random()
        self._until_check = 0

    def is_due(self) -> bool:
        """Return whether the next line is to be checked."""
        if self._watch > 0:
            self._watch -= 1
            return True
        self._until_check -= 1
        if self._until_check > 0:
            return False
        self._until_check = self._random.randint(1, 2 * _CHECK_EVERY - 1)
        return True

    def has_new(self, event: dict[str, Any]) -> bool:
        """Return whether an event has a name that was not seen before."""
        return not self._seen.issuperset(event)

    def bounded(self, event: dict[str, Any]) -> dict[str, Any] | None:
        """Return an event with the fields beyond the bound moved; None where none is beyond it."""
        new = event.keys() - self._seen
        if not new:
            return None
        self._watch = _WATCH_LINES
        # In the order of the line, so that the same lines give the same names.
        ordered = [name for name in event if name in new and name != UNINDEXED]
        room = max(0, self._room)
        self._seen.update(ordered[:room])
        self._room -= len(ordered[:room])
        excess = dict.fromkeys(ordered[room:])
        if not excess:
            return None
        self.moved += 1
        unnamed = [name for name in excess if name not in self.examples]
        self.examples += unnamed[: _NAMED - len(self.examples)]
        rest = orjson.dumps({name: event[name] for name in excess}).decode()
        kept = {name: value for name, value in event.items() if name not in excess}
        listed = list(excess)[:_MOST_LISTED]
        return {**kept, UNINDEXED: rest, UNINDEXED_NAMES.name: listed}
