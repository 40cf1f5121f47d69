"""For any answers of the cluster, the set stored is the set emitted, each line once."""

import json
import urllib.request
from collections.abc import Callable

import pytest

from mlmon.elastic.errors import UserError
from mlmon.ingest.deliver.delivery import FAILURES_ALONE, UNCERTAIN_ATTEMPTS
from mlmon.ingest.pipeline import Flow
from mlmon.ingest.state.counts import RunCounts
from tests.support.fault_injector import FaultInjector, Odds
from tests.support.full_disk import full_disk
from tests.support.numbered_log import NumberedLog
from tests.support.shipping import Ship

pytestmark = pytest.mark.long


def balanced(counts: RunCounts) -> bool:
    """Return whether every line read is accounted for once."""
    return counts.read == counts.stored + counts.duplicate + counts.rejected


@pytest.mark.parametrize(
    "odds",
    [
        {"item_429": 0.3},
        {"item_503": 0.2},
        {"busy": 0.5},
        {"error": 0.4},
        {"cut_before": 0.4},
        {"cut_after": 0.4},
        {"half_answer": 0.4},
        {"bad_request": 0.3},
        {"empty": 0.4},
        {"page": 0.4},
        {"slow": 0.5},
    ],
    ids=str,
)
def test_each_fault_alone_loses_and_doubles_nothing(
    faulty: Ship, injector: FaultInjector, log: NumberedLog, odds: dict[str, float]
) -> None:
    """One kind of fault at high odds: each line is stored once, and counted once."""
    injector.odds = Odds(**odds)
    # A line that is refused again and again while others pass is rejected, and rightly so.
    injector.most_refusals = FAILURES_ALONE - 1
    (faulty.folder / "a.jsonl").write_bytes(log.lines(600))
    # A request for each block: about thirty, so that none of them is hit once in millions of runs.
    counts = faulty("a.jsonl", flow=Flow(batch_bytes=1, batch_age_s=0.02))
    assert sum(injector.faults.values()) > 0
    assert balanced(counts)
    assert counts.rejected == 0
    assert faulty.stored() == dict.fromkeys(log.ids(), 1)


def test_all_faults_together_lose_and_double_nothing(
    faulty: Ship, injector: FaultInjector, log: NumberedLog
) -> None:
    """Every fault at once, refusals too: stored and rejected ids are the emitted ones."""
    injector.odds = Odds(
        busy=0.1, error=0.1, cut_before=0.1, cut_after=0.1, slow=0.1, item_429=0.05, item_503=0.05,
        item_400=0.02, delay_s=0.01, largest=12_000,
    )  # fmt: skip
    (faulty.folder / "a.jsonl").write_bytes(log.lines(300))
    counts = faulty("a.jsonl")
    stored = faulty.stored()
    assert balanced(counts)
    assert set(stored.values()) == {1}
    assert stored.keys() | injector.refused >= log.ids()
    assert counts.rejected == len(log.ids() - stored.keys()) > 0
    kept = faulty.state.dead_letters.read_text()
    assert all(f'\\"event.id\\":\\"{id_}\\"' in kept for id_ in log.ids() - stored.keys())


def test_a_line_whose_every_request_is_refused_is_rejected_alone(
    faulty: Ship, injector: FaultInjector, log: NumberedLog
) -> None:
    """A line for which a proxy answers 400 each time is kept with the reason; the others arrive."""
    (faulty.folder / "a.jsonl").write_bytes(log.lines(60))
    refused = sorted(log.ids())[30]
    injector.refused_text = refused.encode()
    counts = faulty("a.jsonl")
    assert (counts.stored, counts.rejected) == (59, 1)
    assert faulty.stored() == dict.fromkeys(log.ids() - {refused}, 1)
    assert f'\\"event.id\\":\\"{refused}\\"' in faulty.state.dead_letters.read_text()


def test_requests_too_large_are_halved_and_stay_smaller(
    faulty: Ship, injector: FaultInjector, log: NumberedLog
) -> None:
    """After a 413 the lines go in halves, and no line is rejected that fits alone."""
    injector.odds = Odds(largest=3_000)
    (faulty.folder / "a.jsonl").write_bytes(log.lines(100))
    counts = faulty("a.jsonl")
    assert injector.faults["too_large"] > 0
    assert (counts.stored, counts.rejected) == (100, 0)


def test_a_single_line_too_large_is_refused_alone(
    faulty: Ship, injector: FaultInjector, log: NumberedLog
) -> None:
    """A line over the cluster's limit lies in the dead letters, its neighbours are stored."""
    injector.odds = Odds(largest=3_000)
    lines = log.lines(20) + log.line(message="x" * 4_000) + log.lines(20)
    (faulty.folder / "a.jsonl").write_bytes(lines)
    counts = faulty("a.jsonl")
    assert (counts.stored, counts.rejected) == (40, 1)
    assert "413" in next(iter(counts.reasons))


def test_an_answer_lost_before_a_rollover_is_not_sent_again(
    faulty: Ship, injector: FaultInjector, log: NumberedLog
) -> None:
    """The work was done, the answer cut, the stream rolled over: no id is doubled."""
    path = faulty.folder / "a.jsonl"
    path.write_bytes(log.lines(20))
    faulty("a.jsonl")
    with path.open("ab") as file:
        file.write(log.lines(30))
    injector.meanwhile = lambda: faulty.cluster.rollover(f"logs-ml.prediction-{faulty.namespace}")
    counts = faulty("a.jsonl")
    assert (counts.stored, counts.duplicate) == (0, 30)
    assert faulty.stored() == dict.fromkeys(log.ids(), 1)


@pytest.mark.parametrize("rollovers_before", [0, 1])
def test_a_rollover_while_lines_are_sent_twice_doubles_nothing(
    faulty: Ship, injector: FaultInjector, log: NumberedLog, rollovers_before: int
) -> None:
    """An earlier request arrives late and the stream rolls over after the look-up: once stored.

    The request of a killed shipper, held by a proxy, or of another shipper on the same file.
    """
    stream = f"logs-ml.prediction-{faulty.namespace}"
    (faulty.folder / "first.jsonl").write_bytes(log.lines(5))
    faulty("first.jsonl")
    for _ in range(rollovers_before):
        faulty.cluster.rollover(stream)
    (faulty.folder / "a.jsonl").write_bytes(log.lines(30))

    def late(body: bytes) -> None:
        faulty.cluster.bulk(body)
        faulty.cluster.rollover(stream)

    injector.before = late
    counts = faulty("a.jsonl")
    assert (counts.stored, counts.duplicate, counts.rejected) == (0, 30, 0)
    assert faulty.stored() == dict.fromkeys(log.ids(), 1)


def test_a_second_copy_that_differs_is_kept(
    faulty: Ship, injector: FaultInjector, log: NumberedLog
) -> None:
    """Only what the line itself says is deleted: another event of its id stays, and is named."""
    stream = f"logs-ml.prediction-{faulty.namespace}"
    (faulty.folder / "a.jsonl").write_bytes(log.lines(10))

    def late(body: bytes) -> None:
        faulty.cluster.bulk(body.replace(b'"log.level":"info"', b'"log.level":"error"'))
        faulty.cluster.rollover(stream)

    injector.before = late
    counts = faulty("a.jsonl")
    assert (counts.stored, counts.rejected) == (0, 10)
    assert "other content: log.level differ" in next(iter(counts.reasons))
    assert faulty.stored() == dict.fromkeys(log.ids(), 1)
    assert {
        event["log.level"] for event in faulty.documents("logs-ml.*", process__entity_id=log.entity)
    } == {"error"}


def test_a_second_copy_that_may_not_be_deleted_is_named(
    faulty: Ship, injector: FaultInjector, log: NumberedLog
) -> None:
    """Without the privilege `delete` the shipper goes on, and says how many are stored twice."""
    (faulty.folder / "a.jsonl").write_bytes(log.lines(10))

    def late(body: bytes) -> None:
        faulty.cluster.bulk(body)
        faulty.cluster.rollover(f"logs-ml.prediction-{faulty.namespace}")
        injector.deletions_refused = True

    injector.before = late
    counts = faulty("a.jsonl")
    assert (counts.stored, counts.duplicate) == (0, 10)
    assert json.loads(faulty.state.status.read_text())["problems"] == {
        f"logs-ml.*-{faulty.namespace}": "10 lines are stored twice: give the shipper's user the "
        "privilege delete on them"
    }


def test_a_cluster_that_is_away_is_waited_for(
    faulty: Ship,
    injector: FaultInjector,
    log: NumberedLog,
    until: Callable[[Callable[[], bool]], None],
) -> None:
    """However often the connection fails, nothing is given up: all is stored in the end."""
    (faulty.folder / "a.jsonl").write_bytes(log.lines(100))
    with faulty.following("a.jsonl") as counts:
        injector.odds = Odds(cut_before=1.0)
        with (faulty.folder / "a.jsonl").open("ab") as file:
            file.write(log.lines(100))
        until(lambda: injector.faults["cut_before"] > 30)
        injector.odds = Odds()
        until(lambda: counts.decided == 200)
    assert faulty.stored() == dict.fromkeys(log.ids(), 1)


def test_missing_privileges_end_the_run_and_lose_nothing(
    faulty: Ship, injector: FaultInjector, log: NumberedLog
) -> None:
    """A shipper that may not write says what it lacks; no line goes to the dead letters."""
    (faulty.folder / "a.jsonl").write_bytes(log.lines(50))
    injector.odds = Odds(item_403=1.0)
    with pytest.raises(UserError, match="security_exception") as raised:
        faulty("a.jsonl")
    assert "create_doc" in raised.value.hint
    assert not faulty.state.dead_letters.exists()
    injector.odds = Odds()
    assert faulty("a.jsonl").stored == 50


def test_a_full_disk_under_the_dead_letters_loses_nothing(ship: Ship, log: NumberedLog) -> None:
    """A rejected line that cannot be kept is not decided: the next run keeps it."""
    (ship.folder / "a.jsonl").write_bytes(log.lines(5) + b"broken\n")
    ship.state.dead_letters.mkdir(parents=True)
    with pytest.raises(UserError, match="Is a directory"):
        ship("a.jsonl")
    ship.state.dead_letters.rmdir()
    counts = ship("a.jsonl")
    assert (counts.duplicate, counts.rejected) == (5, 1)
    assert b"broken" in ship.state.dead_letters.read_bytes()
    assert ship.stored() == dict.fromkeys(log.ids(), 1)


def test_a_full_disk_at_the_start_is_named(ship: Ship, log: NumberedLog) -> None:
    """Neither an id nor a checkpoint can be written: an error that says so, and no line is lost."""
    (ship.folder / "a.jsonl").write_bytes(log.lines(5))
    with full_disk(), pytest.raises(UserError, match=r"shipper-id cannot be written: .* too large"):
        ship("a.jsonl")
    with ship.state.lock():
        ship.state.shipper_id()
    with full_disk(), pytest.raises(UserError, match=r"checkpoint .* too large"):
        ship("a.jsonl")
    assert ship("a.jsonl").stored == 5


@pytest.mark.parametrize(
    ("status", "kind", "reason"),
    [
        (400, "validation_exception", "this action would add [2] shards, … maximum normal shards"),
        (403, "cluster_block_exception", "index [x] blocked by: [FORBIDDEN/8/index write (api)];"),
        (429, "cluster_block_exception", "disk usage exceeded flood-stage watermark"),
        (400, "index_closed_exception", "closed"),
        (404, "index_not_found_exception", "no such index [x] and [action.auto_create_index]"),
        (400, "illegal_argument_exception", "pipeline with id [arrival] does not exist"),
        (400, "illegal_argument_exception", "no matching index template found for data stream [x]"),
        (503, "process_cluster_event_timeout_exception", "failed to process cluster event"),
    ],
)
def test_what_the_cluster_refuses_for_everybody_is_waited_for(
    faulty: Ship,
    injector: FaultInjector,
    log: NumberedLog,
    until: Callable[[Callable[[], bool]], None],
    status: int,
    kind: str,
    reason: str,
) -> None:
    """No line is rejected for it, however long it lasts; after the cure all is stored."""
    injector.item_error = (status, kind, reason)
    (faulty.folder / "a.jsonl").write_bytes(log.lines(40))
    with faulty.following("a.jsonl") as counts:
        until(lambda: injector.faults["item_error"] > 25)
        assert counts.rejected == 0
        injector.item_error = None
        until(lambda: counts.decided == 40)
    assert faulty.stored() == dict.fromkeys(log.ids(), 1)
    assert not faulty.state.dead_letters.exists()


def test_an_unknown_error_does_not_block_for_ever(
    faulty: Ship, injector: FaultInjector, log: NumberedLog
) -> None:
    """An error of unknown kind is repeated a few times, then its lines are kept with the reason."""
    injector.item_error = (422, "brand_new_exception", "never seen")
    (faulty.folder / "a.jsonl").write_bytes(log.lines(3))
    counts = faulty("a.jsonl")
    assert (counts.stored, counts.rejected) == (0, 3)
    assert injector.faults["item_error"] >= UNCERTAIN_ATTEMPTS
    assert set(counts.reasons) == {"brand_new_exception: never seen"}


def test_a_proxy_that_answers_400_to_everything_is_not_blamed_on_the_lines(
    faulty: Ship,
    injector: FaultInjector,
    log: NumberedLog,
    until: Callable[[Callable[[], bool]], None],
) -> None:
    """Where no line passes, none is rejected; when the first passes again, all are stored."""
    injector.odds = Odds(bad_request=1.0)
    (faulty.folder / "a.jsonl").write_bytes(log.lines(5))
    with faulty.following("a.jsonl") as counts:
        until(lambda: injector.faults["bad_request"] > 40)
        assert counts.rejected == 0
        injector.odds = Odds()
        until(lambda: counts.decided == 5)
    assert faulty.stored() == dict.fromkeys(log.ids(), 1)


def test_an_index_that_is_blocked_is_waited_for(
    ship: Ship, log: NumberedLog, until: Callable[[Callable[[], bool]], None]
) -> None:
    """A real write block answers 403: the lines wait, and are stored when it is lifted."""
    path = ship.folder / "a.jsonl"
    path.write_bytes(log.lines(10))
    ship("a.jsonl")
    (backing,) = ship.cluster.data_streams(f"logs-ml.prediction-{ship.namespace}").values()
    block(ship, backing[-1], on=True)
    try:
        with path.open("ab") as file:
            file.write(log.lines(10))
        with ship.following("a.jsonl") as counts:
            until(lambda: counts.read == 10)
            until(lambda: "cluster_block_exception" in ship.state.status.read_text())
            assert counts.decided == 0
            block(ship, backing[-1], on=False)
            until(lambda: counts.stored == 10)
    finally:
        block(ship, backing[-1], on=False)
    assert ship.stored() == dict.fromkeys(log.ids(), 1)


def block(ship: Ship, index: str, *, on: bool) -> None:
    """Forbid or allow writes to an index."""
    body = json.dumps({"index.blocks.write": on}).encode()
    request = urllib.request.Request(  # noqa: S310 - the test node's own URL
        f"{ship.cluster.url}/{index}/_settings",
        body,
        {"content-type": "application/json"},
        method="PUT",
    )
    urllib.request.urlopen(request).close()  # noqa: S310 - as above
