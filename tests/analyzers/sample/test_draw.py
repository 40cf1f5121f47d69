"""A sample is the same whenever it is drawn, bounded, and holds what the log holds."""

import hashlib
import random
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from mlmon.analyzers.base.window import DAY, HOUR, Window, iso
from mlmon.analyzers.labels.join import LabelJoin
from mlmon.analyzers.sample.draw import least_hashes, sample
from mlmon.elastic.client.cluster import Cluster

Events = list[dict[str, Any]]


@given(st.lists(st.text(max_size=8), max_size=60), st.integers(1, 20), st.randoms())
def test_the_least_hashes_regardless_of_the_order(
    ids: list[str], size: int, shuffle: random.Random
) -> None:
    """Exactly the ids that sorting all by hash puts first, repeated or shuffled as they may be."""

    def by_hash(text: str) -> bytes:
        return hashlib.blake2b(text.encode(), digest_size=8).digest()

    expected = sorted(sorted(set(ids), key=by_hash)[:size])
    again = [*ids, *ids]
    shuffle.shuffle(again)
    assert least_hashes(ids, size) == least_hashes(again, size) == expected


def test_every_id_is_as_likely() -> None:
    """Over 300 draws of 30 from 60, no id's count is beyond 5 standard deviations of its mean."""
    counts = dict.fromkeys(range(60), 0)
    for draw in range(300):
        for hash_ in least_hashes((f"{draw}-{number}" for number in range(60)), 30):
            counts[int(hash_.partition("-")[2])] += 1
    spread = (300 * 0.5 * 0.5) ** 0.5
    assert all(abs(count - 150) < 5 * spread for count in counts.values())


def named(events: Events) -> Events:
    """Return predictions with an id each."""
    return [event | {"ml.prediction.id": f"p-{index:04}"} for index, event in enumerate(events)]


def outcome(of: str, at: datetime, *, label: bool) -> dict[str, Any]:
    """Return the event of an outcome."""
    return {
        "@timestamp": iso(at),
        "event.ingested": iso(at),
        "event.dataset": "ml.outcome",
        "ml.prediction.id": of,
        "ml.outcome.label": label,
        "ml.outcome.value": 2.5,
    }


def test_a_sample_holds_what_was_logged(
    cluster: Cluster,
    namespace: str,
    start: datetime,
    predictions_of: Callable[..., Events],
    ship: Callable[[Events], None],
) -> None:
    """Scores, features, missing values and known outcomes are those of the chosen predictions."""
    events = named(predictions_of(4, 100))
    labels = {f"p-{number:04}": number % 3 == 0 for number in range(0, 400, 2)}
    outcomes = [outcome(id_, start + HOUR, label=of) for id_, of in labels.items()]
    ship([*events, *outcomes[::2]])
    LabelJoin(cluster, namespace, start + 2 * HOUR).run()
    # What is not joined yet is known all the same; the outcome logged last counts.
    ship(outcomes[1::2])
    changed = [label for label in labels if label.endswith("8")]
    labels |= dict.fromkeys(changed, True)
    ship([outcome(id_, start + 2 * HOUR, label=True) for id_ in changed])
    period = Window(start, start + DAY)
    drawn = sample(cluster, namespace, period, 150)
    assert drawn.num_rows == 150
    assert drawn.equals(sample(cluster, namespace, period, 150))
    by_id = {event["ml.prediction.id"]: event for event in events}
    for row in drawn.to_pylist():
        event = by_id[row["ml.prediction.id"]]
        assert row["ml.prediction.score"] == event["ml.prediction.score"]
        assert row["price"] == event.get("ml.features.numeric.price")
        assert row["rating"] == event.get("ml.features.numeric.rating")
        assert row["country"] == event.get("ml.features.categorical.country")
        assert row["@timestamp"] == datetime.fromisoformat(event["@timestamp"])
        assert row["ml.outcome.label"] == labels.get(row["ml.prediction.id"])
        assert row["ml.outcome.value"] == (2.5 if row["ml.prediction.id"] in labels else None)
    larger = set(sample(cluster, namespace, period, 300).column("ml.prediction.id").to_pylist())
    assert set(drawn.column("ml.prediction.id").to_pylist()) <= larger
    first_hour = sample(cluster, namespace, Window(start, start + HOUR), 1_000)
    assert first_hour.num_rows == 100


def test_a_feature_logged_as_two_types_is_two_columns(
    cluster: Cluster,
    namespace: str,
    start: datetime,
    predictions_of: Callable[..., Events],
    ship: Callable[[Events], None],
) -> None:
    """A number that became a text is in neither column as the other."""
    events = named(predictions_of(1, 4))
    for event in events[2:]:
        event["ml.features.categorical.price"] = "cheap"
        del event["ml.features.numeric.price"]
    ship(events)
    drawn = sample(cluster, namespace, Window(start, start + HOUR), 10)
    assert drawn.schema.field("price (numeric)").type == pa.float64()
    assert drawn.column("price (categorical)").to_pylist().count("cheap") == 2
    assert drawn.column("price (numeric)").null_count == 2


def test_odd_values_are_those_elasticsearch_takes(
    cluster: Cluster,
    namespace: str,
    start: datetime,
    predictions_of: Callable[..., Events],
    ship: Callable[[Events], None],
) -> None:
    """Of a list the first, a number of its text, a date with its offset; an empty text none."""
    price, country = "ml.features.numeric.price", "ml.features.categorical.country"
    first, second = named(predictions_of(2, 1))
    odd = {
        "@timestamp": start.isoformat(),
        "ml.prediction.id": [["p-0000"], "q"],
        "ml.model.version": 7,
        "ml.prediction.score": "0.25",
        price: [1.5, 9.0],
        country: [True],
        "ml.features.embedding.text": "1",
    }
    ship([first | odd, second | {price: "", country: []}])
    rows = sample(cluster, namespace, Window(start, start + DAY), 10).to_pylist()
    assert [row["ml.prediction.id"] for row in rows] == ["p-0000", "p-0001"]
    output = {
        name: rows[0][name] for name in ("@timestamp", "ml.model.version", "price", "country")
    }
    assert output == {
        "@timestamp": start,
        "ml.model.version": "7",
        "price": 1.5,
        "country": "true",
    }
    assert (rows[0]["ml.prediction.score"], rows[0]["text"]) == (0.25, None)
    assert (rows[1]["price"], rows[1]["country"]) == (None, None)
