"""The lint finds every fault that Kibana would refuse or open broken, and none in what is right."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from mlmon.dashboards.links.target import LinkTarget
from mlmon.kibana.emit.artefact import Artefact, ArtefactKind
from mlmon.kibana.lint import lint
from mlmon.kibana.lint.bundle import is_mapped
from mlmon.kibana.providers import artefacts

EVERYTHING = artefacts(LinkTarget("production", "ops"))
CONNECTOR = "1f6b1e0a-4c1d-4b52-9d42-0b5c7a3f1a11"
Change = Callable[[dict[str, Any]], None]


def test_nothing_is_wrong_with_what_is_shipped() -> None:
    """All artefacts of a place pass, of every kind there is."""
    assert [str(problem) for problem in lint(EVERYTHING)] == []
    assert len(EVERYTHING) > 40


def changed(kind: ArtefactKind, id_: str, change: Change) -> list[str]:
    """Return what the lint says of everything, after one artefact was changed."""
    (found,) = (artefact for artefact in EVERYTHING if (artefact.kind, artefact.id) == (kind, id_))
    body = copy.deepcopy(dict(found.body))
    change(body)
    rest = [artefact for artefact in EVERYTHING if artefact is not found]
    return [str(problem) for problem in lint([*rest, Artefact(kind, id_, body)])]


def in_json(path: str, change: Change) -> Change:
    """Change what lies in a string of JSON among a saved object's attributes."""

    def inside(body: dict[str, Any]) -> None:
        value = json.loads(body["attributes"][path])
        change(value)
        body["attributes"][path] = json.dumps(value)

    return inside


def lens(change: Change) -> Change:
    """Change the first chart over time of a dashboard that counts or measures a field."""

    def inside(panels: Any) -> None:
        charts = [panel for panel in panels if panel["type"] == "lens"]
        change(
            next(
                chart["embeddableConfig"]["attributes"]
                for chart in charts
                if chart["embeddableConfig"]["attributes"]["visualizationType"] == "lnsXY"
                and "sourceField" in columns(chart["embeddableConfig"]["attributes"])["l0m0"]
            )
        )

    return in_json("panelsJSON", inside)


def xy(change: Change) -> Change:
    """Change the first layer of the first line chart of a body of the Dashboards API."""

    def inside(body: dict[str, Any]) -> None:
        panels = (panel["config"] for panel in body["panels"] if "config" in panel)
        change(next(config for config in panels if config.get("type") == "xy")["layers"][0])

    return inside


def columns(attributes: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of the first layer."""
    found: dict[str, Any] = attributes["state"]["datasourceStates"]["formBased"]["layers"]["l0"]
    return found["columns"]


def layer(attributes: dict[str, Any]) -> dict[str, Any]:
    """Return the first layer as it is drawn."""
    found: dict[str, Any] = attributes["state"]["visualization"]["layers"][0]
    return found


def events(attributes: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the events of the first layer of events."""
    layers = attributes["state"]["visualization"]["layers"]
    (first, *_) = (drawn for drawn in layers if drawn["layerType"] == "annotations")
    found: list[dict[str, Any]] = first["annotations"]
    return found


def in_section(body: dict[str, Any]) -> dict[str, Any]:
    """Return the first chart over time that lies in a section of a body."""
    (section, *_) = (panel for panel in body["panels"] if "panels" in panel)
    found: dict[str, Any] = next(
        panel for panel in section["panels"] if panel["config"].get("type") == "xy"
    )
    return found


def vega(change: Change) -> Change:
    """Change the picture of a dashboard."""

    def inside(panels: Any) -> None:
        found = (panel["embeddableConfig"].get("savedVis", {}) for panel in panels)
        params = next(action["params"] for action in found if action.get("type") == "vega")
        spec = json.loads(params["spec"])
        change(spec)
        params["spec"] = json.dumps(spec)

    return in_json("panelsJSON", inside)


def markdown(more: str) -> Change:
    """Add something to the first Markdown of a dashboard."""

    def inside(panels: Any) -> None:
        found = (panel["embeddableConfig"].get("savedVis", {}) for panel in panels)
        next(saved for saved in found if saved.get("type") == "markdown")["params"]["markdown"] += (
            more
        )

    return in_json("panelsJSON", inside)


def analyzers(spec: dict[str, Any]) -> dict[str, Any]:
    """Return the outermost aggregation of a picture's search."""
    found: dict[str, Any] = spec["data"]["url"]["body"]["aggs"]["rows"]
    return found


OVERVIEW = "mlmon-production-ops-overview"
DASHBOARD = "mlmon-production-ops-service_health"
SEARCH = "mlmon-production-ops-alarms"
FAULTS: list[tuple[ArtefactKind, str, Change, str]] = [
    ("saved-object", SEARCH, lambda body: body.update(id="other"), "is other in the body"),
    (
        "saved-object",
        SEARCH,
        lambda body: body.update(typeMigrationVersion="10.9.0"),
        "10.9.0 is not 10.5.0, the lowest that has it",
    ),
    (
        "saved-object",
        SEARCH,
        lambda body: body["references"][0].update(id="gone"),
        "there is no index-pattern gone",
    ),
    (
        "saved-object",
        SEARCH,
        lambda body: body["attributes"]["columns"].append("finding.colour"),
        "finding.colour is no field of",
    ),
    (
        "saved-object",
        SEARCH,
        lambda body: body["attributes"].update(description="Mine"),
        "does not name mlmon as its owner",
    ),
    (
        "saved-object",
        DASHBOARD,
        lambda body: body["references"].append(body["references"][0]),
        "is there 2 times",
    ),
    (
        "saved-object",
        DASHBOARD,
        lambda body: body["references"].pop(),
        "has no reference to its data view",
    ),
    (
        "saved-object",
        DASHBOARD,
        in_json("panelsJSON", lambda panels: panels[3]["gridData"].update(i="p")),
        "i is p",
    ),
    (
        "saved-object",
        DASHBOARD,
        in_json("panelsJSON", lambda panels: panels[3]["gridData"].update(x=47)),
        "reaches from 47",
    ),
    (
        "saved-object",
        DASHBOARD,
        in_json("panelsJSON", lambda panels: panels[3].update(panelIndex=panels[2]["panelIndex"])),
        "is there twice",
    ),
    (
        "saved-object",
        DASHBOARD,
        in_json("panelsJSON", lambda panels: panels[-1].update(panelRefName="panel_x")),
        "needs a reference",
    ),
    (
        "saved-object",
        DASHBOARD,
        in_json("panelsJSON", lambda panels: panels.extend(panels * 10)),
        "100 at most",
    ),
    (
        "saved-object",
        DASHBOARD,
        lens(lambda found: layer(found)["accessors"].append("l0m9")),
        "draws the column l0m9",
    ),
    (
        "saved-object",
        DASHBOARD,
        lens(lambda found: found["state"]["visualization"].pop("yLeftExtent")),
        "/visualization: has no yLeftExtent",
    ),
    (
        "saved-object",
        DASHBOARD,
        lens(lambda found: columns(found)["l0m0"].update(aggregation="sum")),
        "has aggregation, which Kibana does not know",
    ),
    (
        "saved-object",
        DASHBOARD,
        lens(lambda found: columns(found)["l0by0"]["params"].pop("interval")),
        "/l0/l0by0/params: has no interval",
    ),
    (
        "saved-object",
        DASHBOARD,
        lens(lambda found: events(found)[0].pop("filter")),
        "has no filter",
    ),
    (
        "saved-object",
        DASHBOARD,
        lens(lambda found: found["references"].pop(0)),
        "has no reference to a data view",
    ),
    (
        "saved-object",
        DASHBOARD,
        lens(lambda found: found["references"].pop()),
        "events-incident_changes: has no reference to a data view",
    ),
    (
        "saved-object",
        DASHBOARD,
        lens(lambda found: events(found)[0].update(textField="ml.model.colour")),
        "ml.model.colour is no field of",
    ),
    (
        "saved-object",
        DASHBOARD,
        lens(lambda found: events(found)[0]["filter"].update(query='event.colour: "red"')),
        "event.colour is no field of",
    ),
    (
        "dashboard",
        DASHBOARD,
        lambda body: in_section(body)["config"]["layers"][0]["x"].update(field="http.colour"),
        "http.colour is no field of",
    ),
    (
        "saved-object",
        DASHBOARD,
        lens(lambda found: columns(found)["l0m0"].pop("sourceField")),
        "a count needs the field",
    ),
    (
        "saved-object",
        DASHBOARD,
        lens(lambda found: columns(found)["l0by0"].update(sourceField="http.colour")),
        "http.colour is no field of",
    ),
    (
        "saved-object",
        DASHBOARD,
        lens(lambda found: columns(found)["l0m0"].update(references=["l0m9"])),
        "refers to the column l0m9",
    ),
    (
        "saved-object",
        OVERVIEW,
        vega(lambda spec: spec["data"]["url"].update(index="mine-*")),
        "asks mine-*, which no data view has",
    ),
    (
        "saved-object",
        OVERVIEW,
        vega(lambda spec: analyzers(spec)["terms"].update(field="finding.colour")),
        "finding.colour is no field of",
    ),
    (
        "saved-object",
        OVERVIEW,
        vega(lambda spec: spec["data"]["format"].update(property="aggregations.a.buckets")),
        "draws aggregations.a.buckets, which its search does not answer",
    ),
    (
        "dashboard",
        DASHBOARD,
        lambda body: body["panels"][3]["grid"].update(x=40),
        "reaches from 40",
    ),
    (
        "dashboard",
        DASHBOARD,
        xy(lambda drawn: drawn["x"].update(field="http.colour")),
        "http.colour is no field of",
    ),
    (
        "dashboard",
        DASHBOARD,
        xy(lambda drawn: drawn["data_source"].update(ref_id="x")),
        "there is no data view x",
    ),
    (
        "dashboard",
        DASHBOARD,
        lambda body: body["pinned_panels"][0]["config"].update(field_name="x"),
        "x is no field of",
    ),
    ("dashboard", DASHBOARD, lambda body: body.update(description="Mine"), "does not name mlmon"),
    (
        "saved-object",
        OVERVIEW,
        markdown(" [More](#/view/mlmon-y)"),
        "links to the dashboard mlmon-y, which does not exist",
    ),
    (
        "dashboard",
        OVERVIEW,
        lambda body: body["panels"][1]["config"].update(content="[More](#/view/mlmon-x)"),
        "links to the dashboard mlmon-x, which does not exist",
    ),
    (
        "data-view",
        "mlmon-production-ops-findings",
        lambda body: body["data_view"].update(name="Findings"),
        "does not name mlmon",
    ),
]


@pytest.mark.parametrize(("kind", "id_", "change", "text"), FAULTS)
def test_each_fault_is_found(kind: ArtefactKind, id_: str, change: Change, text: str) -> None:
    """One change to what is right is one fault named, at its place."""
    found = changed(kind, id_, change)
    assert any(text in problem and id_ in problem for problem in found), found


def rule(**changes: Any) -> Artefact:
    """Return a rule that nothing is wrong with, but for some changes of its parameters."""
    params: dict[str, Any] = {
        "searchType": "esQuery",
        "index": ["mlmon-findings-production-*"],
        "timeField": "@timestamp",
        "esQuery": '{"query":{"match_all":{}}}',
        "timeWindowSize": 1,
        "timeWindowUnit": "h",
        "threshold": [0],
        "thresholdComparator": ">",
        "size": 10,
    }
    frequency = {"summary": False, "notify_when": "onThrottleInterval", "throttle": "1h"}
    body = {
        "name": "r",
        "rule_type_id": ".es-query",
        "schedule": {"interval": "5m"},
        "tags": ["mlmon"],
        "params": params,
        "actions": [{"id": CONNECTOR, "group": "query matched", "frequency": frequency}],
    }
    for name, value in changes.items():
        where = body if name in body else params
        if value is None:
            del where[name]
        else:
            where[name] = value
    return Artefact("rule", "r", body)


def problems_of(*found: Artefact) -> list[str]:
    """Return the lint's problems with artefacts and a connector."""
    connector = {"name": "mlmon log", "connector_type_id": ".server-log"}
    return [str(problem) for problem in lint([*found, Artefact("connector", CONNECTOR, connector)])]


def test_a_good_rule_passes() -> None:
    """The rule that the faults below are made in has none."""
    assert problems_of(rule()) == []


def action(**changes: Any) -> list[dict[str, Any]]:
    """Return an action with some changes."""
    frequency = {"summary": False, "notify_when": "onActiveAlert", "throttle": None}
    return [{"id": CONNECTOR, "group": "query matched", "frequency": frequency} | changes]


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"timeWindowUnit": "minutes"}, "'minutes' is no unit of time"),
        ({"timeWindowSize": 0}, "a window of 0"),
        ({"aggType": "median"}, "'median' is none of"),
        ({"aggType": "avg"}, "avg of nothing"),
        ({"groupBy": "top", "termSize": 10}, "/params/termField"),
        ({"groupBy": "top", "termField": "a"}, "/params/termSize"),
        ({"groupBy": "top", "termField": ["a"], "termSize": 1}, "list of 2 to 4"),
        ({"groupBy": "row"}, "row is for ES|QL"),
        ({"esQuery": None}, "is missing in a rule of searchType esQuery"),
        ({"searchConfiguration": {}}, "must be absent"),
        ({"searchType": "sql"}, "'sql' is none of"),
        ({"size": 10_001}, "not between"),
        ({"rule_type_id": "apm.x"}, "no type this lint knows"),
        ({"schedule": {"interval": "5 minutes"}}, "is no duration"),
        ({"tags": []}, "does not name mlmon as its owner"),
        ({"actions": action(group="fired")}, "'fired' is none of"),
        ({"actions": action(id="x")}, "there is no connector x"),
        ({"actions": action(frequency=None)}, "every action needs a frequency"),
        (
            {"actions": action(frequency={"notify_when": "onThrottleInterval"})},
            "a throttle is missing",
        ),
        (
            {"actions": action(frequency={"notify_when": "onThrottleInterval", "throttle": "1m"})},
            "shorter than the rule's interval",
        ),
    ],
)
def test_faults_of_rules(changes: dict[str, Any], text: str) -> None:
    """What Kibana checks only when a rule is saved is found before."""
    found = problems_of(rule(**changes))
    assert any(text in problem for problem in found), found


def test_frequencies_are_not_mixed() -> None:
    """A rule notifies by itself or by its actions."""
    mixed = rule()
    body = {**mixed.body, "notify_when": "onActiveAlert"}
    assert any(
        "exclude each other" in problem for problem in problems_of(Artefact("rule", "r", body))
    )


def test_esql_takes_one_threshold() -> None:
    """With ES|QL the limit stands in the query; Kibana takes > [0] alone."""
    esql = {"searchType": "esqlQuery", "esqlQuery": {"esql": "FROM a"}}
    bare = {"esQuery": None, "index": None}
    assert problems_of(rule(**esql, **bare)) == []
    found = problems_of(rule(**esql, **bare, threshold=[3]))
    assert any("of ES|QL is > [0]" in problem for problem in found)


def test_connectors_need_a_uuid_and_no_secret() -> None:
    """Kibana draws other ids itself, and a secret in a file is none."""
    body = {"name": "mlmon x", "secrets": {"password": "p"}}
    found = [str(problem) for problem in lint([Artefact("connector", "mlmon-x", body)])]
    assert any("is no UUID" in problem for problem in found)
    assert any("secrets" in problem for problem in found)


def test_watches() -> None:
    """A watch has all its parts, one thing to do per action, and says who made it."""
    good = {
        "trigger": {"schedule": {"interval": "1m"}},
        "input": {"search": {}},
        "condition": {"always": {}},
        "actions": {"log": {"logging": {"text": "t"}, "throttle_period": "1h"}},
        "metadata": {"managed_by": "mlmon"},
    }
    assert lint([Artefact("watch", "w", good)]) == []
    for change, text in (
        ({"input": {}}, "/input: is missing"),
        ({"condition": {"sometimes": {}}}, "'sometimes' is none of"),
        ({"actions": {"log": {}}}, "nothing"),
        ({"actions": {"log": {"logging": {}, "throttle_period": "hour"}}}, "no duration"),
        ({"metadata": {}}, "does not name mlmon"),
    ):
        found = [str(problem) for problem in lint([Artefact("watch", "w", good | change)])]
        assert any(text in problem for problem in found), (change, found)


def test_an_artefact_twice_is_found() -> None:
    """Two providers that make one id are noticed."""
    found = [str(problem) for problem in lint([*EVERYTHING, EVERYTHING[0]])]
    assert any("is there twice" in problem for problem in found)


@pytest.mark.parametrize(
    ("pattern", "field", "mapped"),
    [
        ("logs-ml.access-production", "url.path", True),
        ("logs-ml.access-production", "ml.bid.value", False),
        ("logs-ml.*-production", "ml.bid.value", True),
        ("logs-ml.prediction-x", "ml.features.numeric.price", True),
        ("logs-ml.prediction-x", "ml.features.embedding.text", False),
        ("mlmon-findings-x-*", "finding.value", True),
        ("mlmon-findings-x-*", "url.path", False),
        ("mine-*", "url.path", False),
    ],
)
def test_fields_of_an_index_pattern(pattern: str, field: str, *, mapped: bool) -> None:
    """A field is known where a template maps it so that it can be searched by."""
    assert is_mapped(pattern, field) is mapped
