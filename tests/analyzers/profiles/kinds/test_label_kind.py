"""Label profiles count what pandas and numpy count on the raw rows, and follow late labels."""

import hashlib
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlmon.analyzers.base.window import DAY, HOUR, Window, iso, parse_time
from mlmon.analyzers.baselines.baseline import Baseline
from mlmon.analyzers.profiles.kinds import label
from mlmon.analyzers.profiles.kinds.label import DELAYS, in_hours
from mlmon.analyzers.statistics.labeled_scores import LabeledScores
from mlmon.analyzers.statistics.percentiles import percentile
from mlmon.elastic.client.cluster import Cluster

Events = list[dict[str, Any]]


@pytest.fixture
def day(start: datetime) -> Window:
    """The test's day."""
    return Window(start, start + DAY)


@pytest.fixture
def predicted(predictions_of: Callable[..., Events]) -> Callable[..., Events]:
    """Make predictions with ids, in no order of their ids."""

    def make(hours: int, per_hour: int, **more: Any) -> Events:
        events = predictions_of(hours, per_hour, **more)
        return [
            event | {"ml.prediction.id": hashlib.md5(str(number).encode()).hexdigest()}  # noqa: S324 - a name
            for number, event in enumerate(events)
        ]

    return make


@pytest.fixture
def outcomes_of(rng: np.random.Generator) -> Callable[..., Events]:
    """Make an outcome of each prediction, hours later; delays on the edges included."""

    def make(predictions: Events, **more: Any) -> Events:
        delays = [1.0, 1.0 + 1 / 3_600_000, 24.0, 20_000.0, *rng.exponential(20, len(predictions))]
        return [
            {
                "@timestamp": iso(joined_at := parse_time(event["@timestamp"]) + delay * HOUR),
                "event.dataset": "ml.outcome",
                "event.ingested": iso(joined_at),
                "ml.prediction.id": event["ml.prediction.id"],
                "ml.outcome.label": bool(rng.random() < event["ml.prediction.score"]),
                "ml.outcome.value": round(float(rng.random()), 2),
            }
            | more
            for event, delay in zip(predictions, delays, strict=False)
        ]

    return make


def merged(predictions: Events, outcomes: Events) -> pd.DataFrame:
    """Return predictions with their outcomes, in order of the predictions."""
    left, right = pd.DataFrame(predictions), pd.DataFrame(outcomes)
    rows = left.merge(right, on="ml.prediction.id", suffixes=("", "_outcome"))
    rows["hour"] = pd.to_datetime(rows["@timestamp"]).dt.floor("h")
    spent = pd.to_datetime(rows["@timestamp_outcome"]) - pd.to_datetime(rows["@timestamp"])
    hours = (spent.dt.total_seconds() / 3_600).round(9)
    rows["delay"] = [DELAYS[min(bisect_left(DELAYS, h), len(DELAYS) - 1)] for h in hours]
    rows["approved"] = rows["ml.prediction.decision"] == "approved"
    return rows


def test_counts_are_those_of_the_merged_rows(
    day: Window,
    baseline: Baseline,
    predicted: Callable[..., Events],
    outcomes_of: Callable[..., Events],
    ship: Callable[[Events], None],
    update: Callable[..., int],
    read: Callable[..., list[Any]],
) -> None:
    """Scores by label with their sums, decisions, value, delays and errors, hour by hour."""
    predictions = predicted(3, 40)
    known = [prediction for number, prediction in enumerate(predictions) if number % 4]
    outcomes = outcomes_of(known)
    ship([*predictions, *outcomes])
    assert update("label", day, [baseline]) == 3
    profiles = read("label", day, [baseline])
    rows = merged(predictions, outcomes)
    assert baseline.score is not None
    assert len(profiles) == 3
    for profile, (hour, of_hour) in zip(profiles, rows.groupby("hour"), strict=True):
        assert profile.window == Window(hour.to_pydatetime(), hour.to_pydatetime() + HOUR)
        assert profile.profile_key.series == (*baseline.model, baseline.id)
        labels, scores = of_hour["ml.outcome.label"], of_hour["ml.prediction.score"]
        expected = LabeledScores.from_rows(scores, labels, baseline.score.edges)
        for found, counted in (
            (profile.scores.positives, expected.positives),
            (profile.scores.negatives, expected.negatives),
        ):
            assert found.counts == counted.counts
            assert (found.minimum, found.maximum) == (counted.minimum, counted.maximum)
            assert found.total == pytest.approx(counted.total)
            assert found.sum_of_squares == pytest.approx(counted.sum_of_squares)
        np.testing.assert_allclose(profile.scores.positive_sums, expected.positive_sums)
        np.testing.assert_allclose(profile.scores.negative_sums, expected.negative_sums)
        for decided, approved in ((profile.approved, True), (profile.rejected, False)):
            of_decision = of_hour[of_hour["approved"] == approved]
            positive = of_decision[of_decision["ml.outcome.label"]]
            assert decided.labeled == len(of_decision)
            assert decided.positives == len(positive)
            assert decided.value == pytest.approx(positive["ml.outcome.value"].sum())
            assert decided.delays == Counter(of_decision["delay"].tolist())
        wrong = of_hour["approved"] != of_hour["ml.outcome.label"]
        assert profile.errors == "".join("1" if is_wrong else "0" for is_wrong in wrong)
        assert profile.threshold == predictions[0]["ml.prediction.threshold"]
        assert profile.service == "api"
        assert profile.watermark.documents == len(of_hour)
        assert profile.contradicted == 0
    assert {1, 2, 24, 9_600} <= set().union(*(profile.delays for profile in profiles))


def test_late_labels_revise_their_hour_only(
    day: Window,
    baseline: Baseline,
    predicted: Callable[..., Events],
    outcomes_of: Callable[..., Events],
    ship: Callable[[Events], None],
    update: Callable[..., int],
    read: Callable[..., list[Any]],
) -> None:
    """A label that comes late, and one that is contradicted, make revisions where they belong."""
    predictions = predicted(3, 10)
    first = [prediction for number, prediction in enumerate(predictions) if number % 10 < 8]
    outcomes = outcomes_of(first)
    ship([*predictions, *outcomes])
    assert update("label", day, [baseline]) == 3
    assert update("label", day, [baseline]) == 0
    late = outcomes_of([predictions[8]])
    ship(late)
    assert update("label", day, [baseline]) == 1
    assert [profile.revision for profile in read("label", day, [baseline])] == [2, 1, 1]
    # The outcome of the second hour's first prediction, the other way round and later.
    known = outcomes[8]
    moment = parse_time(known["@timestamp"]) + DAY
    other = known | {"@timestamp": iso(moment), "ml.outcome.label": not known["ml.outcome.label"]}
    ship([other])
    assert update("label", day, [baseline]) == 1
    profiles = read("label", day, [baseline])
    assert [profile.revision for profile in profiles] == [2, 2, 1]
    assert [profile.contradicted for profile in profiles] == [0, 1, 0]
    rows = merged(predictions, [*outcomes[:8], other, *outcomes[9:], *late])
    of_hour = rows[rows["hour"] == pd.Timestamp(profiles[1].window.start)]
    assert profiles[1].labeled == 8
    positives = profiles[1].approved.positives + profiles[1].rejected.positives
    assert positives == of_hour["ml.outcome.label"].sum()


def test_many_errors_are_sampled_by_id(
    day: Window,
    predicted: Callable[..., Events],
    outcomes_of: Callable[..., Events],
    ship: Callable[[Events], None],
    update: Callable[..., int],
    read: Callable[..., list[Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where an hour has too many, those of the least hashes are kept, in order of time."""
    monkeypatch.setattr(label, "MOST_ERRORS", 15)
    full, small = predicted(1, 60), predicted(2, 70)[70:80]
    predictions = [*full, *small]
    outcomes = outcomes_of(predictions)
    ship([*predictions, *outcomes])
    update("label", day)
    one, two = read("label", day)
    rows = merged(full, outcomes)
    rows["draw"] = [hashlib.sha256(id_.encode()).hexdigest() for id_ in rows["ml.prediction.id"]]
    drawn = rows.sort_values("draw").head(15).sort_values("@timestamp")
    wrong = drawn["approved"] != drawn["ml.outcome.label"]
    assert one.errors == "".join("1" if is_wrong else "0" for is_wrong in wrong)
    assert len(two.errors) == 10
    assert one.scores is None


def test_deleted_logs_change_no_profile(  # noqa: PLR0917 - fixtures
    cluster: Cluster,
    namespace: str,
    day: Window,
    baseline: Baseline,
    predicted: Callable[..., Events],
    outcomes_of: Callable[..., Events],
    ship: Callable[[Events], None],
    update: Callable[..., int],
    read: Callable[..., list[Any]],
) -> None:
    """With the raw logs gone the profiles stay, and are made again over another baseline."""
    predictions = predicted(2, 10)
    ship([*predictions, *outcomes_of(predictions)])
    update("label", day, [baseline])
    before = read("label", day, [baseline])
    for dataset in ("ml.prediction", "ml.outcome"):
        stream = f"logs-{dataset}-{namespace}"
        (old,) = cluster.data_streams(stream)[stream]
        cluster.rollover(stream)
        assert cluster.delete_index(old)
    assert update("label", day, [baseline]) == 0
    assert read("label", day, [baseline]) == before
    newer = replace(baseline, rows=19_000, created=baseline.created + timedelta(days=1))
    assert update("label", day, [newer]) == 2
    both = read("label", day, [baseline, newer])
    assert len(both) == 4
    kind = label.LabelKind()
    chosen = kind.chosen(both, {newer.model: newer})
    assert [profile.baseline_id for profile in chosen] == [newer.id] * 2
    assert [profile.labeled for profile in chosen] == [profile.labeled for profile in before]


def test_delays_give_percentiles() -> None:
    """The bucket of a percentile holds it: what was rounded up lies at or below its hours."""
    delays = Counter({2: 50, 24: 45, 9_600: 5})
    median = percentile(in_hours(delays), 0.5)
    assert 1 < median.low <= median.high <= 2
    p95 = percentile(in_hours(delays), 0.95)
    assert 21 < p95.low <= p95.high <= 24
    last = percentile(in_hours(delays), 0.99)
    assert last.low > 6_480
    assert last.high == float("inf")
