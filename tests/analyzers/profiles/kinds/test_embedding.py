"""Embeddings sampled from the logs in Elasticsearch."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import numpy as np
import pytest

from mlmon.analyzers.base.window import DAY, HOUR, Window, iso
from mlmon.analyzers.profiles.kinds.embedding import MOST_VECTORS

Events = list[dict[str, Any]]


@pytest.fixture
def day(start: datetime) -> Window:
    """The test's day."""
    return Window(start, start + DAY)


@pytest.fixture
def embedded(predictions_of: Callable[..., Events]) -> Callable[..., Events]:
    """Make predictions of which every second holds an embedding, numbered by their first number."""

    def make(hours: int, per_hour: int, *, dimension: int = 3) -> Events:
        rng = np.random.default_rng(1)
        events = predictions_of(hours, per_hour)
        for number, event in enumerate(events):
            event["ml.prediction.id"] = f"{rng.integers(2**63):x}"
            if number % 2 == 0:
                event["ml.features.embedding.text"] = [float(number), *[0.5] * (dimension - 1)]
                event["ml.features.embedded"] = ["text"]
        return events

    return make


def test_few_embeddings_are_all_kept(
    day: Window,
    embedded: Callable[..., Events],
    ship: Callable[[Events], None],
    update: Callable[..., int],
    read: Callable[..., list[Any]],
) -> None:
    """Below the cap every vector of the hour is there, and no other hour's."""
    ship(embedded(3, 40))
    assert update("embedding", day) == 3
    profiles = read("embedding", day)
    assert [profile.model for profile in profiles] == [("autobid", "1")] * 3
    for hour, profile in enumerate(profiles):
        stored = profile.fields["text"]
        assert (stored.logged, stored.seen, stored.rows, stored.dimension) == (20, 20, 20, 3)
        kept = sorted(stored.vectors()[:, 0].tolist())
        assert kept == [float(hour * 40 + 2 * number) for number in range(20)]
        assert profile.watermark.documents == 20


def test_many_embeddings_are_sampled_by_their_ids(
    day: Window,
    embedded: Callable[..., Events],
    ship: Callable[[Events], None],
    update: Callable[..., int],
    read: Callable[..., list[Any]],
) -> None:
    """A crowded hour keeps about as many as the cap, spread over the hour; a quiet one all."""
    events = embedded(2, 1_200)
    ship(events[:1_200] + events[1_200:1_240])
    update("embedding", day)
    crowded, quiet = read("embedding", day)
    stored = crowded.fields["text"]
    assert stored.logged == 600
    assert MOST_VECTORS * 0.6 <= stored.rows <= MOST_VECTORS
    numbers = stored.vectors()[:, 0]
    assert len(set(numbers)) == stored.rows
    # Of numbers spread evenly from 0 to 1,198, in an order that has nothing to do with them.
    assert numbers.mean() == pytest.approx(599, abs=4 * 346 / np.sqrt(stored.rows))
    half = stored.rows // 2
    assert numbers[:half].mean() == pytest.approx(599, abs=4 * 346 / np.sqrt(half))
    assert quiet.fields["text"].rows == 20


def test_the_same_logs_give_the_same_sample(
    day: Window,
    embedded: Callable[..., Events],
    ship: Callable[[Events], None],
    update: Callable[..., int],
    read: Callable[..., list[Any]],
    start: datetime,
) -> None:
    """Made again because an event came late, all that was chosen by its id is chosen again."""
    events = embedded(1, 1_200)
    ship(reversed(events))
    update("embedding", day)
    (first,) = read("embedding", day)
    late = {**events[1], "event.ingested": iso(start + 2 * DAY), "ml.prediction.id": "late"}
    late |= {"ml.features.embedding.text": [-1.0, 0.5, 0.5], "ml.features.embedded": ["text"]}
    ship([late])
    assert update("embedding", day) == 1
    (second,) = read("embedding", day)
    assert second.revision == 2
    kept = [{tuple(row) for row in profile.fields["text"].vectors()} for profile in (first, second)]
    # The ids are divided into ten parts before and after.
    assert kept[1] - {(-1.0, 0.5, 0.5)} == kept[0]


def test_embeddings_that_are_broken(
    day: Window,
    embedded: Callable[..., Events],
    ship: Callable[[Events], None],
    update: Callable[..., int],
    read: Callable[..., list[Any]],
) -> None:
    """Gaps, other dimensions and a named embedding that is not there are counted."""
    events = embedded(1, 40)
    events[0]["ml.features.embedding.text"] = [1.0, None, 2.0]
    events[2]["ml.features.embedding.text"] = [1.0, 2.0]
    del events[4]["ml.features.embedding.text"]
    ship(events)
    update("embedding", day)
    (profile,) = read("embedding", day)
    stored = profile.fields["text"]
    assert (stored.seen, stored.broken, stored.dimensions) == (20, 2, {3: 17, 2: 1})


def test_logs_without_embeddings(
    day: Window,
    predictions_of: Callable[..., Events],
    ship: Callable[[Events], None],
    update: Callable[..., int],
) -> None:
    """Where none was ever logged, nothing is profiled and nothing fails."""
    assert update("embedding", day) == 0
    ship(predictions_of(1, 10))
    assert update("embedding", day) == 0


def test_versions_and_hours_stay_separate(
    day: Window,
    embedded: Callable[..., Events],
    ship: Callable[[Events], None],
    update: Callable[..., int],
    read: Callable[..., list[Any]],
    start: datetime,
) -> None:
    """Two versions in one hour have a profile each."""
    events = embedded(1, 40)
    ship(events[:20] + [event | {"ml.model.version": "2"} for event in events[20:]])
    update("embedding", day)
    profiles = read("embedding", day)
    assert [(profile.model[1], profile.fields["text"].rows) for profile in profiles] == [
        ("1", 10),
        ("2", 10),
    ]
    assert {profile.window for profile in profiles} == {Window(start, start + HOUR)}
