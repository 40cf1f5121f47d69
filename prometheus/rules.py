"""RecordingRule and alerting rules over the metrics that services, shippers and `mlmon run` expose.

They are declared here once; limits are those of the analyzers. An alert has no confidence interval
behind it, so each asks for enough events that chance does not raise it, and lasts before it fires.

Names of recorded series follow `level:metric:operations`
(https://prometheus.io/docs/practices/rules/).
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final

from mlmon.analyzers.base.limit_rules import changed_limits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mlmon.analyzers.base.analyzer import Analyzer
    from mlmon.analyzers.base.limits import Limits
    from mlmon.analyzers.settings import LimitRule

CYCLES_LATE_S: Final = 900
"""Three cycles of `mlmon run` at its default interval."""
SHIPPER_LATE_S: Final = 300


@dataclass(frozen=True, slots=True)
class RecordingRule:
    """A recording rule.

    Args:
        record: Name of the series.
        expression: PromQL.
    """

    record: str
    expression: str

    def body(self, _runbooks: str) -> dict[str, Any]:
        """Return the rule as Prometheus reads it."""
        return {"record": self.record, "expr": self.expression}


@dataclass(frozen=True, slots=True)
class AlertingRule:
    """An alerting rule.

    Args:
        alert: Its name.
        expression: PromQL: what it fires on.
        severity: Label `severity`.
        summary: What is wrong, one line, with Prometheus's templates.
        description: What it means and what to do.
        lasting: How long the expression holds before the alert fires.
        runbook: Path of a page of the documentation.
    """

    alert: str
    expression: str
    severity: str
    summary: str
    description: str
    lasting: str = "0m"
    runbook: str = "docs/prometheus.md"

    def body(self, runbooks: str) -> dict[str, Any]:
        """Return the rule as Prometheus reads it.

        Args:
            runbooks: URL that the path of the runbook follows; without one a command stands for it.
        """
        where = {"runbook_url": f"{runbooks}{self.runbook}"}
        return {
            "alert": self.alert,
            "expr": self.expression,
            "for": self.lasting,
            "labels": {"severity": self.severity},
            "annotations": {
                "summary": self.summary,
                "description": self.description,
                **(where if runbooks else {"runbook": _command(self.runbook)}),
            },
        }


def _command(runbook: str) -> str:
    """Return the command that prints a runbook, which is a path below `docs/`."""
    page = runbook.partition("#")[0].removeprefix("docs/").removesuffix(".md")
    folder, _, name = page.rpartition("/")
    return f"mlmon analyzers {name}" if folder == "analyzers" else f"mlmon docs {page}"


@dataclass(frozen=True, slots=True)
class Group:
    """Rules that are evaluated together, in order.

    Args:
        name: Its name.
        interval: Time between evaluations.
        rules: The rules.
    """

    name: str
    interval: str
    rules: tuple[RecordingRule | AlertingRule, ...]


def rules_file(
    analyzers: Iterable[Analyzer[Any]], rules: Iterable[LimitRule] = (), runbooks: str = ""
) -> dict[str, Any]:
    """Return the content of a rules file.

    Args:
        analyzers: Those whose limits are used.
        rules: The user's limits; used are those that hold for every model, subject and segment.
        runbooks: URL that the paths of runbooks follow; where it is empty, alerts name commands.
    """
    by_name = {analyzer.name: analyzer for analyzer in analyzers}

    general = [rule for rule in rules if _holds_for_everything(rule)]

    def limits(analyzer: str, metric: str) -> Limits:
        found = by_name[analyzer].limits[metric]
        for rule in general:
            if rule.analyzer == analyzer and fnmatchcase(metric, rule.metric):
                found = changed_limits(found, rule)
        return found

    return {
        "groups": [
            {
                "name": group.name,
                "interval": group.interval,
                "rules": [rule.body(runbooks) for rule in group.rules],
            }
            for group in (_service(limits), _model(limits), _jobs(), _log(), _mlmon())
        ]
    }


def _holds_for_everything(rule: LimitRule) -> bool:
    return rule.enabled and {rule.subject, rule.model, rule.segment} == {"*"}


_BY_HANDLER = "sum by (job, handler)"
_HTTP = "docs/analyzers/service_health.md"


def _service(limits: Callable[[str, str], Limits]) -> Group:
    """Return the rules about requests, as prometheus-fastapi-instrumentator counts them."""
    errors = limits("service_health", "http.5xx.rate")
    p99 = limits("service_health", "latency.p99")
    times = p99.multiples.warning if p99.multiples else 1.0
    rate, ratio = "job_handler:http_requests:rate5m", "job_handler:http_errors:ratio_rate5m"
    slow = "job:http_request_duration_seconds:p99_5m"
    failed = f'{_BY_HANDLER} (increase(http_requests_total{{status="5xx"}}[5m]))'
    return Group(
        "mlmon-service",
        "30s",
        (
            RecordingRule(rate, f"{_BY_HANDLER} (rate(http_requests_total[5m]))"),
            RecordingRule(
                ratio,
                f'({_BY_HANDLER} (rate(http_requests_total{{status="5xx"}}[5m])) or 0 * {rate})'
                f" / ({rate} > 0)",
            ),
            RecordingRule(
                slow,
                "histogram_quantile(0.99, sum by (job, le) "
                "(rate(http_request_duration_highr_seconds_bucket[5m])))",
            ),
            AlertingRule(
                "ServiceFailing",
                f"{ratio} == 1 and {failed} >= 5",
                "critical",
                "Every request to {{ $labels.handler }} of {{ $labels.job }} fails",
                "All requests of five minutes ended in a 5xx.",
                "1m",
                f"{_HTTP}#http.5xx.rate",
            ),
            *(
                AlertingRule(
                    f"ServiceErrors{severity.title()}",
                    f"{ratio} > {limit:g} and {failed} >= 5",
                    severity,
                    "{{ $value | humanizePercentage }} of the requests to {{ $labels.handler }} of "
                    "{{ $labels.job }} fail",
                    f"More than {limit:.0%} end in a 5xx.",
                    "5m",
                    f"{_HTTP}#http.5xx.rate",
                )
                for severity, limit in (("warning", errors.warning), ("critical", errors.critical))
            ),
            AlertingRule(
                "ServiceSlow",
                f"{slow} > {p99.warning / 1_000:g} and {slow} > {times:g} * {slow} offset 1w",
                "warning",
                "1 % of the requests to {{ $labels.job }} take longer than "
                "{{ $value | humanizeDuration }}",
                f"The 99th percentile is above {p99.warning:g} ms and {times:g} times that of a "
                "week ago.",
                "10m",
                f"{_HTTP}#latency.p99",
            ),
            AlertingRule(
                "ServiceSilent",
                "sum by (job) (rate(http_requests_total[10m])) == 0 and "
                "sum by (job) (increase(http_requests_total[10m] offset 1w)) > 20",
                "critical",
                "{{ $labels.job }} gets no requests",
                "There were more than 20 in ten minutes a week ago.",
                "1m",
                f"{_HTTP}#traffic.rpm",
            ),
        ),
    )


_MODEL = "(job, model, version)"
_SCORES = "ml_prediction_score"


def _model(limits: Callable[[str, str], Limits]) -> Group:
    """Return the rules about predictions."""
    distance = "job_model_version:ml_prediction_score:ks_distance_1h_1w"
    number = f"sum by {_MODEL} (increase({_SCORES}_count[1h]))"

    def distribution(period: str) -> str:
        """Return the share of scores up to each bucket's upper end."""
        per_bucket = f"sum by (job, model, version, le) (rate({_SCORES}_bucket[{period}]))"
        total = f"sum by {_MODEL} (rate({_SCORES}_count[{period}]))"
        return f"{per_bucket} / on {_MODEL} group_left () ({total} > 0)"

    shift = limits("score_shift", "ks.distance")
    fallbacks = limits("fallback_rate", "fallback.rate")
    ratio = "job_source:ml_fallbacks:ratio_rate1h"
    return Group(
        "mlmon-model",
        "1m",
        (
            RecordingRule(
                distance,
                f"max by {_MODEL} (abs({distribution('1h')} - ({distribution('1w')})))",
            ),
            RecordingRule(
                ratio,
                "sum by (job, source) (rate(ml_fallbacks_total[1h])) / on (job) group_left () "
                "(sum by (job) (rate(ml_predictions_total[1h])) > 0)",
            ),
            AlertingRule(
                "ScoresShifted",
                # Massart's bound: chance moves a sample's distribution so far once in a thousand.
                f"{distance} - 1.95 / sqrt({number}) > {shift.warning:g}",
                "warning",
                "The scores of {{ $labels.model }} {{ $labels.version }} have moved",
                "The distance of the last hour's scores from those of the past week (Kolmogorov-"
                f"Smirnov, over 20 buckets) is above {shift.warning:g}, chance left out.",
                "15m",
                "docs/analyzers/score_shift.md#ks.distance",
            ),
            *(
                AlertingRule(
                    f"Fallbacks{severity.title()}",
                    f"{ratio} > {limit:g} and "
                    "sum by (job, source) (increase(ml_fallbacks_total[1h])) >= 5",
                    severity,
                    "{{ $value | humanizePercentage }} of the predictions of {{ $labels.job }} use "
                    "defaults for {{ $labels.source }}",
                    f"More than {limit:.0%} in the last hour.",
                    "5m",
                    "docs/analyzers/fallback_rate.md#fallback.rate",
                )
                for severity, limit in (
                    ("warning", fallbacks.warning),
                    ("critical", fallbacks.critical),
                )
            ),
        ),
    )


def _jobs() -> Group:
    """Return the rules about jobs, by times: the counters of a script start at zero each run."""

    def last(outcome: str) -> str:
        return f'max by (job_name) (ml_job_last_end_timestamp_seconds{{outcome="{outcome}"}})'

    usual = "604800 / sum by (job_name) (increase(ml_job_runs_total[1w]))"
    return Group(
        "mlmon-jobs",
        "30s",
        (
            AlertingRule(
                "JobFailed",
                f"{last('failure')} > ({last('success')} or 0 * {last('failure')})",
                "critical",
                "The last run of {{ $labels.job_name }} failed",
                "It holds until a run succeeds.",
                runbook="docs/analyzers/job_health.md#failed.runs",
            ),
            AlertingRule(
                "JobOverdue",
                f"time() - {last('success')} > 3 * {usual} and "
                "sum by (job_name) (increase(ml_job_runs_total[1w])) >= 3",
                "critical",
                "{{ $labels.job_name }} has not succeeded for three times its usual interval",
                "For jobs of a process that goes on; the file of a script has no usual interval.",
                "5m",
                "docs/analyzers/job_health.md#missed.runs",
            ),
        ),
    )


def _log() -> Group:
    """Return the rules about the log of a service."""
    return Group(
        "mlmon-log",
        "1m",
        (
            AlertingRule(
                "LogDropsEvents",
                "sum by (job) (increase(ml_log_dropped_total[10m])) > 0",
                "warning",
                "The log of {{ $labels.job }} drops events",
                "Its file or its reader does not take them. Rates from logs are wrong meanwhile.",
                runbook="docs/logging.md",
            ),
        ),
    )


def _mlmon() -> Group:
    """Return the rules about mlmon itself: what no incident can say while mlmon is away."""
    last = 'max by (job) (mlmon_cycle_last_end_timestamp_seconds{outcome="success"})'
    return Group(
        "mlmon",
        "30s",
        (
            AlertingRule(
                "MlmonDoesNotJudge",
                f"time() - {last} > {CYCLES_LATE_S} or "
                "(max by (job) (mlmon_cycles_total) > 2 unless "
                'max by (job) (mlmon_cycle_last_end_timestamp_seconds{outcome="success"}))',
                "critical",
                "mlmon has judged nothing for a while",
                "No cycle has succeeded for three intervals: see the output of `mlmon run`.",
                "1m",
            ),
            AlertingRule(
                "MlmonMessagesWait",
                "mlmon_waiting_messages > 0",
                "warning",
                "{{ $value }} messages of mlmon are not delivered",
                "A channel refuses or does not answer: `mlmon alerting test` says which.",
                "15m",
                "docs/alerting.md",
            ),
            AlertingRule(
                "ShipperWaits",
                "mlmon_ingest_waiting == 1",
                "critical",
                "The shipper on {{ $labels.instance }} waits for the cluster",
                "Lines stay in their files: `mlmon ship status` says what it waits for.",
                f"{SHIPPER_LATE_S}s",
                "docs/ingest.md",
            ),
            AlertingRule(
                "ShipperBehind",
                f"max by (job, instance) (mlmon_ingest_lag_seconds) > {SHIPPER_LATE_S}",
                "warning",
                "The shipper on {{ $labels.instance }} is {{ $value | humanizeDuration }} behind",
                "Verdicts are late by as much.",
                "5m",
                "docs/ingest.md",
            ),
            AlertingRule(
                "ShipperRejectsLines",
                'sum by (job, instance) (increase(mlmon_ingest_lines_total{result="rejected"}[10m]'
                ")) > 0",
                "warning",
                "The shipper on {{ $labels.instance }} rejects lines",
                "They are kept, with the reason, in its dead letters.",
                runbook="docs/ingest.md",
            ),
            AlertingRule(
                "ShipperLostBytes",
                "sum by (job, instance) (increase(mlmon_ingest_lost_bytes_total[10m])) > 0",
                "critical",
                "Lines on {{ $labels.instance }} disappeared before they were read",
                "A file was deleted or truncated too early: check the rotation of logs.",
                runbook="docs/ingest.md",
            ),
        ),
    )
