"""Artefacts as files: what is compiled is what is reviewed, and what is written is read back."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mlmon.commands import app
from mlmon.dashboards.links.target import LinkTarget
from mlmon.elastic.errors import UserError
from mlmon.kibana.providers import artefacts
from mlmon.kibana.sync.export import IMPORTED, read


def run(*words: str) -> str:
    """Run `mlmon kibana …` and return what it printed; errors a user can fix are raised."""
    result = CliRunner().invoke(app, ["kibana", *words])
    if isinstance(result.exception, UserError):
        raise result.exception
    return result.output


@pytest.mark.parametrize(
    ("alerting", "left_out"),
    [
        ("rules", {"watch"}),
        ("watches", {"rule", "connector"}),
        ("none", {"rule", "connector", "watch"}),
    ],
)
def test_what_is_exported_is_read_back(alerting: str, left_out: set[str], tmp_path: Path) -> None:
    """An export holds every artefact once, as it is, and the chosen alerting only."""
    words = ["--namespace", "n", "--alerting", alerting, "--json"]
    output = json.loads(run("export", "--out", str(tmp_path), *words))
    written = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert set(output["files"]) == written
    back = {(artefact.kind, artefact.id): json.dumps(artefact.body) for artefact in read(tmp_path)}
    assert back == {
        (artefact.kind, artefact.id): json.dumps(artefact.body)
        for artefact in artefacts(LinkTarget("n"))
        if artefact.kind not in left_out
    }


def test_exports_of_two_places_share_no_id() -> None:
    """Ids are unique in a whole Kibana: a namespace and a space make them so."""
    targets = [LinkTarget(), LinkTarget("n"), LinkTarget("n", "ops"), LinkTarget("default", "n")]
    ids = [{(artefact.kind, artefact.id) for artefact in artefacts(target)} for target in targets]
    assert len(set().union(*ids)) == sum(map(len, ids))


def test_what_an_earlier_export_left_is_removed(tmp_path: Path) -> None:
    """A dashboard that is no longer made is no longer there; what is not ours stays."""
    run("export", "--out", str(tmp_path))
    old, mine = tmp_path / "dashboards" / "mlmon-default-old.json", tmp_path / "mine.json"
    old.write_text("{}")
    mine.write_text("{}")
    run("export", "--out", str(tmp_path))
    assert not old.exists()
    assert mine.exists()


def test_lint_reads_an_export(tmp_path: Path) -> None:
    """What is right passes; a file that someone broke is named, with exit code 1."""
    run("export", "--out", str(tmp_path), "--namespace", "n")
    assert "0 problems" in run("lint", str(tmp_path))
    path = tmp_path / "dashboards" / "mlmon-n-drift.json"
    path.write_text(path.read_text().replace('"finding.value"', '"finding.size"'))
    result = CliRunner().invoke(app, ["kibana", "lint", str(tmp_path)])
    assert result.exit_code == 1
    assert "dashboard mlmon-n-drift" in result.output
    assert "finding.size is no field of" in result.output


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [("other.txt", "x", f"it has no {IMPORTED}"), (IMPORTED, "{", "is not JSON")],
)
def test_what_is_no_export(tmp_path: Path, name: str, text: str, expected: str) -> None:
    """A folder that is none, or a file that is broken, is named."""
    (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match=expected):
        run("lint", str(tmp_path))


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """The message names the folder."""
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="file cannot be written"):
        run("export", "--out", str(tmp_path / "file"))
