"""Late data move, merge, undo and bring back incidents: people keep their incident."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

import pytest

from mlmon.alerting.actions.incident_actions import IncidentActions
from mlmon.alerting.alerts.evaluation import evaluate
from mlmon.alerting.incidents.evaluation import evaluate_incidents
from mlmon.alerting.incidents.store import IncidentStore
from mlmon.alerting.notify.alertmanager import labels
from mlmon.analyzers.base.finding import Severity
from mlmon.analyzers.base.window import DAY, HOUR, MINUTE
from mlmon.analyzers.run.findings_store import FindingStore
from tests.support.histories import START, spell

if TYPE_CHECKING:
    from datetime import datetime

    from mlmon.alerting.incidents.record import IncidentRecord
    from mlmon.analyzers.base.finding import Finding
    from mlmon.elastic.client.cluster import Cluster

pytestmark = pytest.mark.long

BEGIN = START - DAY
PRICE = {"subject": "price", "analyzer": "data_quality", "metric": "missing.rate"}
MODEL = {"service": "api", "model_name": "autobid"}
JOB = {"subject": "refresh", "analyzer": "job_health", "metric": "missed.runs"}
FALLBACK = {"subject": "stats", "analyzer": "fallback_rate", "metric": "fallback.rate"}


class Course:
    """A namespace to which findings come, one cycle after the other."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self.cluster, self.namespace = cluster, namespace
        self.actions = IncidentActions(cluster, namespace)
        self.store = IncidentStore(cluster, namespace)
        self.now = START + 12 * HOUR

    def cycle(self, *findings: list[Finding], since: datetime = BEGIN) -> list[str]:
        """Store findings, publish, and return the kinds of the messages that are sent."""
        self.now += HOUR
        FindingStore(self.cluster, self.namespace).write(list(chain(*findings)), self.now)
        evaluate(self.cluster, self.namespace, since)
        found = evaluate_incidents(self.cluster, self.namespace, since, self.now)
        again = evaluate_incidents(self.cluster, self.namespace, since, self.now + MINUTE)
        assert again.changes == ()
        return [change.kind.value for change, _ in found.changes if change.kind.published]

    def one(self) -> IncidentRecord:
        """Return the only incident."""
        (found,) = self.store.overlapping(BEGIN)
        return found

    def kinds(self, name: str) -> list[str]:
        """Return the kinds of an incident's changes in the order in which they became known."""
        _, _, changes = self.actions.show(name)
        return [change["change.kind"] for change in changes]

    def take(self) -> IncidentRecord:
        """Acknowledge, assign and comment the only incident; return it."""
        found = self.one()
        self.now += MINUTE
        self.actions.acknowledge(found.id, "ada", "on it", self.now)
        self.actions.assign(found.id, "bob", "ada", "", self.now)
        self.actions.comment(found.id, "the client team knows", "ada", self.now)
        return found


@pytest.fixture
def course(cluster: Cluster, namespace: str) -> Course:
    """Return an empty course of cycles."""
    return Course(cluster, namespace)


def price(letters: str) -> list[Finding]:
    """Return hours of a feature."""
    return spell(letters, **PRICE, **MODEL)


@pytest.mark.parametrize(
    "late", ["occcoo", "cccc", "ooocco", "ooccco"], ids=["earlier", "first", "later", "longer"]
)
def test_an_opening_that_moves_keeps_the_incident(course: Course, late: str) -> None:
    """Its id, its people, and its labels in Alertmanager stay; there is no second opening."""
    assert course.cycle(price("oocc")) == ["opened"]
    before = course.take()
    sent = course.cycle(price(late))
    after = course.one()
    assert after.id == before.id
    assert labels(after, "demo") == labels(before, "demo")
    assert after.assignee == "bob"
    assert "the client team knows" in {
        change["change.text"] for change in course.actions.show(after.id)[2]
    }
    assert "opened" not in sent
    assert "withdrawn" not in sent
    moved = after.opened != before.opened
    assert moved == (late != "ooccco")
    assert ("start_moved" in course.kinds(after.id)) == moved
    if after.is_open:
        assert sent == []
        assert after.acknowledged_by == "ada"
    else:
        assert sent == ["resolved"]


def test_a_start_that_moves_there_and_back_is_two_changes(course: Course) -> None:
    """Each says from when to when, and the third opening is the first one again."""
    course.cycle(price("oocc"))
    first = course.one()
    assert course.cycle(price("cccc")) == []
    assert course.one().opened < first.opened
    assert course.cycle(price("oocc")) == []
    assert course.one().opened == first.opened
    assert course.cycle(price("cccc")) == []
    assert course.kinds(first.id) == ["opened", "start_moved", "start_moved", "start_moved"]
    _, _, changes = course.actions.show(first.id)
    assert len({change["change.id"] for change in changes}) == 4
    assert changes[1]["change.text"].startswith("Late data: it began 2026-03-02 ")


def test_a_cause_that_opened_before_and_is_known_later_joins(course: Course) -> None:
    """A dead job whose alert comes late is the cause of what was open; nobody is called again."""
    late = {**JOB, "service": "scheduler"}
    course.cycle(spell("..ccc", **FALLBACK, service="api"))
    before = course.take()
    assert course.cycle(spell("ccccc", **late)) == []
    after = course.one()
    assert after.id == before.id
    assert after.acknowledged_by == "ada"
    assert after.title.startswith("Missed runs")
    assert after.opened < before.opened
    assert (after.alerts, before.alerts) == (2, 1)
    assert labels(after, "demo") == labels(before, "demo")
    assert "start_moved" in course.kinds(after.id)


def test_two_that_are_one_merge_into_the_elder(course: Course) -> None:
    """The younger says into which; it is in no list, and says so once."""
    assert course.cycle(price("occooo")) == ["opened", "resolved"]
    elder = course.one()
    assert course.cycle(price("occooo" + "o" * 8 + "cc")) == ["opened"]
    younger = next(one for one in course.store.overlapping(BEGIN) if one.id != elder.id)
    course.actions.comment(younger.id, "again?", "ada", course.now)
    # Late logs: it never ended.
    sent = course.cycle(price("o" + "c" * 15))
    assert sorted(sent) == ["merged", "reopened"]
    assert course.one().id == elder.id
    assert course.one().alerts == 1
    kept = course.store.get(younger.id)
    assert kept is not None
    assert kept.status == "merged"
    _, _, changes = course.actions.show(younger.id)
    assert changes[-1]["change.about"] == elder.id
    assert elder.id[:8] in changes[-1]["change.text"]
    assert "commented" in course.kinds(younger.id)
    assert course.cycle() == []
    # And they are two after all: each has its own id again.
    assert sorted(course.cycle(price("occooo" + "o" * 8 + "cc"))) == ["reopened", "resolved"]
    assert {one.id for one in course.store.overlapping(BEGIN)} == {elder.id, younger.id}


def test_neighbours_stay_two(course: Course) -> None:
    """Late data about one model touch no incident of another."""
    other = {"subject": "price", "analyzer": "data_quality", "metric": "missing.rate"}
    course.cycle(price("oocc"), spell("oocc", **other, service="bid", model_name="bidding"))
    before = {one.id: one for one in course.store.overlapping(BEGIN)}
    assert len(before) == 2
    assert course.cycle(price("occc")) == []
    after = {one.id: one for one in course.store.overlapping(BEGIN)}
    assert after.keys() == before.keys()
    (moved,) = [name for name in before if before[name] != after[name]]
    assert before[moved].model_name == "autobid"


def test_each_later_opening_is_a_message(course: Course) -> None:
    """Opened, withdrawn, opened again, withdrawn again, and again: five changes, five messages."""
    assert course.cycle(price("occc")) == ["opened"]
    name = course.one().id
    assert course.cycle(price("oooo")) == ["withdrawn"]
    assert course.cycle(price("occc")) == ["reopened"]
    assert course.one().id == name
    assert course.one().is_open
    assert course.cycle(price("oooo")) == ["withdrawn"]
    assert course.cycle(price("occc")) == ["reopened"]
    changes = course.store.changes([name])[name]
    assert len({change.id for change in changes}) == 5
    assert course.cycle(price("occcooo")) == ["resolved"]


def test_each_later_end_is_a_message(course: Course) -> None:
    """An end that late data undo, and bring back at the same time, is said each time."""
    assert course.cycle(price("occcooo")) == ["opened", "resolved"]
    first = course.one()
    assert course.cycle(price("occcccc")) == ["reopened"]
    assert course.cycle(price("occcooo")) == ["resolved"]
    assert course.one() == first
    assert course.cycle(price("occcccc")) == ["reopened"]


@pytest.mark.parametrize("late", ["occooooo", "occcccooo"])
def test_an_end_that_moves_is_no_message(course: Course, late: str) -> None:
    """It is over either way; when it ended is right, and the change says so."""
    course.cycle(price("occcoooo"))
    before = course.one()
    assert course.cycle(price(late)) == []
    after = course.one()
    assert after.status == "resolved"
    assert after.ended != before.ended
    assert course.kinds(after.id)[-1] == "end_moved"


def test_an_end_before_the_evaluated_time_withdraws_nothing(course: Course) -> None:
    """An incident that ended earlier than was told is not taken for one that never was."""
    course.cycle(price("occcccoooo"))
    name = course.one().id
    assert course.cycle(price("occooooooo"), since=START + 7 * HOUR) == []
    assert course.one().id == name
    assert course.one().status == "resolved"


def test_a_kill_between_the_records_and_the_changes_loses_no_message(course: Course) -> None:
    """A withdrawal whose change was not written is written by the next cycle."""
    course.cycle(price("occc"))

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    FindingStore(course.cluster, course.namespace).write(price("oooo"), course.now)
    evaluate(course.cluster, course.namespace, BEGIN)
    with pytest.raises(KeyboardInterrupt):
        evaluate_incidents(course.cluster, course.namespace, BEGIN, course.now, killed)
    assert course.cycle() == ["withdrawn"]


def test_growth_that_became_known_later_ends_an_acknowledgement(course: Course) -> None:
    """What was critical an hour before ada took the warning, and is known after, is a message."""
    course.cycle(price("owww"))
    assert course.one().severity is Severity.WARNING
    taken = course.take()
    assert course.cycle(price("occw")) == ["grew"]
    after = course.one()
    assert after.id == taken.id
    assert after.severity is Severity.CRITICAL
    assert (after.acknowledged_by, after.muted) == (None, None)
    # Who takes it as critical keeps it, whatever late data say of before.
    course.take()
    assert course.cycle(price("cccw")) == []
    assert course.one().acknowledged_by == "ada"


def test_what_was_worse_before_and_is_again_ends_an_acknowledgement(course: Course) -> None:
    """A warning that is left of something critical was taken; a new critical alert was not."""
    other = {"subject": "year", "analyzer": "data_quality", "metric": "missing.rate"}
    course.cycle(price("occooo"), spell("owwwww", **other, **MODEL))
    assert course.one().severity is Severity.WARNING
    course.take()
    assert course.cycle(spell("owwwwwcc", **other, **MODEL)) == ["grew"]
    assert course.one().acknowledged_by is None
    course.take()
    assert course.cycle(spell("owwwwwccc", **other, **MODEL)) == []
    assert course.one().acknowledged_by == "ada"


@pytest.mark.parametrize(
    ("seen", "later"),
    [
        ("wwww", {"price": "owwwcc"}),
        ("cccc", {"price": "occcc"}),
        ("cccc", {"score": "....cc"}),
        ("cccc", {"score": "..cc"}),
        ("cccc", {"score": "..ww"}),
    ],
    ids=["grew", "same", "joined", "joined late", "joined as warning"],
)
def test_a_closed_incident_opens_again_for_what_its_closer_did_not_see(
    course: Course, seen: str, later: dict[str, str]
) -> None:
    """An alert that joins or grows worse is a message; what was seen, and goes on, is none."""
    course.cycle(price(f"o{seen[1:]}"))
    name = course.one().id
    course.actions.close(name, "ada", "cannot end", course.now)
    assert course.one().status == "resolved"
    assert course.cycle() == []
    about = {"subject": "score", "analyzer": "score_shift", "metric": "score.ks"}
    findings = (
        price(later["price"]) if "price" in later else spell(later["score"], **about, **MODEL)
    )
    sent = course.cycle(findings)
    if later == {"price": "occcc"}:
        assert sent == []
        assert course.one().status == "resolved"
        return
    assert sent in (["reopened"], ["grew"])
    assert course.one().id == name
    assert course.one().is_open
    course.actions.close(name, "ada", "still", course.now + MINUTE)
    course.now += HOUR
    assert course.cycle() == []
    assert course.one().status == "resolved"


def test_a_closed_incident_that_still_alarms_opens_again(course: Course) -> None:
    """Nothing is silenced for ever: after a day, and after a week where that was known.

    Who closes it is told what is open.
    """
    course.cycle(price("occc"))
    for days in (1, 7, 7):
        course.now += HOUR
        closed = course.now
        said = course.actions.close(course.one().id, "ada", "", closed)
        assert f"1 alert still open: {course.one().title}. It opens again" in said
        assert f"after {days} d," in said
        hours = round((closed + days * DAY - START) / HOUR)
        assert course.cycle(price("o" + "c" * (hours - 1))) == []
        assert course.one().status == "resolved"
        course.now = closed + days * DAY
        assert course.cycle(price("o" + "c" * hours)) == ["reopened"]
        assert course.one().is_open


def test_a_member_that_grows_worse_opens_a_closed_incident_again(course: Course) -> None:
    """Also where the incident was as severe before, by another alert."""
    other = {"subject": "year", "analyzer": "data_quality", "metric": "missing.rate"}
    course.cycle(price("occc"), spell("owww", **other, **MODEL))
    name = course.one().id
    course.actions.close(name, "ada", "", course.now)
    assert course.cycle(price("occcc"), spell("owwww", **other, **MODEL)) == []
    assert course.cycle(spell("owwwwcc", **other, **MODEL)) == ["reopened"]
    assert course.one().is_open


def test_an_alert_whose_start_moves_does_not_open_a_closed_incident(course: Course) -> None:
    """It is the one that was closed."""
    course.cycle(price("oocc"))
    course.actions.close(course.one().id, "ada", "", course.now)
    assert course.cycle(price("cccc")) == []
    assert course.one().status == "resolved"


def test_a_snooze_that_is_over_is_said_once(course: Course) -> None:
    """The condition still holds: one message, at the time it ended; none before."""
    course.cycle(price("occc"))
    name = course.one().id
    begin = course.now
    course.actions.snooze(name, 90 * MINUTE, "ada", "", begin)
    assert course.cycle() == []
    assert course.one().muted == "snoozed"
    assert course.cycle() == ["snooze_ended"]
    assert course.one().muted is None
    assert course.one().snoozed_until is None
    (ended,) = [
        change for change in course.store.changes([name])[name] if change.kind == "snooze_ended"
    ]
    assert ended.at == begin + 90 * MINUTE
    assert course.cycle() == []
    course.actions.snooze(name, 30 * MINUTE, "ada", "", course.now)
    assert course.cycle() == ["snooze_ended"]


def test_a_snooze_of_what_ended_grew_or_was_taken_says_nothing(course: Course) -> None:
    """Only what is open, and nobody has, needs somebody again."""
    course.cycle(price("occc"))
    name = course.one().id
    course.actions.snooze(name, 30 * MINUTE, "ada", "", course.now)
    course.actions.acknowledge(name, "ada", "", course.now + MINUTE)
    assert course.cycle() == []
    assert course.one().acknowledged_by == "ada"
    assert course.cycle(price("occcooo")) == ["resolved"]
    assert course.cycle() == []


def test_a_longer_snooze_replaces_a_shorter_one(course: Course) -> None:
    """The end of the first is not said while the second holds."""
    course.cycle(price("occc"))
    name = course.one().id
    course.actions.snooze(name, 30 * MINUTE, "ada", "", course.now)
    course.actions.snooze(name, 90 * MINUTE, "ada", "", course.now + MINUTE)
    assert course.cycle() == []
    assert course.cycle() == ["snooze_ended"]
