"""Incidents against the truth: found, late, missed, false, trapped."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from mlmon.alerting.incidents.incident import ChangeKind, IncidentChange
from mlmon.analyzers.base.finding import Severity
from mlmon.analyzers.base.window import DAY, HOUR
from mlmon.scoreboard.faults.fault import Fault, Size, signs, spans, trap
from mlmon.scoreboard.peers.judged_days import PeerScore
from mlmon.scoreboard.scoring.observed import Observed
from mlmon.scoreboard.scoring.records import Record
from mlmon.scoreboard.scoring.score import TimelineScore, score
from mlmon.scoreboard.scoring.totals import peer_goals, totals
from mlmon.scoreboard.timelines.plan import Timeline, plan_timeline
from tests.support.histories import all_alerts, rule, spell
from tests.support.incident_records import incident_of

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from mlmon.analyzers.base.alert_policy import CauseLayer

FAULT = Fault(
    "shift",
    "A number shifts",
    "data",
    ("feature",),
    signs("drift ks price"),
    spans(DAY, 3 * HOUR),
)


def _timeline(*faults: Fault) -> Timeline:
    return plan_timeline("data", Size.MEDIUM, 1, faults or (FAULT,))


def _observed(
    timeline: Timeline,
    after: timedelta,
    subject: str = "price",
    known_after: timedelta | None = None,
    layer: CauseLayer = "feature",
    kind: ChangeKind = ChangeKind.OPENED,
) -> Observed:
    """Return one incident of one alert, decided so long after the first fault's start."""
    at = timeline.planned[0].start + after
    findings = spell("www", subject, length=HOUR / 6, start=at - HOUR / 2)
    [alert] = all_alerts(rule(after=3, layer=layer), findings)
    known = at if known_after is None else at + known_after
    change = IncidentChange(
        "a1", kind, at, Severity.WARNING, alert.reason, about=alert.id, known=known
    )
    record = incident_of(opened=at, alert_ids=(alert.id,), cause_id=alert.id, layer=layer)
    previous: dict[datetime, datetime] = {known: known - HOUR}
    return Observed([record], {alert.id: alert}, {"a1": [change]}, previous)


@pytest.mark.parametrize(("after", "in_time"), [(2 * HOUR, True), (4 * HOUR, False)])
def test_found_within_its_delay(after: timedelta, *, in_time: bool) -> None:
    """A sign finds a fault; its delay runs from the fault's start; its layer is the cause's."""
    timeline = _timeline()
    [found] = score(timeline, _observed(timeline, after)).found
    assert found.delay == after
    assert found.is_in_time is in_time
    assert found.incidents == 1
    assert found.is_cause_right


def test_messages_about_a_fault_are_counted() -> None:
    """Its opening and its end are messages, an alert that joins is none; so are totals."""
    timeline = _timeline()
    observed = _observed(timeline, HOUR)
    [opened] = observed.changes["a1"]
    more = (ChangeKind.JOINED, ChangeKind.RESOLVED)
    changes = [opened, *(replace(opened, kind=kind) for kind in more)]
    result = score(timeline, replace(observed, changes={"a1": changes}))
    assert result.found[0].messages == 2
    assert totals([result])[0].messages == 2
    result.found = [replace(result.found[0], messages=None)]
    assert totals([result])[0].messages is None


def test_wrong_layer_is_a_wrong_cause() -> None:
    """A likely cause in another layer than the fault's is wrong, and named."""
    timeline = _timeline()
    [found] = score(timeline, _observed(timeline, HOUR, layer="job")).found
    assert (found.cause, found.is_cause_right) == ("job", False)


def test_alert_that_is_no_sign_is_false() -> None:
    """An incident in the fault's time about something else does not find it, and is false."""
    timeline = _timeline()
    result = score(timeline, _observed(timeline, HOUR, subject="age"))
    assert result.found[0].delay is None
    assert [(one.during, one.trap) for one in result.false] == [("shift", "")]


@pytest.mark.parametrize("after", [-HOUR, 30 * DAY])
def test_sign_at_another_time_is_false(after: timedelta) -> None:
    """The right alert before the fault, or long after it, is false."""
    timeline = _timeline()
    result = score(timeline, _observed(timeline, after))
    assert result.found[0].delay is None
    assert len(result.false) == 1
    assert result.false[0].during == ""


def test_late_data_count_when_they_are_known() -> None:
    """A change about windows before the judged step counts at the cycle that saw the data."""
    timeline = _timeline()
    [found] = score(timeline, _observed(timeline, HOUR, known_after=5 * HOUR)).found
    assert found.delay == 6 * HOUR
    assert not found.is_in_time


def test_what_labels_decide_counts_at_its_cycle() -> None:
    """Labels of the whole step were known: the message is as late as the cycle."""
    timeline = _timeline(replace(FAULT, layers=("concept",)))
    observed = _observed(timeline, HOUR, known_after=HOUR / 2, layer="concept")
    [found] = score(timeline, observed).found
    assert found.delay == 1.5 * HOUR


@pytest.mark.parametrize(
    ("kind", "joined"), [(ChangeKind.OPENED, False), (ChangeKind.JOINED, True)]
)
def test_joining_an_open_incident_is_named(kind: ChangeKind, *, joined: bool) -> None:
    """An alert that joins an incident finds its fault, and it is said that no message was sent."""
    timeline = _timeline()
    [found] = score(timeline, _observed(timeline, HOUR, kind=kind)).found
    assert (found.delay, found.is_joined) == (HOUR, joined)


def test_trap_alarms() -> None:
    """An incident in a trap's time is false and named with it, unless the trap allows it."""
    strict = trap(replace(FAULT, id="surge", layers=(), signs=()))
    timeline = _timeline(strict)
    result = score(timeline, _observed(timeline, HOUR))
    assert [one.trap for one in result.false] == ["surge"]
    allowed = trap(replace(strict, signs=FAULT.signs))
    timeline = _timeline(allowed)
    assert score(timeline, _observed(timeline, HOUR)).false == []


def test_totals_and_goals() -> None:
    """A fault found late, a false incident in ten days and no trap: two goals are missed."""
    timeline = _timeline()
    late = score(timeline, _observed(timeline, 9 * HOUR))
    false = score(timeline, _observed(timeline, 30 * DAY)).false
    late.false, late.model_days = false, 10.0
    [total] = totals([late])
    assert (total.faults, total.found, total.in_time) == (1, 1, 0)
    assert total.false_per_month == pytest.approx(3.0)
    missed = [goal.text for goal in total.goals() if not goal.is_met]
    assert [text.split(" ")[4] for text in missed] == ["0", "there"]
    assert [goal.text.split(" ")[6] for goal in total.goals() if goal.is_met] == ["1"]


def test_empty_totals_meet_no_goal_by_accident() -> None:
    """Without a found fault no share of right causes is claimed."""
    [total] = totals([TimelineScore("calm", "2000", 1, 30.0)])
    assert total.right_share == 0.0
    assert total.false_per_month == 0.0


@pytest.mark.parametrize(("false", "is_met"), [(12, True), (8, False)])
def test_the_quietest_rule_is_ten_times_noisier(false: int, *, is_met: bool) -> None:
    """Of rules that find as much, the quietest counts; one that finds less does not."""
    timeline = _timeline()
    ours = score(timeline, _observed(timeline, HOUR))
    ours.model_days, ours.false = 30.0, score(timeline, _observed(timeline, 30 * DAY)).false
    about = ("2000", 1, ("shift",))
    peers = [
        PeerScore("quiet and blind", *about, (), 0, 30),
        PeerScore("quietest", *about, ("shift",), false, 30),
        PeerScore("noisy", *about, ("shift",), 90, 30),
    ]
    [goal] = peer_goals([Record(ours, peers)])
    assert goal.is_met is is_met
    assert "quietest, raises" in goal.text
    [goal] = peer_goals([Record(ours, peers[:1])])
    assert goal.is_met


@pytest.mark.parametrize(("false", "is_met"), [(12, True), (8, False), (0, False)])
def test_no_false_incident_is_taken_as_one(false: int, *, is_met: bool) -> None:
    """A rule that is as quiet as mlmon is not ten times noisier because both have none."""
    timeline = _timeline()
    ours = score(timeline, _observed(timeline, HOUR))
    ours.model_days, ours.false = 30.0, []
    peer = PeerScore("quietest", "2000", 1, ("shift",), ("shift",), false, 30)
    [goal] = peer_goals([Record(ours, [peer])])
    assert goal.is_met is is_met


def test_record_survives_json() -> None:
    """A score that was kept reads back as it was."""
    timeline = _timeline()
    record = Record(score(timeline, _observed(timeline, HOUR, subject="age")))
    assert Record.from_json(record.to_json()) == record
