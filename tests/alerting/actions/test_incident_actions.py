"""People act on incidents: each act holds as long as it should, and is kept."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, cast

import pytest
from typer.testing import CliRunner, Result

from mlmon.alerting.actions.incident_actions import IncidentActions
from mlmon.alerting.alerts.evaluation import evaluate
from mlmon.alerting.incidents.evaluation import evaluate_incidents
from mlmon.alerting.incidents.people import LONGEST_SNOOZE
from mlmon.alerting.incidents.record import IncidentRecord
from mlmon.alerting.incidents.sentences import people
from mlmon.alerting.incidents.store import IncidentStore
from mlmon.alerting.incidents.verdict import Verdict
from mlmon.analyzers.base.window import DAY, HOUR
from mlmon.analyzers.run.findings_store import FindingStore
from mlmon.commands import app
from mlmon.elastic.client.cluster import Cluster
from mlmon.elastic.errors import UserError
from mlmon.elastic.exit_codes import ExitCode
from tests.support.command_tree import exit_code
from tests.support.histories import START, spell

if TYPE_CHECKING:
    from mlmon.alerting.actions.new_normal import NewNormal

BEGIN = START - DAY
NOW = START + 6 * HOUR
QUALITY = {"analyzer": "data_quality", "metric": "missing.rate", "model_name": "autobid"}
Happen = Callable[..., None]


@pytest.fixture
def happen(cluster: Cluster, namespace: str) -> Happen:
    """Store a history of one series as letters and bring incidents up to it."""

    def run(letters: str, start: int = 0) -> None:
        findings = spell(letters, "price", start=START + start * HOUR, **QUALITY)
        FindingStore(cluster, namespace).write(findings, START)
        evaluate(cluster, namespace, BEGIN)
        evaluate_incidents(cluster, namespace, BEGIN, NOW)

    return run


def the_one(actions: IncidentActions) -> IncidentRecord:
    """Return the only incident there is."""
    (found,) = actions.listed(BEGIN)
    return found


def test_an_acknowledgement_holds_until_it_grows_worse(
    cluster: Cluster, namespace: str, happen: Happen
) -> None:
    """Who took a warning is named while it stays one; as critical it is nobody's again."""
    actions = IncidentActions(cluster, namespace)
    happen("owww")
    name = the_one(actions).id
    actions.acknowledge(name[:8], "ada", "on it", NOW)
    happen("w", 4)
    assert the_one(actions).acknowledged_by == "ada"
    assert the_one(actions).muted == "acknowledged"
    happen("cc", 5)
    assert the_one(actions).acknowledged_by is None
    assert the_one(actions).muted is None
    _, _, changes = actions.show(name[:8])
    text = [(change["change.kind"], change.get("change.by")) for change in changes]
    assert text == [("opened", None), ("acknowledged", "ada"), ("grew", None)]


def test_a_snooze_ends_by_itself(cluster: Cluster, namespace: str, happen: Happen) -> None:
    """It mutes until its time is over, and is never longer than a week."""
    actions = IncidentActions(cluster, namespace)
    happen("occc")
    name = the_one(actions).id
    actions.snooze(name, 2 * HOUR, "ada", "", NOW - HOUR)
    assert the_one(actions).muted == "snoozed"
    evaluate_incidents(cluster, namespace, BEGIN, NOW + 2 * HOUR)
    assert the_one(actions).muted is None
    with pytest.raises(UserError, match="too long to snooze"):
        actions.snooze(name, LONGEST_SNOOZE + HOUR, "ada", "", NOW)


def test_assignee_comment_and_feedback_are_kept(
    cluster: Cluster, namespace: str, happen: Happen
) -> None:
    """They outlast the incident's end and every later evaluation."""
    actions = IncidentActions(cluster, namespace)
    happen("occc")
    name = the_one(actions).id
    actions.assign(name, "bob", "ada", "", START + 5 * HOUR)
    actions.comment(name, "the client team knows", "ada", START + 5 * HOUR)
    happen("ooo", 4)
    actions.feedback(name, Verdict.FIXED, "bob", "", START + 8 * HOUR)
    evaluate_incidents(cluster, namespace, BEGIN, NOW + DAY)
    document = the_one(actions)
    assert document.status == "resolved"
    assert document.assignee == "bob"
    assert document.feedback == "fixed"
    _, _, changes = actions.show(name)
    assert "the client team knows" in {change["change.text"] for change in changes}


def test_closed_by_hand_until_something_new_joins(
    cluster: Cluster, namespace: str, happen: Happen
) -> None:
    """An incident whose alert cannot end is closed, and stays closed in later evaluations."""
    actions = IncidentActions(cluster, namespace)
    happen("occc")
    name = the_one(actions).id
    actions.close(name, "ada", "the model is gone", NOW)
    assert the_one(actions).status == "resolved"
    evaluate_incidents(cluster, namespace, BEGIN, NOW + HOUR)
    assert the_one(actions).status == "resolved"
    with pytest.raises(UserError, match="is resolved"):
        actions.acknowledge(name, "ada", "", NOW)


def test_who_takes_it_second_learns_who_had_it(
    cluster: Cluster, namespace: str, happen: Happen
) -> None:
    """Two people are woken; the later one need not do what the first one does."""
    actions = IncidentActions(cluster, namespace)
    happen("occc")
    name = the_one(actions).id
    actions.acknowledge(name, "ada", "", NOW)
    assert actions.acknowledge(name, "ada", "", NOW).endswith("acknowledged by ada")
    said = actions.acknowledge(name, "bob", "", NOW)
    assert said.endswith("acknowledged by bob; before by ada, 2026-03-02 06:00 UTC")


@pytest.mark.parametrize("text", ["", " ", "\n\t"])
def test_nothing_is_stored_without_a_word(
    cluster: Cluster, namespace: str, happen: Happen, text: str
) -> None:
    """An empty comment or assignee is refused."""
    actions = IncidentActions(cluster, namespace)
    happen("occc")
    name = the_one(actions).id
    with pytest.raises(UserError, match="The comment is empty"):
        actions.comment(name, text, "ada", NOW)
    with pytest.raises(UserError, match="The assignee is empty"):
        actions.assign(name, text, "ada", "", NOW)
    for act in (actions.acknowledge, actions.close):
        with pytest.raises(UserError, match="The name of who acts is empty"):
            act(name, text, "", NOW)
    # Refused before anything is looked at, much less stored.
    nothing = cast("NewNormal", None)
    with pytest.raises(UserError, match="The name of who acts is empty"):
        actions.accept(name, nothing, text, "", NOW, force=False)
    with pytest.raises(UserError, match="2,001 characters"):
        actions.accept(name, nothing, "ada", "x" * 2_001, NOW, force=False)
    with pytest.raises(UserError, match="2,001 characters"):
        actions.comment(name, "x" * 2_001, "ada", NOW)
    assert [change["change.kind"] for change in actions.show(name)[2]] == ["opened"]


def test_who_is_assigned_or_closes_second_learns_who_had_it(
    cluster: Cluster, namespace: str, happen: Happen
) -> None:
    """The audit trail says it, too."""
    actions = IncidentActions(cluster, namespace)
    happen("occc")
    name = the_one(actions).id
    actions.assign(name, "carol", "ada", "", NOW)
    later = NOW + HOUR
    assert actions.assign(name, " bob\x1b ", "ada", "", later).endswith(
        ": assigned to bob; before to carol"
    )
    actions.acknowledge(name, "ada", "", later)
    assert "closed by bob, though ada has it. 1 alert still open" in actions.close(
        name, "bob", "", later
    )
    assert the_one(actions).assignee == "bob"
    assert "ada assigned it to bob; before to carol." in {
        change["change.text"] for change in actions.show(name)[2]
    }


def test_both_an_acknowledgement_and_a_snooze_are_shown(
    cluster: Cluster, namespace: str, happen: Happen
) -> None:
    """Who acknowledged it, and until when it is snoozed, as long as that is."""
    actions = IncidentActions(cluster, namespace)
    happen("occc")
    name = the_one(actions).id
    actions.acknowledge(name, "ada", "", NOW)
    actions.snooze(name, 2 * HOUR, "ada", "", NOW)
    assert list(people(the_one(actions), NOW + HOUR)) == [
        "acknowledged by ada",
        "snoozed until 2026-03-02 08:00 UTC",
    ]
    assert list(people(the_one(actions), NOW + 2 * HOUR)) == ["acknowledged by ada"]


@pytest.mark.parametrize("name", ["", "abc", "  abc "])
def test_an_id_that_is_too_short_is_an_error(cluster: Cluster, namespace: str, name: str) -> None:
    """It is not said that there is no such incident."""
    with pytest.raises(UserError, match="too short for the id of an incident"):
        IncidentActions(cluster, namespace).find(name)


@pytest.mark.parametrize("name", ["nothing-like-it", "x" * 65])
def test_an_unknown_incident_is_an_error(cluster: Cluster, namespace: str, name: str) -> None:
    """It names the namespace that was asked: the command may have been copied from elsewhere."""
    with pytest.raises(UserError, match="There is no incident") as raised:
        IncidentActions(cluster, namespace).comment(name, "?", "ada", NOW)
    assert f"in namespace {namespace!r}" in raised.value.message


def test_an_id_is_found_as_it_is_copied(cluster: Cluster, namespace: str, happen: Happen) -> None:
    """In upper case, with spaces around it; one that begins several ids names these."""
    happen("occc")
    actions = IncidentActions(cluster, namespace)
    one = the_one(actions)
    assert actions.find(f" {one.id[:8].upper()}\n").id == one.id
    ids = [f"{'0' * 6}{end}{'0' * 12}" for end in ("aa", "bb")]
    IncidentStore(cluster, namespace).write(replace(one, id=name) for name in ids)
    with pytest.raises(UserError, match=f"begins the ids of 2 incidents: {' and '.join(ids)}"):
        actions.find("0000")


def test_a_namespace_where_nothing_was_judged_is_no_all_clear(
    cluster: Cluster,
    namespace: str,
    happen: Happen,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`--exit-code` fails for a misspelled namespace, and not where all that was judged is ok."""
    monkeypatch.setenv("MLMON_ELASTICSEARCH_URL", cluster.url)
    happen("oo")
    assert exit_code("incidents", "--namespace", namespace, "--exit-code") == ExitCode.DONE
    other = f"{namespace}typo"
    for words in ("incidents", "alerts"):
        capsys.readouterr()
        assert exit_code(words, "--namespace", other) == ExitCode.DONE
        (line,) = capsys.readouterr().out.splitlines()
        assert line.startswith(f"Namespace {other!r}: Nothing has been judged yet")
        assert exit_code(words, "--namespace", namespace) == ExitCode.DONE
        assert capsys.readouterr().out.startswith("No open ")
    for words in (["incidents"], ["incidents", "list"], ["incidents", "--json"]):
        ended = exit_code(*words, "--namespace", other, "--exit-code")
        assert ended == ExitCode.FAILED, words


def test_the_commands(
    cluster: Cluster, namespace: str, happen: Happen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A critical incident fails `--exit-code` until somebody takes it; `show` prints its events."""
    monkeypatch.setenv("MLMON_ELASTICSEARCH_URL", cluster.url)
    monkeypatch.setenv("MLMON_NAMESPACE", namespace)

    def mlmon(*words: str) -> Result:
        return CliRunner().invoke(app, ["incidents", *words])

    happen("occc")
    assert mlmon("--exit-code").exit_code == ExitCode.CONDITION_HOLDS
    (document,) = map(json.loads, mlmon("list", "--json").stdout.splitlines())
    name = document["incident.id"][:8]
    taken = mlmon("ack", name, "--by", "ada", "-m", "on it")
    assert taken.stdout == f"{document['incident.title']}: acknowledged by ada\n"
    assert mlmon("--exit-code").exit_code == 0
    story = mlmon("show", name).stdout
    assert "likely cause: critical Missing values of price, autobid" in story
    assert "acknowledged by ada: on it" in story
    assert mlmon("snooze", name, "2h").exit_code == 0
    assert json.loads(mlmon("show", name, "--json").stdout)["incident"]["incident.snoozed_until"]
    assert timedelta(0) < LONGEST_SNOOZE
