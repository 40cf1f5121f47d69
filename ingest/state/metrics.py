"""A shipper's health as Prometheus's metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from mlmon.ingest.state.health import DECIDED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prometheus_client import Metric

    from mlmon.ingest.state.health import Health


class ShipperMetrics(Collector):
    """A collector of a shipper's health.

    Args:
        read: Returns the health of now; None while it has not reached the cluster.
    """

    def __init__(self, read: Callable[[], Health | None]) -> None:
        self._read = read

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        health = self._read()
        yield GaugeMetricFamily(
            "mlmon_ingest_up", "Whether the shipper runs.", health is None or health.running
        )
        yield GaugeMetricFamily(
            "mlmon_ingest_waiting",
            "Whether the shipper waits for the cluster to take lines again.",
            health is None or bool(health.waiting_for),
        )
        if health is None:
            return
        counts = health.counts
        yield CounterMetricFamily("mlmon_ingest_read_lines", "Lines read.", counts.read)
        decided = CounterMetricFamily(
            "mlmon_ingest_lines", "Lines decided, by result.", labels=["result"]
        )
        for result in DECIDED:
            decided.add_metric([result], getattr(counts, result))
        yield decided
        yield CounterMetricFamily(
            "mlmon_ingest_retried_lines", "How often a line was sent again.", counts.retried
        )
        yield CounterMetricFamily(
            "mlmon_ingest_lost_bytes",
            "Bytes that disappeared before they were read.",
            health.lost_bytes,
        )
        lag_bytes = GaugeMetricFamily(
            "mlmon_ingest_lag_bytes", "Bytes not decided yet.", labels=["file"]
        )
        lag_seconds = GaugeMetricFamily(
            "mlmon_ingest_lag_seconds",
            "Age of the last decided line, while others wait.",
            labels=["file"],
        )
        for file in health.files:
            lag_bytes.add_metric([file.path], file.lag_bytes)
            lag_seconds.add_metric([file.path], file.lag_seconds)
        yield lag_bytes
        yield lag_seconds


def text(health: Health) -> str:
    """Return a shipper's health in Prometheus's text format.

    https://prometheus.io/docs/instrumenting/exposition_formats/
    """
    registry = CollectorRegistry()
    registry.register(ShipperMetrics(lambda: health))
    return generate_latest(registry).decode()
