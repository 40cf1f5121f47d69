"""Routes learn that mlmon cannot judge, and a heartbeat shows that it does: only then."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime, timedelta
from socket import gethostname
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from mlmon.alerting.notify.judging import GIVEN_UP, LONGEST_PAUSE, PATIENCE, Judging
from mlmon.alerting.notify.notifier import Sent
from mlmon.alerting.publish import Alerting
from mlmon.analyzers.base.window import HOUR, MINUTE, iso
from mlmon.analyzers.run.cycle import cycle as cycles
from mlmon.analyzers.run.cycle.runner import Runner
from mlmon.analyzers.run.subscriber import CycleOutcome
from mlmon.commands import app
from tests.support.receivers import WebhookReceiver, webhook_receiver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mlmon.elastic.client.cluster import Cluster

pytestmark = pytest.mark.long

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
AWAY = "Elasticsearch is not reachable"
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def hook() -> Iterator[WebhookReceiver]:
    """A webhook receiver."""
    with webhook_receiver() as receiver:
        yield receiver


@pytest.fixture
def heartbeat() -> Iterator[WebhookReceiver]:
    """A heartbeat service: each request is a beat."""
    with webhook_receiver() as receiver:
        yield receiver


@pytest.fixture(autouse=True)
def configured(
    hook: WebhookReceiver,
    heartbeat: WebhookReceiver,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A route, a heartbeat's URL, and a home of its own."""
    config = tmp_path / "mlmon.toml"
    config.write_text(
        f'[alerting]\nheartbeat_url = "{heartbeat.url}"\n'
        f'[alerting.notify.chat]\ntype = "webhook"\nurl = "{hook.url}"\n'
    )
    monkeypatch.setenv("MLMON_CONFIG", str(config))
    monkeypatch.setenv("MLMON_HOME", str(tmp_path / "home"))


def cycle(minutes: float, failure: str = "", *, judged: bool = True) -> None:
    """Let a cycle end some minutes after the begin."""
    at = NOW + minutes * MINUTE
    Alerting().cycle_ended(CycleOutcome("prod", at, failure, judged and failure != AWAY))


def test_it_is_sent_again_until_it_is_taken(hook: WebhookReceiver) -> None:
    """A receiver that is away for an hour gets one message once it is back, and one at the end."""
    hook.status = 503
    for number in range(12):
        cycle(5 * number, AWAY)
    tries = len(hook.bodies)
    assert tries > 5
    hook.status = 200
    for minute in range(60, 80):
        Alerting().send_due(None, "prod", NOW + minute * MINUTE)
    (told,) = hook.bodies_taken()
    assert (told["severity"], told["title"]) == ("critical", "mlmon cannot judge prod")
    assert "Since 2026-03-02 12:00 UTC" in told["text"]
    assert f"Where: mlmon on {gethostname()}" in told["text"]
    assert "What to do: on that machine: mlmon doctor" in told["text"]
    cycle(80)
    cycle(85)
    assert [body["title"] for body in hook.bodies_taken()] == [
        "mlmon cannot judge prod",
        "mlmon judges prod again",
    ]
    # A repetition has the same id, so that a receiver can drop it.
    assert len({body["id"] for body in hook.bodies}) == 2


def test_one_failed_cycle_is_told_to_nobody(hook: WebhookReceiver) -> None:
    """It may have met a restart; the second in a row is told, each time it happens."""
    for minutes, failure in ((0, AWAY), (5, ""), (10, AWAY), (15, "")):
        cycle(minutes, failure)
    assert hook.bodies == []
    for minutes, failure in ((20, AWAY), (25, AWAY), (30, ""), (35, AWAY), (40, AWAY), (45, "")):
        cycle(minutes, failure)
    assert [body["severity"] for body in hook.bodies] == ["critical", "ok"] * 2


def test_who_was_not_reached_before_it_was_over_gets_one_message(hook: WebhookReceiver) -> None:
    """It says both: that nothing was judged, from when to when, and that it is again."""
    hook.status = 503
    cycle(0, AWAY)
    cycle(5, AWAY)
    cycle(30)
    hook.status = 200
    for minute in range(31, 60):
        Alerting().send_due(None, "prod", NOW + minute * MINUTE)
    (told,) = hook.bodies_taken()
    assert told["severity"] == "ok"
    assert "It could not from 2026-03-02 12:00 UTC to 2026-03-02 12:30 UTC" in told["text"]
    assert AWAY in told["text"]


def kept(folder: Path) -> list[Path]:
    """Return the files that hold what routes were told."""
    return [*(folder / "home" / "judging").glob("*.json")]


def test_cron_sends_it_too(
    cluster: Cluster,
    namespace: str,
    hook: WebhookReceiver,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Each `mlmon run --once` is a process of its own: the second that fails tells, once taken.

    One that succeeds tells the end.
    """
    monkeypatch.setenv("MLMON_NAMESPACE", namespace)
    monkeypatch.setenv("MLMON_ELASTICSEARCH_URL", NOWHERE)

    def once(code: int) -> str:
        result = CliRunner().invoke(app, ["run", "--once"])
        assert result.exit_code == code, result.output
        return result.stdout

    once(1)
    assert hook.bodies == []
    hook.status = 503
    assert "mlmon cannot judge" in once(1)
    hook.status = 200
    once(1)
    assert hook.bodies_taken() == []  # the pause after a failed attempt is half a minute
    (path,) = kept(tmp_path)
    state = json.loads(path.read_text())
    state["routes"]["chat"]["next_attempt"] = NOW.isoformat()
    path.write_text(json.dumps(state))
    once(1)
    (told,) = hook.bodies_taken()
    assert told["title"] == f"mlmon cannot judge {namespace}"
    monkeypatch.setenv("MLMON_ELASTICSEARCH_URL", cluster.url)
    once(0)
    assert hook.bodies_taken()[-1]["title"] == f"mlmon judges {namespace} again"
    once(0)
    assert len(hook.bodies_taken()) == 2
    assert kept(tmp_path) == []


def test_a_disk_that_takes_nothing_repeats_no_message(
    hook: WebhookReceiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A running mlmon whose folder cannot be written sends each message once all the same."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("MLMON_HOME", str(tmp_path / "file"))
    running = Alerting()
    for minutes, failure in ((0, AWAY), (5, AWAY), (10, AWAY), (15, ""), (20, "")):
        running.cycle_ended(CycleOutcome("prod", NOW + minutes * MINUTE, failure, not failure))
    assert [body["severity"] for body in hook.bodies] == ["critical", "ok"]


def test_a_heart_beats_only_while_something_is_judged(heartbeat: WebhookReceiver) -> None:
    """Not where Elasticsearch is away, nor where analyzers fail twice in a row."""

    def beats(*outcomes: tuple[str, bool]) -> int:
        before = len(heartbeat.bodies)
        for number, (failure, judged) in enumerate(outcomes):
            cycle(5 * number, failure, judged=judged)
        cycle(60)
        return len(heartbeat.bodies) - before - 1

    one_fails, all_fail = ("drift failed: KeyError.", True), ("all failed.", False)
    assert beats(("", True), ("", True)) == 2
    assert beats((AWAY, True), (AWAY, True), (AWAY, True)) == 0
    assert beats(all_fail) == 0
    assert beats(one_fails, ("", True)) == 2
    assert beats(one_fails, one_fails, one_fails) == 1


def test_no_heart_beats_while_every_analyzer_fails(
    cluster: Cluster,
    namespace: str,
    ship: Callable[..., None],
    heartbeat: WebhookReceiver,
    hook: WebhookReceiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`mlmon run` publishes its findings, and shows nobody that it judges: it does not."""
    line = {"event.dataset": "ml.access", "service.name": "api", "url.path": "/predict"}
    ship([line | {"@timestamp": iso(NOW - minute * MINUTE)} for minute in range(60)])
    now = NOW
    runner = Runner(
        cluster, namespace, "here:1", lambda: now, lambda _line: None, subscriber=Alerting()
    )
    assert runner.once()
    assert len(heartbeat.bodies) == 1

    class Broken:
        """What every analyzer is replaced by."""

        def __init__(self, of: object) -> None:
            self._of = of

        def __getattr__(self, name: str) -> object:
            if name == "evaluate":
                raise KeyError("broken")
            return getattr(self._of, name)

    broken = [Broken(analyzer) for analyzer in cycles.discover()]
    monkeypatch.setattr(cycles, "discover", lambda: broken)
    for hour in (1, 2):
        now = NOW + hour * HOUR
        failed = runner.once()
        assert failed is not None
        assert len(failed.failures) == len(broken)
    assert len(heartbeat.bodies) == 1
    assert [body["title"] for body in hook.bodies] == [f"mlmon cannot judge {namespace}"]
    assert "drift failed: KeyError" in hook.bodies[0]["text"]


@given(
    st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(1, 600)), min_size=1, max_size=30)
)
def test_a_route_hears_of_each_state_in_turn(steps: list[tuple[bool, bool, int]]) -> None:
    """Whatever fails, and whenever the route is away: it hears cannot, again, cannot, again.

    Once it is there for a while, what it heard last is how things stand.
    """
    state, now, heard = Judging(), NOW, []

    def attempt(*, reachable: bool) -> None:
        nonlocal state
        for name, one in list(state.due("prod", ["chat"], now)):
            if reachable:
                heard.append(one.severity)
            outcome = Sent.DONE if reachable else Sent.RETRY
            state = state.after_attempt(name, outcome, now)
        state = state.settled(["chat"])
        assert Judging.from_json(json.loads(json.dumps(state.to_json()))) == state

    for fails, reachable, seconds in steps:
        now += timedelta(seconds=seconds)
        state = state.after_cycle("drift failed" if fails else "", now)
        attempt(reachable=reachable)
    now += LONGEST_PAUSE
    attempt(reachable=True)
    for before, after in itertools.pairwise(heard):
        assert (before, after) != ("critical", "critical")
    failing = [fails for fails, _, _ in steps[-PATIENCE:]]
    cannot = len(failing) == PATIENCE and all(failing)
    if cannot:
        assert heard[-1] == "critical"
    elif not any(failing):
        assert state == Judging()
        assert heard[-1:] != ["critical"]


def test_a_refusal_is_final_only_once_it_is_over() -> None:
    """A receiver that refuses may be corrected while mlmon cannot judge; it gives up days after."""
    state = Judging()
    for minutes in (0, 5):
        state = state.after_cycle("away", NOW + minutes * MINUTE)
    state = state.after_attempt("chat", Sent.REFUSED, NOW)
    assert list(state.due("prod", ["chat"], NOW + HOUR))
    over = state.after_cycle("", NOW + HOUR)
    assert over.after_attempt("chat", Sent.REFUSED, NOW + HOUR).settled(["chat"]) == Judging()
    late = NOW + HOUR + GIVEN_UP + MINUTE
    assert over.after_attempt("chat", Sent.RETRY, late).settled(["chat"]) == Judging()
    assert over.after_attempt("chat", Sent.RETRY, NOW + HOUR).settled(["chat"]).over is not None
