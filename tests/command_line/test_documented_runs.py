"""The commands of the documents, run on a node in the order in which a reader would run them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mlmon.alerting.incidents.store import IncidentStore
from mlmon.alerting.publish import update
from mlmon.alerting.settings import AlertingSettings
from mlmon.analyzers.base.window import DAY, HOUR
from mlmon.analyzers.run.findings_store import FindingStore
from mlmon.commands import app
from mlmon.elastic.client.cluster import Cluster
from mlmon.elastic.errors import UserError
from mlmon.elastic.exit_codes import ExitCode
from mlmon.logging_config import Service, open_log
from tests.support.documented_commands import REST, blocks, documented_commands
from tests.support.histories import spell
from tests.support.installations import ROOT

pytestmark = pytest.mark.long

NOT_RUN = {
    "scoreboard": "takes minutes, and has tests of its own",
    "kibana plan": "needs a Kibana, and is run against a stand-in",
    "kibana apply": "likewise",
    "kibana delete": "likewise",
    "grafana export": "needs an extra, and is run by its own tests",
}
LIMITS = """
[[analyzers.rules]]
analyzer = "data_quality"
metric = "missing.rate"
warning = 0.1
critical = 0.3
"""
ENDLESS = {"--follow", "-f"}
EMPTY = {
    "tune --limits",
    "compare --since",
    "ship status",
    "ship retry-rejected",
    "alerting test",
    "reports write",
    "sample --out",
}
"""Commands that may find nothing to do here, and say so."""


def run(words: Sequence[str]) -> tuple[int, str]:
    """Run a command as it is typed; return its exit code and what it printed."""
    done = CliRunner().invoke(app, [*words])
    if isinstance(done.exception, UserError):
        return done.exception.exit_code, f"{done.exception.message}. {done.exception.hint}"
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.output


@pytest.fixture
def place(
    cluster: Cluster, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A folder with the tables of `docs/replay.md`, set up for the node."""
    monkeypatch.setenv("MLMON_ELASTICSEARCH_URL", cluster.url)
    monkeypatch.setenv("MLMON_NAMESPACE", namespace)
    monkeypatch.setenv("MLMON_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    page = ROOT / "docs" / "replay.md"
    (table, *_) = blocks(page, "csv")
    (mapping, *_) = blocks(page, "toml")
    for name in ("bids.csv", "train.csv"):
        (tmp_path / name).write_text(table)
    (tmp_path / "bids.toml").write_text(mapping)
    (tmp_path / "limits.toml").write_text(LIMITS)
    (tmp_path / "models" / "7").mkdir(parents=True)
    with open_log(Service("api", environment="test"), path=tmp_path / "logs" / "a.jsonl") as log:
        log.app("error", "connection refused", {})
    code, _ = run(["setup"])
    assert code == ExitCode.DONE
    return tmp_path


def an_incident(cluster: Cluster, namespace: str) -> str:
    """Store an open incident, and return its id."""
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    begin = now - 8 * HOUR
    about = {"analyzer": "data_quality", "metric": "missing.rate", "start": begin}
    FindingStore(cluster, namespace).write(spell("oocccccc", **about), now)
    update(cluster, namespace, begin - DAY, now + timedelta(hours=1), AlertingSettings())
    (incident,) = IncidentStore(cluster, namespace).open()
    return incident.short_id


def test_documented_commands_do_what_they_say(
    place: Path, cluster: Cluster, namespace: str
) -> None:
    """Each ends as its exit codes promise, with something to read, and writes what it names."""
    ids = {"ID": an_incident(cluster, namespace), "DIR": "for-kibana"}
    commands = documented_commands()
    # The pages that bring data in come before those that read it.
    commands.sort(key=lambda command: command.page != "docs/replay.md")
    ran = set()
    for command in commands:
        named = " ".join(command.words[:2])
        known = any(named.startswith(name) for name in NOT_RUN)
        outside = any(word.startswith("/") for word in command.words)
        if known or outside or REST in command.words or ENDLESS & {*command.words}:
            continue
        given = {"ID": "p-1"} if command.words[0] == "trace" else ids
        words = [given.get(word, word) for word in command.words if not word.startswith("[")]
        code, text = run(words)
        allowed = {ExitCode.DONE}
        if named in EMPTY or "--as-of" in words:
            allowed |= {ExitCode.FAILED, ExitCode.WRONG_USAGE, ExitCode.NOT_RUNNING}
        assert code in allowed, (str(command), code, text)
        assert text.strip() or "--once" in words, str(command)
        ran.add(named)
    assert len(ran) > 15
    for name in ("report.html", "mlmon.rules.yml", "replay", "models/7/training_set.parquet"):
        assert (place / name).exists(), name
    assert (place / "for-kibana" / "saved_objects.ndjson").exists()
