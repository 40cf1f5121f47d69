"""The report, `mlmon incidents`, `mlmon serve` and a message say the same of an incident."""

from __future__ import annotations

import re
import threading
from html import unescape
from typing import TYPE_CHECKING
from urllib.request import urlopen

import pytest
from typer.testing import CliRunner

from mlmon.alerting.incidents.incident import ChangeKind
from mlmon.alerting.incidents.store import IncidentStore
from mlmon.alerting.notify.message import message
from mlmon.alerting.publish import update
from mlmon.alerting.settings import AlertingSettings
from mlmon.analyzers.base.finding import Finding, Severity
from mlmon.analyzers.base.window import DAY, HOUR
from mlmon.analyzers.run.findings_store import FindingStore
from mlmon.commands import app
from mlmon.report.serve.server import Server
from tests.support.histories import SEVERITIES, START

if TYPE_CHECKING:
    from pathlib import Path

    from mlmon.elastic.client.cluster import Cluster

BEGIN, NOW = START - DAY, START + DAY
JOB = "4 runs of statistics_job missed in 6 h; 0 expected."
FALLBACK = "35 % of 104 features from defaults; 1.2 % expected."
RUNBOOKS = "https://git.example/mlmon/"


def history(
    analyzer: str, metric: str, subject: str, letters: str, alarm: str, **known: str
) -> list[Finding]:
    """Return hourly findings, those in alarm with a sentence that holds numbers."""
    return [
        Finding.of(
            analyzer=analyzer,
            metric=metric,
            subject=subject,
            start=START + (hour - 1) * HOUR,
            end=START + hour * HOUR,
            severity=SEVERITIES[letter],
            reason=alarm if SEVERITIES[letter] is Severity.CRITICAL else f"Window {hour}.",
            runbook=f"docs/analyzers/{analyzer}.md",
            **known,
        )
        for hour, letter in enumerate(letters, 1)
    ]


@pytest.fixture(params=["open", "resolved"])
def status(
    request: pytest.FixtureRequest,
    cluster: Cluster,
    namespace: str,
    monkeypatch: pytest.MonkeyPatch,
) -> str:
    """A dead job and the fallbacks it caused, stored as an incident that is open or over."""
    monkeypatch.setenv("MLMON_ELASTICSEARCH_URL", cluster.url)
    monkeypatch.setenv("MLMON_NAMESPACE", namespace)
    monkeypatch.setenv("MLMON_ALERTING_RUNBOOK_URL", RUNBOOKS)
    end = "oooooooo" if request.param == "resolved" else ""
    findings = [
        *history("job_health", "missed.runs", "statistics_job", f"oocccw{end}", JOB),
        *history("fallback_rate", "fallback.rate", "stats", f"ooooccc{end}", FALLBACK),
    ]
    FindingStore(cluster, namespace).write(findings, START)
    update(cluster, namespace, BEGIN, NOW, AlertingSettings())
    return str(request.param)


def run(*arguments: str) -> str:
    """Run a command of mlmon; return what it prints."""
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 0, result.output
    return result.stdout


def section(page: str) -> str:
    """Return the text of a page's section of incidents."""
    inside = page.split('id="incidents"')[1].split("</section>", maxsplit=1)[0]
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", inside)))


def served(cluster: Cluster, namespace: str) -> str:
    """Return the start page of `mlmon serve`."""
    with Server(cluster, namespace, runbooks=RUNBOOKS) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with urlopen(server.url, timeout=60) as answer:  # noqa: S310 - our own, on loopback
            page: str = answer.read().decode()
        server.shutdown()
    return page


def sent(cluster: Cluster, namespace: str, kind: ChangeKind) -> str:
    """Return the text of the message about a change of the only incident."""
    store = IncidentStore(cluster, namespace)
    (document,) = store.overlapping(BEGIN)
    changes = store.changes([document.id])[document.id]
    (change,) = [change for change in changes if change.kind is kind]
    return message(change, document, runbooks=RUNBOOKS).text


def test_all_show_the_same_of_one_incident(
    status: str, cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    """Title, start, end, likely cause, its numbers and the runbook are the same in each."""
    is_open = status == "open"
    (document,) = IncidentStore(cluster, namespace).overlapping(BEGIN)
    assert document.status == status
    name = document.id[:8]
    out = tmp_path / "report.html"
    run("report", "--out", str(out))
    report = out.read_text(encoding="utf-8")
    kind = ChangeKind.OPENED if is_open else ChangeKind.RESOLVED
    texts = {
        "report": section(report),
        "incidents show": run("incidents", "show", name),
        "message": sent(cluster, namespace, kind),
    }
    page = served(cluster, namespace)
    if is_open:
        texts["serve"] = section(page)
    else:
        assert "No open incident" in section(page)
    facts = ["Missed runs of statistics_job", JOB, "2026-03-02 02:00 UTC"]
    facts += ["1 other alert", "docs/analyzers/job_health.md"]
    for where, text in texts.items():
        missing = [fact for fact in facts if fact not in text]
        assert missing == [], f"{where}: {text}"
    for where in texts.keys() - {"message"}:
        assert FALLBACK in texts[where]
    if is_open:
        assert not re.search(r" to 2026-03-\d\d", "".join(texts.values()))
    else:
        period = re.search(
            r"from (2026-03-02 02:00 UTC to 2026-03-02 \d\d:00 UTC)", texts["message"]
        )
        assert period is not None
        assert f"since {period[1]}" in texts["report"]
        assert f"since {period[1]}" in texts["incidents show"]


def test_what_was_judged_has_one_sentence(
    cluster: Cluster, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The report counts checks as `mlmon incidents` does: versions apart, old ones left out."""
    monkeypatch.setenv("MLMON_ELASTICSEARCH_URL", cluster.url)
    monkeypatch.setenv("MLMON_NAMESPACE", namespace)
    findings = [
        *history("job_health", "missed.runs", "statistics_job", "o", JOB),
        *history("score_shift", "ks.distance", "score", "o" * 72, JOB, model_version="7"),
        *history("score_shift", "ks.distance", "score", "o" * 72 + "u", JOB, model_version="8"),
    ]
    FindingStore(cluster, namespace).write(findings, START)
    counted = run("incidents").splitlines()[-1].partition(" (")[0]
    assert counted.startswith("1 of 2 checks cannot be judged")
    out = tmp_path / "report.html"
    run("report", "--out", str(out))
    assert counted in unescape(out.read_text(encoding="utf-8"))
    past = str(START + 73 * HOUR).replace(" ", "T")
    run("report", "--until", past, "--out", str(out))
    assert "in this range" in out.read_text(encoding="utf-8").split("<h1>")[1].split("</h1>")[0]


def test_an_acknowledgement_shows_in_all(
    cluster: Cluster, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who took an incident stands in the report, on serve's page and in the list."""
    monkeypatch.setenv("MLMON_ELASTICSEARCH_URL", cluster.url)
    monkeypatch.setenv("MLMON_NAMESPACE", namespace)
    findings = history("fallback_rate", "fallback.rate", "stats", "ooccc", FALLBACK)
    FindingStore(cluster, namespace).write(findings, START)
    update(cluster, namespace, BEGIN, NOW, AlertingSettings())
    (document,) = IncidentStore(cluster, namespace).open()
    out = tmp_path / "report.html"
    state = "acknowledged by ada"
    for known in (False, True):
        run("report", "--out", str(out))
        pages = [section(out.read_text(encoding="utf-8")), section(served(cluster, namespace))]
        assert [state in page for page in [*pages, run("incidents")]] == [known] * 3
        if not known:
            run("incidents", "ack", document.id[:8], "--by", "ada")


def test_the_end_of_a_single_alert_names_its_numbers(cluster: Cluster, namespace: str) -> None:
    """The message that all is clear still says what it was, with one alert as with several."""
    findings = history("fallback_rate", "fallback.rate", "stats", "ooccc" + "o" * 8, FALLBACK)
    FindingStore(cluster, namespace).write(findings, START)
    update(cluster, namespace, BEGIN, NOW, AlertingSettings())
    text = sent(cluster, namespace, ChangeKind.RESOLVED)
    assert f"Likely cause: {FALLBACK}" in text
    assert "Also affected" not in text
