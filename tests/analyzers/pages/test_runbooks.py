"""Runbooks: each metric has one, and its commands find the lines of its fault on a real node."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from mlmon.analyzers.base.finding import Finding, Severity
from mlmon.analyzers.base.window import HOUR, MINUTE, floor, iso
from mlmon.analyzers.checks import discover
from mlmon.analyzers.pages.page import page
from mlmon.analyzers.pages.runbooks import anchor, commands, runbook
from mlmon.analyzers.run.findings_store import FindingStore
from mlmon.commands import app

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlmon.elastic.client.cluster import Cluster

pytestmark = pytest.mark.long

NOW = floor(datetime.now(UTC), HOUR)
METRICS = [
    (analyzer, metric)
    for analyzer in discover()
    for metric in analyzer.metrics
    if metric.limits.judged
]
SUBJECTS = {
    "clock_skew": "api",
    "completeness": "api",
    "data_quality": "price",
    "feature_drift": "price",
    "feature_statistics": "price",
    "job_health": "refresh",
    "service_health": "/predict",
    "outage": "/predict",
}


def line(dataset: str, **fields: Any) -> dict[str, Any]:
    """Return a line of two days ago: older than the default period of `mlmon logs`."""
    at = NOW - timedelta(days=2)
    return {
        "@timestamp": iso(at),
        "event.dataset": f"ml.{dataset}",
        "event.ingested": iso(at + MINUTE),
        "service.name": "api",
        "log.level": "info",
        "message": f"a line of {dataset}",
        **{name.replace("__", "."): value for name, value in fields.items()},
    }


LINES = [
    line(
        "prediction",
        ml__features__missing=["price"],
        **{"ml.features.numeric.price": 9e9, "ml.features.categorical.price": "new"},
    ),
    line("access", url__path="/predict", http__response__status_code=503, log__level="error"),
    line("outcome"),
    line("fallback"),
    line("store"),
    line("job", ml__job__name="refresh", event__outcome="failure"),
    line("model", event__action="reload", event__outcome="failure"),
    line("model", event__action="evaluate"),
]


def test_every_metric_has_a_runbook_and_no_other() -> None:
    """Each analyzer is listed with names of its own metrics only, and covers all of them."""
    for analyzer in discover():
        assert analyzer.runbooks.keys() <= {metric.name for metric in analyzer.metrics} | {""}
    for analyzer, metric in METRICS:
        found = runbook(analyzer.name, metric.name)
        assert found is not None, (analyzer.name, metric.name)
        assert found.causes.endswith(".")
        assert found.cure.endswith(".")


def test_what_there_is_no_longer_has_commands_all_the_same() -> None:
    """A stored incident may be of an analyzer that was removed: its lines are those of all logs."""
    assert runbook("gone", "x.rate") is None
    assert commands("gone", "x.rate", "price", "2d") == (
        "mlmon findings --analyzer gone --metric x.rate --since 2d",
        "mlmon logs --since 2d",
    )


@pytest.mark.parametrize("analyzer", discover(), ids=lambda analyzer: analyzer.name)
def test_the_page_has_an_anchor_and_commands_for_each(analyzer: Any) -> None:
    """An anchor, a heading and both commands stand on the page for every judged metric."""
    text = page(analyzer)
    for metric in analyzer.metrics:
        if metric.limits.judged:
            assert f'<a id="{anchor(metric.name)}"></a>\n\n### {metric.title}\n' in text
            for command in commands(analyzer.name, metric.name, "SUBJECT"):
                assert f"`{command}`" in text


def test_every_command_finds_the_fault(
    cluster: Cluster,
    namespace: str,
    ship: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Pasted as they stand, the commands of every metric list its finding and a line behind it."""
    monkeypatch.setenv("MLMON_NAMESPACE", namespace)
    monkeypatch.setenv("MLMON_ELASTICSEARCH_URL", cluster.url)
    ship(LINES)
    FindingStore(cluster, namespace).write(
        (
            Finding.of(
                analyzer=analyzer.name,
                metric=metric.name,
                subject=SUBJECTS.get(analyzer.name),
                start=NOW - 3 * HOUR,
                end=NOW - 2 * HOUR,
                severity=Severity.CRITICAL,
                reason=f"{analyzer.name} {metric.name} is wrong.",
            )
            for analyzer, metric in METRICS
        ),
        NOW,
    )
    for analyzer, metric in METRICS:
        findings, lines = commands(analyzer.name, metric.name, SUBJECTS.get(analyzer.name))
        listed = run(findings)
        assert f"{analyzer.name} {metric.name} is wrong." in " ".join(listed.split())
        assert listed.count("is wrong") == 1, findings
        assert "a line of" in run(lines), lines


def run(command: str) -> str:
    """Run an `mlmon` command as a shell would, and return what it prints."""
    program, *words = shlex.split(command)
    assert program == "mlmon"
    result = CliRunner().invoke(app, words, env={"COLUMNS": "300"})
    assert result.exit_code == 0, f"{command}: {result.output}"
    return result.output


def test_names_are_quoted_and_left_out() -> None:
    """A subject with spaces is one word of the shell; without a subject its option goes."""
    _, lines = commands("job_health", "failed.runs", "nightly refresh")
    assert shlex.split(lines)[-3] == "ml.job.name=nightly refresh"
    _, lines = commands("outage", "failing.seconds", None)
    assert "url.path" not in lines
    assert "--level error" in lines
    _, lines = commands("service_health", "http.5xx.rate", "(other paths)")
    assert "url.path" not in lines
