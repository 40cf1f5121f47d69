"""The simulated service: calibrated without a fault, changed by a fault only where it lasts."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import pytest

from mlmon.analyzers.base.window import DAY, HOUR
from mlmon.logging_config.schema.fields import DATASETS, SCHEMA_VERSION
from mlmon.scoreboard.faults.catalogue import KINDS
from mlmon.scoreboard.faults.fault import Affected, Fault, Size
from mlmon.scoreboard.replay.paced_encoder import paced
from mlmon.scoreboard.simulation.requests import Requests, draw_outcomes, draw_requests, expit
from mlmon.scoreboard.simulation.traffic import expected, moment, nanoseconds, slots
from mlmon.scoreboard.timelines.plan import BEGIN, plan_timeline
from mlmon.scoreboard.timelines.simulation import Simulation

if TYPE_CHECKING:
    from pathlib import Path

CHANGING = [kind for kind in KINDS if kind.inputs or kind.answers]


def _requests(size: int = 4_000) -> Requests:
    requests = draw_requests(np.random.default_rng(5), np.arange(size) * 1_000_000)
    requests.score = expit(requests.log_odds)
    return requests


def _rows(requests: Requests, rows: Any) -> list[Any]:
    """Return everything about some requests."""
    columns = {name: getattr(requests, name) for name in Requests.__slots__ if name != "succeeds"}
    flat = [*columns.pop("numeric").values(), *columns.pop("categorical").values()]
    return [column[rows].tolist() for column in [*flat, *columns.values()]]


def test_scores_are_calibrated() -> None:
    """As many succeed as scores say: within five standard deviations of the sum of draws."""
    requests = _requests(50_000)
    draw_outcomes(np.random.default_rng(6), requests)
    spread = float(np.sqrt((requests.score * (1 - requests.score)).sum()))
    assert abs(requests.succeeds.sum() - requests.score.sum()) < 5 * spread


@pytest.mark.parametrize("kind", CHANGING, ids=lambda kind: kind.id)
def test_fault_changes_its_own_requests_only(kind: Fault) -> None:
    """Requests outside of a fault's time stay as they were; some within it change."""
    before, after = _requests(), _requests()
    rows = np.arange(len(after)) >= len(after) // 2
    affected = Affected(rows, np.linspace(0.0, 1.0, len(after)), np.random.default_rng(8))
    for change in (kind.inputs, kind.answers):
        if change is not None:
            change(after, affected)
    assert str(_rows(after, ~rows)) == str(_rows(before, ~rows))
    assert str(_rows(after, rows)) != str(_rows(before, rows))


def test_same_seed_draws_the_same() -> None:
    """Requests are a function of their seed."""
    assert str(_rows(_requests(), slice(None))) == str(_rows(_requests(), slice(None)))


def test_traffic_adds_up_to_a_day() -> None:
    """A working day holds the requests that were asked for, a weekend's day 60 % of them."""
    monday = expected(slots(BEGIN, BEGIN + DAY), 2_000).sum()
    saturday = expected(slots(BEGIN + 5 * DAY, BEGIN + 6 * DAY), 2_000).sum()
    assert monday == pytest.approx(2_000)
    assert saturday == pytest.approx(1_200)


def _lines(folder: Path, seed: int) -> tuple[list[dict[str, Any]], list[int]]:
    timeline = plan_timeline("data", Size.MEDIUM, seed, KINDS[:1])
    simulation = Simulation(timeline, folder)
    try:
        arrived = simulation.step(BEGIN, BEGIN + 6 * HOUR)
    finally:
        simulation.close()
    return [orjson.loads(line) for line in arrived.lines], arrived.times


def test_service_logs_what_happens(tmp_path: Path) -> None:
    """Lines are numbered without a gap; each answered request has one prediction."""
    events, times = _lines(tmp_path / "models", 1)
    numbers: dict[str, list[int]] = {}
    for event in events:
        numbers.setdefault(event["process.entity_id"], []).append(event["event.sequence"])
    for found in numbers.values():
        assert sorted(found) == [*range(1, len(found) + 1)]
    counts = Counter(event["event.dataset"] for event in events)
    answered = sum(
        event["event.dataset"] == "ml.access"
        and event["url.path"] == "/predict"
        and event["http.response.status_code"] == 200
        for event in events
    )
    assert counts["ml.prediction"] == answered > 100
    assert counts["ml.outcome"] > 0
    assert {event["event.dataset"] for event in events} <= set(DATASETS)
    assert not [event for event in events if "ml.log.changes" in event]
    dated = [event["@timestamp"] for event in events]
    assert dated[0][:19] == f"{moment(times[0]):%Y-%m-%dT%H:%M:%S}"


def test_lines_are_a_function_of_the_seed(tmp_path: Path) -> None:
    """The same seed logs the same lines, another one others."""
    first, again = (_lines(tmp_path / name, 1) for name in ("first", "again"))
    other = _lines(tmp_path / "other", 2)
    assert first == again
    assert first != other


def test_paced_lines_carry_their_arrival() -> None:
    """`event.ingested` is the simulated arrival, rounded up to ten seconds; the clock is unused."""
    arrivals = [nanoseconds(BEGIN) + 1, nanoseconds(BEGIN + HOUR)]
    encoder = paced(arrivals)("test", DATASETS, SCHEMA_VERSION, "shipper", moment(0), {})
    encoder.stamp(moment(5))
    line = {
        "@timestamp": "2026-03-02T00:00:00.000Z",
        "event.id": "a-1",
        "event.dataset": "ml.access",
        "ml.schema_version": SCHEMA_VERSION,
    }
    found = [orjson.loads(encoder.encode(orjson.dumps(line)).splitlines()[1]) for _ in arrivals]
    assert [event["event.ingested"] for event in found] == [
        "2026-03-02T00:00:10.000Z",
        "2026-03-02T01:00:00.000Z",
    ]
