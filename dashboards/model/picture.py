"""A picture Lens cannot draw: a Vega-Lite specification that asks Elasticsearch by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlmon.dashboards.model.chart import Chart
    from mlmon.dashboards.model.condition import Json
    from mlmon.dashboards.model.source import Source


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture, and the chart that stands in its place where Vega cannot.

    Args:
        title: Heading.
        sentence: What it answers.
        source: The documents it asks for.
        body: The search, with Kibana's placeholders for the time range and the controls.
        rows_at: Path in the answer to the rows drawn, such as `aggregations.parts.buckets`.
        drawing: The specification, without its data.
        instead: What the Dashboards API, which knows no Vega, is given.
        row_height: Of a row, in pixels.
        timed: Whether it runs over the time range, as its encoding's x says.
    """

    title: str
    sentence: str
    source: Source
    body: Json
    rows_at: str
    drawing: Json
    instead: Chart
    row_height: int = 18
    timed: bool = True
