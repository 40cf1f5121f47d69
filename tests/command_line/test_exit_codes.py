"""Wrong values end every command alike, before anything is asked of a cluster."""

import os
import subprocess
import sys
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

from mlmon.elastic.exit_codes import ExitCode
from tests.support.command_tree import exit_code, leaves

COMMANDS = {" ".join(path): command for path, command in leaves()}
TIMES = ("--since", "--until", "--as-of", "--with-since", "--with-until", "--every")


def options(command: Any) -> dict[str, Any]:
    """Return a command's options by their long names."""
    return {name: param for param in command.params for name in param.opts if name[:2] == "--"}


def required(command: Any, folder: Path) -> list[str]:
    """Return values for what a command cannot do without: a file that exists."""
    file = folder / "given"
    file.write_text("")
    words = []
    for param in command.params:
        if param.required:
            words += [*param.opts[-1:], str(file)] if param.opts[0][0] == "-" else [str(file)]
    return words


def wrong_values() -> list[tuple[str, str, str]]:
    """Return a command, an option and a value that the option cannot have."""
    found = []
    for name, command in COMMANDS.items():
        for option, param in options(command).items():
            kind = param.type_descriptor.annotation
            if (
                option in TIMES
                or kind is int
                or (isinstance(kind, type) and issubclass(kind, Enum))
            ):
                found.append((name, option, "nonsense"))
            elif option == "--namespace":
                found.append((name, option, "No-Namespace"))
            elif param.type_descriptor.parameter_info.exists:
                found.append((name, option, "missing.file"))
    return found


@pytest.fixture(autouse=True)
def _unreachable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A command that asks the cluster first would fail, with another exit code."""
    monkeypatch.setenv("MLMON_ELASTICSEARCH_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("MLMON_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", COMMANDS)
def test_an_unknown_option_is_wrong_usage(name: str) -> None:
    """No command ignores an option that it does not have."""
    assert exit_code(*name.split(), "--no-such-option") == ExitCode.WRONG_USAGE


@pytest.mark.parametrize(("name", "option", "value"), wrong_values())
def test_a_wrong_value_is_wrong_usage(name: str, option: str, value: str, tmp_path: Path) -> None:
    """A malformed time, number, choice, namespace or path ends with 2 in every command."""
    words = required(COMMANDS[name], tmp_path)
    assert exit_code(*name.split(), *words, option, value) == ExitCode.WRONG_USAGE


@pytest.mark.parametrize(
    "name",
    [name for name, command in COMMANDS.items() if {"--since", "--until"} <= set(options(command))],
)
def test_a_period_that_holds_no_time_is_wrong_usage(name: str) -> None:
    """The later time first ends with 2."""
    words = ("--since", "1d", "--until=2d")
    assert exit_code(*name.split(), *words) == ExitCode.WRONG_USAGE


@pytest.mark.parametrize(
    "words",
    [
        ("findings", "--analyzer", "nonsense"),
        ("analyze", "--analyzer", "nonsense"),
        ("analyzers", "nonsense"),
        ("docs", "nonsense"),
        ("logs", "--level", "nonsense"),
        ("logs", "--dataset", "nonsense"),
        ("logs", "--field", "nonsense"),
        ("sample", "--window", "7d/14d"),
        ("sample", "--window", "7d", "--since", "7d"),
        ("report", "--out", "."),
        ("replay", "nonsense.csv", "--suggest"),
        ("replay", "nonsense.csv", "--mapping", "nonsense.toml"),
        ("nonsense",),
        ("node", "nonsense"),
    ],
)
def test_an_unknown_name_is_wrong_usage(words: tuple[str, ...]) -> None:
    """A name that is not in the program's own lists is a wrong value, not a failure."""
    assert exit_code(*words) == ExitCode.WRONG_USAGE


@pytest.mark.parametrize(
    "name", [name for name, command in COMMANDS.items() if "--out" in options(command)]
)
def test_a_place_that_cannot_hold_the_output_is_wrong_usage(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file in a folder that does not exist, or below a file, ends with 2 in every command."""
    (tmp_path / "file").write_text("")
    words = [*name.split(), *required(COMMANDS[name], tmp_path)]
    if name == "replay":
        words += ["--mapping", str(tmp_path / "given")]
    places = [tmp_path / "file" / "below"]
    if name in {"report", "prometheus rules", "sample", "evidently", "nannyml", "whylogs"}:
        places.append(tmp_path / "absent" / "below")
    for place in places:
        assert exit_code(*words, "--out", str(place)) == ExitCode.WRONG_USAGE
        assert f"{place} cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["findings", "logs", "alerts", "setup"])
def test_an_unreachable_cluster_is_a_failure(name: str) -> None:
    """What lies outside the command line ends with 1."""
    assert exit_code(name) == ExitCode.FAILED


def test_a_wrong_setting_is_wrong_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting of the environment is a value that somebody typed."""
    monkeypatch.setenv("MLMON_ELASTICSEARCH_URL", "nonsense")
    assert exit_code("findings") == ExitCode.WRONG_USAGE


@pytest.mark.parametrize(
    ("variable", "value", "command"),
    [
        ("MLMON_SERVE_TOKEN", "short", "serve"),
        ("MLMON_SERVE_TOKEN_FILE", "absent", "serve"),
        ("MLMON_API_KEY_FILE", "absent", "findings"),
        ("MLMON_CA_CERTS", "absent", "findings"),
    ],
)
def test_a_setting_that_is_read_later_is_wrong_usage(
    variable: str, value: str, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So is a secret that is too short, and a file that a setting names and that is not there."""
    monkeypatch.setenv(variable, value)
    assert exit_code(command) == ExitCode.WRONG_USAGE


def test_a_status_of_what_never_ran_is_not_running() -> None:
    """A shipper and a node that never ran do not run."""
    assert exit_code("ship", "status") == ExitCode.NOT_RUNNING
    assert exit_code("node", "status") == ExitCode.NOT_RUNNING


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    "words", [("analyzers",), ("docs", "alerting"), ("prometheus", "rules"), ("--help",)]
)
def test_a_reader_that_closes_the_output_ends_with_its_own_code(
    words: tuple[str, ...], unbuffered: str
) -> None:
    """`mlmon … | head` ends with 141 and says nothing, by print, typer and rich alike."""
    reader, writer = os.pipe()
    os.close(reader)
    ended = subprocess.run(
        [sys.executable, "-m", "mlmon", *words],
        stdout=writer,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONUNBUFFERED": unbuffered},
        check=False,
    )
    os.close(writer)
    assert (ended.returncode, ended.stderr) == (ExitCode.OUTPUT_CLOSED, b"")
