"""Outcome profiles count what became known in an hour, and what found no prediction."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from mlmon.analyzers.base.window import DAY, HOUR, Window, floor, iso
from mlmon.analyzers.labels.waiting import MAX_WAIT
from mlmon.analyzers.profiles.kind import kinds
from mlmon.analyzers.profiles.kinds.label import DELAYS
from mlmon.analyzers.profiles.kinds.outcome import OutcomeProfile, delays_of

Events = list[dict[str, Any]]


def outcome(of: str, at: datetime, **more: Any) -> dict[str, Any]:
    """Return the event of an outcome."""
    return {
        "@timestamp": iso(at),
        "event.dataset": "ml.outcome",
        "event.ingested": iso(at),
        "service.name": "autobidder",
        "ml.prediction.id": of,
        "ml.outcome.label": True,
    } | more


def test_delays_are_counted_when_labels_are_learned(
    start: datetime,
    rng: np.random.Generator,
    predictions_of: Callable[..., Events],
    ship: Callable[[Events], None],
    update: Callable[..., int],
    read: Callable[..., list[OutcomeProfile]],
) -> None:
    """Each label is in the hour of its first outcome, by model and hours since the prediction."""
    events = [
        event | {"ml.prediction.id": f"p{n}", "ml.model.name": "ab"[n % 2]}
        for n, event in enumerate(predictions_of(2, 30))
    ]
    joined_at: dict[datetime, dict[str, Counter[int]]] = {}
    outcomes = []
    for n, hours in enumerate(rng.exponential(9.0, 60)):
        at = start + n // 30 * HOUR + n % 30 * HOUR / 30
        delay = timedelta(minutes=int(60 * hours))
        outcomes.append(outcome(f"p{n}", at + delay))
        # Another outcome does not move it.
        outcomes += [outcome(f"p{n}", at + delay + DAY)] if n % 10 == 0 else []
        rounded = DELAYS[bisect_left(DELAYS, delay / HOUR)]
        of_hour = joined_at.setdefault(floor(at + delay, HOUR), {})
        of_hour.setdefault("ab"[n % 2], Counter())[rounded] += 1
    ship([*events, *outcomes])
    period = Window(start, start + 5 * DAY)
    assert update("outcome", period) == len(joined_at)
    profiles = read("outcome", period)
    assert {profile.window.start: dict(profile.delays) for profile in profiles} == joined_at
    assert {profile.service for profile in profiles} == {"api"}
    assert sum(profile.labels for profile in profiles) == 60
    assert delays_of("a", profiles).total() == 30
    assert update("outcome", period) == 0


def test_waiting_outcomes_are_counted_until_they_are_found_or_given_up(
    start: datetime,
    predictions_of: Callable[..., Events],
    ship: Callable[[Events], None],
    update: Callable[..., int],
    read: Callable[..., list[OutcomeProfile]],
) -> None:
    """An hour's profile is revised as its outcomes find their predictions, or never do."""
    (event,) = predictions_of(1, 1)
    ship([outcome("known", start + HOUR), outcome("never", start + HOUR)])
    day = Window(start, start + DAY)

    def one(period: Window) -> OutcomeProfile:
        assert update("outcome", period) == 1
        (profile,) = read("outcome", day)
        return profile

    first = one(day)
    assert (first.waiting, first.orphans, first.labels, first.unmatched) == (2, 0, 0, 2)
    assert first.service == "autobidder"
    ship([event | {"ml.prediction.id": "known"}])
    second = one(Window(start, start + 3 * DAY))
    assert (second.waiting, second.orphans, second.labels) == (1, 0, 1)
    last = one(Window(start, start + MAX_WAIT + 3 * DAY))
    assert (last.waiting, last.orphans, last.labels, last.revision) == (0, 1, 1, 3)
    assert kinds()["outcome"].dataset == "ml.outcome"
