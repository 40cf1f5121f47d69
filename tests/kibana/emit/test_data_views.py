"""Data views: what people read for the names of fields, and how values are written."""

import json
import re
from typing import Any

import pytest

from mlmon.dashboards.links.target import LinkTarget
from mlmon.dashboards.model.source import DataSource, label
from mlmon.dashboards.model.sources import (
    ALERT_DOCUMENTS,
    FINDING_DOCUMENTS,
    INCIDENT_DOCUMENTS,
    LOGS,
    REQUESTS,
    SOURCES,
)
from mlmon.kibana.emit.data_views import data_view
from mlmon.kibana.emit.saved_objects import index_pattern

TARGET = LinkTarget("production", "ops")
each_source = pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)


def formats(source: DataSource) -> dict[str, Any]:
    """Return the formats of a source's fields."""
    found: dict[str, Any] = data_view(source, TARGET)["data_view"]["fieldFormats"]
    return found


@each_source
def test_every_field_has_a_label_and_its_description(source: DataSource) -> None:
    """What the tables say of a field is what Kibana shows for it; labels differ."""
    view = data_view(source, TARGET)["data_view"]
    named = {field.name: field for field in source.fields if not field.is_family}
    assert view["fieldAttrs"].keys() == named.keys()
    for name, attributes in view["fieldAttrs"].items():
        assert attributes["customDescription"] == named[name].description
    labels = [attributes["customLabel"] for attributes in view["fieldAttrs"].values()]
    assert len(labels) == len(set(labels))
    assert not [label for label in labels if not re.fullmatch(r"[A-Z5].*", label)]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("finding.sample.count", "Sample count"),
        ("ml.model.version", "Model version"),
        ("http.response.status_code", "HTTP response status code"),
        ("url.path", "URL path"),
        ("@timestamp", "Timestamp"),
    ],
)
def test_labels(name: str, shown: str) -> None:
    """A label is the field's name in words, without what says nothing."""
    assert label(name) == shown


def test_values_are_written_in_their_units() -> None:
    """Durations in nanoseconds, shares, and seconds are read as such."""
    formats = data_view(REQUESTS, TARGET)["data_view"]["fieldFormats"]
    assert formats["event.duration"]["params"]["inputFormat"] == "nanoseconds"
    assert data_view(FINDING_DOCUMENTS, TARGET)["data_view"]["fieldFormats"][
        "finding.sample.completeness"
    ]["id"] == ("percent")


def test_a_trace_leads_to_its_story() -> None:
    """A click on a trace's id opens everything it did, in the space it is in."""
    template = data_view(LOGS, TARGET)["data_view"]["fieldFormats"]["trace.id"]["params"][
        "urlTemplate"
    ]
    assert template.startswith("../app/discover#/view/mlmon-production-ops-story?_a=")
    assert "trace.id:%20%22{{value}}%22" in template


@each_source
def test_every_number_has_a_format(source: DataSource) -> None:
    """No number is left to Kibana's three decimals: units, whole numbers, few digits."""
    numbers = {field.name for field in source.fields if field.type in {"long", "double"}}
    plain = {name for name in numbers if "*" not in name}
    assert plain <= formats(source).keys()


def test_an_incident_leads_to_its_evidence() -> None:
    """From an incident to its changes and alerts, from an alert to its findings, to the runbook."""
    target = LinkTarget("production", "ops", runbooks="https://wiki/")
    found = data_view(INCIDENT_DOCUMENTS, target)["data_view"]["fieldFormats"]
    templates = {name: form["params"].get("urlTemplate", "") for name, form in found.items()}
    assert "view/mlmon-production-ops-changes_of_incidents" in templates["incident.id"]
    assert "incident.id:%20%22{{value}}%22" in templates["incident.id"]
    assert "view/mlmon-production-ops-all_alerts" in templates["incident.alert_ids"]
    assert templates["incident.runbook"] == "https://wiki/{{rawValue}}"
    series = formats(ALERT_DOCUMENTS)["finding.series"]["params"]["urlTemplate"]
    assert "view/mlmon-production-ops-all_findings" in series
    assert "incident.runbook" not in formats(INCIDENT_DOCUMENTS)


def test_alerts_are_not_chosen_by_time() -> None:
    """What is open now may have begun long ago: its data view has no time field."""
    assert "timeFieldName" not in data_view(ALERT_DOCUMENTS, TARGET)["data_view"]
    assert "timeFieldName" not in index_pattern(data_view(ALERT_DOCUMENTS, TARGET))["attributes"]
    assert data_view(FINDING_DOCUMENTS, TARGET)["data_view"]["timeFieldName"] == "@timestamp"


@each_source
def test_as_a_saved_object_it_is_the_same(source: DataSource) -> None:
    """What an import takes as strings of JSON is what the API takes as it is."""
    body = data_view(source, TARGET)
    view, attributes = body["data_view"], index_pattern(body)["attributes"]
    assert json.loads(attributes["fieldAttrs"]) == view["fieldAttrs"]
    assert json.loads(attributes["fieldFormatMap"]) == view["fieldFormats"]
    assert attributes["title"] == view["title"] == source.index("production")
