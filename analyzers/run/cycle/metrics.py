"""What `mlmon run` exposes of its cycles at `/metrics`, in Prometheus's terms.

Everything is of the last cycle: a scrape asks Elasticsearch nothing, so it answers while the
cluster is away, and the time of the last cycle says how old the other numbers are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from prometheus_client import Metric

    from mlmon.analyzers.run.cycle.cycle import Cycle


class CycleMetrics(Collector):
    """A collector of what cycles did since the process began."""

    def __init__(self) -> None:
        self._cycles = {"success": 0, "failure": 0}
        self._last_end: dict[str, float] = {}
        self._findings = 0
        self._profiles = 0
        self._duration_s = 0.0
        self._last: Cycle | None = None

    def ended(self, cycle: Cycle | None, start: datetime, end: datetime) -> None:
        """Note a cycle.

        Args:
            cycle: What it did; None where an error ended it.
            start: When it began.
            end: When it ended.
        """
        outcome = "failure" if cycle is None or cycle.failed else "success"
        self._cycles[outcome] += 1
        self._last_end[outcome] = end.timestamp()
        self._duration_s = (end - start).total_seconds()
        if cycle is not None:
            self._findings += cycle.findings
            self._profiles += cycle.profiles
            self._last = cycle

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics; those of a cycle only after one."""
        cycles = CounterMetricFamily(
            "mlmon_cycles", "Cycles that ended, by outcome.", labels=["outcome"]
        )
        ends = GaugeMetricFamily(
            "mlmon_cycle_last_end_timestamp_seconds",
            "When a cycle ended last with an outcome.",
            labels=["outcome"],
        )
        for outcome, number in self._cycles.items():
            cycles.add_metric([outcome], number)
        for outcome, end in self._last_end.items():
            ends.add_metric([outcome], end)
        yield cycles
        yield ends
        yield CounterMetricFamily(
            "mlmon_findings", "Findings written: new ones and revisions.", value=self._findings
        )
        yield CounterMetricFamily("mlmon_profiles", "Profiles made.", value=self._profiles)
        if self._last_end:
            yield GaugeMetricFamily(
                "mlmon_cycle_duration_seconds", "How long the last cycle took.", self._duration_s
            )
        if self._last is not None:
            yield from _of_cycle(self._last)


def _of_cycle(cycle: Cycle) -> Iterator[Metric]:
    checks = GaugeMetricFamily(
        "mlmon_checks",
        "Checks by the severity of their last verdict; unknown ones could not be judged.",
        labels=["severity"],
    )
    for severity, number in cycle.checks.items():
        checks.add_metric([severity.value], number)
    yield checks
    yield GaugeMetricFamily(
        "mlmon_failed_analyzers", "Analyzers that failed in the last cycle.", len(cycle.failures)
    )
    for result in cycle.results:
        for measurement in result.measured:
            yield GaugeMetricFamily(measurement.name, measurement.meaning, measurement.value)
