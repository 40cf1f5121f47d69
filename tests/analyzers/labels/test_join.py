"""The join against a real Elasticsearch: any order, any interruption, the same labels."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread
from typing import Any

import numpy as np
import pandas as pd
import pytest
from elastic_transport import TransportApiResponse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlmon.analyzers.base.window import DAY, HOUR, MINUTE, iso
from mlmon.analyzers.labels import join as join_module
from mlmon.analyzers.labels.join import Joined, LabelJoin
from mlmon.analyzers.labels.store import LabelStore
from mlmon.analyzers.labels.waiting import MAX_WAIT
from mlmon.elastic.client.cluster import Cluster
from tests.support.transport import Intercept, Send, intercept

Event = dict[str, Any]
Make = Callable[..., Event]
Join = Callable[[datetime], Joined]

START = datetime(2026, 3, 2, tzinfo=UTC)


def test_labels_are_the_merge_of_predictions_and_outcomes(
    rng: np.random.Generator,
    prediction: Make,
    outcome: Make,
    arrive: Callable[..., None],
    join: Join,
    stored: Callable[[], dict[str, Event]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What pandas merges from the raw rows is what the labels say, months apart too."""
    monkeypatch.setattr(join_module, "OUTCOMES_PER_BATCH", 70)
    minutes = rng.integers(0, 60 * 24 * 90, 400)
    events = [
        prediction(f"p{n}", START + int(minute) * MINUTE, score=float(rng.random()))
        for n, minute in enumerate(minutes)
    ]
    chosen = rng.choice(400, 300, replace=False)
    outcomes = [
        outcome(
            n,
            f"p{of}",
            START + (int(minutes[of]) + int(rng.integers(1, 9_000))) * MINUTE,
            label=bool(rng.random() < 0.4),
            value=float(rng.random()),
        )
        for n, of in enumerate(chosen)
    ]
    arrive([*events, *outcomes], START + 100 * DAY)
    done = join(START + 100 * DAY)
    assert (done.outcomes, done.labels, done.waiting) == (300, 300, 0)
    merged = pd.DataFrame(outcomes).merge(
        pd.DataFrame(events), on="ml.prediction.id", suffixes=("_outcome", "")
    )
    labels = stored()
    assert labels.keys() == set(merged["ml.prediction.id"])
    for row in merged.to_dict("records"):
        label = labels[row["ml.prediction.id"]]
        for name in ("ml.outcome.label", "ml.outcome.value", "ml.prediction.score", "@timestamp"):
            assert label[name] == row[name]
        delay = pd.Timestamp(row["@timestamp_outcome"]) - pd.Timestamp(row["@timestamp"])
        assert label["label.delay_hours"] == pytest.approx(delay.total_seconds() / 3_600)
        approved = row["ml.prediction.decision"] == "approved"
        assert label["label.wrong"] == (approved != row["ml.outcome.label"])


ARRIVALS = st.lists(
    # Which of three predictions, minutes until the outcome, label, and in which batch it arrives.
    st.tuples(st.integers(0, 2), st.integers(1, 5), st.booleans(), st.integers(0, 3)),
    min_size=1,
    max_size=8,
)


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    arrivals=ARRIVALS,
    predicted_in=st.tuples(*[st.integers(0, 4)] * 3),
    stamps=st.lists(st.integers(0, 400), min_size=5, max_size=5),
)
def test_any_order_of_arrival_ends_in_the_same_labels(  # noqa: PLR0917 - fixtures and what is drawn
    prediction: Make,
    outcome: Make,
    arrive: Callable[..., None],
    join: Join,
    stored: Callable[[], dict[str, Event]],
    examples: list[int],
    arrivals: list[tuple[int, int, bool, int]],
    predicted_in: tuple[int, int, int],
    stamps: list[int],
) -> None:
    """Outcomes before their prediction, twice, contradicting, visible long after their stamp."""
    examples.append(0)
    example = len(examples)
    clock = START + example * DAY
    made = [prediction(f"{example}-{number}", clock) for number in range(3)]
    joined_at = [
        outcome(
            1_000 * example + n,
            f"{example}-{of}",
            clock + after * MINUTE,
            label=label,
            value=float(label),
        )
        for n, (of, after, label, _) in enumerate(arrivals)
    ]
    for batch, stamp in enumerate(stamps):
        events = [event for event, when in zip(made, predicted_in, strict=True) if when == batch]
        events += [event for event, a in zip(joined_at, arrivals, strict=True) if a[3] == batch]
        # The stamp of arrival may lie hours before the moment the events become visible.
        arrive(events, clock + batch * HOUR - stamp * MINUTE)
        join(clock + batch * HOUR)
    join(clock + 2 * DAY)
    labels = stored()
    for predicted in made:
        of_it = [
            event
            for event in joined_at
            if event["ml.prediction.id"] == predicted["ml.prediction.id"]
        ]
        label = labels.get(predicted["ml.prediction.id"])
        if not of_it:
            assert label is None
            continue
        assert label is not None
        last = max(of_it, key=lambda event: (event["@timestamp"], int(event["_id"][2:])))
        assert label["ml.outcome.label"] == last["ml.outcome.label"]
        assert label["label.learnt"] == min(event["@timestamp"] for event in of_it)
        assert label["label.outcomes"] == len(of_it)
        assert label["label.contradicted"] == (len({e["ml.outcome.label"] for e in of_it}) > 1)


@pytest.fixture
def examples() -> list[int]:
    """Counts the examples of a test, which share a namespace."""
    return []


def test_nothing_new_writes_nothing(
    prediction: Make,
    outcome: Make,
    arrive: Callable[..., None],
    join: Join,
    stored: Callable[[], dict[str, Event]],
) -> None:
    """A second run leaves the documents as they are; new outcomes of the hour join the rest."""
    arrive([prediction(f"p{n}", START) for n in range(4)], START)
    arrive([outcome(n, f"p{n}", START + HOUR, label=True) for n in range(3)], START + HOUR)
    assert join(START + 2 * HOUR).labels == 3
    before = stored()
    assert join(START + 3 * HOUR) == Joined()
    arrive([outcome(3, "p3", START + HOUR, label=True)], START + HOUR)
    assert join(START + 4 * HOUR).labels == 1
    after = stored()
    assert {ident: after[ident] for ident in before} == before
    assert after["p3"]["event.ingested"] == iso(START + 4 * HOUR)


class KilledError(Exception):
    """The run is killed."""


def killing(kill: int) -> Intercept:
    """Return what kills the run: before (even) or after (odd) write kill // 2."""
    left = kill // 2

    def killed(_method: str, path: str, _body: bytes | None, send: Send) -> TransportApiResponse:
        nonlocal left
        left -= path == "/_bulk"
        if left < 0 and kill % 2 == 0:
            raise KilledError
        answer = send()
        if left < 0:
            raise KilledError
        return answer

    return killed


def test_killed_anywhere_the_next_run_ends_the_same(
    cluster: Cluster,
    prediction: Make,
    outcome: Make,
    arrive: Callable[..., None],
    join: Join,
    stored: Callable[[], dict[str, Event]],
    statuses: Callable[[], dict[str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Killed before or after anything it writes, the join catches up without loss or double."""
    survived = False
    for kill in range(20):
        now = START + kill * HOUR
        here = [f"{kill}-{n}" for n in range(3)]
        arrive([prediction(id_, now) for id_ in here[:2]], now)
        numbers = range(3 * kill, 3 * kill + 3)
        arrive(
            [outcome(n, of, now + MINUTE, label=True) for n, of in zip(numbers, here, strict=True)],
            now,
        )
        with monkeypatch.context() as patch:
            intercept(cluster, patch, killing(kill))
            try:
                join(now + MINUTE)
                survived = True
            except KilledError:
                pass
        join(now + 2 * MINUTE)
        labels = stored()
        assert [id_ in labels for id_ in here] == [True, True, False]
        assert all(labels[id_]["label.outcomes"] == 1 for id_ in here[:2])
        assert statuses()[f"o-{3 * kill + 2}"] == "waiting"
        if survived:
            break
    assert survived, "the run was killed each time"
    assert kill >= 6, "at least three writes, each killed before and after"


def test_runs_that_overlap_lose_nothing(
    cluster: Cluster,
    prediction: Make,
    outcome: Make,
    arrive: Callable[..., None],
    join: Join,
    stored: Callable[[], dict[str, Event]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two runs that have read the same label both add their outcome to it: none is overwritten."""
    arrive([prediction("p", START)], START)
    arrive([outcome(1, "p", START + HOUR, label=True)], START + HOUR)
    join(START + HOUR)
    arrive([outcome(2, "p", START + 2 * HOUR, label=False)], START + 2 * HOUR)
    arrive([outcome(3, "p", START + 3 * HOUR, label=True)], START + 3 * HOUR)
    both = Barrier(2, timeout=30)
    original, waited = cluster.put, []

    def put(documents: Any) -> Any:
        known = list(documents)
        if known and known[0].index.startswith("mlmon-labels") and len(waited) < 2:
            waited.append(1)
            both.wait()
        return original(known)

    monkeypatch.setattr(cluster, "put", put)
    # Each run sees one of the two outcomes: the other had not become visible to it.
    parts = {START + 4 * HOUR: "o-2", START + 5 * HOUR: "o-3"}
    _hide(cluster, monkeypatch, parts)
    runs = [Thread(target=join, args=(now,), name=hidden) for now, hidden in parts.items()]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert len(waited) == 2
    label = stored()["p"]
    assert label["label.outcomes"] == 3
    assert label["label.contradicted"] is True
    assert label["ml.outcome.label"] is True


def _hide(cluster: Cluster, monkeypatch: pytest.MonkeyPatch, parts: dict[datetime, str]) -> None:
    """Hide an outcome from the run that is of its name."""
    import threading

    original = cluster.scan

    def scan(index: str, body: Any) -> Any:
        hidden = threading.current_thread().name
        for hit in original(index, body):
            if hit["_id"] != hidden:
                yield hit

    monkeypatch.setattr(cluster, "scan", scan)
    assert len(parts) == 2


def test_without_the_raw_logs_a_changed_label_is_still_updated(
    cluster: Cluster,
    namespace: str,
    prediction: Make,
    outcome: Make,
    arrive: Callable[..., None],
    join: Join,
    stored: Callable[[], dict[str, Event]],
) -> None:
    """The label's document knows its prediction when that prediction's log is deleted."""
    arrive([prediction("p", START, score=0.9)], START)
    arrive([outcome(1, "p", START + HOUR, label=True, value=5.0)], START + HOUR)
    join(START + HOUR)
    stream = f"logs-ml.prediction-{namespace}"
    (old,) = cluster.data_streams(stream)[stream]
    cluster.rollover(stream)
    assert cluster.delete_index(old)
    arrive([outcome(2, "p", START + DAY, label=False)], START + DAY)
    assert join(START + DAY).labels == 1
    label = stored()["p"]
    assert label["ml.outcome.label"] is False
    assert label["ml.prediction.score"] == 0.9
    assert label["label.contradicted"] is True
    assert label["label.delay_hours"] == 1.0
    assert label["event.ingested"] == iso(START + DAY)


def test_labels_of_a_run_that_was_killed_are_seen(
    cluster: Cluster,
    namespace: str,
    prediction: Make,
    outcome: Make,
    arrive: Callable[..., None],
    join: Join,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Killed when all is joined and not yet visible, the next run makes it visible to profiles."""
    arrive([prediction("p", START), outcome(1, "p", START + HOUR, label=True)], START + HOUR)

    def kill(_store: LabelStore) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(LabelStore, "refresh", kill)
        with pytest.raises(KeyboardInterrupt):
            join(START + HOUR)
    assert join(START + HOUR).outcomes == 0
    assert cluster.count(f"mlmon-labels-{namespace}-*") == 1


def test_what_finds_no_prediction_is_given_up_and_counted(
    prediction: Make,
    outcome: Make,
    arrive: Callable[..., None],
    join: Join,
    stored: Callable[[], dict[str, Event]],
    statuses: Callable[[], dict[str, str]],
) -> None:
    """Outcomes wait, are found when the prediction comes, or become orphans: none is forgotten."""
    arrive([outcome(n, f"p{n}", START, label=True) for n in range(2)], START)
    assert join(START).waiting == 2
    assert join(START + MINUTE) == Joined()
    assert statuses() == {"o-0": "waiting", "o-1": "waiting"}
    arrive([prediction("p0", START - HOUR)], START + DAY)
    assert join(START + DAY).labels == 1
    assert statuses() == {"o-0": "found", "o-1": "waiting"}
    assert stored().keys() == {"p0"}
    done = join(START + MAX_WAIT + DAY)
    assert (done.orphans, done.waiting) == (1, 0)
    assert statuses() == {"o-0": "found", "o-1": "orphan"}
    assert join(START + MAX_WAIT + 9 * DAY) == Joined()


def test_the_cost_does_not_grow_with_history(
    prediction: Make,
    outcome: Make,
    arrive: Callable[..., None],
    join: Join,
    requests: list[tuple[str, str, Any]],
) -> None:
    """A day's outcomes cost as many requests after two months of history as at the beginning."""

    def day(number: int) -> int:
        now = START + number * DAY
        ids = [f"{number}-{n}" for n in range(40)]
        arrive([prediction(id_, now) for id_ in ids], now)
        numbers = range(1_000 * number, 1_000 * number + 40)
        arrive(
            [outcome(n, of, now + HOUR, label=True) for n, of in zip(numbers, ids, strict=True)],
            now + HOUR,
        )
        requests.clear()
        assert join(now + 2 * HOUR).outcomes == 40
        return len(requests)

    day(0)
    early = day(1)
    history = [
        event
        for n in range(2_000)
        for event in (
            prediction(f"old{n}", START + n % 60 * DAY),
            outcome(500_000 + n, f"old{n}", START + n % 60 * DAY + n % 24 * HOUR, label=False),
        )
    ]
    for number in range(10):
        arrive(history[number::10], START + (2 + 6 * number) * DAY)
    join(START + 61 * DAY)
    assert day(62) == early
    requests.clear()
    assert join(START + 62 * DAY + 3 * HOUR) == Joined()
    assert len(requests) <= 7


def test_ids_are_asked_for_in_batches(
    prediction: Make,
    outcome: Make,
    arrive: Callable[..., None],
    join: Join,
    requests: list[tuple[str, str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No request and no batch names more ids than the bound, however many outcomes came."""
    monkeypatch.setattr(join_module, "OUTCOMES_PER_BATCH", 25)
    arrive([prediction(f"p{n}", START + n * MINUTE) for n in range(200)], START)
    arrive([outcome(n, f"p{n}", START + DAY, label=True) for n in range(230)], START)
    requests.clear()
    assert join(START + DAY) == Joined(outcomes=230, labels=200, waiting=30)
    asked = [
        len(filters[0]["terms"]["ml.prediction.id"])
        for _, path, body in requests
        if "ml.prediction" in path and (filters := body["query"]["bool"]["filter"])
    ]
    assert sum(asked) == 230
    assert max(asked) == 25


def test_many_predictions_of_one_id_are_no_trouble(
    prediction: Make,
    outcome: Make,
    arrive: Callable[..., None],
    join: Join,
    stored: Callable[[], dict[str, Event]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of predictions that share an id the first counts, even if an answer cannot hold them all."""
    monkeypatch.setattr("mlmon.analyzers.labels.store._MOST_HITS", 8)
    same = [
        prediction("same", START + timedelta(minutes=n), score=n / 100) | {"_id": f"p-same-{n}"}
        for n in range(12)
    ]
    others = [prediction(f"p{n}", START) for n in range(4)]
    arrive([*same[::-1], *others], START)
    names = ["same", *(f"p{n}" for n in range(4))]
    arrive([outcome(n, of, START + HOUR, label=True) for n, of in enumerate(names)], START)
    assert join(START + DAY).labels == 5
    assert stored()["same"]["ml.prediction.score"] == 0.0


def test_labels_name_their_segments(
    cluster: Cluster,
    namespace: str,
    prediction: Make,
    outcome: Make,
    arrive: Callable[..., None],
    stored: Callable[[], dict[str, Event]],
    requests: list[tuple[str, str, Any]],
) -> None:
    """Of the declared features alone, at no request more; a prediction without one names none."""
    country, city = "ml.features.categorical.country", "ml.features.categorical.city"
    events = [
        prediction("a", START, **{country: "DE", city: "Bonn"}),
        prediction("b", START, **{city: "Paris"}),
        prediction("c", START, **{country: "a=b"}),
    ]
    outcomes = [outcome(n, of, START + HOUR, label=True) for n, of in enumerate("abc")]
    arrive([*events, *outcomes[:2]], START + HOUR)
    LabelJoin(cluster, namespace, START + HOUR).run()
    undivided = len(requests)
    arrive(outcomes[2:], START + 2 * HOUR)
    requests.clear()
    declared = ("country", "never_logged")
    LabelJoin(cluster, namespace, START + 2 * HOUR, declared).run()
    assert 0 < len(requests) <= undivided
    labels = stored()
    assert labels["c"]["label.divided_by"] == [*declared]
    assert labels["c"]["label.segments"] == ["country=a=b"]
    assert "label.divided_by" not in labels["a"]
    assert "label.segments" not in labels["a"]


def test_a_declaration_changes_no_label_there_is(
    cluster: Cluster,
    namespace: str,
    prediction: Make,
    outcome: Make,
    arrive: Callable[..., None],
    stored: Callable[[], dict[str, Event]],
) -> None:
    """An outcome that comes again later leaves the label's segments as they were joined."""
    country = {"ml.features.categorical.country": "DE"}
    events = [prediction("old", START, **country), prediction("new", START, **country)]
    first = outcome(1, "old", START + HOUR, label=True)
    arrive([*events, first], START + HOUR)
    LabelJoin(cluster, namespace, START + HOUR).run()
    second = [outcome(n, of, START + 2 * HOUR, label=False) for n, of in ((2, "old"), (3, "new"))]
    arrive(second, START + 2 * HOUR)
    LabelJoin(cluster, namespace, START + 2 * HOUR, ("country",)).run()
    known = stored()
    assert "label.segments" not in known["old"]
    assert known["new"]["label.segments"] == ["country=DE"]
    arrive([outcome(4, "new", START + 3 * HOUR, label=True)], START + 3 * HOUR)
    LabelJoin(cluster, namespace, START + 3 * HOUR).run()
    labels = stored()
    assert labels["old"] == known["old"]
    assert labels["new"]["label.outcomes"] == 2
    assert labels["new"]["label.segments"] == ["country=DE"]
