"""A saved search: documents of a source that people read one by one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from mlmon.dashboards.model.condition import EVERYTHING, Condition, both, query
from mlmon.dashboards.model.query import period
from mlmon.dashboards.model.source import TIME_FIELD, DataSource

if TYPE_CHECKING:
    from mlmon.analyzers.base.window import Window
    from mlmon.elastic.json_object import Json


@dataclass(frozen=True, slots=True)
class SavedSearch:
    """Which documents are shown, in which columns and order.

    Args:
        name: Short name, part of its id.
        title: Heading.
        description: What it is for, one sentence.
        source: The documents.
        columns: Fields shown.
        where: Documents shown.
        sort: Fields and directions, the first one first.
    """

    name: str
    title: str
    description: str
    source: DataSource
    columns: tuple[str, ...]
    where: Condition = EVERYTHING
    sort: tuple[tuple[str, Literal["asc", "desc"]], ...] = ((TIME_FIELD, "desc"),)

    @property
    def condition(self) -> Condition:
        """Condition on the documents shown."""
        return both(self.source.where, self.where)

    def body(self, window: Window, selected: Condition = EVERYTHING, size: int = 100) -> Json:
        """Return the search that Discover makes of it."""
        chosen = [*period(self.source, window), query(both(self.condition, selected))]
        return {
            "size": size,
            "query": {"bool": {"filter": chosen}},
            "sort": [{field: {"order": order}} for field, order in self.sort],
            "fields": list(self.columns),
        }
