"""The features that moved most, each with its distribution now and in the training set."""

from __future__ import annotations

from typing import Final

from mlmon.dashboards.model.chart import Chart, Measure, Values
from mlmon.dashboards.model.condition import is_
from mlmon.dashboards.model.picture import Picture
from mlmon.dashboards.model.sources import FINDINGS

MOST: Final = 8
_TITLE = "Distributions of the features that moved most"
_SENTENCE = (
    "Which values came more often, and which less? Wide bars: training, by tenths of its rows or "
    "by category; narrow ones: the last day judged."
)
_NOW, _TRAINING = "Now", "Training"
_COLOURS: Final = ("#2f7fc4", "#b9c1c9")
_TEXT = "#808890"
_HIGH = 0.55
"""How much of its row the highest bar takes; above stands the feature's name, below the values."""


def _bars(side: str, inset: float) -> dict[str, object]:
    """Return the bars of one side, that much of their width narrower at both ends."""
    share = "now" if side == _NOW else "training"
    return {
        "transform": [
            {"calculate": f"(datum.place - 1 + {inset}) / datum.places", "as": "left"},
            {"calculate": f"(datum.place - {inset}) / datum.places", "as": "right"},
            {"calculate": f"datum.row - {_HIGH} * datum.{share} / datum.most", "as": "top"},
        ],
        "mark": {"type": "rect", "tooltip": True},
        "encoding": {
            "x": {"field": "left", "type": "quantitative", "axis": None},
            "x2": {"field": "right"},
            "y": {
                "field": "top",
                "type": "quantitative",
                "axis": None,
                "scale": {"reverse": True, "zero": True, "nice": False},
            },
            "y2": {"field": "row"},
            "color": {
                "datum": side,
                "type": "nominal",
                "title": None,
                "scale": {"domain": [_NOW, _TRAINING], "range": list(_COLOURS)},
                "legend": {"orient": "top"},
            },
            "tooltip": [
                {"field": "key", "title": "Feature"},
                {"field": "values", "title": "Values"},
                {"field": "now", "title": _NOW, "format": ".1%"},
                {"field": "training", "title": _TRAINING, "format": ".1%"},
            ],
        },
    }


_NAMES: Final = {
    "transform": [
        {"filter": "datum.place == 1"},
        {"calculate": f"datum.row - {_HIGH} - 0.06", "as": "above"},
    ],
    "mark": {"type": "text", "align": "left", "baseline": "bottom", "fontSize": 11},
    "encoding": {
        "x": {"datum": 0, "type": "quantitative", "axis": None},
        "y": {"field": "above", "type": "quantitative", "axis": None},
        "text": {"field": "name"},
        "color": {"value": _TEXT},
    },
}

_VALUES: Final = {
    "transform": [
        {"calculate": "(datum.place - 0.5) / datum.places", "as": "middle"},
        {"calculate": "datum.row + 0.17", "as": "below"},
    ],
    "mark": {"type": "text", "baseline": "bottom", "fontSize": 9, "limit": 95},
    "encoding": {
        "x": {"field": "middle", "type": "quantitative", "axis": None},
        "y": {"field": "below", "type": "quantitative", "axis": None},
        "text": {"field": "values"},
        "color": {"value": _TEXT},
    },
}

MOVED_MOST: Final = Picture(
    title=_TITLE,
    sentence=_SENTENCE,
    source=FINDINGS,
    body={
        "size": 0,
        "aggs": {
            "drift": {
                "filter": {
                    "bool": {
                        "filter": [
                            {"term": {"finding.analyzer": "feature_drift"}},
                            # One that says nothing holds no distribution either.
                            {"exists": {"field": "finding.value"}},
                        ]
                    }
                },
                "aggs": {
                    "features": {
                        "terms": {
                            "field": "finding.subject",
                            "size": MOST,
                            "order": {"worst": "desc"},
                        },
                        "aggs": {
                            "worst": {"max": {"field": "finding.value"}},
                            "latest": {
                                "top_hits": {
                                    "size": 1,
                                    "sort": [{"@timestamp": "desc"}],
                                    "_source": ["finding.parts", "finding.value"],
                                }
                            },
                        },
                    }
                },
            }
        },
    },
    rows_at="aggregations.drift.features.buckets",
    drawing={
        "transform": [
            {"calculate": "datum.latest.hits.hits[0]._source", "as": "finding"},
            {"calculate": "datum.finding['finding.parts']", "as": "parts"},
            {"filter": "isArray(datum.parts)"},
            {"window": [{"op": "row_number", "as": "row"}]},
            {
                "calculate": "datum.key + ', distance now ' "
                "+ format(datum.finding['finding.value'], '.2f') "
                "+ ', at most ' + format(datum.worst.value, '.2f')",
                "as": "name",
            },
            {"flatten": ["parts"], "as": ["part"]},
            {"window": [{"op": "row_number", "as": "place"}], "groupby": ["key"]},
            {"calculate": "datum.part[0]", "as": "values"},
            {"calculate": "datum.part[1]", "as": "now"},
            {"calculate": "datum.part[2]", "as": "training"},
            {"calculate": "max(datum.now, datum.training)", "as": "higher"},
            {
                "joinaggregate": [
                    {"op": "count", "as": "places"},
                    {"op": "max", "field": "higher", "as": "most"},
                ],
                "groupby": ["key"],
            },
        ],
        "layer": [_bars(_TRAINING, 0.03), _bars(_NOW, 0.22), _NAMES, _VALUES],
        "config": {"view": {"stroke": None}},
    },
    instead=Chart(
        _TITLE,
        "Which features are farthest from the training set?",
        FINDINGS,
        (Measure("Distance", "max", "finding.value"),),
        "bar",
        (Values("finding.subject", "Feature", MOST),),
        is_("finding.analyzer", "feature_drift"),
    ),
    row_height=80,
    timed=False,
)
