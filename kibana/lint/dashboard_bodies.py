"""Rules for bodies of the Dashboards API: what they name exists, and panels lie inside the grid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmon.dashboards.model.dashboard import GRID_COLUMNS
from mlmon.kibana.lint.bundle import Problem, kql_fields, panels_of
from mlmon.kibana.lint.panels import link_problems

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlmon.kibana.emit.artefact import Artefact
    from mlmon.kibana.lint.bundle import Bundle

Found = tuple[str, str]


def dashboard_problems(artefact: Artefact, bundle: Bundle) -> Iterator[Problem]:
    """Yield what is wrong with one body."""
    seen: set[str] = set()
    for panel in panels_of(artefact.body):
        if panel["id"] in seen:
            yield Problem(artefact, f"/panels/{panel['id']}", "is there twice")
        seen.add(panel["id"])
        for path, message in _panel(panel, bundle):
            yield Problem(artefact, f"/panels/{panel['id']}{path}", message)
    for control in artefact.body["pinned_panels"]:
        config = control["config"]
        if config["data_view_id"] not in bundle.patterns:
            message = f"there is no data view {config['data_view_id']}"
            yield Problem(artefact, "/pinned_panels", message)
            continue
        for message in bundle.missing(config["data_view_id"], [config["field_name"]]):
            yield Problem(artefact, "/pinned_panels", message)


def _panel(panel: dict[str, Any], bundle: Bundle) -> Iterator[Found]:
    grid, config = panel["grid"], panel["config"]
    if not 0 <= grid["x"] < grid["x"] + grid["w"] <= GRID_COLUMNS:
        yield "/grid", f"reaches from {grid['x']} to {grid['x'] + grid['w']}"
    if panel["type"] == "discover_session" and ("search", config["ref_id"]) not in bundle.ids:
        yield "/config", f"there is no search {config['ref_id']}"
    for drilldown in config.get("drilldowns", []):
        opened = drilldown.get("dashboard_id")
        if drilldown["type"] == "dashboard_drilldown" and ("dashboard", opened) not in bundle.ids:
            yield "/drilldowns", f"there is no dashboard {opened}"
    if panel["type"] == "markdown":
        for message in link_problems(config["content"], bundle):
            yield "/config", message
    if panel["type"] == "vis":
        for asked in config.get("layers", [config]):
            # The condition of a chart of layers holds for each of them but its events.
            shared = {} if asked.get("ignore_global_filters") else {"query": config["query"]}
            yield from _asked(shared | asked, bundle)


def _asked(asked: dict[str, Any], bundle: Bundle) -> Iterator[Found]:
    """Yield what is wrong with a layer, or with a chart that is one: its data view and fields."""
    view = asked["data_source"]["ref_id"]
    if view not in bundle.patterns:
        yield "/data_source", f"there is no data view {view}"
        return
    found = _fields({key: part for key, part in asked.items() if key != "data_source"})
    for message in bundle.missing(view, found):
        yield "", message


def _fields(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        for key, value in part.items():
            if key in {"field", "time_field"}:
                yield value
            elif key in {"fields", "extra_fields"}:
                yield from value
            elif key == "expression":
                yield from kql_fields(value)
            else:
                yield from _fields(value)
    elif isinstance(part, list):
        for member in part:
            yield from _fields(member)
