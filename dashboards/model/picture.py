"""Charts that Lens cannot draw: in Kibana a Vega panel that asks Elasticsearch by itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from mlmon.dashboards.model.chart import Values
from mlmon.dashboards.model.condition import Condition, Exists, both
from mlmon.dashboards.model.source import TIME_FIELD

if TYPE_CHECKING:
    from mlmon.dashboards.model.chart import Chart
    from mlmon.elastic.json_object import Json

ROWS = "rows"
"""Name of the aggregation whose buckets are the rows of a picture."""
ROWS_AT = f"aggregations.{ROWS}.buckets"
"""Path of the rows in the answer."""


@dataclass(frozen=True, slots=True)
class Picture(ABC):
    """What every picture has.

    Args:
        chart: Title, help, source and rows; it is shown where there is no Vega.
    """

    chart: Chart

    row_height: ClassVar[int]
    """Pixels of a row."""

    @property
    @abstractmethod
    def condition(self) -> Condition:
        """The documents it counts."""

    @abstractmethod
    def search(self, interval: Any) -> Json:
        """Return the search without its query.

        Args:
            interval: Length of a part of time, such as `15m`, or Kibana's placeholder for it.
        """

    @property
    def row_axis(self) -> Values:
        """The axis whose values are the rows."""
        (axis,) = (axis for axis in self.chart.by if isinstance(axis, Values))
        return axis

    def _search(self, order: Json, inside: Json) -> Json:
        axis = self.row_axis
        terms = {"field": axis.field, "size": axis.size, "order": order}
        return {"size": 0, "aggs": {ROWS: {"terms": terms, "aggs": inside}}}


@dataclass(frozen=True, slots=True)
class StateTimeline(Picture):
    """The worst state of each part of time, a row for each value of a field.

    Args:
        chart: A heatmap of time and the field.
        state: Field of the state.
        states: Its values, the worst one first.
    """

    state: str
    states: tuple[str, ...]

    row_height = 18

    @property
    def condition(self) -> Condition:
        """Every document of the source: what is ok is drawn too."""
        return self.chart.source.where

    def search(self, interval: Any) -> Json:
        """Return the search without its query."""
        states = {state: {"filter": {"term": {self.state: state}}} for state in self.states}
        parts = {"field": TIME_FIELD, "fixed_interval": interval, "min_doc_count": 1}
        return self._search({"_key": "asc"}, {"parts": {"date_histogram": parts, "aggs": states}})


@dataclass(frozen=True, slots=True)
class Distributions(Picture):
    """The distribution of each of some subjects, now and in the reference, as pairs of bars.

    Args:
        chart: The subjects and their distance, which ranks them.
        parts: Field of the distribution: [values, share now, share in the reference] each.
        now, reference: Names of the two sides.
    """

    parts: str
    now: str
    reference: str

    row_height = 80

    @property
    def distance(self) -> str:
        """Field of the distance between the two sides."""
        field = self.chart.measures[0].field
        if field is None:
            raise ValueError(f"{self.chart.title!r} measures no field")
        return field

    @property
    def condition(self) -> Condition:
        """The chart's documents that have a distance: others have no distribution either."""
        return both(self.chart.condition, Exists(self.distance))

    def search(self, interval: Any) -> Json:
        """Return the search without its query; it has no parts of time."""
        del interval
        latest = {"size": 1, "sort": [{TIME_FIELD: "desc"}], "_source": [self.parts, self.distance]}
        return self._search(
            {"worst": "desc"},
            {"worst": {"max": {"field": self.distance}}, "latest": {"top_hits": latest}},
        )
