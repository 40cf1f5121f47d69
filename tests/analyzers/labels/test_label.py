"""A label is the same for any order in which its outcomes came."""

from datetime import UTC, datetime, timedelta

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlmon.analyzers.base.window import HOUR
from mlmon.analyzers.labels.label import MOST_SEEN, Label, Outcome, Prediction, document_id, draw

AT = datetime(2026, 3, 2, tzinfo=UTC)
PREDICTION = Prediction(
    "p",
    AT,
    (
        ("service.name", "api"),
        ("ml.prediction.score", 0.7),
        ("ml.prediction.decision", "approved"),
    ),
)


def outcome(number: int, minutes: int, *, label: bool, value: float | None = None) -> Outcome:
    """Return the outcome of that number."""
    return Outcome(f"o-{number}", "p", AT + timedelta(minutes=minutes), label, value)


OUTCOMES = st.lists(
    st.tuples(st.integers(0, 9), st.booleans(), st.sampled_from([None, 0.0, 2.5])),
    min_size=1,
    max_size=12,
).map(
    lambda rows: [
        outcome(number, minutes, label=label, value=value)
        for number, (minutes, label, value) in enumerate(rows)
    ]
)


@given(OUTCOMES, st.data())
def test_the_order_of_arrival_is_no_matter(outcomes: list[Outcome], data: st.DataObject) -> None:
    """In any order, in any batches, each as often as you like: the last by time counts."""
    arrivals = data.draw(st.permutations([*outcomes, *outcomes[::2]]))
    cut = data.draw(st.integers(1, len(arrivals)))
    label = Label.of(PREDICTION, arrivals[:cut]).with_outcomes(arrivals[cut:])
    by_time = sorted(outcomes, key=lambda outcome: (outcome.at, int(outcome.id.removeprefix("o-"))))
    assert label.counted == by_time[-1]
    assert label.first_logged == by_time[0].at
    assert label.contradicted == (len({(outcome.label, outcome.value) for outcome in outcomes}) > 1)
    assert set(label.seen) == {outcome.id for outcome in outcomes}
    assert label.with_outcomes(outcomes) == label


@given(OUTCOMES)
def test_a_document_holds_the_whole_label(outcomes: list[Outcome]) -> None:
    """Written as JSON and read back, a label is the same, and adds up the same."""
    label = Label.of(PREDICTION, outcomes)
    document = orjson.loads(orjson.dumps(label.to_document(AT)))
    assert Label.from_document(document) == label
    assert Label.from_document(document).with_outcomes(outcomes) == label


def test_what_the_document_shows() -> None:
    """Delay, number of outcomes and whether the decision was wrong are ready to be counted."""
    first, last = outcome(1, 90, label=True, value=3.0), outcome(2, 150, label=False)
    document = Label.of(PREDICTION, [last, first]).to_document(AT + 9 * HOUR)
    assert document["label.delay_hours"] == 1.5
    assert document["ml.outcome.label"] is False
    assert "ml.outcome.value" not in document
    assert document["label.wrong"] is True
    assert document["label.outcomes"] == 2
    assert document["event.ingested"] == "2026-03-02T09:00:00.000Z"


def test_without_a_decision_nothing_is_wrong() -> None:
    """A prediction whose decision is not logged is no error and no success."""
    label = Label.of(Prediction("p", AT, ()), [outcome(1, 1, label=True)])
    assert label.wrong is None
    assert "label.wrong" not in label.to_document(AT)


@given(st.permutations(range(MOST_SEEN + 5)))
def test_endless_outcomes_are_bounded(numbers: list[int]) -> None:
    """A label's document does not grow without end, and stays independent of the order."""
    outcomes = [outcome(number, number, label=True) for number in numbers]
    label = Label.of(PREDICTION, outcomes)
    assert len(label.seen) == MOST_SEEN
    assert label.counted.id == f"o-{MOST_SEEN + 4}"
    assert label == Label.of(PREDICTION, sorted(outcomes, key=lambda outcome: outcome.id))


def test_draws_spread_evenly() -> None:
    """Ids in a row give draws all over [0, 1], so the least ones are a fair sample."""
    draws = sorted(draw(f"prediction-{number}") for number in range(2_000))
    # The greatest distance from the uniform law: 1.95 / sqrt(n) is exceeded once in a thousand.
    distance = max(abs(draw - rank / 2_000) for rank, draw in enumerate(draws))
    assert distance < 1.95 / 2_000**0.5
    assert draw("prediction-1") == draw("prediction-1")


@pytest.mark.parametrize("ident", ["a", "é" * 256, "x" * 512])
def test_ids_are_kept(ident: str) -> None:
    """A label is found by its prediction's id."""
    assert document_id(ident) == ident


def test_ids_elasticsearch_refuses_are_hashed() -> None:
    """Without a byte or over 512 of them an id is none of Elasticsearch's; they stay separate."""
    assert len(document_id("")) == 64
    long = "é" * 257
    assert len(document_id(long)) == 64
    assert document_id(long) != document_id(long + "x")
