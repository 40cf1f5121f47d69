"""The panels over Prometheus: what services, jobs and mlmon expose, and what rules record of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.builders import prometheus
from grafana_foundation_sdk.builders import timeseries as time_series
from grafana_foundation_sdk.models.dashboard import DataSourceRef, GridPos

if TYPE_CHECKING:
    from collections.abc import Mapping

PROMETHEUS: Final = DataSourceRef(type_val="prometheus", uid="mlmon-prometheus")
METRICS: Final = (
    "metrics",
    "metrics",
    "What do the metrics of services, jobs and mlmon say?",
    "now-24h",
)
"""Name, title, question and time range of the dashboard."""
_COLUMNS: Final = 24
_HEIGHT: Final = 8


@dataclass(frozen=True, slots=True)
class MetricPanel:
    """A chart over time of one query.

    Args:
        title: Heading.
        expression: PromQL.
        legend: Name of a line, with labels in double braces.
        unit: Grafana's name of the unit.
    """

    title: str
    expression: str
    legend: str
    unit: str = "none"


_BY_VERSION: Final = "{{model}} {{version}}"
SECTIONS: Final[Mapping[str, tuple[MetricPanel, ...]]] = {
    "Service": (
        MetricPanel(
            "Requests",
            "sum by (job, handler) (rate(http_requests_total[$__rate_interval]))",
            "{{job}} {{handler}}",
            "reqps",
        ),
        MetricPanel(
            "Share of 5xx",
            "job_handler:http_errors:ratio_rate5m",
            "{{job}} {{handler}}",
            "percentunit",
        ),
        MetricPanel(
            "99th percentile latency", "job:http_request_duration_seconds:p99_5m", "{{job}}", "s"
        ),
        MetricPanel(
            "Uses of defaults",
            "job_source:ml_fallbacks:ratio_rate1h",
            "{{job}} {{source}}",
            "percentunit",
        ),
    ),
    "Model": (
        MetricPanel(
            "Predictions",
            "sum by (model, version) (rate(ml_predictions_total[$__rate_interval]))",
            _BY_VERSION,
            "ops",
        ),
        MetricPanel(
            "Mean score",
            "sum by (model, version) (rate(ml_prediction_score_sum[1h]))"
            " / sum by (model, version) (rate(ml_prediction_score_count[1h]))",
            _BY_VERSION,
        ),
        MetricPanel(
            "Distance of the last hour's scores from the past week's",
            "job_model_version:ml_prediction_score:ks_distance_1h_1w",
            _BY_VERSION,
        ),
        MetricPanel("Evaluation metrics", "ml_model_evaluation", f"{_BY_VERSION} {{{{metric}}}}"),
    ),
    "Jobs": (
        MetricPanel(
            "Time since the last success",
            'time() - max by (job_name) (ml_job_last_end_timestamp_seconds{outcome="success"})',
            "{{job_name}}",
            "s",
        ),
        MetricPanel(
            "Failed runs",
            'sum by (job_name) (increase(ml_job_runs_total{outcome="failure"}[1h]))',
            "{{job_name}}",
        ),
    ),
    "mlmon": (
        MetricPanel("Checks by severity", "mlmon_checks", "{{severity}}"),
        MetricPanel("Open incidents", "mlmon_open_incidents", "open"),
        MetricPanel(
            "Time since the last cycle",
            "time() - max by (outcome) (mlmon_cycle_last_end_timestamp_seconds)",
            "{{outcome}}",
            "s",
        ),
        MetricPanel(
            "Lag of the shipper",
            "max by (instance) (mlmon_ingest_lag_seconds)",
            "{{instance}}",
            "s",
        ),
    ),
}


def add_metrics(board: builders.Dashboard) -> builders.Dashboard:
    """Add all panels to a dashboard, two to a row."""
    top, width = 0, _COLUMNS // 2
    for heading, panels in SECTIONS.items():
        position = GridPos(x=0, y=top, w=_COLUMNS, h=1)
        board = board.with_row(builders.Row(heading).grid_pos(position))
        top += 1
        for place, panel in enumerate(panels):
            row, left = divmod(place, 2)
            position = GridPos(x=left * width, y=top + row * _HEIGHT, w=width, h=_HEIGHT)
            query = prometheus.Dataquery().ref_id("A").expr(panel.expression)
            drawn = time_series.Panel().title(panel.title).datasource(PROMETHEUS).unit(panel.unit)
            drawn = drawn.with_target(query.legend_format(panel.legend)).grid_pos(position)
            board = board.with_panel(drawn)
        top += (len(panels) + 1) // 2 * _HEIGHT
    return board
