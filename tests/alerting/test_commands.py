"""`mlmon alerts`: what a person reads who was woken by one."""

import json
from collections.abc import Callable

import pytest
from typer.testing import CliRunner, Result

import mlmon.commands as program
from mlmon.analyzers.base.finding import Finding
from mlmon.analyzers.base.window import DAY, HOUR, iso
from mlmon.analyzers.run import following
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
    """The cause first, what it perhaps explains below it, since when, and since when no verdict."""
    FindingStore(cluster, namespace).write(night(), START)
    evaluated = json.loads(mlmon("alerts", "evaluate", "--since", BEGIN, "--json").stdout)
    assert evaluated == {"open": 2, "new": 3, "changed": 0, "unchanged": 0, "withdrawn": 0}
    again = mlmon("alerts", "evaluate", "--since", BEGIN).stdout
    assert again == "alerts: 2 open, 2 of them critical; 0 new, 0 changed, 0 withdrawn\n"
    effect = f"  perhaps therefore critical since {at(4)}: fallback_rate fallback.rate of stats"
    assert mlmon("alerts").stdout.splitlines() == [
        "critical since 2026-03-02 02:00 UTC: job_health missed.runs of refresh",
        "  refresh is c in window 3.",
        "  what to do: docs/analyzers/drift.md",
        effect,
        "    stats is c in window 6.",
    ]
    everything = mlmon("alerts", "--all").stdout
    assert (
        "warning since 2026-03-02 00:00 UTC to 2026-03-02 06:00 UTC: data_quality missing.rate "
        "of rating, autobid 3\n"
    ) in everything


def test_since_and_json(mlmon: Callable[..., Result], cluster: Cluster, namespace: str) -> None:
    """What ended before `--since` is left out; a program gets the documents, a line each."""
    FindingStore(cluster, namespace).write(night(), START)
    mlmon("alerts", "evaluate", "--since", BEGIN)
    for since, count in ((START + 5 * HOUR, 3), (START + 6 * HOUR, 2)):
        lines = mlmon("alerts", "--since", iso(since), "--json").stdout.splitlines()
        assert len([json.loads(line) for line in lines]) == count
    by_subject = {
        each["finding.subject"]: each
        for each in map(json.loads, mlmon("alerts", "--json").stdout.splitlines())
    }
    assert by_subject["stats"]["alert.explained_by"] == by_subject["refresh"]["alert.id"]
    assert {each["alert.status"] for each in by_subject.values()} == {"open"}


def test_a_cause_that_is_over_is_still_named(
    mlmon: Callable[..., Result], cluster: Cluster, namespace: str
) -> None:
    """What is left of a night names what perhaps began it, and since when there is no verdict."""
    findings = [
        *spell("occooooo", "refresh", analyzer="job_health", metric="missed.runs"),
        *spell("occccouu", "stats", analyzer="fallback_rate", metric="fallback.rate"),
    ]
    FindingStore(cluster, namespace).write(findings, START)
    mlmon("alerts", "evaluate", "--since", BEGIN)
    cause = f"critical since {at(1)} to {at(4)}: job_health missed.runs of refresh"
    assert mlmon("alerts").stdout.splitlines() == [
        "critical since 2026-03-02 01:00 UTC: fallback_rate fallback.rate of stats",
        "  stats is c in window 3.",
        f"  perhaps because of {cause}",
        "  last in alarm 2026-03-02 05:00 UTC, 1 ok since",
        "  what to do: docs/analyzers/drift.md",
    ]


def test_nothing_is_open(mlmon: Callable[..., Result]) -> None:
    """Without any alert, the command says so and what else to ask."""
    assert mlmon("alerts").stdout.startswith("no open alerts; list closed ones")
    assert mlmon("alerts", "--all", "--json").stdout == ""


def test_alerts_follow_an_analysis(cluster: Cluster, namespace: str) -> None:
    """The program has joined alerting to analysis, once: findings that changed are acted on."""
    FindingStore(cluster, namespace).write(night(), START)
    (followed,) = following.announce(cluster, namespace, START - DAY, START)
    assert followed.line == "alerts: 2 open, 2 of them critical; 3 new, 0 changed, 0 withdrawn"
    assert not followed.failed
