"""What `mlmon --help` shows: every command in a panel, alike options, shell completion."""

import re
import subprocess
import sys
from importlib import metadata

import pytest
import typer
from typer.testing import CliRunner

from mlmon.commands import PANELS, app
from tests.support.command_tree import leaves

COMMANDS = {" ".join(path): command for path, command in leaves()}
WITHOUT_JSON = {"serve", "docs", "demo"}


def test_every_command_is_in_a_panel() -> None:
    """The panels name each command once, and no command that there is not."""
    named = [name for names in PANELS.values() for name in names]
    assert sorted(named) == sorted(typer.main.get_command(app).commands)  # type: ignore[attr-defined]


def test_panels_follow_the_order_of_use() -> None:
    """Help lists setting up before shipping, and shipping before analyzing and reading."""
    text = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "100"}).output
    assert re.findall(r"╭─ ([A-Z][a-z ]+) ─", text) == ["Options", *PANELS]


def test_help_starts_with_a_verb() -> None:
    """A command's help is a sentence in the imperative: no article, no question, a full stop."""
    for name, command in COMMANDS.items():
        first = (command.help or "").split("\n\n")[0].strip()
        assert re.match(r"[A-Z][a-z]+ ", first), name
        assert first.split()[0] not in {"The", "A", "An", "What", "How", "This", "It"}, name
        assert first.endswith((".", ")")), name


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_options_are_alike(name: str) -> None:
    """Each option has a help text; `--json` is there, with one meaning."""
    named = {word: param for param in COMMANDS[name].params for word in param.opts}
    for word, param in named.items():
        assert getattr(param, "help", ""), f"{name} {word} has no help"
    assert not {"--from", "--to"} & named.keys()
    if name not in WITHOUT_JSON:
        assert named["--json"].help == "Print JSON: one document per line."


def test_the_version_is_printed() -> None:
    """`--version` prints that of the installed distribution."""
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.output) == (0, f"mlmon {metadata.version('mlmon')}\n")


def test_a_shell_completes_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bash, asking with what was typed so far, gets the commands that go on from there."""
    monkeypatch.setenv("_MLMON_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "mlmon fin")
    monkeypatch.setenv("COMP_CWORD", "1")
    result = CliRunner().invoke(app, [], prog_name="mlmon")
    assert result.output.split() == ["findings"]


def test_help_imports_no_heavy_library() -> None:
    """`mlmon --help` answers at once: what a command needs is imported when it runs."""
    program = (
        "import sys; from mlmon.commands import app; import typer.testing; "
        "typer.testing.CliRunner().invoke(app, ['--help']); "
        "heavy = {'elasticsearch', 'numpy', 'pandas', 'pydantic', 'scipy'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120
    )
    assert ended.stdout.strip() == "[]"


@pytest.mark.parametrize("name", COMMANDS)
def test_brackets_of_help_are_closed(name: str) -> None:
    """In the help of a command and of its options each bracket has its partner."""
    command = COMMANDS[name]
    for text in (command.help, *(parameter.help for parameter in command.params)):
        stack: list[str] = []
        for sign in re.findall(r"[()\[\]]", text or ""):
            if sign in "([":
                stack.append(sign)
            else:
                assert stack, text
                assert stack.pop() + sign in ("()", "[]"), text
        assert not stack, text


@pytest.mark.parametrize("words", [["ship", "--help"], ["ship", "--no-such-option"], ["ship"]])
def test_usage_of_ship(words: list[str]) -> None:
    """The usage is what a person types, without the name of the hidden command."""
    output = CliRunner().invoke(app, words, env={"COLUMNS": "200"}).output
    assert "Usage: mlmon ship PATH... [OPTIONS]" in output.replace("root ship", "mlmon ship")


def test_segments_of_help_are_shown() -> None:
    """The name of a section in brackets is not read as markup."""
    text = CliRunner().invoke(app, ["baseline", "create", "--help"], env={"COLUMNS": "300"}).output
    assert "segments under [analyzers] of mlmon.toml" in text


def test_pages_are_listed_with_titles() -> None:
    """`mlmon docs` lists each page with its title."""
    lines = CliRunner().invoke(app, ["docs"]).output.splitlines()
    listed = dict(line.split(maxsplit=1) for line in lines)
    assert listed["ingest"] == "Shipping"
    assert listed["how-to/add-a-field"] == "Add a field to the log"
