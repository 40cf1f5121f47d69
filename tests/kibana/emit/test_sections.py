"""Sections that open with a click: for Kibana 9.1 and newer, and for no older one."""

import copy
import json
from typing import Any

from mlmon.dashboards.links.target import LinkTarget
from mlmon.kibana.emit.artefact import Artefact
from mlmon.kibana.lint import lint
from mlmon.kibana.providers import artefacts
from mlmon.kibana.providers.objects import placed_panels
from mlmon.kibana.sync.plan import fitting

TARGET = LinkTarget("production", "ops")
EVERYTHING = artefacts(TARGET)
DRIFT = TARGET.id("drift")


def imported(version: tuple[int, ...]) -> dict[str, Any]:
    """Return the attributes of the drift dashboard that a Kibana of a version imports."""
    (found,) = (one for one in fitting(EVERYTHING, version) if one.id == DRIFT)
    attributes: dict[str, Any] = dict(found.body["attributes"])
    return attributes


def test_an_older_kibana_gets_panels_one_below_the_other() -> None:
    """8.19 and 9.0 know no sections: their dashboard has none, and no panel names one."""
    for version in ((8, 19), (9, 0)):
        attributes = imported(version)
        assert "sections" not in attributes
        assert not any("sectionId" in panel["gridData"] for panel in panels_of(attributes))


def panels_of(attributes: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the panels of a saved dashboard."""
    panels: list[dict[str, Any]] = json.loads(attributes["panelsJSON"])
    return panels


def test_a_newer_kibana_gets_a_section_for_each_analyzer() -> None:
    """Each section is closed and holds its panels from its own top on; the others stay outside."""
    attributes = imported((9, 1))
    titles = {one["gridData"]["i"]: one["title"] for one in attributes["sections"]}
    assert all(one["collapsed"] for one in attributes["sections"])
    inside: dict[str, list[int]] = {}
    for panel, placed in zip(panels_of(attributes), placed_panels()["drift"], strict=True):
        section = panel["gridData"].get("sectionId")
        assert titles.get(section, "") == placed.section
        if section:
            inside.setdefault(section, []).append(panel["gridData"]["y"])
    assert len(inside) == len(titles) > 5
    assert all(min(tops) == 0 for tops in inside.values())


def test_the_lint_checks_them_too() -> None:
    """What newer versions get passes, and a panel in a section that is not there is named."""
    assert lint(EVERYTHING) == []
    (found,) = (one for one in EVERYTHING if (one.kind, one.id) == ("saved-object", DRIFT))
    newer: Any = copy.deepcopy(found.newer)
    newer["attributes"]["sections"].pop()
    rest = [one for one in EVERYTHING if one is not found]
    problems = lint([*rest, Artefact(found.kind, found.id, found.body, newer)])
    assert {problem.message.partition(" section ")[0] for problem in problems} == {"there is no"}
