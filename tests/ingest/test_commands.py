"""`mlmon ship` as a person and a program use it: exit codes, output, help."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.support.loopback import free_port
from tests.support.numbered_log import NumberedLog
from tests.support.shipping import Ship

pytestmark = pytest.mark.long

Mlmon = Callable[..., subprocess.CompletedProcess[str]]
MLMON = (sys.executable, "-m", "mlmon")


@pytest.fixture
def environment(ship: Ship) -> dict[str, str]:
    """The environment of the commands: this test's cluster, namespace and home."""
    settings = {"ELASTICSEARCH_URL": ship.cluster.url, "NAMESPACE": ship.namespace}
    settings |= {"HOME": str(ship.folder / "home")}
    return {**os.environ, **{f"MLMON_{name}": value for name, value in settings.items()}}


@pytest.fixture
def mlmon(environment: dict[str, str]) -> Mlmon:
    """Run a command and return how it ended."""

    def run(
        *words: str,
        input: str | None = None,  # noqa: A002 - as in subprocess.run
    ) -> subprocess.CompletedProcess[str]:
        command = [*MLMON, *words]
        return subprocess.run(
            command, env=environment, input=input, capture_output=True, text=True, check=False
        )

    return run


def test_the_account_is_printed_for_people_and_for_programs(
    mlmon: Mlmon, ship: Ship, log: NumberedLog
) -> None:
    """Exit code 0; the account as a sentence, and as JSON with --json."""
    path = ship.folder / "a.jsonl"
    path.write_bytes(log.lines(1_200))
    done = mlmon("ship", str(path))
    assert done.returncode == 0
    assert done.stdout.startswith("read 1,200 lines in ")
    assert done.stdout.endswith(": 1,200 stored, 0 duplicate, 0 rejected\n")
    assert done.stderr == ""
    counts = json.loads(mlmon("ship", str(path), "--from-start", "--json").stdout)
    assert (counts["read"], counts["duplicate"], counts["stored"]) == (1200, 1200, 0)


def test_rejected_lines_give_exit_code_3_and_come_back_after_the_cure(
    mlmon: Mlmon, ship: Ship, log: NumberedLog
) -> None:
    """The reasons go to standard error; a retry stores what is fixed and keeps the rest."""
    path = ship.folder / "a.jsonl"
    good, long = log.line(), log.line(message="x" * 5_000)
    path.write_bytes(good + long + b"never JSON\n")
    done = mlmon("ship", str(path), "--max-line-bytes", "2000")
    assert done.returncode == 3
    assert "dead-letters.jsonl" in done.stderr
    assert "longer than 2000 bytes" in done.stderr
    again = mlmon("ship", "retry-rejected", "--json")
    assert again.returncode == 3
    counts = json.loads(again.stdout)
    assert (counts["read"], counts["stored"], counts["rejected"]) == (2, 1, 1)
    third = json.loads(mlmon("ship", "retry-rejected", "--json").stdout)
    assert (third["read"], third["rejected"]) == (1, 1)
    assert ship.stored() == dict.fromkeys(log.ids(), 1)


def test_standard_input_is_shipped(mlmon: Mlmon, ship: Ship, log: NumberedLog) -> None:
    """`-` reads lines from a pipe to its end."""
    done = mlmon("ship", "-", input=log.lines(700).decode())
    assert "700 stored" in done.stdout
    assert ship.stored() == dict.fromkeys(log.ids(), 1)


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["ship", "nowhere.jsonl"], 1, "nowhere.jsonl does not exist"),
        (["ship"], 2, "PATH..."),
        (["ship", "status", "extra"], 2, "extra"),
        (["ship", "status"], 4, "No shipper has run"),
        (["ship", "x.jsonl", "--namespace", "No-Good"], 2, "namespace"),
    ],
)
def test_wrong_use_is_reported_in_one_line(
    mlmon: Mlmon, words: list[str], code: int, message: str
) -> None:
    """What a user can fix is reported without a traceback, with a non-zero exit code."""
    done = mlmon(*words)
    assert done.returncode == code
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_cluster_that_does_not_answer_is_reported(
    mlmon: Mlmon, environment: dict[str, str], ship: Ship, log: NumberedLog
) -> None:
    """Without a cluster nothing is read, and the exit code is 1."""
    environment["MLMON_ELASTICSEARCH_URL"] = "http://127.0.0.1:9"
    (ship.folder / "a.jsonl").write_bytes(log.line())
    done = mlmon("ship", str(ship.folder / "a.jsonl"))
    assert done.returncode == 1
    assert "127.0.0.1:9" in done.stderr


def test_a_follower_shows_how_it_is_and_stops_in_order(
    mlmon: Mlmon,
    environment: dict[str, str],
    ship: Ship,
    log: NumberedLog,
    until: Callable[[Callable[[], bool]], None],
) -> None:
    """`ship status` and `/metrics` show a follower; SIGTERM ends it with counts and code 0."""
    path = ship.folder / "a.jsonl"
    path.write_bytes(log.lines(30))
    with subprocess.Popen(
        [*MLMON, "ship", str(path), "--follow", "--metrics", str(port := free_port())],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as follower:
        state = Path(environment["MLMON_HOME"]) / "ship" / ship.namespace
        until((state / "status.json").exists)
        until(lambda: '"stored": 30' in mlmon("ship", "status", "--json").stdout)
        metrics = mlmon("ship", "status", "--prometheus").stdout
        assert 'mlmon_ingest_lines_total{result="stored"} 30.0\n' in metrics
        assert f'mlmon_ingest_lag_bytes{{file="{path}"}} 0.0\n' in metrics
        assert httpx.get(f"http://127.0.0.1:{port}/metrics").text == metrics
        second = mlmon("ship", str(path))
        assert second.returncode == 1
        assert f"Another shipper (pid {follower.pid})" in second.stderr
        follower.send_signal(signal.SIGTERM)
        stdout, _ = follower.communicate(timeout=20)
    assert follower.returncode == 0
    assert "30 stored" in stdout
    stopped = mlmon("ship", "status")
    assert stopped.returncode == 4
    assert stopped.stdout.startswith("not running, as of ")


def test_a_killed_shipper_goes_on_where_it_was(
    mlmon: Mlmon,
    environment: dict[str, str],
    ship: Ship,
    log: NumberedLog,
    until: Callable[[Callable[[], bool]], None],
) -> None:
    """Killed in the middle, then a rollover and another run: each line is stored once."""
    path = ship.folder / "a.jsonl"
    path.write_bytes(log.lines(20_000))
    with subprocess.Popen([*MLMON, "ship", str(path)], env=environment) as shipper:
        until(lambda: ship.cluster.count(f"logs-ml.*-{ship.namespace}", entity(log)) > 0)
        shipper.kill()
    ship.cluster.rollover(f"logs-ml.prediction-{ship.namespace}")
    done = json.loads(mlmon("ship", str(path), "--json").stdout)
    assert done["rejected"] == 0
    assert ship.stored() == dict.fromkeys(log.ids(), 1)


def entity(log: NumberedLog) -> dict[str, object]:
    """Return the query for the lines of one log."""
    return {"term": {"process.entity_id": log.entity}}
