"""A picture Lens cannot draw: a Vega-Lite specification that asks Elasticsearch by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kibana.model.chart import Chart
    from kibana.model.condition import Json
    from kibana.model.source import Source


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
    """

    title: str
    sentence: str
    source: Source
    body: Json
    rows_at: str
    drawing: Json
    instead: Chart
