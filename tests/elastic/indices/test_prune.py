"""Without ILM, `mlmon prune` rolls over and deletes what is mlmon's and old, and nothing else."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from mlmon.elastic.client.cluster import Cluster
from mlmon.elastic.client.documents import Document
from mlmon.elastic.client.index_facts import IndexFacts
from mlmon.elastic.commands import app
from mlmon.elastic.indices.lifecycle import LIFECYCLES, Lifecycle
from mlmon.elastic.indices.prune import Act, Kept, carry_out, decide, plan

APP = Lifecycle("ml.app", 30, stream=True)
NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)
FACTS = IndexFacts(".ds-logs-ml.app-x-000001", NOW, 5, 2**20, policy=None, ours=True)


def _log(cluster: Cluster, stream: str, moment: datetime) -> None:
    line = {"@timestamp": moment.isoformat(), "event.dataset": "ml.app"}
    body = orjson.dumps({"create": {"_index": stream}}) + b"\n" + orjson.dumps(line) + b"\n"
    assert cluster.bulk(body)["errors"] is False
    cluster.refresh(stream)


def _kept(**changes: object) -> Kept:
    before = Kept(FACTS, "logs-ml.app-x", writing=False, closed=NOW, newest=NOW)
    return replace(before, **changes)  # type: ignore[arg-type]


@pytest.fixture
def stream(cluster: Cluster, namespace: str) -> str:
    """A stream of three indices: an event of long ago, one of now, and an empty one."""
    name, now = f"logs-ml.app-{namespace}", datetime.now(UTC)
    _log(cluster, name, now - 100 * DAY)
    cluster.rollover(name)
    _log(cluster, name, now)
    cluster.rollover(name)
    return name


def test_an_index_goes_when_all_in_it_is_older_than_its_retention(
    cluster: Cluster, stream: str, namespace: str
) -> None:
    """Thirty days after the rollovers both full indices are deleted; the write index stays."""
    before = cluster.data_streams(stream)[stream]
    later = datetime.now(UTC) + 30 * DAY
    steps = plan(cluster, namespace, [APP], later)
    assert [(step.act, step.target) for step in steps] == [
        (Act.DELETE, before[0]),
        (Act.DELETE, before[1]),
    ]
    assert list(carry_out(cluster, steps)) == steps
    assert cluster.data_streams(stream)[stream] == before[2:]
    assert cluster.count(stream) == 0
    assert plan(cluster, namespace, [APP], later) == []


def test_nothing_goes_before_its_time(cluster: Cluster, stream: str, namespace: str) -> None:
    """Old events that were stored a moment ago are kept as long as new ones, as ILM keeps them."""
    assert plan(cluster, namespace, [APP], datetime.now(UTC) + 29 * DAY) == []
    assert len(cluster.data_streams(stream)[stream]) == 3


def test_a_young_event_keeps_its_index(cluster: Cluster, namespace: str) -> None:
    """An index closed long ago stays until its newest event is as old as the retention."""
    stream, now = f"logs-ml.app-{namespace}", datetime.now(UTC)
    _log(cluster, stream, now + 20 * DAY)
    cluster.rollover(stream)
    week = replace(APP, days=7)
    assert plan(cluster, namespace, [week], now + 26 * DAY) == []
    assert len(plan(cluster, namespace, [week], now + 28 * DAY)) == 1


def test_a_stream_rolls_over_by_age_once(cluster: Cluster, namespace: str) -> None:
    """After a quarter of the retention the next index begins; the empty one does not roll over."""
    stream = f"logs-ml.app-{namespace}"
    _log(cluster, stream, datetime.now(UTC))
    assert plan(cluster, namespace, [APP], datetime.now(UTC) + 6 * DAY) == []
    later = datetime.now(UTC) + 8 * DAY
    [step] = carry_out(cluster, plan(cluster, namespace, [APP], later))
    assert (step.act, step.target, step.documents) == (Act.ROLL_OVER, stream, 1)
    assert len(cluster.data_streams(stream)[stream]) == 2
    assert plan(cluster, namespace, [APP], later) == []


def test_monthly_indices_go_and_others_stay(cluster: Cluster, namespace: str) -> None:
    """Only months of this namespace that a template of mlmon's made are deleted."""
    findings = Lifecycle("mlmon-findings", 30, stream=False)
    prefix = f"mlmon-findings-{namespace}"
    names = [f"{prefix}-2026.01", f"{prefix}-notes", f"{prefix}_2-2026.01"]
    document = {"@timestamp": "2026-01-31T00:00:00Z"}
    cluster.put(Document(name, "1", document) for name in names)
    cluster.refresh(f"{prefix}*")
    steps = plan(cluster, namespace, [findings], datetime.now(UTC) + 31 * DAY)
    assert [step.target for step in steps] == names[:1]
    list(carry_out(cluster, steps))
    assert cluster.indices(f"{prefix}*") == sorted(names[1:])
    # What another run deleted meanwhile is no error and is not claimed.
    assert list(carry_out(cluster, steps)) == []
    for name in names[1:]:
        cluster.delete_index(name)


def test_an_event_of_the_future_does_not_keep_an_index(
    cluster: Cluster, stream: str, namespace: str
) -> None:
    """A producer whose clock runs a year ahead does not fill the disk."""
    now = datetime.now(UTC)
    _log(cluster, stream, now + 400 * DAY)
    cluster.rollover(stream)
    steps = plan(cluster, namespace, [APP], now + 31 * DAY)
    assert len(steps) == 3


def test_the_command_shows_what_it_would_do_and_does_nothing(
    cluster: Cluster, stream: str, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With --dry-run all stays; then it is done; nothing to do is reported, too."""
    monkeypatch.setenv("MLMON_ELASTICSEARCH_URL", cluster.url)
    monkeypatch.setenv("MLMON_NAMESPACE", namespace)
    nothing = CliRunner().invoke(app, ["prune"])
    assert (nothing.exit_code, nothing.stdout) == (
        0,
        f"nothing to do in namespace {namespace!r}\n",
    )
    monkeypatch.setattr("mlmon.elastic.commands.datetime", _InAYear)
    dry = json.loads(CliRunner().invoke(app, ["prune", "--dry-run", "--json"]).stdout)
    assert dry["dry_run"] is True
    assert [step["act"] for step in dry["steps"]] == ["delete", "delete"]
    assert len(cluster.data_streams(stream)[stream]) == 3
    done = CliRunner().invoke(app, ["prune"]).stdout.splitlines()
    assert [line.split(":")[0] for line in done] == [
        f"deleted {step['target']}" for step in dry["steps"]
    ]
    assert len(cluster.data_streams(stream)[stream]) == 1


class _InAYear(datetime):
    """The clock of a year from now."""

    @classmethod
    def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
        """Return the moment a year from now."""
        return datetime.now(tz) + 365 * DAY  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "act"),
    [
        ({"ours": False}, Act.LEAVE),
        ({"policy": "own"}, None),
        ({"ours": False, "policy": "own"}, None),
        ({}, Act.DELETE),
    ],
)
def test_what_is_not_ours_is_left(changes: dict[str, object], act: Act | None) -> None:
    """Old as it is, an index without mlmon's mark or with a policy of the cluster's stays."""
    facts = replace(FACTS, **changes)  # type: ignore[arg-type]
    step = decide(_kept(facts=facts), APP, NOW + 400 * DAY)
    assert (step and step.act) == act


def test_a_stream_rolls_over_by_size() -> None:
    """At thirty gibibytes, however young; one byte less is not enough."""
    for size, act in ((APP.rollover_bytes, Act.ROLL_OVER), (APP.rollover_bytes - 1, None)):
        step = decide(_kept(facts=replace(FACTS, size=size), writing=True), APP, NOW)
        assert (step and step.act) == act


@given(
    days=st.none() | st.integers(1, 1000),
    closed=st.integers(0, 2000),
    newest=st.none() | st.integers(0, 2000),
    writing=st.booleans(),
)
def test_no_index_goes_early_and_none_stays_for_ever(
    days: int | None, closed: int, newest: int | None, *, writing: bool
) -> None:
    """An index is deleted exactly when all of it is past its retention and none writes to it."""
    kept = _kept(
        closed=NOW - closed * DAY,
        newest=None if newest is None else NOW - newest * DAY,
        writing=writing,
    )
    step = decide(kept, replace(APP, days=days), NOW)
    ages = [closed] if newest is None else [closed, newest]
    past = days is not None and min(ages) >= days
    assert (step is not None and step.act is Act.DELETE) is (past and not writing)


def test_every_lifecycle_can_be_observed(cluster: Cluster, namespace: str) -> None:
    """A namespace without data has nothing to prune, and that is no error."""
    assert plan(cluster, namespace, LIFECYCLES, NOW) == []


@pytest.fixture(autouse=True)
def _only_my_own(cluster: Cluster, namespace: str) -> Iterator[None]:
    yield
    for index in cluster.indices(f"mlmon-findings-{namespace}*"):
        cluster.delete_index(index)
