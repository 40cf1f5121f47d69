"""What is stored of an incident."""

from __future__ import annotations

from dataclasses import replace

from mlmon.alerting.alerts.alert import Alert
from mlmon.alerting.incidents.correlation import correlate
from mlmon.alerting.incidents.documents import incident_record
from mlmon.alerting.incidents.people import handling
from mlmon.analyzers.base.window import HOUR, MINUTE, iso
from tests.support.histories import START, all_alerts, rule, spell


def confirm(analyzer: str, metric: str, subject: str | None) -> str | None:
    """Return the command that confirms an incident of four hours, the worst of them the third."""
    about = {"analyzer": analyzer, "metric": metric, "model_name": "autobid"}
    findings = spell("owwcwooo", subject or "", **about)
    (incident,) = correlate(all_alerts(rule(name=analyzer, layer="service"), findings))
    now = START + 12 * HOUR
    return incident_record(incident, handling([]), now).confirm


def test_the_command_shows_lines_of_the_incident_and_no_later_ones() -> None:
    """It looks from five minutes before the begin to the worst moment, not to the present."""
    command = confirm("service_health", "http.5xx.rate", "/predict")
    period = f"--since {iso(START + HOUR - 5 * MINUTE)} --until {iso(START + 4 * HOUR)}"
    assert command == (
        f"mlmon logs --dataset access --field url.path=/predict --level error {period}"
    )


def test_of_missed_runs_it_shows_the_last_start() -> None:
    """No line says that a run did not start: the last one before it does."""
    last = START - 20 * HOUR
    about = {"analyzer": "job_health", "metric": "missed.runs"}
    findings = [replace(finding, lines_since=last) for finding in spell("cc", "refresh", **about)]
    policy = rule(1, 1, name="job_health", layer="job")
    (alert,) = all_alerts(policy, findings)
    assert Alert.from_document(alert.to_document()).lines_since == last
    (incident,) = correlate([alert])
    record = incident_record(incident, handling([]), START + 3 * HOUR)
    assert record.confirm == (
        "mlmon logs --dataset job --field ml.job.name=refresh "
        f"--since {iso(last - 5 * MINUTE)} --until {iso(alert.reason_end)}"
    )


def test_where_single_lines_show_nothing_it_lists_the_findings() -> None:
    """Each of the predictions that an encoder moved looks like any other."""
    command = confirm("embedding_drift", "centroid.distance", "text")
    assert command is not None
    assert command.startswith(
        "mlmon findings --analyzer embedding_drift --metric centroid.distance --since "
    )


def test_an_analyzer_that_is_no_more_has_no_command() -> None:
    """An incident of an analyzer that was removed is stored all the same."""
    assert confirm("gone", "x.rate", "price") is None
