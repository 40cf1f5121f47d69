"""`mlmon report` against the real Elasticsearch."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from mlmon.alerting.publish import update
from mlmon.alerting.settings import AlertingSettings
from mlmon.analyzers.base.finding import Finding, Severity
from mlmon.analyzers.base.window import HOUR
from mlmon.analyzers.run.findings_store import FindingStore
from mlmon.elastic.client.cluster import Cluster
from mlmon.elastic.errors import UserError, WrongValueError
from mlmon.report.commands import app

NOW = datetime(2026, 11, 20, tzinfo=UTC)


@pytest.fixture
def stored(
    cluster: Cluster, namespace: str, short: list[Finding], monkeypatch: pytest.MonkeyPatch
) -> list[Finding]:
    """A day's findings of two analyzers, in the cluster that the command finds by its settings."""
    monkeypatch.setenv("MLMON_ELASTICSEARCH_URL", cluster.url)
    monkeypatch.setenv("MLMON_NAMESPACE", namespace)
    some = [one for one in short if one.analyzer in {"score_shift", "fallback_rate"}]
    FindingStore(cluster, namespace).write(some, NOW)
    return some


def run(*arguments: str) -> Result:
    """Run `mlmon report`; errors a user can fix are raised."""
    result = CliRunner().invoke(app, ["report", *arguments])
    if isinstance(result.exception, UserError):
        raise result.exception
    return result


def test_the_stored_findings_become_a_file(stored: list[Finding], tmp_path: Path) -> None:
    """The file holds as many findings as are stored, by severity too, and says so as JSON."""
    out = tmp_path / "report.html"
    result = run("--out", str(out), "--json")
    assert result.exit_code == 0, result.output
    output = json.loads(result.stdout)
    assert output == {"path": str(out), "findings": len(stored), "bytes": out.stat().st_size}
    unknown = sum(one.severity == "unknown" for one in stored)
    assert f"{unknown:,} unknown" in out.read_text(encoding="utf-8")
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_a_period_narrows_the_findings(stored: list[Finding], tmp_path: Path) -> None:
    """Only windows that end in (since, until] are reported."""
    begin, end = datetime(2026, 11, 2, 12, tzinfo=UTC), datetime(2026, 11, 3, tzinfo=UTC)
    inside = [one for one in stored if begin < one.end <= end]
    out = str(tmp_path / "report.html")
    result = run("--out", out, "--since", "2026-11-02T12:00Z", "--until", "2026-11-03", "--json")
    assert json.loads(result.stdout)["findings"] == len(inside) == 36


def test_the_incidents_of_the_period_are_listed(
    stored: list[Finding], tmp_path: Path, cluster: Cluster, namespace: str
) -> None:
    """An incident stands in the report of the time in which it lasted, and in no other."""
    alarm = {"severity": Severity.CRITICAL, "value": 1.0, "reason": "All of it fell back."}
    changed = [
        replace(one, **alarm) if 20 <= (one.end - stored[0].start) / HOUR <= 24 else one
        for one in stored
        if one.analyzer == "fallback_rate"
    ]
    FindingStore(cluster, namespace).write(changed, NOW + HOUR)
    update(cluster, namespace, stored[0].start, NOW, AlertingSettings())
    out = tmp_path / "report.html"
    for period, listed in (
        (["--until", "2026-11-02T12:00Z"], False),
        (["--since", "2026-11-02T12:00Z", "--until", "2026-11-03T04:00Z"], True),
        ([], True),
    ):
        assert run("--out", str(out), *period).exit_code == 0
        section = out.read_text(encoding="utf-8").split('id="incidents"')[1].split("</section>")[0]
        assert ("Likely cause: All of it fell back." in section) == listed


def test_what_was_known_is_reported_when_all_of_it_is_revised(
    stored: list[Finding], tmp_path: Path, cluster: Cluster, namespace: str
) -> None:
    """The report of a moment is that of the findings known then.

    Today's dashboards and incidents are not in it, and the page says so.
    """
    later = [replace(finding, reason=f"Since: {finding.reason}") for finding in stored]
    FindingStore(cluster, namespace).write(later, NOW + timedelta(days=1))
    out = tmp_path / "report.html"
    for moment, today in ((NOW + timedelta(hours=1), False), (NOW + timedelta(days=2), True)):
        result = run("--out", str(out), "--as-of", moment.isoformat(), "--json")
        assert json.loads(result.stdout)["findings"] == len(stored)
        page = out.read_text(encoding="utf-8")
        assert ("Since: " in page) == today
        assert f"{moment:%Y-%m-%dT%H:%M}" in page
        assert 'id="boards"' not in page
        assert "Not in a report with --as-of" in page
    with pytest.raises(WrongValueError, match="the first finding was made at 2026-11-20"):
        run("--out", str(out), "--as-of", (NOW - timedelta(hours=1)).isoformat())


def test_the_truth_is_compared(stored: list[Finding], tmp_path: Path) -> None:
    """An incident of the truth that no finding shows counts as missed."""
    start, end = stored[0].start.isoformat(), stored[-1].end.isoformat()
    incident = {
        "id": "quiet", "title": "Quiet incident", "cause": "Nobody looked.",
        "start": start, "end": end, "expect": [],
    }  # fmt: skip
    truth = tmp_path / "truth.json"
    truth.write_text(json.dumps({"schema": 1, "incidents": [incident]}))
    out = tmp_path / "report.html"
    assert run("--out", str(out), "--truth", str(truth)).exit_code == 0
    text = out.read_text(encoding="utf-8")
    assert "0 of 1 incident found" in text
    assert "Quiet incident" in text


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize(
    ("arguments", "output"),
    [
        (["--namespace", "empty_namespace"], "no findings in namespace 'empty_namespace'"),
        (["--since", "yesterday"], "'yesterday' is not a time"),
        (["--out", "."], "cannot be written"),
        (["--out", "missing/report.html"], "cannot be written"),
    ],
)
def test_what_a_user_can_fix_is_reported_with_what_to_do(
    arguments: list[str], output: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each mistake has its message and its hint, and leaves no file behind."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=output) as error:
        run(*arguments)
    assert error.value.hint
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "text", ["", "[]", '{"schema": 2}', '{"schema": 1}', '{"schema": 1, "incidents": [{}]}']
)
def test_a_file_that_is_no_truth_is_refused(text: str, tmp_path: Path) -> None:
    """Neither broken JSON, nor another schema, nor a missing key passes for a truth."""
    path = tmp_path / "truth.json"
    path.write_text(text)
    with pytest.raises(UserError, match="no scenario's truth"):
        run("--truth", str(path))
