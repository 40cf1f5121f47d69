"""From an incident to a new normal and back, on a real Elasticsearch."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from mlmon.alerting.alerts.store import AlertStore
from mlmon.alerting.desk.desk import Desk
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
        self.desk = Desk(cluster, namespace)

    def judge(self, first: int, last: int) -> None:
        """Judge the windows that end in some hours, and bring incidents up to them."""
        now = self.start + last * HOUR
        period = Window(self.start + first * HOUR, now)
        done = analyze(self.cluster, self.namespace, period, now=now, analyzers=ANALYZERS)
        assert done.failures == {}
        update(self.cluster, self.namespace, period.start, now, AlertingSettings())

    def incidents(self) -> list[IncidentRecord]:
        """Return all incidents, the oldest first."""
        return list(reversed(self.desk.listed(self.start - DAY)))

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
    _, change = place.incidents()
    now = start + 120 * HOUR
    proposed = place.desk.new_normal(change.id, "ada", "new currency", now)
    (reference,) = proposed.references
    assert reference.part == ("feature", "price")
    lines = list(proposed.lines())
    assert lines[0].startswith("feature price of autobid 1: compared with ")
    assert any("2 past alerts would not have been raised, 0 of them" in line for line in lines)
    assert AcceptedStore(cluster, namespace).all() == []
    done = place.desk.accept(change.id, proposed, "ada", "new currency", now, force=False)
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
    judged = [finding for finding in found if finding.severity is Severity.OK]
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
    AcceptedStore(cluster, namespace).revoke(reference.id[:8], "bob", start + 128 * HOUR)
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
    place.desk.feedback(fault.id, Verdict.FIXED, "bob", "rolled back", now)
    proposed = place.desk.new_normal(change.id, "ada", "", now)
    (hidden,) = proposed.confirmed
    assert hidden.id in fault.alert_ids
    with pytest.raises(UserError, match="1 alert confirmed true would not have been raised"):
        place.desk.accept(change.id, proposed, "ada", "", now, force=False)
    assert AcceptedStore(cluster, namespace).all() == []
    assert place.incidents()[1].feedback is None
    place.desk.accept(change.id, proposed, "ada", "", now, force=True)
    assert len(AcceptedStore(cluster, namespace).all()) == 1
    # The past is not judged again: the fault's alert is still there.
    assert {alert.id for alert in AlertStore(cluster, namespace).overlapping(start)} >= {hidden.id}
    monkeypatch.setenv("MLMON_ELASTICSEARCH_URL", cluster.url)
    monkeypatch.setenv("MLMON_NAMESPACE", namespace)
    refused = CliRunner().invoke(app, ["incidents", "accept", change.id, "--since", "2026-03-09"])
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
        assert 'name="confirmed" value="1"' in asked.text
        assert "force" not in asked.text
        assert AcceptedStore(cluster, namespace).all() == []
        assert place.incidents()[1].feedback is None
        assert ada.post(path, **form, confirmed="1").status_code == 303
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
    desk = Desk(cluster, namespace)
    (incident,) = desk.listed(start - DAY)
    with pytest.raises(UserError, match="compared with nothing that could be moved") as caught:
        desk.new_normal(incident.id, "ada", "", start + timedelta(hours=6))
    assert "false alarm" in caught.value.hint
