"""What rules and watches name exists, and connectors of higher licences are named by id alone."""

from __future__ import annotations

import json
import re
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from mlmon.alerting.compiled.connector_params import Reference
from mlmon.alerting.compiled.kibana_rule import Connectors, connector_id, kibana_rule
from mlmon.alerting.compiled.watch import watch
from mlmon.alerting.policies.policy import policies
from mlmon.analyzers.base.finding import Severity
from mlmon.dashboards.links.target import Target
from mlmon.elastic.indices.index_tables import FINDINGS, NOTICES
from mlmon.kibana.lint import lint
from mlmon.kibana.providers import artefacts
from tests.support.histories import rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlmon.alerting.policies.policy import Policy

FREE = Connectors("index", "log")
NAMED = {each.name for each in FINDINGS}
OTHERS = (
    Reference("mail", ".email", to=("a@example.com",)),
    Reference("pager", ".pagerduty", Severity.CRITICAL),
    Reference("chat", ".slack"),
    Reference("channel", ".slack_api", to=("C1",)),
    Reference("team", ".teams"),
    Reference("hook", ".webhook"),
)


def fields(part: Any) -> Iterator[str]:
    """Yield the fields that a search names."""
    if isinstance(part, dict):
        for key, value in part.items():
            if key in {"term", "terms", "range"} and isinstance(value, dict):
                yield from [value["field"]] if "field" in value else value
            elif key == "sort":
                yield from (name for each in value for name in each)
            elif key == "field":
                yield value
            yield from fields(value)
    elif isinstance(part, list):
        for each in part:
            yield from fields(each)


@pytest.mark.parametrize("of", policies(), ids=lambda of: of.id)
def test_every_field_is_in_the_table(of: Policy) -> None:
    """What queries filter, group and sort by is mapped; what is told is a field of a finding."""
    for level in of.levels:
        params = kibana_rule(of, level, "n", FREE)["params"]
        search = watch(of, level, "n", {})["input"]["search"]["request"]["body"]
        asked = {*fields(json.loads(params["esQuery"])), *fields(search)}
        assert {"finding.severity", "finding.series", "event.end"} <= asked
        assert asked | {params["timeField"], params["termField"]} <= NAMED
        text = json.dumps(kibana_rule(of, level, "n", FREE)["actions"])
        assert set(re.findall(r"_source\.([a-z._]+)", text)) <= NAMED


def test_notices_have_a_table() -> None:
    """What the index connector writes is mapped, name by name."""
    actions = kibana_rule(rule(), Severity.WARNING, "n", FREE)["actions"]
    documents = [action["params"]["documents"][0] for action in actions if action["id"] == "index"]
    assert [document["alert.status"] for document in documents] == ["open", "resolved"]
    assert {name for document in documents for name in document} == {each.name for each in NOTICES}


def test_a_connector_has_the_same_uuid_each_time() -> None:
    """Kibana takes no other id; two names give two."""
    one, other = connector_id("one"), connector_id("other")
    assert one == connector_id("one") != other
    assert uuid.UUID(one).version == uuid.UUID(other).version == 4


def test_named_connectors_are_told_what_their_type_takes() -> None:
    """Once when raised and once when over, from its level on; PagerDuty closes what it opened."""
    told: dict[str, list[dict[str, Any]]] = {}
    for level in (Severity.WARNING, Severity.CRITICAL):
        body = kibana_rule(rule(), level, "n", Connectors("index", "log", OTHERS))
        for action in body["actions"]:
            told.setdefault(action["id"], []).append(action["params"])
    assert {name: len(params) for name, params in told.items()} == {
        **dict.fromkeys(("index", "log", "mail", "chat", "channel", "team", "hook"), 4),
        "pager": 2,
    }
    opened, closed = told["pager"]
    assert (opened["eventAction"], closed["eventAction"]) == ("trigger", "resolve")
    assert opened["dedupKey"] == closed["dedupKey"]
    assert told["mail"][0]["to"] == ["a@example.com"]
    assert told["channel"][0]["subActionParams"]["channelIds"] == ["C1"]
    assert json.loads(told["hook"][1]["body"])["status"] == "resolved"


def test_the_lint_takes_only_connectors_that_are_known() -> None:
    """One that someone else made has to be named to the lint; nothing is made for it."""
    target = Target("production", connectors=OTHERS)
    everything = artefacts(target)
    assert lint(everything, (each.id for each in OTHERS)) == []
    unknown = {each.message for each in lint(everything)}
    assert unknown == {f"there is no connector {each.id}" for each in OTHERS}
    assert sum(each.kind == "connector" for each in everything) == 2
