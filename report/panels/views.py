"""Views of panels, computed from the answers to their queries. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import orjson

from mlmon.analyzers.base.window import from_milliseconds
from mlmon.analyzers.pages.names import metric_title
from mlmon.dashboards.model.condition import Is
from mlmon.dashboards.model.query import sorted_by_first
from mlmon.dashboards.model.rows import axis_label, rows
from mlmon.dashboards.model.source import label
from mlmon.dashboards.vega_lite.chart import chart_drawing
from mlmon.formatting import DASH, number, short_moment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlmon.analyzers.base.window import Window
    from mlmon.dashboards.model.chart import Chart, Measure, ToneStep
    from mlmon.dashboards.model.saved_search import SavedSearch
    from mlmon.dashboards.model.source import DataSource
    from mlmon.dashboards.palette import Tone
    from mlmon.dashboards.vega_lite.chart import DrawnEvent
    from mlmon.elastic.json_object import Json

_NOTHING: Final = "Nothing to show in this time range."
_NOTHING_AT_ALL: Final = "Nothing to show."
_SEVERITIES: Final = ("critical", "warning", "unknown", "ok")
_MOST_ROWS: Final = 50
_LONG_ID: Final = 20
_METRIC: Final = "finding.metric"
NEWEST: Final = "newest"
"""The aggregation that says when the newest document of a tile was written."""
QUIET: Final = timedelta(hours=2)
"""A number of a time range that got no document for so long at its end is not that of now."""


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a panel: title, help, and the dashboard with details."""

    title: str
    sentence: str
    leads_to: str | None = None


@dataclass(frozen=True, slots=True)
class TileView:
    """One number; `tone` is the meaning of its colour, and `note` what limits it."""

    head: Head
    value: str
    tone: Tone
    note: str = ""
    kind: str = "tile"


@dataclass(frozen=True, slots=True)
class ChartView:
    """A drawing: a Vega-Lite specification as JSON that is safe inside a script element."""

    head: Head
    spec: str
    kind: str = "chart"


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table.

    Args:
        text: Its text.
        severity: Which one it names, if any.
        numeric: Whether it stands right.
        timed: Whether it is a time, which is not broken.
        sentence: Whether it is a sentence, which stands first where there is little room.
        long_id: Whether it is an id that may be broken anywhere.
    """

    text: str
    severity: str | None = None
    numeric: bool = False
    timed: bool = False
    sentence: bool = False
    long_id: bool = False


@dataclass(frozen=True, slots=True)
class TableView:
    """A table."""

    head: Head
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    kind: str = "table"

    @property
    def headings(self) -> tuple[Cell, ...]:
        """The columns' names; right, where a number stands below."""
        below = zip(*self.rows, strict=True)
        return tuple(
            Cell(name, numeric=any(cell.numeric for cell in cells))
            for name, cells in zip(self.columns, below, strict=True)
        )


@dataclass(frozen=True, slots=True)
class EmptyView:
    """A panel whose question nothing answers in the time range."""

    head: Head
    text: str = _NOTHING
    kind: str = "empty"


PanelView: TypeAlias = TileView | ChartView | TableView | EmptyView


def chart_view(
    chart: Chart, answers: Sequence[Json], window: Window, events: Sequence[DrawnEvent] = ()
) -> PanelView:
    """Return what is shown of a chart, with the events of its time."""
    head = Head(chart.title, chart.sentence, chart.leads_to)
    if chart.draw == "tile":
        return _tile(chart, head, answers[0], window)
    if chart.draw == "table":
        return _table(chart, head, answers[0])
    drawn = chart_drawing(chart, answers, window, events)
    return _empty(head, chart.source) if drawn is None else ChartView(head, script_safe(drawn))


def _empty(head: Head, source: DataSource) -> EmptyView:
    """Return that there is no data, in the time range where the source has one."""
    return EmptyView(head, _NOTHING_AT_ALL if source.time is None else _NOTHING)


def script_safe(value: Any) -> str:
    """Return JSON that cannot end the script element it stands in."""
    return orjson.dumps(value).decode().replace("<", "\\u003c")


def _tile(chart: Chart, head: Head, answer: Json, window: Window) -> PanelView:
    found = rows(chart.layers[0], answer)
    measure = chart.measures[0]
    value = found[0][measure.label] if found else _of_nothing(measure)
    if value is None:
        return EmptyView(head, DASH)
    text, tone = _written(value, measure, chart.source).text, _tone(value, chart.steps)
    newest = answer.get("aggregations", {}).get(NEWEST, {}).get("value")
    last = None if newest is None else from_milliseconds(newest)
    if last is None or window.end - last < QUIET:
        return TileView(head, text, tone)
    # It may be calm because nothing comes any more.
    quiet: Tone = "unknown" if tone == "good" else tone
    return TileView(head, text, quiet, f"no data since {short_moment(last)}")


def _of_nothing(measure: Measure) -> int | None:
    """Return a measure's value where there is no document: 0 for a count."""
    return 0 if measure.operation == "count" else None


def _tone(value: Any, steps: Sequence[ToneStep]) -> Tone:
    reached = [step for step in steps if isinstance(value, int | float) and value >= step.value]
    return max(reached, key=lambda step: step.value).tone if reached else "plain"


def _table(chart: Chart, head: Head, answer: Json) -> PanelView:
    found = rows(chart.layers[0], answer)
    direction, first = sorted_by_first(chart), chart.measures[0].label
    if direction:
        known = [row for row in found if row[first] is not None]
        known.sort(key=lambda row: row[first], reverse=direction == "desc")
        found = known + [row for row in found if row[first] is None]
    found = found[:_MOST_ROWS]
    if not found:
        return EmptyView(head, chart.nothing) if chart.nothing else _empty(head, chart.source)
    axes = [axis_label(axis) for axis in chart.by]
    metrics = {axis_label(axis) for axis in chart.by if axis.field == _METRIC}
    labels = [measure.label for measure in chart.measures]
    return TableView(
        head,
        (*axes, *labels),
        tuple(
            (
                *(
                    _metric_cell(row[name], chart) if name in metrics else _cell(row[name])
                    for name in axes
                ),
                *(
                    _written(row[measure.label], measure, chart.source)
                    for measure in chart.measures
                ),
            )
            for row in found
        ),
    )


def _written(value: Any, measure: Measure, source: DataSource) -> Cell:
    field = source.field(measure.field) if measure.field else None
    dated = field is not None and field.type == "date" and measure.operation in {"min", "max"}
    if dated and isinstance(value, int | float):
        return Cell(short_moment(value / 1000), timed=True)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Cell(number(float(value), measure.unit), numeric=True)
    return _cell(value)


def _metric_cell(metric: Any, chart: Chart) -> Cell:
    """Return a metric by its title, where a chart is of one analyzer: others share names."""
    match chart.where:
        case Is("finding.analyzer", (str(analyzer),)):
            return _cell(metric_title(analyzer, str(metric)))
    return _cell(metric)


def _cell(value: Any) -> Cell:
    text = DASH if value is None else str(value)
    return Cell(text, text if text in _SEVERITIES else None)


def documents_view(search: SavedSearch, answer: Json) -> PanelView:
    """Return what is shown of a saved search: its newest documents."""
    head = Head(search.title, search.description)
    hits = answer["hits"]["hits"]
    if not hits:
        return _empty(head, search.source)
    columns = search.columns if search.source.time is None else ("@timestamp", *search.columns)
    return TableView(
        head,
        tuple(map(label, columns)),
        tuple(tuple(_document_cell(hit, search.source, name) for name in columns) for hit in hits),
    )


def _document_cell(hit: Mapping[str, Any], source: DataSource, name: str) -> Cell:
    value = hit["_source"].get(name)
    if isinstance(value, str) and (name == "@timestamp" or name.startswith("event.")):
        try:
            return Cell(short_moment(datetime.fromisoformat(value).timestamp()), timed=True)
        except ValueError:
            return Cell(value)
    field = source.field(name)
    unit = field.unit if field is not None else ""
    if isinstance(value, float) or (unit and isinstance(value, int)):
        return Cell(number(float(value), unit or ""), numeric=True)
    if isinstance(value, list):
        # Ids say nothing to a reader but how many there are.
        return _cell(len(value) if name.endswith("_ids") else ", ".join(map(str, value)))
    if isinstance(value, str) and value:
        is_sentence = field is not None and field.type == "match_only_text"
        is_id = name.endswith("id") and len(value) >= _LONG_ID
        return replace(_cell(value), sentence=is_sentence, long_id=is_id)
    return _cell(value)
