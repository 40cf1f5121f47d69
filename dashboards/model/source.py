"""The documents of charts and searches, one data view each, and the labels of their fields."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

from mlmon.dashboards.model.condition import EVERYTHING, Condition

if TYPE_CHECKING:
    from mlmon.logging_config.schema.fields import Field


TIME_FIELD = "@timestamp"


@dataclass(frozen=True, slots=True)
class DataSource:
    """Documents of one kind.

    Args:
        name: Short name, part of the data view's id.
        title: What its documents are, the data view's name.
        pattern: Index pattern, with `{namespace}` in the namespace's place.
        fields: Its fields, as its index template is made from them.
        where: What a document has to fulfil to be counted at all: a data view cannot do that, so
            every chart and search of it does.
        time: Field that the time range selects by; None where it must not, for what is open now
            may have begun long ago.
    """

    name: str
    title: str
    pattern: str
    fields: tuple[Field, ...]
    where: Condition = EVERYTHING
    time: str | None = TIME_FIELD

    def index(self, namespace: str) -> str:
        """Return the index pattern of a namespace."""
        return self.pattern.format(namespace=namespace)

    def field(self, name: str) -> Field | None:
        """Return the field of a name, or the family it belongs to; None for an unmapped one."""
        exact = next((field_ for field_ in self.fields if field_.name == name), None)
        if exact is not None:
            return exact
        families = (field_ for field_ in self.fields if field_.is_family)
        return next((family for family in families if fnmatchcase(name, family.name)), None)


_OWN: Final = ("finding.", "alert.", "incident.", "ml.")
"""Prefixes that labels leave out."""
_WORDS: Final = {"http": "HTTP", "url": "URL", "id": "ID", "ecs": "ECS", "5xx": "5xx"}


def label(name: str) -> str:
    """Return a field's name as people read it: `finding.sample.count` is `Sample count`."""
    for prefix in _OWN:
        name = name.removeprefix(prefix)
    words = [_WORDS.get(word, word) for word in name.strip("@").replace("_", ".").split(".")]
    text = " ".join(words)
    return text[:1].upper() + text[1:]
