"""Dashboards for Grafana: those of the panel model, and one over Prometheus's metrics."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    GridPos,
    VariableOption,
    VariableRefresh,
)

from mlmon.dashboards.definitions import dashboards, shown_on
from mlmon.dashboards.definitions.searches import SEARCHES
from mlmon.dashboards.model.chart import Chart
from mlmon.dashboards.model.dashboard import Documents
from mlmon.dashboards.model.layout import Heading, Navigation, layout
from mlmon.dashboards.model.picture import Picture
from mlmon.grafana.metrics_panels import METRICS, add_metrics
from mlmon.grafana.panel import chart_panel, note_panel, search_panel
from mlmon.grafana.target import datasource, variable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mlmon.analyzers.base.analyzer import Analyzer
    from mlmon.dashboards.model.dashboard import Control, Dashboard
    from mlmon.dashboards.model.layout import PlacedPanel
    from mlmon.dashboards.model.saved_search import SavedSearch

TAG: Final = "mlmon"
_COLUMNS: Final = 24
_ROW: Final = 1
"""Height of a heading in Grafana's grid."""
_LEAST: Final = 4


def dashboard_files(analyzers: Sequence[Analyzer[Any]]) -> dict[str, str]:
    """Return the JSON of each dashboard by the name of its file."""
    found = {f"mlmon-{board.name}.json": _board(board, analyzers) for board in dashboards()}
    found["mlmon-metrics.json"] = add_metrics(new_dashboard(*METRICS))
    return {
        name: json.dumps(board.build(), cls=JSONEncoder, indent=2, sort_keys=True) + "\n"
        for name, board in found.items()
    }


def new_dashboard(name: str, title: str, question: str, since: str) -> builders.Dashboard:
    """Return a dashboard without panels, with links to the others."""
    others = (
        builders.DashboardLink("mlmon")
        .type(DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .as_dropdown(as_dropdown=True)
        .include_vars(include_vars=True)
        .keep_time(keep_time=True)
    )
    return (
        builders.Dashboard(f"mlmon {title}")
        .uid(f"mlmon-{name.replace('_', '-')}")
        .description(question)
        .tags([TAG])
        .time(since, "now")
        .timezone("utc")
        .refresh("5m")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .link(others)
    )


def _board(board: Dashboard, analyzers: Sequence[Analyzer[Any]]) -> builders.Dashboard:
    since = board.since or "now-7d"
    found = new_dashboard(board.name, board.title, board.question, since)
    for control in board.controls:
        found = found.with_variable(_variable(control))
    placed = [
        panel
        for panel in layout(board, shown_on(board, analyzers))
        if not isinstance(panel.panel, Navigation)
    ]
    tops = _tops(placed)
    for panel in placed:
        top, height = tops[panel.y]
        position = GridPos(x=panel.x // 2, y=top, w=panel.w // 2, h=height)
        if isinstance(panel.panel, Heading):
            position = GridPos(x=0, y=top, w=_COLUMNS, h=height)
            found = found.with_row(builders.Row(panel.panel.text).grid_pos(position))
        elif not isinstance(panel.panel, Navigation):
            drawn: Any = _panel(panel.panel, board.controls)
            found = found.with_panel(drawn.grid_pos(position))
    return found


def _panel(panel: Chart | Picture | Documents, controls: Sequence[Control]) -> Any:
    match panel:
        case Chart():
            return chart_panel(panel, controls)
        case Documents(search):
            return search_panel(_search(search), controls)
        case Picture(chart=chart):
            return note_panel(
                f"**{chart.title}** needs a picture that Grafana cannot draw: see the same "
                "dashboard in Kibana, or `mlmon serve`."
            )


def _search(name: str) -> SavedSearch:
    (found,) = [search for search in SEARCHES if search.name == name]
    return found


def _tops(placed: Iterable[PlacedPanel]) -> dict[int, tuple[int, int]]:
    """Return top and height in Grafana's grid for each row of the layout.

    A unit of Kibana's grid is about 20 pixels high, one of Grafana's 38.
    """
    heights: dict[int, int] = {}
    for panel in placed:
        if isinstance(panel.panel, Heading):
            heights[panel.y] = _ROW
        else:
            heights[panel.y] = max(_LEAST, heights.get(panel.y, 0), round(panel.h * 20 / 38) + 1)
    tops, top = {}, 0
    for y in sorted(heights):
        tops[y] = (top, heights[y])
        top += heights[y]
    return tops


def _variable(control: Control) -> builders.QueryVariable:
    everything = VariableOption(selected=True, text="All", value="$__all")
    return (
        builders.QueryVariable(variable(control.field))
        .label(control.label)
        .datasource(datasource(control.source))
        .query(json.dumps({"find": "terms", "field": control.field, "size": 100}))
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .multi(multi=True)
        .include_all(include_all=True)
        # Documents without the field are meant, too.
        .all_value("*:*")
        .current(everything)
    )
