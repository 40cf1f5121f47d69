"""Artefacts against the published schemas of Kibana's APIs."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from mlmon.dashboards.links.target import LinkTarget
from mlmon.kibana.emit.artefact import Artefact
from mlmon.kibana.providers import artefacts

TARGET = LinkTarget("production", "ops")
EVERYTHING = artefacts(TARGET)

Errors = Callable[[str, Any], list[str]]


@pytest.fixture
def errors(checker: Errors | None) -> Errors:
    """The checker, a file next to the project."""
    if checker is None:
        pytest.skip("the published schemas are absent: they are not part of the project")
    return checker


@pytest.mark.parametrize(
    "artefact",
    [artefact for artefact in EVERYTHING if artefact.kind != "saved-object"],
    ids=lambda artefact: f"{artefact.kind}-{artefact.id}",
)
def test_bodies_are_what_the_schemas_say(artefact: Artefact, errors: Errors) -> None:
    """Every body that an API takes is valid by that API's published schema."""
    assert errors(artefact.kind, artefact.body) == []


def test_the_schemas_refuse_what_is_wrong(errors: Errors) -> None:
    """A wrong chart type, a wrong operation, an unknown key: none passes."""
    body = next(artefact.body for artefact in EVERYTHING if artefact.kind == "dashboard")
    panels = [panel for panel in body["panels"] if panel.get("config", {}).get("type") == "xy"]
    place = body["panels"].index(panels[0])
    for change in ({"type": "line_chart"}, {"y": [{"operation": "avg"}]}, {"colour": "red"}):
        wrong = copy.deepcopy(body)
        wrong["panels"][place]["config"]["layers"][0] |= change
        assert errors("dashboard", wrong) != []
