"""What `mlmon grafana export` writes."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.models.dashboard import Dashboard as GrafanaDashboard
from typer.testing import CliRunner

from mlmon.analyzers.checks import discover
from mlmon.commands import app
from mlmon.dashboards.definitions import dashboards
from mlmon.dashboards.model.sources import SOURCES
from mlmon.grafana.dashboards import dashboard_files
from mlmon.prometheus.rules import rules_file
from tests.support.grafana_data_source import as_json

Json = dict[str, Any]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the command has written for the namespace `try`."""
    out = tmp_path_factory.mktemp("grafana")
    done = CliRunner().invoke(app, ["grafana", "export", "--out", str(out), "--namespace", "try"])
    assert done.exit_code == 0, done.output
    return out


@pytest.fixture(scope="module")
def boards(exported: Path) -> dict[str, Json]:
    """The dashboards by the name of their file."""
    return {
        path.stem: json.loads(path.read_text()) for path in (exported / "dashboards").glob("*.json")
    }


def panels(board: Json) -> list[Json]:
    """Return the panels of a dashboard that show something."""
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def test_every_dashboard_is_written_with_all_its_panels(boards: dict[str, Json]) -> None:
    """One file a dashboard, and one over Prometheus; no panel is without a title or a text."""
    assert boards.keys() == {f"mlmon-{board.name}" for board in dashboards()} | {"mlmon-metrics"}
    for board in boards.values():
        assert panels(board)
        assert all(panel.get("title") or panel["type"] == "text" for panel in panels(board))


def test_grafanas_own_types_read_what_was_written(boards: dict[str, Json]) -> None:
    """Read by the types that are generated from Grafana's schema, a dashboard stays the same."""
    for board in boards.values():
        assert as_json(GrafanaDashboard.from_json(board)) == board


def test_panels_lie_in_the_grid_and_not_on_one_another(boards: dict[str, Json]) -> None:
    """Each panel lies within the 24 columns, and no two share a cell."""
    for board in boards.values():
        taken: set[tuple[int, int]] = set()
        for panel in board["panels"]:
            place = panel["gridPos"]
            cells = {
                (x, y)
                for x in range(place["x"], place["x"] + place["w"])
                for y in range(place["y"], place["y"] + place["h"])
            }
            assert cells
            assert not cells & taken, panel["title"]
            assert all(0 <= x < 24 for x, _ in cells)
            taken |= cells


def test_every_data_source_that_is_asked_is_provisioned(
    exported: Path, boards: dict[str, Json]
) -> None:
    """Panels, queries and variables name data sources of the file, which names the indices."""
    text = (exported / "provisioning/datasources/mlmon.yml").read_text()
    provisioned = {source["uid"]: source for source in yaml.safe_load(text)["datasources"]}
    asked = {
        named["datasource"]["uid"]
        for board in boards.values()
        for named in (
            *(panel for panel in panels(board) if "datasource" in panel),
            *board.get("templating", {}).get("list", ()),
        )
    }
    assert asked
    assert asked <= provisioned.keys()
    for source in SOURCES:
        index = provisioned[f"mlmon-{source.name}"]["jsonData"]["index"]
        assert index == source.index("try")
    assert "password" not in text.lower().replace("basicauthpassword: $mlmon_grafana_password", "")


def test_the_metrics_dashboard_asks_for_what_is_recorded(boards: dict[str, Json]) -> None:
    """Each recorded series that it draws is one that the rules record."""
    recorded = {
        rule["record"]
        for group in rules_file(discover())["groups"]
        for rule in group["rules"]
        if "record" in rule
    }
    asked = [panel["targets"][0]["expr"] for panel in panels(boards["mlmon-metrics"])]
    used = {expression for expression in asked if expression.count(":") == 2}
    assert used
    assert used <= recorded


def test_an_export_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    """A file in the folder's place ends the command with what to do."""
    taken = tmp_path / "file"
    taken.touch()
    done = CliRunner().invoke(app, ["grafana", "export", "--out", str(taken)])
    assert done.exit_code != 0


def test_it_is_the_same_each_time() -> None:
    """A second export is equal, so that a difference in a repository means one."""
    assert dashboard_files(discover()) == dashboard_files(discover())
