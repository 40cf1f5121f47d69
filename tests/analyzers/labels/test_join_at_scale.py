"""However many outcomes come at once: so many requests a batch, and so many held in memory."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest

from mlmon.analyzers.base.window import DAY, HOUR, MINUTE
from mlmon.analyzers.labels import arrivals
from mlmon.analyzers.labels import join as join_module
from mlmon.analyzers.labels.arrivals import Arrivals
from mlmon.analyzers.labels.join import AT_A_TIME, Joined, LabelJoin
from mlmon.analyzers.labels.label import Outcome
from mlmon.analyzers.labels.store import LabelStore
from mlmon.elastic.client.cluster import Cluster

Event = dict[str, Any]
Requests = list[tuple[str, str, Any]]

START = datetime(2026, 3, 2, tzinfo=UTC)
BATCH = 20


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Join so many outcomes at once that a few hundred are many batches."""
    monkeypatch.setattr(join_module, "OUTCOMES_PER_BATCH", BATCH)
    monkeypatch.setattr(arrivals, "_PAGE", BATCH)


@pytest.mark.usefixtures("small_batches")
def test_a_batch_costs_the_same_however_many_come(
    cluster: Cluster,
    namespace: str,
    prediction: Callable[..., Event],
    outcome: Callable[..., Event],
    arrive: Callable[..., None],
    requests: Requests,
) -> None:
    """Ten times as many outcomes of one moment are ten times the requests of a batch, no more."""
    costs = []
    for day, batches in enumerate((2, 12, 22)):
        now, size = START + day * DAY, batches * BATCH
        names = [f"{day}-{number}" for number in range(size)]
        numbers = range(1_000 * day, 1_000 * day + size)
        arrive([prediction(name, now) for name in names], now)
        arrive([outcome(n, of, now, label=True) for n, of in zip(numbers, names, strict=True)], now)
        requests.clear()
        assert LabelJoin(cluster, namespace, now + HOUR).run() == Joined(size, size)
        costs.append(len(requests))
    assert costs[2] - costs[1] == costs[1] - costs[0]
    # A page of outcomes; labels and predictions looked up; labels written.
    assert costs[1] - costs[0] <= 4 * 10


@pytest.mark.usefixtures("small_batches")
def test_a_few_batches_are_in_memory(
    cluster: Cluster,
    namespace: str,
    prediction: Callable[..., Event],
    outcome: Callable[..., Event],
    arrive: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No more outcomes are read than labels are written, but for the batches joined at once."""
    size = 30 * BATCH
    arrive([prediction(f"p{number}", START) for number in range(size)], START)
    arrive([outcome(n, f"p{n}", START, label=True) for n in range(size)], START)
    numbers, ahead, done = count(1), list[int](), list[int]()
    outcomes, write = Arrivals.outcomes, LabelStore.write

    def reading(*words: Any) -> Iterator[Outcome]:
        for found in outcomes(*words):
            ahead.append(next(numbers) - len(done) * BATCH)
            yield found

    def writing(*words: Any) -> tuple[str, ...]:
        conflicted = write(*words)
        done.append(1)
        return conflicted

    monkeypatch.setattr(Arrivals, "outcomes", reading)
    monkeypatch.setattr(LabelStore, "write", writing)
    LabelJoin(cluster, namespace, START + HOUR).run()
    assert (len(ahead), len(done)) == (size, size // BATCH)
    assert max(ahead) <= (AT_A_TIME + 2) * BATCH


@pytest.mark.usefixtures("small_batches")
def test_outcomes_before_their_predictions(
    cluster: Cluster,
    namespace: str,
    prediction: Callable[..., Event],
    outcome: Callable[..., Event],
    arrive: Callable[..., None],
    requests: Requests,
) -> None:
    """They are looked up in batches, none between two look-ups, and each once its time has come."""
    size, names = 10 * BATCH, [f"p{number}" for number in range(10 * BATCH)]
    arrive([outcome(n, name, START, label=True) for n, name in enumerate(names)], START)
    assert LabelJoin(cluster, namespace, START).run() == Joined(size, waiting=size)

    def look(minutes: int) -> tuple[Joined, int]:
        requests.clear()
        done = LabelJoin(cluster, namespace, START + minutes * MINUTE).run()
        asked = [path for _, path, _ in requests if f"logs-ml.prediction-{namespace}" in path]
        return done, len(asked)

    assert look(1) == (Joined(), 0)
    assert look(6) == (Joined(waiting=size), 10)
    assert look(7) == (Joined(), 0)
    arrive([prediction(name, START) for name in names], START + 8 * MINUTE)
    assert look(13) == (Joined(labels=size), 10)
    assert look(60) == (Joined(), 0)
