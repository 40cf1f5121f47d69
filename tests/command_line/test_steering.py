"""Nothing that was logged, written or typed steers a terminal, whatever command prints it."""

import ast
import io
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table
from rich.text import Text

from mlmon.alerting.actions.incident_actions import IncidentActions
from mlmon.alerting.alerts.evaluation import evaluate
from mlmon.alerting.incidents.evaluation import evaluate_incidents
from mlmon.analyzers.base.window import DAY, HOUR, iso
from mlmon.analyzers.run.findings_store import FindingStore
from mlmon.elastic.client.cluster import Cluster
from mlmon.elastic.errors import UserError
from mlmon.elastic.system.terminal import (
    escaped_output,
    print_line,
    print_text,
    terminal_console,
)
from tests.support.command_tree import exit_code, leaves
from tests.support.histories import START, spell
from tests.support.steering import HOSTILE, steering

COMMANDS = [" ".join(path) for path, _ in leaves()]
ROOT = Path(__file__).parents[2]
WAYS: dict[str, Callable[[str], object]] = {
    "print": print,
    "error": lambda text: print(text, file=sys.stderr),  # noqa: T201 - a way of writing
    "write": lambda text: sys.stdout.writelines([text]),
    "echo": typer.echo,
    "json": lambda text: print(_json(text)),  # noqa: T201 - a way of writing
    "text": print_text,
    "line": lambda text: print_line(terminal_console(), Text(text, "red")),
    "console": lambda text: terminal_console(stderr=True).print(text, markup=False, style="bold"),
    "table": lambda text: terminal_console(width=40).print(_table(text)),
}


def _json(text: str) -> str:
    return json.dumps({"text": text}, ensure_ascii=False)


def _table(text: str) -> Table:
    table = Table("head")
    table.add_row(Text(text))
    return table


@given(st.text(st.characters(), max_size=40) | st.just(HOSTILE), st.sampled_from([*WAYS]))
def test_no_way_of_writing_lets_a_text_steer(text: str, way: str) -> None:
    """Whatever a command prints, and however: as text, as JSON, by a console, in a table."""
    stream = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", stream)
        patch.setattr(sys, "stderr", stream)
        with escaped_output():
            WAYS[way](text)
        assert sys.stdout is stream
    assert not steering(stream.getvalue())


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_json_keeps_its_value(text: str) -> None:
    """A program reads from an escaped line of JSON what was to be written."""
    stream = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", stream)
        with escaped_output():
            WAYS["json"](text)
    assert json.loads(stream.getvalue()) == {"text": text}


def test_colours_reach_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """The console's own control characters are kept, those of the text beside them are not."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    with escaped_output():
        print_line(terminal_console(), Text("a\x1b[2Jb", "red"))
    assert stream.getvalue() == "\x1b[31ma\\u001b[2Jb\x1b[0m\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_no_command_repeats_what_was_typed(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An option that does not exist is named by typer, past all that mlmon prints."""
    monkeypatch.setenv("MLMON_ELASTICSEARCH_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("COLUMNS", "400")
    exit_code(*name.split(), f"--{HOSTILE}")
    captured = capsys.readouterr()
    assert "1b[2J" in captured.err
    assert not steering(captured.out + captured.err)


def test_no_other_console_is_made() -> None:
    """A console of rich writes past the escaped streams: each is made by `terminal_console`."""
    packages = [path.resolve() for path in (ROOT / "mlmon").iterdir() if path.is_symlink()]
    files = [path for package in packages for path in package.rglob("*.py")]
    files += (ROOT / "mlmon").glob("*.py")
    made = {
        str(path.relative_to(ROOT))
        for path in files
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Console"
    }
    # The scenario of the reference service imports the log only, and prints its own progress.
    assert made == {"elastic/system/terminal.py", "autobid/scenario.py"}


def test_no_store_steers_who_reads_it(
    cluster: Cluster,
    namespace: str,
    ship: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Logs, findings, alerts, incidents and comments that hold anything, read by every command."""
    monkeypatch.setenv("MLMON_ELASTICSEARCH_URL", cluster.url)
    monkeypatch.setenv("MLMON_NAMESPACE", namespace)
    monkeypatch.setenv("MLMON_HOME", str(tmp_path))
    about = {"analyzer": "data_quality", "metric": "missing.rate", "model_name": "autobid"}
    FindingStore(cluster, namespace).write(spell("owwc", HOSTILE, **about), START)
    begin, now = START - DAY, START + 5 * HOUR
    evaluate(cluster, namespace, begin)
    evaluate_incidents(cluster, namespace, begin, now)
    ship(
        {
            "@timestamp": iso(START + timedelta(minutes=number)),
            "event.id": f"e-{number}",
            "event.dataset": "ml.app",
            "log.level": "error",
            "message": HOSTILE,
            "service.name": "api",
            "error.message": HOSTILE,
            "trace.id": "t-1",
        }
        for number in range(3)
    )
    actions = IncidentActions(cluster, namespace)
    (incident,) = actions.listed()
    actions.comment(incident.id, HOSTILE, "ada", now)
    one, since = incident.short_id, f"--since {iso(begin)}"
    commands = [
        *("incidents", f"incidents {since}", f"incidents show {one}", "incidents stats"),
        *(f"incidents ack {one}", f"incidents snooze {one} 2h", f"incidents resolve {one}"),
        *(f"incidents accept {one} --dry-run", f"incidents feedback {one} fixed"),
        *("alerts", "alerts --all", f"alerts evaluate {since}", "alerts send --dry-run"),
        *(f"findings {since}", f"logs {since}", "trace t-1", "baseline references"),
        *("baseline list", "doctor", "prune --dry-run", f"analyze {since} --until {iso(now)}"),
    ]
    seen = ""
    for words in commands:
        for form in ((), ("--json",)):
            exit_code(*words.split(), *form)
            captured = capsys.readouterr()
            printed = captured.out + captured.err
            assert not steering(printed), words
            # What follows a line end in a text stands below the text, never at a line's begin.
            assert not any(line.startswith("Resolved") for line in printed.splitlines()), words
            seen += printed
    assert seen.count("u001b") > len(commands)


def test_a_traceback_cannot_steer() -> None:
    """Not even an error that nobody foresaw: it may quote an answer of Elasticsearch."""
    program = (
        "import sys; import mlmon.commands as commands; from mlmon.cli import main\n"
        "from tests.support.steering import HOSTILE\n"
        "def fail(): raise RuntimeError(HOSTILE)\n"
        "commands.run = fail; sys.argv = ['mlmon', 'docs']; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "RuntimeError: pri\\u001b[2J" in done.stderr
    assert not steering(done.stderr)


def test_an_error_cannot_steer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A file whose name holds control characters is named, escaped, with its hint."""
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("MLMON_HOME", str(tmp_path))

    def refuse(*_: object) -> None:
        raise UserError(HOSTILE, HOSTILE)

    monkeypatch.setattr("mlmon.commands._flushed", refuse)
    assert exit_code("docs") != 0
    assert stream.getvalue().count("u001b") == 2 * HOSTILE.count("\x1b")
    assert not steering(stream.getvalue())
