"""Alerts that one person handles once become one incident, and only those."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlmon.alerting.incidents.causality import REOPENING
from mlmon.alerting.incidents.correlation import correlate
from mlmon.alerting.incidents.documents import incident_record
from mlmon.alerting.incidents.incident import ChangeKind, IncidentStatus
from mlmon.alerting.incidents.people import Handling
from mlmon.alerting.incidents.record import IncidentRecord
from mlmon.alerting.incidents.sentences import latest
from mlmon.alerting.notify.alertmanager import labels
from mlmon.analyzers.base.finding import Severity
from mlmon.analyzers.base.window import DAY, HOUR, MINUTE
from tests.support.histories import START, all_alerts, rule, spell

if TYPE_CHECKING:
    from mlmon.alerting.alerts.alert import Alert
    from mlmon.alerting.incidents.incident import Incident, IncidentChange


def alert(
    letters: str,
    layer: str,
    subject: str | None = None,
    *,
    at: timedelta = timedelta(0),
    length: timedelta = HOUR,
    step: timedelta | None = None,
    **known: Any,
) -> Alert:
    """Return the one alert of a series: its windows as letters, the first beginning `at` later."""
    found = all_alerts(
        rule(1, 1, clear=1, layer=layer, name=layer, step=step),
        spell(
            letters,
            subject or layer,
            length=length,
            step=step,
            start=START + at,
            analyzer=layer,
            **known,
        ),
    )
    (one,) = found
    return one


def kinds(incident: Incident) -> list[str]:
    """Return what happened to an incident, in order."""
    return [change.kind.value for change in incident.changes]


def published(incidents: list[Incident]) -> list[IncidentChange]:
    """Return the changes about which messages are sent."""
    return [change for one in incidents for change in one.changes if change.kind.published]


MODEL = {"model_name": "autobid", "service": "api"}


def test_a_chain_of_causes_is_one_incident_with_its_first_link_as_cause() -> None:
    """A dead job, stale statistics' fallbacks, moved features and scores are reported once."""
    job = alert("cccccco", "job", service="scheduler")
    fallback = alert("ccccccco", "fallback", at=HOUR, service="api")
    feature = alert("c" * 20 + "o", "feature", at=3 * HOUR, length=DAY, step=HOUR, **MODEL)
    score = alert("w" * 20 + "o", "score", at=4 * HOUR, length=DAY, step=HOUR, **MODEL)
    (incident,) = correlate([score, feature, fallback, job])
    assert incident.cause == job
    assert len(incident.members) == 4
    assert [change.kind for change in published([incident])] == [
        ChangeKind.OPENED,
        ChangeKind.RESOLVED,
    ]


def test_a_cause_that_becomes_known_later_is_taken_in_without_a_message() -> None:
    """503s open the incident; the failed reload, known half an hour after, becomes its cause."""
    errors = alert("cccco", "service", "/predict", length=15 * MINUTE, service="api")
    reload = alert("co", "deployment", **MODEL)
    (incident,) = correlate([errors, reload])
    assert incident.cause == reload
    assert kinds(incident) == ["opened", "joined", "cause_changed", "resolved"]
    assert len(published([incident])) == 2


def test_what_opened_an_incident_names_it_also_when_the_cause_changes() -> None:
    """Alertmanager's labels are of the first alert: other ones would be another alert."""
    errors = alert("cccco", "service", "/predict", length=15 * MINUTE, service="api")
    reload = alert("co", "deployment", **MODEL)
    records = [
        incident_record(incident, Handling(), START + DAY)
        for members in ([errors], [errors, reload])
        for incident in correlate(members)
    ]
    before, after = records
    assert (before.model_name, after.model_name) == (None, "autobid")
    assert labels(before, "demo") == labels(after, "demo")
    assert labels(before, "demo")["service"] == "api"


def test_symptoms_that_outlive_their_cause_keep_the_incident_open() -> None:
    """It ends with its last member, not with the repair of its cause."""
    job = alert("ccco", "job", service="scheduler")
    fallback = alert("cccccccccco", "fallback", at=HOUR, service="api")
    (incident,) = correlate([job, fallback])
    assert incident.ended == fallback.ended
    assert fallback.ended is not None
    assert job.ended is not None
    assert fallback.ended > job.ended


@pytest.mark.parametrize(("hours", "incidents"), [(5, 1), (30, 2)])
@pytest.mark.parametrize(
    ("layer", "about"),
    [("job", {"service": "scheduler"}), ("score", MODEL)],
    ids=["series", "symptom"],
)
def test_what_comes_again_is_not_swallowed_by_what_is_left_of_an_old_incident(
    layer: str, about: dict[str, str], hours: int, incidents: int
) -> None:
    """A feature still fades; the series that ended hours before is a new incident, with a message.

    Within six hours it flaps, and is the same one.
    """
    first = alert("ccco", layer, **about)
    feature = alert("c" * 60, "feature", "price", at=HOUR, **MODEL)
    again = alert("c" * 9, layer, at=(4 + hours) * HOUR - HOUR, **about)
    found = correlate([first, feature, again])
    joined = [one for one in found if first in one.members]
    assert [feature in one.members for one in joined] == [True]
    assert len(found) == incidents
    if incidents > 1:
        assert found[1].cause == again


def test_a_job_that_does_not_run_is_no_cause_of_silence() -> None:
    """Neither joins the other; a reload that failed in between is a link."""
    job = alert("c" * 9, "job", service="scheduler")
    silence = alert("c" * 9, "service", at=HOUR, service="api")
    assert len(correlate([job, silence])) == 2
    reload = alert("c" * 9, "deployment", at=HOUR / 2, **MODEL)
    (incident,) = correlate([job, reload, silence])
    assert incident.cause == job


def test_of_two_alerts_about_one_job_the_worse_is_the_cause() -> None:
    """It is late, and then it fails three times: the failure is named, with its sentence.

    So it is where only another job is worse: the list shows its sentence as the latest.
    """
    known = {"service": "scheduler"}
    late = alert("w" * 9, "job", "refresh", **known)
    failed = alert("wwc", "job", "refresh", at=HOUR / 2, metric="failed.runs", **known)
    (incident,) = correlate([late, failed])
    assert incident.cause == failed
    record = incident_record(incident, Handling(), START + DAY)
    assert (record.cause_reason, latest(record)) == ("refresh is c in window 3.", "")
    other = alert("wc", "job", "sync", at=HOUR / 2, **known)
    (incident,) = correlate([late, other])
    record = incident_record(incident, Handling(), START + DAY)
    assert record.cause_reason == "refresh is w in window 1."
    assert latest(record) == "2026-03-02 02:30 UTC: sync is c in window 2."


def test_an_open_incident_whose_cause_is_over_says_what_is_open() -> None:
    """Nobody restarts a job that runs again: list, page and message show what is left, and how bad.

    While the cause is open, the sentence of its latest window is shown.
    """
    job = alert("cccwo", "job", "refresh", service="scheduler")
    feature = alert("c" * 20 + "w", "feature", "price", at=HOUR, **MODEL)
    (incident,) = correlate([job, feature])
    record = incident_record(incident, Handling(), START + DAY)
    assert latest(record) == (
        "2026-03-02 22:00 UTC: price is w in window 21. The likely cause is over since "
        "2026-03-02 05:00 UTC; still open: feature ks of price, autobid."
    )
    lasting = replace(job, ended=None)
    (incident,) = correlate([lasting, feature])
    record = incident_record(incident, Handling(), START + DAY)
    assert latest(record) == "2026-03-02 04:00 UTC: refresh is w in window 4."
    assert (record.cause_ended, record.open_reason) == (None, None)
    assert IncidentRecord.from_document(record.to_document()) == record


def test_an_outage_whose_failures_change_their_kind_is_one_incident() -> None:
    """Its second series opens 37 minutes after, and goes back to the first failed line."""
    reload = alert("ccco", "deployment", length=20 * MINUTE, **MODEL)
    known = {"length": MINUTE, "service": "api"}
    first = alert("c" * 50 + "o", "service", "no model", at=20 * MINUTE, **known)
    second = alert("c" * 12 + "o", "service", "failing", at=57 * MINUTE, **known)
    line = START + 20 * MINUTE
    exact = replace(second, onset_start=line, onset_end=line)
    (incident,) = correlate([reload, first, exact])
    assert incident.cause == reload
    assert kinds(incident)[:3] == ["opened", "joined", "joined"]
    # Known to its minute only, it began then: too late for the reload, and not with the first.
    assert len(correlate([reload, first, second])) == 2
    unrelated = replace(exact, identity=replace(exact.identity, service="other"))
    assert len(correlate([reload, first, unrelated])) == 2


def test_two_faults_that_overlap_on_one_model_stay_two() -> None:
    """A feature that breaks a day after concept drift began is an incident of its own."""
    known = {"length": DAY, "step": 6 * HOUR, **MODEL}
    drift = alert("cccccccco", "concept", **known)
    recall = alert("ccccccco", "performance", "recall", at=6 * HOUR, **known)
    feature = alert("ccccco", "feature", "hours", at=30 * HOUR, length=HOUR, **MODEL)
    score = alert("cccccco", "score", at=31 * HOUR, length=DAY, step=HOUR, **MODEL)
    log_loss = alert("ccco", "performance", "log_loss", at=30 * HOUR, **known)
    first, second = correlate([drift, recall, feature, score, log_loss])
    assert {member.subject for member in first.members} == {"concept", "recall"}
    assert {member.subject for member in second.members} == {"hours", "score", "log_loss"}
    assert (first.cause, second.cause) == (drift, feature)


def test_two_faults_with_one_effect_stay_two() -> None:
    """A feature that drifts and traffic that falls both lower what is earned.

    The fall is known after the effect that the feature explains; it is an incident of its own. What
    the fall alone explains, it is joined by.
    """
    feature = alert("c" * 30, "feature", "price", length=HOUR, **MODEL)
    earned = alert("w" * 20, "business", at=6 * HOUR, length=DAY, step=6 * HOUR, **MODEL)
    score = alert("w" * 20, "score", at=2 * HOUR, length=HOUR, **MODEL)
    traffic = alert("w" * 3, "service", "/predict", at=-HOUR, length=2 * DAY, service="api")
    first, second = correlate([feature, score, earned, traffic])
    assert {member.layer for member in first.members} == {"feature", "score", "business"}
    assert (first.cause, second.cause, second.members) == (feature, traffic, (traffic,))
    (alone,) = correlate([earned, traffic])
    assert alone.cause == traffic


def test_other_models_and_services_have_incidents_of_their_own() -> None:
    """What began together in two services, or models, is not thereby one fault."""
    one = alert("cco", "service", "/a", service="one")
    two = alert("cco", "service", "/a", service="two")
    three = alert("cco", "feature", "price", model_name="pricing", service="three")
    four = alert("cco", "feature", "price", model_name="bidding", service="four")
    assert len(correlate([one, two, three, four])) == 4


def test_growing_worse_is_reported_once() -> None:
    """A warning that becomes critical, and another member that does later, are one change."""
    first = alert("wwcccco", "service", "/a", service="api")
    other = alert("wwwccco", "service", "/b", service="api")
    (incident,) = correlate([first, other])
    assert kinds(incident).count("grew") == 1
    assert incident.worst is Severity.CRITICAL


def test_flapping_reopens_and_a_later_fault_does_not() -> None:
    """Within `REOPENING` of its end an incident is the same one; after that it is another."""
    first = alert("cco", "service", "/a", service="api")
    soon = alert("cco", "service", "/a", at=4 * HOUR, service="api")
    late = alert("cco", "service", "/a", at=10 * HOUR + REOPENING, service="api")
    again, another = correlate([first, soon, late])
    assert kinds(again) == ["opened", "resolved", "reopened", "resolved"]
    assert kinds(another) == ["opened", "resolved"]


def test_withdrawn_alerts_make_no_incident() -> None:
    """What late data undid is in none."""
    gone = replace(alert("cco", "service", service="api"), withdrawn=True)
    assert correlate([gone]) == []


ALERTS = [
    alert("cccccco", "job", service="scheduler"),
    alert("wcccccco", "fallback", at=HOUR, service="api"),
    alert("c" * 9, "feature", "price", at=3 * HOUR, length=DAY, step=HOUR, **MODEL),
    alert("wwwo", "feature", "country", at=20 * HOUR, **MODEL),
    alert("cco", "service", "/a", at=2 * HOUR, service="api"),
    alert("cco", "service", "/a", at=9 * HOUR, service="api"),
    alert("cccco", "performance", "recall", at=8 * HOUR, length=DAY, step=6 * HOUR, **MODEL),
]


@given(st.permutations(ALERTS))
def test_the_order_in_which_alerts_are_read_does_not_matter(order: list[Alert]) -> None:
    """Incidents, their members, causes and changes are the same."""
    assert correlate(order) == correlate(ALERTS)


@given(st.sets(st.integers(0, len(ALERTS) - 1), min_size=1))
def test_each_alert_is_in_one_incident_that_lasts_as_long_as_its_members(chosen: set[int]) -> None:
    """No alert is lost or told twice; an incident is open exactly while a member is."""
    alerts = [ALERTS[number] for number in sorted(chosen)]
    incidents = correlate(alerts)
    members = [member.id for incident in incidents for member in incident.members]
    assert sorted(members) == sorted(one.id for one in alerts)
    for incident in incidents:
        still = any(member.ended is None for member in incident.members)
        assert (incident.status is IncidentStatus.OPEN) == still
        assert incident.start == min(member.since for member in incident.members)
        openings = kinds(incident).count("opened") + kinds(incident).count("reopened")
        assert openings - kinds(incident).count("resolved") == still


def test_what_is_known_by_a_moment_decides_what_happened_until_then() -> None:
    """Alerts that come later never change the published past: messages are not contradicted."""
    moments = sorted({one.opened for one in ALERTS})
    for moment in moments:
        known = [one for one in ALERTS if one.opened <= moment]
        before = [change for change in published(correlate(known)) if change.at < moment]
        after = [change for change in published(correlate(ALERTS)) if change.at < moment]
        assert {change.id for change in before} == {change.id for change in after}


def test_many_alerts_of_one_cause_are_one_message() -> None:
    """500 features that break with one upstream failure open one incident."""
    numbers = random.Random(3).sample(range(10_000), 500)
    alerts = [alert("cco", "feature", f"f{number}", **MODEL) for number in numbers]
    incidents = correlate(alerts)
    assert len(incidents) == 1
    assert len(published(incidents)) == 2
