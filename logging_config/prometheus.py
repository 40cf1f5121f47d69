"""Prometheus metrics computed from the log's events, so that counters and events agree.

An optional extra (`mlmon[prometheus]`): `configure(…, observers=(Metrics(),))` counts each accepted
event, `expose(app)` serves `/metrics` of a FastAPI or Starlette application. A scheduler serves
them with `prometheus_client.start_http_server`, a script that ends leaves them in a file with
`prometheus_client.write_to_textfile`. docs/reference/metrics.md lists them.
"""

from collections.abc import Callable, Mapping
from math import isfinite
from numbers import Number
from typing import Any, Final

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram
from prometheus_fastapi_instrumentator import Instrumentator

_SCORES: Final = tuple(step / 20 for step in range(1, 21))
_DURATIONS_S: Final = (0.1, 1, 10, 60, 300, 900, 3600, 4 * 3600)
_NANOSECONDS: Final = 1e9
JOB: Final = "job_name"
"""The label of a job's name: `job` is the label that Prometheus sets to the name of the scrape."""


class Metrics:
    """An observer of the log that keeps counters, histograms and gauges.

    Args:
        registry: where the metrics are registered; Prometheus's default registry when None.
    """

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        registry = registry or REGISTRY
        model = ("model", "version")
        self._events = Counter(
            "ml_log_events", "Events the log accepted.", ["dataset"], registry=registry
        )
        self._dropped = Counter("ml_log_dropped", "Events the log dropped.", registry=registry)
        self._predictions = Counter(
            "ml_predictions", "Predictions, by decision.", [*model, "decision"], registry=registry
        )
        self._scores = Histogram(
            "ml_prediction_score",
            "Scores of predictions.",
            model,
            buckets=_SCORES,
            registry=registry,
        )
        self._bids = Counter("ml_bids", "Bids placed.", registry=registry)
        self._fallbacks = Counter(
            "ml_fallbacks",
            "Uses of defaults instead of a feature source's data.",
            ["source"],
            registry=registry,
        )
        self._runs = Counter(
            "ml_job_runs", "Runs of jobs that ended.", [JOB, "outcome"], registry=registry
        )
        self._last_end = Gauge(
            "ml_job_last_end_timestamp_seconds",
            "When a run of a job ended last with an outcome.",
            [JOB, "outcome"],
            registry=registry,
        )
        self._durations = Histogram(
            "ml_job_duration_seconds",
            "Duration of runs of jobs.",
            [JOB],
            buckets=_DURATIONS_S,
            registry=registry,
        )
        self._records = Counter(
            "ml_job_records", "Records processed by jobs.", [JOB], registry=registry
        )
        self._evaluation = Gauge(
            "ml_model_evaluation",
            "Evaluation metrics of a model version, as published.",
            [*model, "metric"],
            registry=registry,
        )

    def __call__(self, dataset: str, fields: Mapping[str, Any]) -> None:
        """Count one accepted event."""
        self._events.labels(dataset).inc()
        count = self._HANDLERS.get(dataset)
        if count is not None:
            count(self, fields)

    def _count_prediction(self, fields: Mapping[str, Any]) -> None:
        model = (_text(fields, "ml.model.name"), _text(fields, "ml.model.version"))
        self._predictions.labels(*model, _text(fields, "ml.prediction.decision")).inc()
        if (score := _number(fields, "ml.prediction.score")) is not None:
            self._scores.labels(*model).observe(score)

    def _count_bid(self, _: Mapping[str, Any]) -> None:
        self._bids.inc()

    def _count_fallback(self, fields: Mapping[str, Any]) -> None:
        self._fallbacks.labels(_text(fields, "ml.feature_source.name")).inc()

    def _count_job(self, fields: Mapping[str, Any]) -> None:
        if fields.get("event.action") != "ended":
            return
        job, outcome = _text(fields, "ml.job.name"), _text(fields, "event.outcome")
        self._runs.labels(job, outcome).inc()
        self._last_end.labels(job, outcome).set_to_current_time()
        if (duration := _number(fields, "event.duration")) is not None:
            self._durations.labels(job).observe(duration / _NANOSECONDS)
        if (records := _number(fields, "ml.job.records")) is not None:
            self._records.labels(job).inc(max(records, 0))

    def _count_model(self, fields: Mapping[str, Any]) -> None:
        model = (_text(fields, "ml.model.name"), _text(fields, "ml.model.version"))
        for name in fields:
            value = _number(fields, name) if name.startswith("ml.evaluation.") else None
            if value is not None:
                metric = _text({name: name.removeprefix("ml.evaluation.")}, name)
                self._evaluation.labels(*model, metric).set(value)

    def _count_app(self, fields: Mapping[str, Any]) -> None:
        self._dropped.inc(max(_number(fields, "ml.log.dropped") or 0, 0))

    _HANDLERS: Final[Mapping[str, Callable[..., None]]] = {
        "ml.prediction": _count_prediction,
        "ml.bid": _count_bid,
        "ml.fallback": _count_fallback,
        "ml.job": _count_job,
        "ml.model": _count_model,
        "ml.app": _count_app,
    }


def _text(fields: Mapping[str, Any], name: str) -> str:
    """Return a field's value as a label: one that UTF-8 cannot encode would break all metrics."""
    return str(fields.get(name, "")).encode("utf-8", "backslashreplace").decode()


def _number(fields: Mapping[str, Any], name: str) -> float | None:
    """Return a field's value if the log writes it as a number: finite, and not a boolean."""
    value = fields.get(name)
    if not isinstance(value, Number) or isinstance(value, (bool, complex)):
        return None
    try:
        number = float(value)  # type: ignore[arg-type]
    except (OverflowError, ValueError):  # an integer beyond a double; a signalling NaN
        return None
    return number if isfinite(number) else None


def expose(app: Any, registry: CollectorRegistry | None = None) -> None:
    """Serve `/metrics`: the metrics of requests and of the log's events.

    Args:
        app: a FastAPI or Starlette application.
        registry: the metrics to serve; Prometheus's default registry when None.
    """
    instrumentator = Instrumentator(registry=registry or REGISTRY)
    instrumentator.instrument(app).expose(app, include_in_schema=False)
