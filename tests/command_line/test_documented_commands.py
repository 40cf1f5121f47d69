"""Every command that a document shows is accepted by the real command line, with its arguments."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import typer

from mlmon.commands import app
from tests.support.documented_commands import (
    REST,
    DocumentedCommand,
    commands_of,
    documented_commands,
)
from tests.support.installations import ROOT

FILES = (
    "bids.csv",
    "bids.toml",
    "train.csv",
    "sample.parquet",
    "models/7/training_set.parquet",
    "logs/a.jsonl",
    "replay/a.jsonl",
)
"""What the examples name, in the folder in which they would be typed."""


@pytest.fixture
def examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the examples."""
    for name in FILES:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "docs").mkdir()
    shutil.copy(ROOT / "docs" / "detection.md", tmp_path / "docs")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def parsed(words: Sequence[str]) -> tuple[Any, str]:
    """Return the command of some words and why the command line refuses them; empty if it does not.

    Each group and the command parse their words as they do when they are typed.
    """
    command: Any = typer.main.get_command(app)
    context, rest = None, list(words)
    try:
        while True:
            context = command.make_context(command.name, rest, parent=context)
            # What a group left over: the name of a command, and its words.
            rest = [*context._protected_args, *context.args]
            children = getattr(command, "commands", None)
            if not children or not rest:
                return command, ""
            _, command, rest = command.resolve_command(context, rest)
    except Exception as error:
        # typer brings its own copy of click, whose errors it does not export.
        if not hasattr(error, "format_message"):
            raise
        return command, str(error.format_message())


def refused(command: DocumentedCommand) -> str:
    """Return why the command line refuses a documented command; empty if it does not."""
    words = [word for word in command.words if not word.startswith("[")]
    if REST in words:
        # Which arguments follow depends on the command: it has to exist.
        words = [word for word in words if word not in {REST, "ID"}] + ["--help"]
    try:
        found, problem = parsed(words)
    except typer.Exit:
        return ""
    known = {option for parameter in getattr(found, "params", ()) for option in parameter.opts}
    hidden = [one for one in getattr(found, "commands", {}).values() if one.hidden]
    known |= {option for one in hidden for parameter in one.params for option in parameter.opts}
    return problem or ", ".join(sorted(set(command.remarked) - known))


@pytest.mark.usefixtures("examples")
def test_documented_commands_are_accepted() -> None:
    """Commands, options, values and required arguments are right, also options in remarks."""
    found = documented_commands()
    assert len(found) > 30
    assert {command.page for command in found} >= {"docs/alerting.md", "docs/kibana.md"}
    assert {str(command): why for command in found if (why := refused(command))} == {}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("mlmon findngs", "No such command 'findngs'"),
        ("mlmon findings --sinc 7d", "No such option: --sinc"),
        ("mlmon kibana export", "Missing option '--out'"),
        ("mlmon report --truth gone.json", "does not exist"),
        ("mlmon kibana lint --alerting watch", "No such option: --alerting"),
        ("mlmon kibana plan --alerting watch", "is not one of"),
        ("mlmon report      (--sice 7d)", "--sice"),
    ],
)
@pytest.mark.usefixtures("examples")
def test_a_wrong_command_is_refused(text: str, why: str) -> None:
    """What a page would get wrong is found: names, options, values and missing arguments."""
    (command,) = commands_of(f"```\n{text}\n```\n", "page.md")
    assert why in refused(command)


def test_what_a_page_shows_is_read_as_it_would_be_typed() -> None:
    """Remarks, prompts, quotes, redirections and alternatives are no words of a command."""
    text = '```sh\n$ mlmon logs "a b" --since 6h > x   # (--json)\n```\n`mlmon gone`\n'
    text += "```\nmlmon incidents ack | show ID …      remark\n```\n"
    assert list(commands_of(text, "p")) == [
        DocumentedCommand("p", ("logs", "a b", "--since", "6h"), ("--json",)),
        DocumentedCommand("p", ("incidents", "ack", "ID", "…")),
        DocumentedCommand("p", ("incidents", "show", "ID", "…")),
    ]
