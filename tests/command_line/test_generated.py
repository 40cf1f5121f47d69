"""`make generate` was not forgotten, and repairs what was."""

import shutil
from pathlib import Path

import pytest

from mlmon.elastic.exit_codes import ExitCode
from mlmon.elastic.settings import Settings
from mlmon.generate import FOLDERS, generated, main, outdated
from tests.support.command_tree import leaves
from tests.support.installations import ROOT


def test_generated_files_are_current() -> None:
    """Each generated file is what the code makes now; none is left of what it no longer makes."""
    assert not outdated(ROOT), "run `make generate`, and read what changed before you commit"


def test_what_is_outdated_is_named_and_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A changed, a missing and a left-over file are each reported by `--check`, then repaired."""
    for folder in (*FOLDERS, "deploy/prometheus"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    for name in (
        "pyproject.toml",
        "docs/fields.md",
        "docs/drift-tests.md",
        "deploy/alertmanager.yml",
    ):
        shutil.copy(ROOT / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert main(["--check"]) == 0
    changed, missing = "docs/reference/commands.md", "docs/fields.md"
    leftover = "docs/analyzers/gone.md"
    (tmp_path / changed).write_text("by hand")
    (tmp_path / missing).unlink()
    (tmp_path / leftover).write_text("of an analyzer that is gone")
    assert main(["--check"]) == 1
    output = capsys.readouterr().err.splitlines()
    assert [line.split()[0] for line in output] == sorted([changed, missing, leftover])
    assert main([]) == 0
    assert main(["--check"]) == 0
    assert not (tmp_path / leftover).exists()


def test_the_reference_names_every_command_option_and_exit_code() -> None:
    """Nothing of the command line is missing from docs/reference/commands.md."""
    page = generated()["docs/reference/commands.md"]
    for words, command in leaves():
        named = words[:-1] if command.hidden else words
        assert f"### `mlmon {' '.join(named)}`" in page
        for param in command.params:
            assert param.help in page, (words, param.name)
    for code in ExitCode:
        assert f"| {code.value} | " in page


def test_the_reference_names_every_setting() -> None:
    """Nothing that can be set is missing from docs/reference/settings.md."""
    page = generated()["docs/reference/settings.md"]
    for name in Settings.model_fields.keys() - {"sections"}:
        assert f"`MLMON_{name.upper()}`" in page
    assert "`MLMON_KIBANA_URL`" in page
    assert "`MLMON_ALERTING_ALERTMANAGER_URL`" in page
