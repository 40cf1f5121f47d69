"""A panel of a dashboard, as Grafana draws it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from grafana_foundation_sdk.builders import bargauge, common, dashboard, stat, table, text
from grafana_foundation_sdk.builders import timeseries as time_series
from grafana_foundation_sdk.models.common import (
    GraphDrawStyle,
    GraphThresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
    StackingMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import (
    DataTransformerConfig,
    DynamicConfigValue,
    FieldColorModeId,
    MatcherConfig,
    Threshold,
    ThresholdsMode,
)

from mlmon.dashboards.model.chart import Chart, Time, Values
from mlmon.dashboards.palette import KIBANA
from mlmon.grafana.target import (
    Target,
    chart_targets,
    column,
    datasource,
    document_target,
    time_field,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from grafana_foundation_sdk.cog.builder import Builder
    from grafana_foundation_sdk.models.dashboard import Panel as GrafanaPanel

    from mlmon.dashboards.model.dashboard import Control
    from mlmon.dashboards.model.saved_search import SavedSearch

REGARDLESS: Final = "5y"
"""The time range of a panel that the dashboard's time range must not select."""
_UNITS: Final = {
    "ratio": "percentunit",
    "ns": "ns",
    "ms": "ms",
    "s": "s",
    "h": "h",
    "bytes": "bytes",
    "requests/min": "reqpm",
}

Drawn = Any
"""A builder of one of the SDK's panels: they share their methods, but no type."""


def chart_panel(chart: Chart, controls: Sequence[Control]) -> Builder[GrafanaPanel]:
    """Return the panel of a chart."""
    if any(measure.operation == "last" for measure in chart.measures):
        return _documents(chart, controls)
    targets = chart_targets(chart, controls)
    timed = any(isinstance(axis, Time) for axis in chart.by)
    if chart.draw == "tile":
        panel = _tile(chart)
    elif chart.draw in {"table", "heatmap"} and not timed and _has_values(chart):
        panel = _table(chart, targets)
    elif timed:
        panel = _time_series(chart, targets)
    else:
        panel = _bars(chart)
    return _described(panel, chart).targets([target.query for target in targets])  # type: ignore[no-any-return]


def _has_values(chart: Chart) -> bool:
    return any(isinstance(axis, Values) for axis in chart.by)


def search_panel(search: SavedSearch, controls: Sequence[Control]) -> Builder[GrafanaPanel]:
    """Return the panel of a saved search: a table of its newest documents."""
    panel = table.Panel().title(search.title).description(search.description)
    panel = panel.datasource(datasource(search.source))
    panel = panel.with_transformation(_columns([search_time(search), *search.columns]))
    panel = panel.with_target(document_target(search.source, search.condition, controls))
    if search.source.time is None:
        panel = panel.time_from(REGARDLESS)
    return panel


def search_time(search: SavedSearch) -> str:
    """Return the field with the time of a saved search's documents."""
    return time_field(search.source)


def note_panel(content: str) -> Builder[GrafanaPanel]:
    """Return a panel of text, in Markdown."""
    return text.Panel().content(content).transparent(transparent=True)


def _described(panel: Drawn, chart: Chart) -> Drawn:
    panel = panel.title(chart.title).description(chart.sentence)
    panel = panel.datasource(datasource(chart.source))
    unit = chart.unit or (chart.measures[0].unit if len(chart.measures) == 1 else "")
    if unit:
        panel = panel.unit(grafana_unit(unit))
    return panel if chart.source.time is not None else panel.time_from(REGARDLESS)


def grafana_unit(unit: str) -> str:
    """Return Grafana's name of a unit; one it does not know is written behind the number."""
    return _UNITS.get(unit, f"suffix: {unit}")


def _documents(chart: Chart, controls: Sequence[Control]) -> Builder[GrafanaPanel]:
    """Return the table of the newest documents: Grafana's last value of a text is an error."""
    fields = [axis.field for axis in chart.by if isinstance(axis, Values)]
    fields += [measure.field for measure in chart.measures if measure.field]
    panel = _described(table.Panel(), chart)
    panel = panel.with_transformation(_columns(dict.fromkeys([time_field(chart.source), *fields])))
    return panel.with_target(document_target(chart.source, chart.condition, controls))  # type: ignore[no-any-return]


def _columns(fields: Any) -> DataTransformerConfig:
    """Return the transformation that keeps these fields, in this order."""
    order = {name: place for place, name in enumerate(fields)}
    options = {"indexByName": order, "includeByName": dict.fromkeys(order, True)}
    return DataTransformerConfig(id_val="organize", options=options)


def _tile(chart: Chart) -> Drawn:
    (measure,) = chart.measures
    adds_up = measure.operation in {"count", "sum"}
    calculation = "sum" if adds_up else "max" if measure.operation == "max" else "lastNotNull"
    panel = stat.Panel().reduce_options(common.ReduceDataOptions().calcs([calculation]))
    panel = panel.no_value("0" if adds_up else "none")
    if measure.field and _is_date(chart, measure.field):
        panel = panel.unit("dateTimeFromNow")
    if not chart.steps:
        return panel
    steps = [Threshold(value=None, color=KIBANA.tone(chart.steps[0].tone))]
    steps += [Threshold(value=step.value, color=KIBANA.tone(step.tone)) for step in chart.steps[1:]]
    thresholds = dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)
    return panel.thresholds(thresholds)


def _is_date(chart: Chart, field: str) -> bool:
    known = chart.source.field(field)
    return known is not None and known.type == "date"


def _table(chart: Chart, targets: Sequence[Target]) -> Drawn:
    """Return a table: each target's column gets its name, then the targets are merged."""
    panel: Drawn = table.Panel()
    for target in targets:
        panel = panel.with_transformation(
            DataTransformerConfig(
                id_val="organize",
                filter_val=MatcherConfig("byRefId", ref_id(target)),
                options={"renameByName": {column(target.measure): target.label}},
            )
        )
    labels = {axis.field: axis.label for axis in chart.by if isinstance(axis, Values)}
    panel = panel.with_transformation(DataTransformerConfig(id_val="merge", options={}))
    panel = panel.with_transformation(
        DataTransformerConfig(id_val="organize", options={"renameByName": labels})
    )
    for measure in chart.measures:
        if measure.unit and measure.operation != "ratio":
            unit = DynamicConfigValue("unit", grafana_unit(measure.unit))
            panel = panel.override_by_name(measure.label, [unit])
    return panel


def _time_series(chart: Chart, targets: Sequence[Target]) -> Drawn:
    legend = common.VizLegendOptions().display_mode(LegendDisplayMode.LIST)
    panel: Drawn = time_series.Panel().legend(legend.placement(LegendPlacement.BOTTOM))
    if chart.draw in {"bar", "stacked", "heatmap"}:
        panel = panel.draw_style(GraphDrawStyle.BARS).fill_opacity(80)
    if chart.draw == "area":
        panel = panel.fill_opacity(20)
    if chart.draw == "stacked":
        panel = panel.stacking(common.StackingConfig().mode(StackingMode.NORMAL))
    for target in targets:
        if properties := list(_look(target)):
            panel = panel.override_by_query(ref_id(target), properties)
    if chart.lines:
        steps = [Threshold(value=None, color="transparent")]
        steps += [Threshold(value=line.value, color=KIBANA.tone(line.tone)) for line in chart.lines]
        thresholds = dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)
        style = common.GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.LINE)
        panel = panel.thresholds(thresholds).thresholds_style(style)
    return panel


def _look(target: Target) -> Iterator[DynamicConfigValue]:
    """Yield what a target's lines have of their own: colour, dashes, a name."""
    if target.measure.tone != "plain":
        colour = {"mode": "fixed", "fixedColor": KIBANA.tone(target.measure.tone)}
        yield DynamicConfigValue("color", colour)
    if target.limit:
        yield DynamicConfigValue("custom.lineStyle", {"fill": "dash", "dash": [6, 4]})
    if target.measure.operation == "ratio" and target.label:
        yield DynamicConfigValue("displayName", target.label)


def ref_id(target: Target) -> str:
    """Return the name of a target within its panel."""
    return str(vars(target.query.build())["ref_id"])


def _bars(chart: Chart) -> Drawn:
    adds_up = chart.measures[0].operation in {"count", "sum"}
    reduced = common.ReduceDataOptions().calcs(["sum" if adds_up else "lastNotNull"])
    colour = dashboard.FieldColor().mode(FieldColorModeId.FIXED).fixed_color(KIBANA.line)
    panel = bargauge.Panel().reduce_options(reduced).orientation(VizOrientation.HORIZONTAL)
    return panel.color_scheme(colour)
