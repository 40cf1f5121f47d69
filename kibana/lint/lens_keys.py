"""The keys of a Lens state, by visualization type and operation: what Kibana writes and knows.

No schema describes these states. The keys are those of Kibana's own output: of its
LensConfigBuilder (8.19.9 and 9.2.2: metric, datatable, heatmap, xy with data, reference lines and
events, formulas) and of the dashboards in its sample data (counts, terms, ranges, events found by
a query).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of an object.

    Args:
        needed: Those that Kibana always writes.
        more: Others that it knows.
    """

    needed: frozenset[str]
    more: frozenset[str] = frozenset()

    def problems(self, found: Mapping[str, Any]) -> Iterator[str]:
        """Yield a message for each key that is missing or unknown."""
        yield from (f"has no {key}" for key in sorted(self.needed - found.keys()))
        unknown = found.keys() - self.needed - self.more
        yield from (f"has {key}, which Kibana does not know" for key in sorted(unknown))


def _keys(needed: str, more: str = "") -> Keys:
    return Keys(frozenset(needed.split()), frozenset(more.split()))


ATTRIBUTES: Final = _keys("title visualizationType references state", "type description")
STATE: Final = _keys(
    "datasourceStates internalReferences filters query visualization adHocDataViews"
)
LAYER: Final = _keys("columnOrder columns", "incompleteColumns sampling")

_SIDES: Final = _keys("x yLeft yRight")
VISUALIZATIONS: Final[dict[str, Keys]] = {
    "lnsMetric": _keys("layerId layerType metricAccessor showBar", "palette"),
    "lnsDatatable": _keys("layerId layerType columns", "sorting paging"),
    "lnsHeatmap": _keys(
        "layerId layerType shape valueAccessor xAccessor yAccessor gridConfig legend"
    ),
    "lnsXY": _keys(
        "axisTitlesVisibilitySettings legend hideEndzones preferredSeriesType valueLabels "
        "emphasizeFitting fittingFunction yLeftExtent tickLabelsVisibilitySettings "
        "labelsOrientation gridlinesVisibilitySettings layers"
    ),
}
PARTS: Final[dict[str, Keys]] = {
    "axisTitlesVisibilitySettings": _SIDES,
    "tickLabelsVisibilitySettings": _SIDES,
    "labelsOrientation": _SIDES,
    "gridlinesVisibilitySettings": _SIDES,
    "yLeftExtent": _keys("mode"),
    "gridConfig": _keys(
        "type isCellLabelVisible isXAxisLabelVisible isXAxisTitleVisible isYAxisLabelVisible "
        "isYAxisTitleVisible"
    ),
    "legend": _keys("isVisible position", "type"),
}
"""Parts of a visualization that are objects of their own."""
XY_LAYERS: Final[dict[str, Keys]] = {
    "data": _keys("layerId layerType seriesType xAccessor accessors yConfig", "splitAccessor"),
    "referenceLine": _keys("layerId layerType accessors yConfig"),
    "annotations": _keys("layerId layerType annotations ignoreGlobalFilters", "persistanceType"),
}
Y_CONFIG: Final = _keys("forAccessor axisMode", "color fill lineStyle lineWidth textVisibility")
EVENT: Final = _keys(
    "type id label key timeField filter",
    "color icon lineStyle lineWidth textVisibility textField extraFields",
)

_COLUMN: Final = "operationType isBucketed dataType label"
_MORE: Final = "customLabel scale filter params"
_FIELD_COLUMN: Final = _keys(f"{_COLUMN} sourceField", _MORE)
OPERATIONS: Final[dict[str, Keys]] = {
    **dict.fromkeys(
        ("count", "unique_count", "average", "sum", "min", "max", "median"), _FIELD_COLUMN
    ),
    **dict.fromkeys(
        ("date_histogram", "terms", "range"),
        _keys(f"{_COLUMN} sourceField scale params", "customLabel"),
    ),
    "percentile": _keys(f"{_COLUMN} sourceField params", "customLabel scale filter"),
    "last_value": _keys(f"{_COLUMN} sourceField params", "customLabel scale filter"),
    "formula": _keys(f"{_COLUMN} references params", "customLabel scale"),
    "math": _keys(f"{_COLUMN} references params", "customLabel scale"),
    "static_value": _keys(f"{_COLUMN} references params", "customLabel scale isStaticValue"),
}
PARAMS: Final[dict[str, Keys]] = {
    "date_histogram": _keys("interval", "includeEmptyRows dropPartials"),
    "terms": _keys(
        "size orderBy orderDirection otherBucket missingBucket parentFormat include exclude "
        "includeIsRegex excludeIsRegex"
    ),
    "range": _keys("type ranges maxBars", "includeEmptyRows parentFormat"),
    "percentile": _keys("percentile", "format"),
    "last_value": _keys("sortField showArrayValues", "format"),
    "formula": _keys("formula isFormulaBroken", "format"),
    "math": _keys("tinymathAst"),
    "static_value": _keys("value", "format"),
    "count": _keys("", "emptyAsNull format"),
    "unique_count": _keys("", "emptyAsNull format"),
    "sum": _keys("", "emptyAsNull format"),
}
_ANY_PARAMS: Final = _keys("", "format")


def key_problems(attributes: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (path, message) of each key of a Lens panel that is missing or unknown."""
    yield from _named("", ATTRIBUTES, attributes)
    state = attributes["state"]
    yield from _named("/state", STATE, state)
    for name, layer in state["datasourceStates"]["formBased"]["layers"].items():
        yield from _named(f"/{name}", LAYER, layer)
        for id_, column in layer["columns"].items():
            yield from _column(f"/{name}/{id_}", column)
    kind, drawn = attributes["visualizationType"], state["visualization"]
    if kind not in VISUALIZATIONS:
        yield "/visualizationType", f"is {kind}, which this lint does not know"
        return
    yield from _named("/visualization", VISUALIZATIONS[kind], drawn)
    for part in PARTS.keys() & drawn.keys():
        yield from _named(f"/visualization/{part}", PARTS[part], drawn[part])
    for layer in drawn.get("layers", []):
        yield from _xy_layer(layer)


def _column(path: str, column: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    kind = column["operationType"]
    if kind not in OPERATIONS:
        yield path, f"is a {kind}, which this lint does not know"
        return
    yield from _named(path, OPERATIONS[kind], column)
    yield from _named(f"{path}/params", PARAMS.get(kind, _ANY_PARAMS), column.get("params", {}))


def _xy_layer(layer: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    path, kind = f"/visualization/{layer['layerId']}", layer["layerType"]
    if kind not in XY_LAYERS:
        yield path, f"is a layer of {kind}, which this lint does not know"
        return
    yield from _named(path, XY_LAYERS[kind], layer)
    for config in layer.get("yConfig", []):
        yield from _named(f"{path}/yConfig", Y_CONFIG, config)
    for event in layer.get("annotations", []):
        yield from _named(f"{path}/{event.get('id')}", EVENT, event)


def _named(path: str, keys: Keys, found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for message in keys.problems(found):
        yield path or "/", message
