"""A run that does not follow has no later: it reads what is there, or says what it did not read."""

import json
import shutil
import time

import pytest
from typer.testing import CliRunner

from mlmon.ingest import commands, pipeline
from mlmon.ingest.files import tailer
from mlmon.logging_config import Service, open_log
from mlmon.logging_config.schema.fields import DATASETS
from tests.support.container_logs import cri_entries, docker_entries
from tests.support.numbered_log import NumberedLog
from tests.support.shipping import Ship


@pytest.fixture(autouse=True)
def _quick_settling(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a copy settle in half a second."""
    monkeypatch.setattr(tailer, "SETTLING_S", 0.5)
    monkeypatch.setattr(pipeline, "SETTLE_LIMIT_S", 1.5)


def alike(name: str, count: int) -> bytes:
    """Return lines that begin with the same 100 bytes, whoever writes them."""
    log = NumberedLog(name)
    return b"".join(
        b'{"@timestamp":"2026-03-01T00:00:00.000001Z","message":"the same first bytes, '
        b'again and again","log.level":"info",' + log.line()[1:].split(b",", 3)[3]
        for _ in range(count)
    )


@pytest.mark.parametrize(("first", "second"), [(20, 20), (20, 1), (1, 20), (1, 1)])
def test_files_that_share_their_beginning_are_different_files(
    ship: Ship, log: NumberedLog, first: int, second: int
) -> None:
    """Two files written this moment, equal in their first 64 bytes: both are read at once."""
    (ship.folder / "a.jsonl").write_bytes(alike(f"{log.entity}a", first))
    (ship.folder / "b.jsonl").write_bytes(alike(f"{log.entity}b", second))
    began = time.monotonic()
    assert ship("*.jsonl").stored == first + second
    assert time.monotonic() - began < 30


def test_such_a_file_that_comes_after_a_run_is_read_by_the_next(
    ship: Ship, log: NumberedLog
) -> None:
    """What the checkpoint knows by its beginning hides no other file."""
    (ship.folder / "a.jsonl").write_bytes(alike(f"{log.entity}a", 20))
    ship("*.jsonl")
    (ship.folder / "a.jsonl").unlink()
    (ship.folder / "b.jsonl").write_bytes(alike(f"{log.entity}b", 1))
    assert ship("*.jsonl").stored == 1


def test_a_copy_that_was_written_on_is_read_on(ship: Ship, log: NumberedLog) -> None:
    """The lines that a copy has more than its original are stored, in the same run and later."""
    path, copy = ship.folder / "a.jsonl", ship.folder / "b.jsonl"
    path.write_bytes(log.lines(30))
    shutil.copyfile(path, copy)
    with copy.open("ab") as file:
        file.write(log.lines(5))
    assert ship("*.jsonl").stored == 35
    copied_on = ship.folder / "c.jsonl"
    copied_on.write_bytes(copy.read_bytes() + log.lines(5))
    assert ship("*.jsonl").stored == 5
    assert ship.stored() == dict.fromkeys(log.ids(), 1)


def test_a_copy_that_does_not_settle_is_named_and_the_exit_code_is_1(
    ship: Ship, log: NumberedLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Still being written when the run ends: not `0 read` in silence; the next run reads it."""
    first = log.lines(10)
    path, copy = ship.folder / "a.jsonl", ship.folder / "b.jsonl"
    path.write_bytes(first + log.lines(10))
    for name, value in (("ELASTICSEARCH_URL", ship.cluster.url), ("NAMESPACE", ship.namespace)):
        monkeypatch.setenv(f"MLMON_{name}", value)
    monkeypatch.setenv("MLMON_HOME", str(ship.folder / "home"))
    words = ["ship", str(ship.folder / "*.jsonl"), "--json"]
    assert CliRunner().invoke(commands.app, words).exit_code == 0
    copy.write_bytes(first + log.lines(2))
    monkeypatch.setattr(tailer, "SETTLING_S", 3_600.0)
    result = CliRunner().invoke(commands.app, words)
    assert (result.exit_code, json.loads(result.stdout)["read"]) == (1, 0)
    assert f"{copy} was not read: it is still being written" in result.stderr
    monkeypatch.setattr(tailer, "SETTLING_S", 0.5)
    result = CliRunner().invoke(commands.app, words)
    assert (result.exit_code, json.loads(result.stdout)["stored"]) == (0, 2)
    assert ship.stored() == dict.fromkeys(log.ids(), 1)


def test_a_shorter_copy_with_other_lines_is_read(ship: Ship, log: NumberedLog) -> None:
    """A copy of the first lines, written on: its own lines are stored, the known ones found."""
    first, more = log.lines(10), log.lines(20)
    (ship.folder / "a.jsonl").write_bytes(first + more)
    ship("*.jsonl")
    (ship.folder / "b.jsonl").write_bytes(first + log.lines(2))
    counts = ship("*.jsonl")
    assert counts.stored == 2
    assert ship.stored() == dict.fromkeys(log.ids(), 1)


def test_one_id_with_other_contents_is_kept_not_hidden(ship: Ship) -> None:
    """Three starts of a job that gives itself the same id: the later lines lie in the letters."""
    for run in range(3):
        path = ship.folder / f"job-{run}.jsonl"
        entity = f"nightly-{ship.entity[:8]}"
        log = open_log(Service("job"), entity_id=entity, path=path, clock=time.time_ns)
        for number in range(5):
            log.app("info", f"run {run} step {number}", {})
        log.close()
        counts = ship(path.name)
        assert (counts.stored, counts.rejected) == ((5, 0) if run == 0 else (0, 5))
        if run:
            (reason,) = counts.reasons
            assert reason.startswith("event.id is stored with other content: @timestamp, message")
    assert ship.state.dead_letters.read_bytes().count(b"\n") == 10


def test_the_same_content_again_is_a_duplicate(ship: Ship, log: NumberedLog) -> None:
    """A second shipper that sends the same bytes, or a copy of them, counts duplicates."""
    path = ship.folder / "a.jsonl"
    path.write_bytes(log.lines(20))
    ship("a.jsonl")
    ship.state_name = "other"
    counts = ship("a.jsonl")
    assert (counts.duplicate, counts.rejected) == (20, 0)


@pytest.mark.parametrize("entries", [docker_entries, cri_entries])
def test_a_containers_log_is_shipped_as_the_lines_that_were_written(
    ship: Ship, log: NumberedLog, entries: object
) -> None:
    """Genuine lines, split by the runtime, are stored once with the pod; the banner is kept."""
    folder = ship.folder / "pods" / "shop_autobid-7d9f_0b1c" / "api"
    folder.mkdir(parents=True)
    lines = log.lines(40).decode().splitlines()
    text = ["INFO: started server", *lines]
    wrapped = [entry for line in text for entry in entries(line, 200)]  # type: ignore[operator]
    path = folder / "0.log"
    path.write_bytes(b"".join(entry + b"\n" for entry in wrapped[:-1]))
    counts = ship("pods/*/*/*.log")
    assert (counts.stored, counts.rejected) == (39, 1)
    with path.open("ab") as file:
        file.write(wrapped[-1] + b"\n")
    assert ship("pods/*/*/*.log").stored == 1
    assert ship.stored() == dict.fromkeys(log.ids(), 1)
    document = ship.documents("logs-ml.prediction", process__entity_id=log.entity)[0]
    assert document["kubernetes.namespace"] == "shop"
    assert document["kubernetes.pod.name"] == "autobid-7d9f"
    assert document["kubernetes.container.name"] == "api"
    assert document["event.dataset"] == "ml.prediction"


@pytest.mark.parametrize("entries", [docker_entries, cri_entries])
@pytest.mark.parametrize(
    ("before", "rejected"),
    [(b"\n", 0), (bytes(512), 0), (b'st":"cut entry"}\n', 1), (b"\0\0\n\n", 0)],
    ids=["emptied by hand", "NULs", "a cut entry", "NULs and blank lines"],
)
def test_a_containers_log_is_recognized_behind_its_beginning(
    ship: Ship, log: NumberedLog, entries: object, before: bytes, rejected: int
) -> None:
    """What people and machines leave at the beginning of such a file hides no entry."""
    wrapped = [
        entry
        for line in log.lines(5).decode().splitlines()
        for entry in entries(line, 10_000)  # type: ignore[operator]
    ]
    # A second hole, as a machine that lost its power leaves.
    wrapped[3] = bytes(64) + wrapped[3]
    path = ship.folder / "x-json.log"
    path.write_bytes(before + b"".join(entry + b"\n" for entry in wrapped))
    counts = ship("x-json.log")
    assert (counts.stored, counts.rejected) == (5, rejected)


@pytest.mark.parametrize("entries", [docker_entries, cri_entries])
def test_a_line_that_a_restart_cut_takes_no_other_with_it(
    ship: Ship, log: NumberedLog, entries: object
) -> None:
    """The runtime was restarted within a line: that line is rejected, the next one is stored."""
    first, second, third = log.lines(3).decode().splitlines()
    split = entries  # either of the two formats
    wrapped = [split(first, 50)[0], *split(second, 50), *split(third, 50)]  # type: ignore[operator]
    path = ship.folder / "x-json.log"
    path.write_bytes(b"".join(entry + b"\n" for entry in wrapped))
    counts = ship("x-json.log")
    assert (counts.stored, counts.rejected) == (2, 1)


@pytest.mark.parametrize("hole", [1, 5_000, 3 << 20])
def test_a_hole_before_the_lines_is_passed_over(ship: Ship, log: NumberedLog, hole: int) -> None:
    """A file that was copied and truncated while its writer kept its offset loses no line."""
    path = ship.folder / "a.jsonl"
    with path.open("wb") as file:
        file.truncate(hole)
        file.seek(hole)
        file.write(log.lines(3))
    counts = ship("a.jsonl")
    assert (counts.stored, counts.rejected) == (3, 0)
    with path.open("ab") as file:
        file.write(log.lines(2))
    assert ship("a.jsonl").stored == 2


def test_a_thousand_new_names_are_bounded(
    ship: Ship, log: NumberedLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each line with a new feature's name: all stored, the mapping bounded, the rest kept."""
    monkeypatch.setattr("mlmon.ingest.encode.field_names.MOST_NAMES", 30)
    names = [f"ml__features__numeric__f{number}_{log.entity}" for number in range(200)]
    lines = b"".join(log.line(**{name: number}) for number, name in enumerate(names))
    (ship.folder / "a.jsonl").write_bytes(lines)
    counts = ship("a.jsonl")
    assert (counts.stored, counts.rejected) == (200, 0)
    assert 25 <= len(undeclared(ship)) <= 31
    documents = ship.documents("logs-ml.prediction", process__entity_id=log.entity)
    unindexed = [event for event in documents if "ml.features.unindexed" in event]
    assert len(unindexed) >= 160
    # What a profile asks for: how many lines, and which names.
    counted = {"terms": {"field": "ml.features.unindexed_names", "size": 300}}
    own = {"term": {"process.entity_id": log.entity}}
    body = {"size": 0, "query": own, "aggs": {"names": counted}}
    answer = ship.cluster.search(f"logs-ml.prediction-{ship.namespace}", body)
    assert len(answer["aggregations"]["names"]["buckets"]) == len(unindexed)
    assert b"unindexed" in ship.state.status.read_bytes()


def undeclared(ship: Ship) -> set[str]:
    """Return the fields in the mappings of the predictions' stream that no table declares."""
    found = ship.cluster.mapping(f"logs-ml.prediction-{ship.namespace}")
    names = {name for mapping in found.values() for name in mapping.get("properties", {})}
    return names - {field.name for field in DATASETS["ml.prediction"]} - {"agent.id"}


def test_five_thousand_small_files_take_seconds(ship: Ship, log: NumberedLog) -> None:
    """The work grows with the files, not with their square: 5,000 within ten seconds."""
    logs = ship.folder / "logs"
    logs.mkdir()
    for number in range(5_000):
        (logs / f"{number}.jsonl").write_bytes(log.lines(1))
    began = time.process_time()
    counts = ship("logs", flow=pipeline.Flow())
    assert counts.stored == 5_000
    # Processor time of this process: the machine may have other work.
    assert time.process_time() - began < 10
    again = time.process_time()
    assert ship("logs", flow=pipeline.Flow()).read == 0
    assert time.process_time() - again < 10
