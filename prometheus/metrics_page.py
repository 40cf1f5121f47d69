"""The reference page of all metrics, from the collectors that expose them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry

from mlmon.alerting.incidents.evaluation import IncidentEvaluation
from mlmon.alerting.notify.outbox import Delivered
from mlmon.alerting.publish import measured
from mlmon.analyzers.base.finding import Severity
from mlmon.analyzers.base.window import Window
from mlmon.analyzers.run.cycle.cycle import Cycle
from mlmon.analyzers.run.cycle.metrics import CycleMetrics
from mlmon.analyzers.run.subscriber import SubscriberResult
from mlmon.ingest.state.counts import LineCounts, RunCounts
from mlmon.ingest.state.health import FileHealth, Health
from mlmon.ingest.state.metrics import ShipperMetrics
from mlmon.logging_config import Model, Service, open_log
from mlmon.logging_config.prometheus import Metrics

if TYPE_CHECKING:
    from collections.abc import Iterator

_THEN = datetime(2026, 1, 1, tzinfo=UTC)
_LABELS_OF_BUCKETS = {"le", "quantile"}


def metrics_page() -> str:
    """Return the page in Markdown."""
    lines = [
        "# Metrics",
        "",
        "Written by `make generate`. How to serve and scrape them: [Prometheus](../prometheus.md).",
        "",
        "## Of a service, a scheduler or a script",
        "",
        "From the observer `mlmon.logging_config.prometheus.Metrics`. `expose(app)` adds those of",
        "[prometheus-fastapi-instrumentator](https://pypi.org/project/prometheus-fastapi-instrumentator/):",
        "`http_requests_total` and `http_request_duration_seconds` by handler, method and status.",
        "",
        *_table(_service()),
        "",
        "## Of `mlmon ship`",
        "",
        *_table(_shipper()),
        "",
        "## Of `mlmon run`",
        "",
        *_table(_cycles()),
    ]
    return "\n".join(lines) + "\n"


def _table(registry: CollectorRegistry) -> Iterator[str]:
    yield "| metric | type | labels | meaning |"
    yield "|---|---|---|---|"
    for metric in registry.collect():
        labels = dict.fromkeys(
            label
            for sample in metric.samples
            for label in sample.labels
            if label not in _LABELS_OF_BUCKETS
        )
        name = metric.name + ("_total" if metric.type == "counter" else "")
        named = ", ".join(f"`{label}`" for label in labels)
        yield f"| `{name}` | {metric.type} | {named} | {metric.documentation} |"


def _service() -> CollectorRegistry:
    """Return the metrics of a log that wrote an event of each kind."""
    registry, model = CollectorRegistry(), Model("autobid", "1")
    with TemporaryDirectory() as folder:
        log = open_log(
            Service("api", "1.0.0", "production"),
            path=Path(folder) / "api.jsonl",
            observers=(Metrics(registry),),
        )
        log.prediction(prediction_id="1", model=model, score=0.5, approved=True)
        log.fallback(source="statistics")
        log.job_ended(name="train", run_id="1", succeeded=True, duration_ns=1, records=1)
        log.model_event(action="evaluate", succeeded=True, model=model, evaluation={"auc": 0.8})
        log.close()
    return registry


def _shipper() -> CollectorRegistry:
    file = FileHealth("api.jsonl", LineCounts())
    health = Health(_THEN, "1", 1, running=True, waiting_for="", counts=RunCounts(), files=[file])
    registry = CollectorRegistry()
    registry.register(ShipperMetrics(lambda: health))
    return registry


def _cycles() -> CollectorRegistry:
    cycle = Cycle(Window(_THEN, _THEN), checks=dict.fromkeys(Severity, 0))
    result = SubscriberResult("", measured=measured(IncidentEvaluation((), 0, 0), Delivered()))
    cycle.results.append(result)
    metrics, registry = CycleMetrics(), CollectorRegistry()
    metrics.ended(cycle, _THEN, _THEN)
    registry.register(metrics)
    return registry
