"""The queries of a chart, as Grafana's Elasticsearch data source takes them: one per measure.

Grafana selects by one Lucene query per target, so what a measure counts only in part of the
documents becomes a target of its own. A share is an expression over two hidden ones; a table, which
cannot have expressions, shows the number of the part instead. What the data source makes of a
target was read in its source (`pkg/tsdb/elasticsearch` of Grafana 11): buckets divide in their
order, time comes last; a target without a bucket is an error.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from grafana_foundation_sdk.builders import elasticsearch as builders
from grafana_foundation_sdk.builders import expr as expressions
from grafana_foundation_sdk.models.dashboard import DataSourceRef
from grafana_foundation_sdk.models.elasticsearch import TermsOrder

from mlmon.dashboards.model.chart import Bins, Chart, Measure, Time, Values
from mlmon.dashboards.model.condition import EVERYTHING, AtLeast, Not, both
from mlmon.formatting import number
from mlmon.grafana.conditions import lucene

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from grafana_foundation_sdk.cog.builder import Builder
    from grafana_foundation_sdk.cog.variants import Dataquery
    from grafana_foundation_sdk.models.elasticsearch import BucketAggregation, MetricAggregation

    from mlmon.dashboards.model.chart import Axis
    from mlmon.dashboards.model.condition import Condition
    from mlmon.dashboards.model.dashboard import Control
    from mlmon.dashboards.model.source import DataSource

ALL_TIME: Final = "3650d"
"""An interval that holds a time range in one bucket, or two: Grafana reduces them to a number."""
MOST_DOCUMENTS: Final = "100"
_SIMPLE: Final[Mapping[str, Any]] = {
    "unique": builders.UniqueCount,
    "average": builders.Average,
    "sum": builders.Sum,
    "min": builders.Min,
    "max": builders.Max,
}
_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
METRIC: Final = "1"
"""Id of a target's metric; the buckets have the following ones."""


@dataclass(frozen=True, slots=True)
class Target:
    """A query of a panel, with the name of its result.

    Args:
        query: The query.
        measure: What it measures.
        label: Name of its result; empty for a hidden query.
        limit: Whether it is a limit next to the values.
    """

    query: Builder[Dataquery]
    measure: Measure
    label: str
    limit: bool = False


def datasource(source: DataSource) -> DataSourceRef:
    """Return the reference to the data source of some documents."""
    return DataSourceRef(type_val="elasticsearch", uid=f"mlmon-{source.name}")


def time_field(source: DataSource) -> str:
    """Return the field that Grafana selects by time with: it cannot do without."""
    if source.time is not None:
        return source.time
    return "event.start" if source.field("event.start") else "@timestamp"


def selected(source: DataSource, controls: Sequence[Control]) -> str:
    """Return the part of a query that the dashboard's variables select with, empty without one.

    Of a variable that stands for all values, `*:*` remains, which documents without the field
    fulfil too.
    """
    names = (control.field for control in controls if source.field(control.field))
    return "".join(f" AND {name}:(${{{variable(name)}:lucene}})" for name in names)


def variable(field: str) -> str:
    """Return the name of a dashboard's variable for a field."""
    return field.replace(".", "_")


def chart_targets(chart: Chart, controls: Sequence[Control]) -> list[Target]:
    """Return the targets of a chart: those of its measures, then those of its limits."""
    found: list[Target] = []
    for measure, axes, limit in (
        *((measure, chart.by, False) for measure in chart.measures),
        *((measure, chart.by[:1], True) for measure in chart.limits),
    ):
        for binned in _bins(axes):
            asked = _Question(chart, measure, axes, binned, controls)
            found += _targets(asked, limit=limit, first=len(found))
    return found


@dataclass(frozen=True, slots=True)
class _Bin:
    """One range of a number, as a condition and as a label."""

    where: Condition = EVERYTHING
    label: str = ""


@dataclass(frozen=True, slots=True)
class _Question:
    """One question of a chart.

    Args:
        chart: The chart.
        measure: What is measured.
        axes: How documents are divided.
        binned: The range that is meant.
        controls: The dashboard's choices.
    """

    chart: Chart
    measure: Measure
    axes: Sequence[Axis]
    binned: _Bin
    controls: Sequence[Control]


def _targets(asked: _Question, *, limit: bool, first: int) -> list[Target]:
    """Return the target of a question; of a share two hidden ones and an expression."""
    measure, table = asked.measure, asked.chart.draw == "table"
    if measure.operation != "ratio":
        query = _query(asked, measure.where).ref_id(_ref_id(first))
        return [Target(query, measure, measure.label, limit)]
    part = _query(asked, both(measure.of, measure.where)).ref_id(_ref_id(first))
    if table:
        return [Target(part, measure, f"{measure.label}, number")]
    whole = _query(asked, measure.of).ref_id(_ref_id(first + 1))
    share = (
        expressions.TypeMath()
        .ref_id(_ref_id(first + 2))
        .datasource(DataSourceRef(type_val="__expr__", uid="__expr__"))
        .expression(f"${_ref_id(first)} / ${_ref_id(first + 1)}")
    )
    return [
        Target(part.hide(hide=True), measure, ""),
        Target(whole.hide(hide=True), measure, ""),
        Target(share, measure, _share_label(asked)),
    ]


def _share_label(asked: _Question) -> str:
    """Return what an expression's result is called: it keeps the labels, and loses the alias."""
    fields = [axis.field for axis in asked.axes if isinstance(axis, Values)]
    named = [f'${{__field.labels["{field}"]}}' for field in fields]
    return " ".join([*named, asked.binned.label]).strip() or asked.measure.label


def document_target(
    source: DataSource, where: Condition, controls: Sequence[Control]
) -> builders.Dataquery:
    """Return the target that lists the newest documents."""
    return (
        builders.Dataquery()
        .ref_id("A")
        .datasource(datasource(source))
        .time_field(time_field(source))
        .query(lucene(where) + selected(source, controls))
        .metrics(
            [
                builders.RawData()
                .id(METRIC)
                .settings(builders.ElasticsearchRawDataSettings().size(MOST_DOCUMENTS))
            ]
        )
        .bucket_aggs([])
    )


def _bins(axes: Sequence[Axis]) -> Iterator[_Bin]:
    """Yield the ranges of an axis of ranges, which Grafana cannot ask for at once; else one."""
    ranged = [axis for axis in axes if isinstance(axis, Bins)]
    if not ranged:
        yield _Bin()
        return
    axis = ranged[0]
    for low, high in pairwise(axis.edges):
        where = both(AtLeast(axis.field, low), Not(AtLeast(axis.field, high)))
        yield _Bin(where, f"{number(low)} to {number(high)}")


def _query(asked: _Question, counted: Condition) -> builders.Dataquery:
    chart = asked.chart
    where = both(chart.condition, counted, asked.binned.where)
    query = (
        builders.Dataquery()
        .datasource(datasource(chart.source))
        .time_field(time_field(chart.source))
        .query(lucene(where) + selected(chart.source, asked.controls))
        .metrics([_metric(chart, asked.measure)])
        .bucket_aggs(list(_buckets(asked)))
    )
    return query if chart.draw == "table" else query.alias(_alias(asked))


def _alias(asked: _Question) -> str:
    parts = [f"{{{{term {axis.field}}}}}" for axis in asked.axes if isinstance(axis, Values)]
    if asked.binned.label:
        parts.append(asked.binned.label)
    if len(asked.chart.measures) > 1 or not parts:
        parts.append(asked.measure.label)
    return " ".join(parts)


def _buckets(asked: _Question) -> Iterator[Builder[BucketAggregation]]:
    chart, counted = asked.chart, asked.measure.operation in {"count", "ratio"}
    divided = [axis for axis in asked.axes if isinstance(axis, Values)]
    for place, axis in enumerate(divided):
        order = TermsOrder.DESC if axis.order == "highest" else TermsOrder.ASC
        settings = builders.ElasticsearchTermsSettings().size(str(axis.size)).min_doc_count("1")
        settings = settings.order(order).order_by(_order_by(asked, axis))
        yield builders.Terms().id(str(place + 2)).field(axis.field).settings(settings)
    if chart.draw == "table":
        return
    timed = any(isinstance(axis, Time) for axis in asked.axes)
    settings_of_time = builders.ElasticsearchDateHistogramSettings()
    settings_of_time = settings_of_time.interval("auto" if timed else ALL_TIME)
    settings_of_time = settings_of_time.min_doc_count("0" if timed and counted else "1")
    histogram = builders.DateHistogram().id(str(len(divided) + 2))
    yield histogram.field(time_field(chart.source)).settings(settings_of_time)


def _order_by(asked: _Question, axis: Values) -> str:
    """Return what the values of a field are ranked by: the targets of a table choose the same."""
    if axis.order == "name":
        return "_key"
    measure = asked.measure
    if asked.chart.draw == "table" or measure.operation in {"count", "ratio"}:
        return "_count"
    percents = {"percentile": measure.percent, "median": 50.0}
    percent = percents.get(measure.operation)
    return METRIC if percent is None else f"{METRIC}[{percent}]"


def _metric(chart: Chart, measure: Measure) -> Builder[MetricAggregation]:
    if measure.operation in {"count", "ratio"}:
        return builders.Count().id(METRIC)
    if measure.operation in {"median", "percentile"}:
        percent = 50.0 if measure.operation == "median" else measure.percent
        percents = builders.ElasticsearchPercentilesSettings().percents([f"{percent:g}"])
        return builders.Percentiles().id(METRIC).field(str(measure.field)).settings(percents)
    if measure.operation not in _SIMPLE:
        raise ValueError(f"{chart.title!r} shows a last value: list its documents instead")
    simple = _SIMPLE[measure.operation]()
    return simple.id(METRIC).field(measure.field)  # type: ignore[no-any-return]


def column(measure: Measure) -> str:
    """Return the name that Grafana gives to a measure's column in a table."""
    names = {
        "count": "Count",
        "ratio": "Count",
        "average": "Average",
        "unique": "Unique Count",
        "sum": "Sum",
        "min": "Min",
        "max": "Max",
    }
    if measure.operation in names:
        return names[measure.operation]
    percent = 50.0 if measure.operation == "median" else measure.percent
    return f"p{percent:.1f} {measure.field}"


def _ref_id(place: int) -> str:
    """Return the name of a target: a letter, then a letter and a number."""
    round_, letter = divmod(place, len(_LETTERS))
    return _LETTERS[letter] + (str(round_) if round_ else "")
