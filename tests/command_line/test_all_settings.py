"""Settings are checked as a whole before a command runs, and listed from their declarations."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlmon.elastic.errors import WrongValueError
from mlmon.elastic.settings import Settings
from mlmon.elastic.settings_file import TABLE_NAMES
from mlmon.elastic.system.folders import cache_folder, home_folder
from mlmon.settings import check_settings, list_settings


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("MLMON_") and not name.startswith("MLMON_TEST_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_right_settings_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file with every table, and variables of several prefixes, are no error."""
    Path("mlmon.toml").write_text(
        'namespace = "eu"\n[elastic.retention]\nml.access = 7\n[analyzers]\n'
        'segments = ["country"]\n[alerting.connectors.ops]\nid = "x"\ntype = ".slack"\n'
        '[kibana]\nspace = "ml"\n'
    )
    monkeypatch.setenv("MLMON_KIBANA_URL", "http://kibana:5601")
    monkeypatch.setenv("MLMON_REQUEST_TIMEOUT", "5")
    check_settings()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("namspace = 'x'", "unknown setting 'namspace' (did you mean 'namespace'?)"),
        ("[analyzer]", "unknown setting 'analyzer' (did you mean 'analyzers'?)"),
        ("[kibana]\nspaces = 'x'", "'spaces' (did you mean 'space'?) in [kibana]"),
        ("[elastic]\nurl = 'x'", "'url' (did you mean 'urls'?) in [elastic]"),
        ("[elastic.retention]\n'ml.acces' = 3", "'ml.acces' (did you mean 'ml.access'?)"),
        ("[analyzers]\nsegment = ['x']", "'segment' (did you mean 'segments'?) in [analyzers]"),
        (
            "[alerting.connectors.ops]\nid = 'x'\ntype = '.slack'\nlevle = 'critical'",
            "'levle' (did you mean 'level'?) in [alerting.connectors.ops]",
        ),
        ("[kibana]\nrequest_timeout = -1", "kibana.request_timeout: "),
        ("alerting = 3", "alerting of mlmon.toml is no table"),
    ],
)
def test_a_wrong_file_is_an_error_in_any_command(text: str, problem: str) -> None:
    """A misspelled key at any depth names the nearest one; a wrong value names its key."""
    Path("mlmon.toml").write_text(f"{text}\n")
    with pytest.raises(WrongValueError) as caught:
        check_settings()
    assert problem in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("variable", "nearest"),
    [
        ("MLMON_ELASTICSEARCH_URLS", "MLMON_ELASTICSEARCH_URL"),
        ("MLMON_KIBANA_SPCAE", "MLMON_KIBANA_SPACE"),
        ("MLMON_APIKEY", "MLMON_API_KEY"),
    ],
)
def test_an_unknown_variable_is_an_error(
    variable: str, nearest: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is named with the nearest that exists, without its value."""
    monkeypatch.setenv(variable, "hunter2")
    with pytest.raises(WrongValueError) as caught:
        check_settings()
    assert f"{variable!r} (did you mean {nearest!r}?)" in caught.value.message
    assert "hunter2" not in f"{caught.value.message} {caught.value.hint}"


def test_every_problem_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two mistakes in two tables and one variable are one message."""
    Path("mlmon.toml").write_text("[kibana]\nspaces = 'x'\n[alerting]\nrunbok_url = 'x'\n")
    monkeypatch.setenv("MLMON_NAMSPACE", "x")
    with pytest.raises(WrongValueError) as caught:
        check_settings()
    for name in ("'spaces'", "'runbok_url'", "'MLMON_NAMSPACE'"):
        assert name in caught.value.message


def test_every_setting_is_listed_with_what_a_reader_needs() -> None:
    """Each has a type and a description; names are unique; nested tables are in the list."""
    settings = list_settings()
    for setting in settings:
        assert setting.description, setting.key
        assert setting.type != "value", setting.key
    keys = [setting.key for setting in settings if setting.key]
    assert len(keys) == len(set(keys))
    assert {setting.table for setting in settings if "." not in setting.table} == {"", *TABLE_NAMES}
    by_key = {setting.key: setting for setting in settings}
    level = by_key["alerting.connectors.<name>.level"]
    assert (level.type, level.default, level.variable) == (
        '"warning" or "critical"',
        "warning",
        "",
    )
    port = by_key["node_port"]
    assert (port.type, port.default, port.variable) == ("whole number", "9200", "MLMON_NODE_PORT")
    assert by_key["kibana.api_key"].variable == "MLMON_KIBANA_API_KEY"
    assert by_key["kibana.api_key"].type == "secret"


def test_a_key_with_a_line_break_is_neither_printed_nor_traced() -> None:
    """`mlmon findings` ends with 2 and one sentence: no key, no traceback."""
    ended = subprocess.run(
        [sys.executable, "-m", "mlmon", "findings"],
        env={**os.environ, "MLMON_API_KEY": "c2VjcmV0\n"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ended.returncode == 2
    assert "MLMON_API_KEY: it begins or ends with a space or a line break" in ended.stderr
    assert "c2VjcmV0" not in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_command_imports_the_settings_of_the_tables_that_are_set() -> None:
    """Without a table, `mlmon findings` does without its package; a variable of it brings it in."""
    program = (
        "import sys; from mlmon.settings import check_settings; check_settings(); "
        "print('mlmon.alerting.settings' in sys.modules)"
    )
    for variables, imported in (({}, "False"), ({"MLMON_ALERTING_RUNBOOK_URL": "x"}, "True")):
        ended = subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
            check=True,
        )
        assert ended.stdout.strip() == imported


@pytest.mark.parametrize("root", [True, False])
def test_the_folders_that_are_used_without_a_setting_are_named(
    *, root: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The meanings of `home` and `cache` name the folders that the program takes."""
    monkeypatch.setattr("mlmon.elastic.system.folders.is_root", lambda: root)
    for name in ("XDG_STATE_HOME", "XDG_CACHE_HOME", "MLMON_HOME", "MLMON_CACHE"):
        monkeypatch.delenv(name, raising=False)
    described = {setting.key: setting.description for setting in list_settings()}
    settings = Settings()
    for key, folder in (("home", home_folder(settings)), ("cache", cache_folder(settings))):
        shown = folder if root else f"~/{folder.parent.relative_to(Path.home())}"
        assert f"`{shown}`" in described[key]
