"""`mlmon alerts`: what a person reads who was woken by one."""

import json
from collections.abc import Callable

import pytest
from typer.testing import CliRunner, Result

import mlmon.commands as program
from mlmon.alerting.publish import Alerting
from mlmon.analyzers.base.finding import Finding
from mlmon.analyzers.base.window import DAY, HOUR, iso
from mlmon.analyzers.run.findings_store import FindingStore
from mlmon.elastic.client.cluster import Cluster
from mlmon.elastic.errors import UserError
from tests.support.histories import START, spell

BEGIN = iso(START - DAY)


@pytest.fixture
def mlmon(
    cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Result]:
    """Run a command of the whole program on the test's cluster and namespace."""
    monkeypatch.setenv("MLMON_ELASTICSEARCH_URL", cluster.url)
    monkeypatch.setenv("MLMON_NAMESPACE", namespace)

    def run(*arguments: str) -> Result:
        result = CliRunner().invoke(program.app, list(arguments))
        if isinstance(result.exception, UserError):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result

    return run


def at(hour: int) -> str:
    """Write an hour of the night."""
    return f"2026-03-02 {hour:02}:00 UTC"


def night() -> list[Finding]:
    """Return findings of a night on which a job died, and what it moved, and one that is over."""
    job = {"analyzer": "job_health", "metric": "missed.runs", "service": "scheduler"}
    fallback = {"analyzer": "fallback_rate", "metric": "fallback.rate"}
    quality = {"analyzer": "data_quality", "metric": "missing.rate", "model_name": "autobid"}
    return [
        *spell("oocccccc", "refresh", **job),
        *spell("ooooccuu", "stats", **fallback),
        *spell("wwwooooo", "rating", model_version="3", **quality),
    ]


def test_a_night(mlmon: Callable[..., Result], cluster: Cluster, namespace: str) -> None:
    """A dead job and the fallbacks it causes are one incident, told with its likely cause."""
    FindingStore(cluster, namespace).write(night(), START)
    evaluated = json.loads(mlmon("alerts", "evaluate", "--since", BEGIN, "--json").stdout)
    assert (evaluated["open"], evaluated["critical"], evaluated["opened"]) == (1, 1, 2)
    again = mlmon("alerts", "evaluate", "--since", BEGIN).stdout
    assert again == "1 incident open, 1 critical\n"
    head, *lines, coverage = mlmon("incidents").stdout.splitlines()
    assert coverage.startswith("1 of 3 checks cannot be judged: 1 other reasons (")
    assert head.endswith(" critical Missed runs of refresh")
    assert lines == [
        f"  since {at(2)}; 1 other alert",
        "  refresh is c in window 3.",
        f"  latest, {at(8)}: refresh is c in window 8.",
    ]
    everything = mlmon("incidents", "--since", BEGIN).stdout
    assert "resolved Missing values of rating, autobid 3" in everything
    assert f"since {at(0)} to {at(6)}" in everything


def test_alerts_by_line(mlmon: Callable[..., Result], cluster: Cluster, namespace: str) -> None:
    """What ended before `--since` is left out; a program gets the documents, a line each."""
    FindingStore(cluster, namespace).write(night(), START)
    mlmon("alerts", "evaluate", "--since", BEGIN)
    for since, count in ((START + 5 * HOUR, 3), (START + 6 * HOUR, 2)):
        lines = mlmon("alerts", "--since", iso(since), "--json").stdout.splitlines()
        assert len([json.loads(line) for line in lines]) == count
    assert mlmon("alerts").stdout.splitlines() == [
        f"critical Fallback rate of stats, from {at(4)}, open",
        "  stats is c in window 6.",
        f"critical Missed runs of refresh, from {at(2)}, open",
        "  refresh is c in window 3.",
    ]


def test_nothing_is_open(mlmon: Callable[..., Result], cluster: Cluster, namespace: str) -> None:
    """Where all that was judged is well, the commands say so and what else to ask."""
    FindingStore(cluster, namespace).write(spell("oo"), START)
    assert mlmon("alerts").stdout.startswith("No open alerts; `mlmon alerts --since 7d`")
    assert mlmon("incidents").stdout.startswith("No open incidents; `mlmon incidents --since 7d`")
    assert mlmon("alerts", "--all", "--json").stdout == ""


def test_alerts_follow_an_analysis(cluster: Cluster, namespace: str) -> None:
    """Findings that changed are acted on: alerts, incidents and messages."""
    FindingStore(cluster, namespace).write(night(), START)
    result = Alerting().findings_changed(cluster, namespace, START - DAY, START)
    assert result.line.startswith("1 incident open, 1 critical; opened: ")
    assert not result.failed
