"""From an incident to a new normal and back, on a real Elasticsearch."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from mlmon.alerting.actions.incident_actions import IncidentActions
from mlmon.alerting.actions.new_normal import Chosen
from mlmon.alerting.alerts.store import AlertStore
from mlmon.alerting.incidents.verdict import Verdict
from mlmon.alerting.publish import update
from mlmon.alerting.settings import AlertingSettings
from mlmon.analyzers.base.finding import Severity
from mlmon.analyzers.base.window import DAY, HOUR, Window
from mlmon.analyzers.baselines.accepted_store import AcceptedStore
from mlmon.analyzers.baselines.store import BaselineStore
from mlmon.analyzers.checks.feature_drift.feature_drift import FeatureDrift
from mlmon.analyzers.checks.score_shift.score_shift import ScoreShift
from mlmon.analyzers.run.engine import analyze
from mlmon.analyzers.run.findings_store import FindingStore
from mlmon.commands import app
from mlmon.elastic.errors import UserError
from tests.support.serving import Visitor, serving

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from mlmon.alerting.incidents.record import IncidentRecord
    from mlmon.analyzers.baselines.baseline import Baseline
    from mlmon.elastic.client.cluster import Cluster

pytestmark = pytest.mark.long

HOURS, PER_HOUR = 136, 30
FAULT = range(30, 54)
"""Hours of a fault that is repaired."""
CHANGED = 96
"""The hour from which prices are like that for good."""
ANALYZERS = (FeatureDrift(), ScoreShift())


class Place:
    """A namespace whose logs are judged up to a moment, and its incidents."""

    def __init__(self, cluster: Cluster, namespace: str, start: datetime) -> None:
        self.cluster, self.namespace, self.start = cluster, namespace, start
        self.actions = IncidentActions(cluster, namespace)

    def judge(self, first: int, last: int) -> None:
        """Judge the windows that end in some hours, and bring incidents up to them."""
        now = self.start + last * HOUR
        period = Window(self.start + first * HOUR, now)
        done = analyze(self.cluster, self.namespace, period, now=now, analyzers=ANALYZERS)
        assert done.failures == {}
        update(self.cluster, self.namespace, period.start, now, AlertingSettings())

    def incidents(self) -> list[IncidentRecord]:
        """Return all incidents, the oldest first."""
        return list(reversed(self.actions.listed(self.start - DAY)))

    def findings(self) -> dict[str, dict[str, Any]]:
        """Return the findings that hold, by id, without when they were stored."""
        found = FindingStore(self.cluster, self.namespace).search()
        return {
            finding.id: {
                name: value
                for name, value in finding.to_document().items()
                if name != "event.created"
            }
            for finding in found
        }


@pytest.fixture
def place(
    cluster: Cluster,
    namespace: str,
    start: datetime,
    baseline: Baseline,
    predictions_of: Callable[..., list[dict[str, Any]]],
    ship: Callable[[list[dict[str, Any]]], None],
) -> Place:
    """Five days in which prices were wrong for a day, and later changed for good."""

    def change(hour: int, rows: dict[str, Any]) -> None:
        if hour in FAULT or hour >= CHANGED:
            rows["price"] = rows["price"] * 5

    ship(predictions_of(HOURS, PER_HOUR, change=change))
    BaselineStore(cluster, namespace).write([baseline])
    place = Place(cluster, namespace, start)
    place.judge(0, 120)
    return place


def test_a_change_is_accepted_and_taken_back(
    place: Place, cluster: Cluster, namespace: str, start: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its alert ends, what was found before stays, and revoking brings the alarm back."""
    fault, change = place.incidents()
    assert (fault.start, fault.onset_seconds) == (start + FAULT.start * HOUR, 3_600)
    assert (change.start, change.onset_seconds) == (start + CHANGED * HOUR, 3_600)
    now = start + 120 * HOUR
    proposed = place.actions.new_normal(change.id, "ada", "new currency", now)
    (reference,) = proposed.references
    assert reference.part == ("feature", "price")
    lines = list(proposed.lines())
    assert lines[0].startswith("feature price of autobid 1: compared with ")
    assert any("2 past alerts would not have been raised, 0 of them" in line for line in lines)
    assert AcceptedStore(cluster, namespace).all() == []
    done = place.actions.accept(change.id, proposed, "ada", "new currency", now, force=False)
    assert done.endswith("new normal")
    before = place.findings()
    place.judge(120, HOURS)
    assert place.incidents()[1].status == "resolved"
    assert place.incidents()[1].feedback == "new_normal"
    found = [
        finding
        for finding in FindingStore(cluster, namespace).search(since=now)
        if finding.subject == "price"
    ]
    assert len(found) == HOURS - 120
    assert {finding.severity for finding in found} <= {Severity.OK, Severity.UNKNOWN}
    judged = [finding for finding in found if finding.value is not None]
    assert judged
    assert all("accepted by ada" in finding.reason for finding in judged)
    # Judged again from the beginning, everything is found as it was at the time.
    everything = place.findings()
    place.judge(0, HOURS)
    assert place.findings() == everything
    assert before.items() <= everything.items()
    monkeypatch.setenv("MLMON_ELASTICSEARCH_URL", cluster.url)
    monkeypatch.setenv("MLMON_NAMESPACE", namespace)
    listed = CliRunner().invoke(app, ["baseline", "references"]).stdout
    assert "feature price of autobid 1" in listed
    assert "accepted by ada" in listed
    assert "new currency" in listed
    shown = CliRunner().invoke(app, ["baseline", "show", "autobid", "1"]).stdout
    assert "feature price: compared with the time since" in shown
    AcceptedStore(cluster, namespace).revoke(
        f" {reference.id[:8].upper()}", "bob", start + 128 * HOUR
    )
    place.judge(120, HOURS)
    alarms = [
        finding.end
        for finding in FindingStore(cluster, namespace).search(since=now)
        if finding.subject == "price" and finding.severity.alarming
    ]
    assert alarms == [start + hour * HOUR for hour in range(129, HOURS + 1)]
    assert "revoked by bob" in CliRunner().invoke(app, ["baseline", "references"]).stdout
    with pytest.raises(UserError, match="0 accepted references hold"):
        AcceptedStore(cluster, namespace).revoke(reference.id, "bob", now)


def test_what_was_true_is_not_hidden(
    place: Place, cluster: Cluster, namespace: str, start: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A past fault that looked the same and was called fixed forbids it, unless forced."""
    fault, change = place.incidents()
    now = start + 120 * HOUR
    place.actions.feedback(fault.id, Verdict.FIXED, "bob", "rolled back", now)
    proposed = place.actions.new_normal(change.id, "ada", "", now)
    (hidden,) = proposed.confirmed
    assert hidden.id in fault.alert_ids
    with pytest.raises(UserError, match="1 alert confirmed true would not have been raised"):
        place.actions.accept(change.id, proposed, "ada", "", now, force=False)
    assert AcceptedStore(cluster, namespace).all() == []
    assert place.incidents()[1].feedback is None
    place.actions.accept(change.id, proposed, "ada", "", now, force=True)
    assert len(AcceptedStore(cluster, namespace).all()) == 1
    # The past is not judged again: the fault's alert is still there.
    assert {alert.id for alert in AlertStore(cluster, namespace).overlapping(start)} >= {hidden.id}
    monkeypatch.setenv("MLMON_ELASTICSEARCH_URL", cluster.url)
    monkeypatch.setenv("MLMON_NAMESPACE", namespace)
    words = ["incidents", "accept", change.id, "--since", "2026-03-09", "--yes"]
    refused = CliRunner().invoke(app, words)
    assert isinstance(refused.exception, UserError)
    assert "too few" in refused.exception.message
    printed = CliRunner().invoke(app, ["baseline", "references", "--json"]).stdout
    assert json.loads(printed)["reference.by"] == "ada"


def test_it_is_accepted_on_the_page_after_its_effect_was_seen(
    place: Place, cluster: Cluster, namespace: str
) -> None:
    """The first press shows what would happen, the second does it; a forced one needs a tick."""
    fault, change = place.incidents()
    name = change.id
    with serving(cluster, namespace) as server, Visitor(server) as ada:
        ada.sign_in("ada")
        path = f"/incidents/{name}/feedback"
        form = ada.hidden(path) | {"verdict": "new_normal", "why": "new currency"}
        # The page's clock is today's, so the change point is given by when the alert began.
        asked = ada.post(path, **form)
        assert asked.status_code == 200
        assert "What it would do" in asked.text
        assert "feature price of autobid 1: compared with" in asked.text
        (seen,) = re.findall(r'name="confirmed" value="(\w+)"', asked.text)
        (box,) = re.findall(r'name="(part:[^"]+)" value="1" checked', asked.text)
        assert box == "part:feature price of autobid 1"
        assert "force" not in asked.text
        assert AcceptedStore(cluster, namespace).all() == []
        assert place.incidents()[1].feedback is None
        assert "No part was chosen" in ada.post(path, **form, confirmed=seen).text
        assert "What it would do" in ada.post(path, **form, confirmed="1", **{box: "1"}).text
        assert AcceptedStore(cluster, namespace).all() == []
        assert ada.post(path, **form, confirmed=seen, **{box: "1"}).status_code == 303
        (reference,) = AcceptedStore(cluster, namespace).all()
        assert (reference.by, reference.why) == ("ada", "new currency")
        assert reference.incident == name
    assert place.incidents()[1].feedback == "new_normal"
    assert place.incidents()[0].feedback is None
    assert fault.id != name


def test_what_is_compared_with_no_baseline_cannot_be_accepted(
    cluster: Cluster, namespace: str, start: datetime
) -> None:
    """The error says what else one can do, and nothing is stored."""
    from tests.support.histories import spell

    about = {"analyzer": "service_health", "metric": "http.5xx.rate"}
    FindingStore(cluster, namespace).write(spell("occc", "/predict", **about), start)
    update(cluster, namespace, start - DAY, start + 6 * HOUR, AlertingSettings())
    actions = IncidentActions(cluster, namespace)
    (incident,) = actions.listed(start - DAY)
    with pytest.raises(UserError, match="compared with nothing that could be moved") as caught:
        actions.new_normal(incident.id, "ada", "", start + timedelta(hours=6))
    assert "false alarm" in caught.value.hint


@pytest.fixture
def two_moved(
    cluster: Cluster,
    namespace: str,
    start: datetime,
    baseline: Baseline,
    predictions_of: Callable[..., list[dict[str, Any]]],
    ship: Callable[[list[dict[str, Any]]], None],
) -> Place:
    """Two days, on the second of which two features changed for good at the same time."""

    def change(hour: int, rows: dict[str, Any]) -> None:
        if hour >= 24:
            rows["price"], rows["rating"] = rows["price"] * 5, rows["rating"] + 2

    ship(predictions_of(56, PER_HOUR, change=change))
    BaselineStore(cluster, namespace).write([baseline])
    place = Place(cluster, namespace, start)
    place.judge(0, 48)
    return place


def test_one_part_of_an_incident_is_accepted(
    two_moved: Place,
    cluster: Cluster,
    namespace: str,
    start: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is accepted is printed and asked for; the other feature goes on to alarm."""
    place, now = two_moved, start + 48 * HOUR
    (incident,) = place.incidents()
    price, other = "Drift of numeric features of price, autobid 1", "rating, autobid 1"
    every = place.actions.new_normal(incident.id, "ada", "", now)
    assert every.parts == ("feature price of autobid 1", "feature rating of autobid 1")
    assert (every.others, every.choices) == ((), every.parts)
    for chosen in (
        Chosen(series=("price",)),
        Chosen(series=(price,)),
        Chosen(metrics=("ks.distance",), series=("price",)),
        Chosen(parts=("feature price of autobid 1",)),
    ):
        proposed = place.actions.new_normal(incident.id, "ada", "", now, chosen=chosen)
        assert proposed.parts == ("feature price of autobid 1",)
        assert price in {alert.title for alert in proposed.moved}
        assert all(alert.title.endswith(other) for alert in proposed.others)
        assert all(alert.subject == "price" for alert in proposed.vanished)
    lines = list(proposed.lines())
    assert f"  accepted: {price}" in lines
    assert f"not chosen: Drift of numeric features of {other}" in lines
    for nothing in (
        Chosen(metrics=("psi",)),
        Chosen(segments=("country=DE",)),
        Chosen(series=("x",)),
    ):
        with pytest.raises(UserError, match="that could be accepted is chosen") as caught:
            place.actions.new_normal(incident.id, "ada", "", now, chosen=nothing)
        assert price in caught.value.hint
    monkeypatch.setenv("MLMON_ELASTICSEARCH_URL", cluster.url)
    monkeypatch.setenv("MLMON_NAMESPACE", namespace)
    # The command's clock is today's, so it gets no change point it could find traffic for.
    words = ["incidents", "accept", incident.id, "--series", "price", "--by", "ada"]
    for more, code in (([], 1), (["--json"], 0), (["--dry-run"], 0)):
        shown = CliRunner().invoke(app, [*words, *more])
        assert shown.exit_code == code
        assert "feature price of autobid 1: compared with " in shown.stdout
        assert "feature rating of" not in shown.stdout
    assert AcceptedStore(cluster, namespace).all() == []
    done = place.actions.accept(incident.id, proposed, "ada", "new currency", now, force=False)
    assert done == "feature price of autobid 1: new normal"
    (reference,) = AcceptedStore(cluster, namespace).all()
    assert reference.part == ("feature", "price")
    place.judge(48, 56)
    after = [
        finding
        for finding in FindingStore(cluster, namespace).search(since=now)
        if finding.metric == "ks.distance"
    ]
    assert {finding.severity for finding in after if finding.subject == "rating"} == {
        Severity.CRITICAL
    }
    assert not any(finding.severity.alarming for finding in after if finding.subject == "price")
    (incident,) = place.incidents()
    assert incident.is_open
    assert incident.feedback is None
    _, _, changes = place.actions.show(incident.id)
    text = "Accepted as the new normal: feature price of autobid 1. new currency"
    assert text in {change["change.text"] for change in changes}
