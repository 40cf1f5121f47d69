"""A replayed table in the real node: every event once, however often it is replayed and shipped."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mlmon.ingest.replay.commands import replay
from tests.support.shipping import Ship

ROWS = 500
MAPPING = """
[service]
name = "bids"
[model]
name = "autobid"
version = "7"
[time]
column = "time"
[prediction]
id = "id"
score = "score"
threshold = 0.5
[outcome]
label = "label"
delay = "1d"
[features]
numeric = ["price"]
categorical = ["country"]
"""

Run = Callable[[], None]


@pytest.fixture
def run(ship: Ship) -> Run:
    """Replay a table of 500 rows, 200 of them with an outcome, into the shipper's folder."""
    table = ["id,time,score,label,price,country"]
    table += [
        f"{ship.entity}-{n},2026-01-01T00:{n // 60:02}:{n % 60:02},{n / ROWS},"
        f"{n % 2 if n < 200 else ''},{n * 0.5},{'DE' if n % 3 else ''}"
        for n in range(ROWS)
    ]
    (ship.folder / "table.csv").write_text("\n".join(table))
    (ship.folder / "mapping.toml").write_text(MAPPING)

    def run() -> None:
        place = ship.folder
        replay(place / "table.csv", place / "mapping.toml", suggest=False, out=place / "events")

    return run


def counts(ship: Ship, dataset: str) -> int:
    """Return how many events of this test's table the node holds."""
    index = f"logs-{dataset}-{ship.namespace}"
    ship.cluster.refresh(index)
    return ship.cluster.count(index, {"prefix": {"ml.prediction.id": f"{ship.entity}-"}})


def test_replayed_rows_are_shipped_as_they_stand(ship: Ship, run: Run) -> None:
    """Predictions and outcomes are counted, summed and joined by Elasticsearch as in the table."""
    run()
    result = ship("events")
    assert (result.read, result.stored, result.rejected) == (ROWS + 200, ROWS + 200, 0)
    assert counts(ship, "ml.prediction") == ROWS
    assert counts(ship, "ml.outcome") == 200
    mine = {"prefix": {"ml.prediction.id": f"{ship.entity}-"}}
    body = {
        "size": 0,
        "query": mine,
        "aggs": {
            "price": {"sum": {"field": "ml.features.numeric.price"}},
            "country": {"terms": {"field": "ml.features.categorical.country"}},
            "missing": {"terms": {"field": "ml.features.missing"}},
            "last": {"max": {"field": "@timestamp"}},
        },
    }
    found = ship.cluster.search(f"logs-ml.prediction-{ship.namespace}", body)["aggregations"]
    assert found["price"]["value"] == sum(n * 0.5 for n in range(ROWS))
    german = sum(n % 3 > 0 for n in range(ROWS))
    assert [bucket["doc_count"] for bucket in found["country"]["buckets"]] == [german]
    assert [bucket["doc_count"] for bucket in found["missing"]["buckets"]] == [ROWS - german]
    assert found["last"]["value_as_string"].startswith("2026-01-01T00:08:19")


def test_a_second_replay_is_stored_once_also_after_a_rollover(
    ship: Ship, run: Run, tmp_path: Path
) -> None:
    """Fresh files, shipped by a shipper that knows nothing of the first run: nothing is doubled."""
    run()
    ship("events")
    ship.cluster.rollover(f"logs-ml.prediction-{ship.namespace}")
    shutil.rmtree(tmp_path / "events")
    run()
    ship.state_name = "another"
    result = ship("events")
    assert (result.stored, result.duplicate) == (0, ROWS + 200)
    assert (counts(ship, "ml.prediction"), counts(ship, "ml.outcome")) == (ROWS, 200)


def test_replaying_into_the_same_folder_leaves_nothing_to_ship(ship: Ship, run: Run) -> None:
    """The second run writes the same bytes, which the shipper knows already."""
    run()
    before = {path.name: path.read_bytes() for path in (ship.folder / "events").iterdir()}
    ship("events")
    run()
    assert {path.name: path.read_bytes() for path in (ship.folder / "events").iterdir()} == before
    ship("events")
    assert (counts(ship, "ml.prediction"), counts(ship, "ml.outcome")) == (ROWS, 200)


def test_another_mapping_makes_other_ids(ship: Ship, run: Run) -> None:
    """Events that say something else never hide behind ids that are stored already."""
    run()
    first = (ship.folder / "events" / "table.predictions.jsonl").read_bytes()
    mapping = ship.folder / "mapping.toml"
    mapping.write_text(MAPPING.replace("0.5", "0.6"))
    replay(ship.folder / "table.csv", mapping, suggest=False, out=ship.folder / "events")
    second = (ship.folder / "events" / "table.predictions.jsonl").read_bytes()
    ids = [set(part.split(b'"event.id":"')[1].split(b'"')[0:1]) for part in (first, second)]
    assert not ids[0] & ids[1]
