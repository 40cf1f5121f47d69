"""Labels are counted by segment inside Elasticsearch, at no request more; nothing is guessed."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import orjson
import pytest

from mlmon.analyzers.base.window import DAY, HOUR, Window, iso, parse_time
from mlmon.analyzers.baselines.baseline import Baseline
from mlmon.analyzers.baselines.store import BaselineStore
from mlmon.analyzers.checks.live_performance.live_performance import SUCCESS, LivePerformance
from mlmon.analyzers.checks.segment_performance.segment_performance import SegmentPerformance
from mlmon.analyzers.profiles.kinds.label import FeatureOutcomes, LabelKind, SegmentOutcomes
from mlmon.analyzers.profiles.quantities import merge
from mlmon.analyzers.run.engine import analyze
from mlmon.analyzers.run.findings_store import FindingStore
from mlmon.analyzers.statistics.buckets import Buckets
from mlmon.elastic.client.cluster import Cluster
from tests.support.transport import Send, intercept

Events = list[dict[str, Any]]
COUNTRY = "ml.features.categorical.country"


@pytest.fixture
def requests(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collect each request that is sent from now on."""
    sent: list[str] = []

    def record(method: str, path: str, _body: bytes | None, send: Send) -> Any:
        sent.append(f"{method} {path}")
        return send()

    intercept(cluster, monkeypatch, record)
    return sent


@pytest.fixture
def labeled(predictions_of: Callable[..., Events], rng: np.random.Generator) -> Callable[..., Any]:
    """Make predictions, some of them of an unknown country or of none, with an outcome of each."""

    def strange(_hour: int, rows: dict[str, Any]) -> None:
        rows["country"][:4] = ["XX", None, "XX", None]

    def make(hours: int, per_hour: int) -> tuple[Events, Events]:
        predictions = [
            event | {"ml.prediction.id": f"p{number}"}
            for number, event in enumerate(predictions_of(hours, per_hour, change=strange))
        ]
        outcomes = [
            {
                "@timestamp": iso(joined_at := parse_time(prediction["@timestamp"]) + 2 * HOUR),
                "event.dataset": "ml.outcome",
                "event.ingested": iso(joined_at),
                "service.name": "bidder",
                "ml.prediction.id": prediction["ml.prediction.id"],
                "ml.outcome.label": bool(rng.random() < prediction["ml.prediction.score"]),
            }
            for prediction in predictions
        ]
        return predictions, outcomes

    return make


def counted(predictions: Events, outcomes: Events, edges: tuple[float, ...]) -> SegmentOutcomes:
    """Count some predictions by numpy."""
    won = {outcome["ml.prediction.id"]: outcome["ml.outcome.label"] for outcome in outcomes}
    scores = np.array([prediction["ml.prediction.score"] for prediction in predictions])
    approved = np.array(
        [prediction["ml.prediction.decision"] == "approved" for prediction in predictions]
    )
    labels = np.array([won[prediction["ml.prediction.id"]] for prediction in predictions])
    over = [Buckets.from_values(scores[rows], edges).counts for rows in (approved, labels, ~labels)]
    return SegmentOutcomes(int((approved & labels).sum()), *over)


def test_counts_are_those_of_numpy(
    start: datetime,
    baseline: Baseline,
    labeled: Callable[..., Any],
    ship: Callable[..., None],
    update: Callable[..., int],
    read: Callable[..., list[Any]],
) -> None:
    """Successes and scores by label of each country and hour; other values are separate."""
    predictions, outcomes = labeled(3, 60)
    ship([*predictions, *outcomes])
    day = Window(start, start + DAY)
    assert update("label", day, [baseline]) == 3
    profiles = read("label", day, [baseline])
    for hour, profile in enumerate(profiles):
        of_hour = predictions[hour * 60 : (hour + 1) * 60]
        found = profile.segments["country"]
        for name in ("DE", "FR", "US"):
            mine = [event for event in of_hour if event.get(COUNTRY) == name]
            assert found.values[name] == counted(mine, outcomes, baseline.segment_edges)
        strange = [event for event in of_hour[:4] if event["ml.prediction.decision"] == "approved"]
        assert found.approved == profile.approved.labeled
        assert found.other == len(strange)
    whole = merge(profiles).segments["country"]
    assert whole.approved == sum(profile.approved.labeled for profile in profiles)
    body = orjson.loads(orjson.dumps(profiles[0].body()))
    profile_key, known = profiles[0].profile_key, profiles[0].watermark
    assert LabelKind().read(profile_key, known, 1, body, {baseline.id: baseline}) == profiles[0]


def test_labels_joined_before_the_declaration_stay_without(
    start: datetime,
    baseline: Baseline,
    labeled: Callable[..., Any],
    ship: Callable[..., None],
    update: Callable[..., int],
    read: Callable[..., list[Any]],
) -> None:
    """Counted in the whole and in no segment; what comes after the declaration is divided."""
    predictions, outcomes = labeled(1, 60)
    ship([*predictions, *outcomes[:30]])
    day = Window(start, start + DAY)
    plain = replace(baseline, segments={})
    update("label", day, [plain])
    assert read("label", day, [plain])[0].segments == {}
    ship(outcomes[30:])
    update("label", day, [baseline])
    (profile,) = read("label", day, [baseline])
    late = [
        prediction
        for prediction in predictions[30:]
        if prediction["ml.prediction.decision"] == "approved"
    ]
    assert profile.labeled == 60
    assert profile.segments["country"].approved == len(late)


def divided(baseline: Baseline, values: int) -> Baseline:
    """The baseline with so many countries as segments, three of them those of the traffic."""
    known = baseline.segments["country"]
    more = {f"C{number}": known["DE"] for number in range(17)}
    return replace(baseline, segments={"country": dict([*known.items(), *more.items()][:values])})


def test_a_segment_more_costs_no_request_more(
    cluster: Cluster,
    namespace: str,
    start: datetime,
    baseline: Baseline,
    labeled: Callable[..., Any],
    ship: Callable[..., None],
    requests: list[str],
) -> None:
    """An hour's profiles, verdicts and findings of one country ask as often as those of twenty."""
    predictions, outcomes = labeled(2, 60)
    sent = {}
    analyzers = (LivePerformance(), SegmentPerformance())
    for values in (1, 20):
        into = f"{namespace}_{values}"
        ship([*predictions, *outcomes], into=into)
        BaselineStore(cluster, into).write([divided(baseline, values)])
        requests.clear()
        period = Window(start + 5 * HOUR, start + 6 * HOUR)
        done = analyze(cluster, into, period, now=start + DAY, analyzers=analyzers)
        assert done.profiles["label"] == done.profiles["segment"] == 2
        sent[values] = Counter(request.replace(into, "") for request in requests)
    assert sent[1] == sent[20]


def test_a_second_run_writes_the_same(
    cluster: Cluster,
    namespace: str,
    start: datetime,
    baseline: Baseline,
    labeled: Callable[..., Any],
    ship: Callable[..., None],
) -> None:
    """Labels, profiles and findings by segment: nothing is new, nothing is written twice."""
    predictions, outcomes = labeled(24, 60)
    lost = [
        event | {"ml.outcome.label": event["ml.outcome.label"] and before.get(COUNTRY) != "DE"}
        for event, before in zip(outcomes, predictions, strict=True)
    ]
    ship([*predictions, *lost])
    BaselineStore(cluster, namespace).write([baseline])
    period, now = Window(start + 18 * HOUR, start + DAY), start + 3 * DAY
    analyzers = (LivePerformance(), SegmentPerformance())
    analyze(cluster, namespace, period, now=now, analyzers=analyzers)

    def written() -> dict[str, Any]:
        names = ("labels", "profiles", "findings")
        patterns = [f"mlmon-{name}-{namespace}-*" for name in names]
        return {
            hit["_id"]: hit["_source"] for pattern in patterns for hit in cluster.scan(pattern, {})
        }

    before = written()
    again = analyze(cluster, namespace, period, now=now + HOUR, analyzers=analyzers)
    assert not any(again.profiles.values())
    assert written() == before
    found = list(FindingStore(cluster, namespace).search())
    by_segment = [finding for finding in found if finding.analyzer == "segment_performance"]
    assert {finding.segment for finding in by_segment if finding.severity.alarming} == {
        "country=DE"
    }
    (whole,) = (
        finding
        for finding in found
        if finding.analyzer == "live_performance"
        and finding.metric == SUCCESS
        and finding.end == period.end
    )
    assert "first country=DE" in whole.reason


def test_hours_add_up() -> None:
    """A value that an hour lacks adds nothing, and what is no segment stays separate."""
    one = FeatureOutcomes(5, {"DE": SegmentOutcomes(1, (1, 2), (1, 1), (0, 1))})
    two = FeatureOutcomes(4, {"FR": SegmentOutcomes(0, (2, 0), (0, 0), (2, 0))})
    assert merge([one, two]) == FeatureOutcomes(9, {**one.values, **two.values})
    assert merge([one, two]).other == 4
    assert merge([one, one]).values["DE"] == SegmentOutcomes(2, (2, 4), (2, 2), (0, 2))
