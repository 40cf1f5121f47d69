"""Whatever happens to a run or to the logs behind it, it ends in the documents of a clean one."""

from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import count
from threading import Barrier
from typing import Any

import numpy as np
import pytest
from elastic_transport import TransportApiResponse

from mlmon.analyzers.base.window import DAY, HOUR, Window, iso
from mlmon.analyzers.baselines.baseline import Baseline
from mlmon.analyzers.baselines.store import BaselineStore
from mlmon.analyzers.run.cycle.cycle import run_cycle
from mlmon.analyzers.run.engine import analyze
from mlmon.elastic.client.cluster import Cluster
from mlmon.elastic.connect import connect
from mlmon.elastic.settings import load_settings
from tests.support.transport import Send, intercept

pytestmark = pytest.mark.long

Events = list[dict[str, Any]]
Documents = dict[tuple[str, str], dict[str, Any]]
PER_HOUR = 8
HOURS = 13
MOST_KILLED = 50
LOST = 97
"""One line in so many is lost."""


class Killed(BaseException):
    """Ends a run the way a signal does: nothing of it goes on."""


@pytest.fixture
def everything(
    predictions_of: Callable[..., Events],
    accesses_of: Callable[..., Events],
    runs_of: Callable[..., Events],
    model_events: Callable[..., Events],
    start: datetime,
) -> Callable[[int], Events]:
    """Make some hours of every kind of event, with scores that fall half-way; some are lost."""

    def make(hours: int) -> Events:
        def fall(hour: int, rows: dict[str, Any]) -> None:
            if hour >= hours // 2:
                rows["score"][::3] *= 0.2

        predictions = predictions_of(hours, PER_HOUR, change=fall)
        rng = np.random.default_rng(5)
        for number, event in enumerate(predictions):
            event["ml.prediction.id"] = f"p{number}"
            if number % 3 == 0:
                event["ml.features.embedding.text"] = rng.normal(size=4).tolist()
                event["ml.features.embedded"] = ["text"]
        events = [
            *predictions,
            *(outcome(prediction, start + hours * HOUR) for prediction in predictions[::2]),
            *(fallback(prediction["@timestamp"]) for prediction in predictions[::40]),
            *accesses_of(hours, 6, status=lambda _, index: 500 if index == 3 else 200),
            *runs_of("refresh", [(float(hour), hour % 9 != 7, 30.0) for hour in range(hours)]),
            *model_events("train", 1.0),
            *model_events("evaluate", 1.1, evaluation={"f1": 0.7}),
            *model_events("reload", 1.2),
        ]
        return numbered(events)

    return make


def outcome(prediction: dict[str, Any], end: datetime) -> dict[str, Any]:
    """Return what became of a prediction six hours later, or when all ends."""
    at = min(datetime.fromisoformat(prediction["@timestamp"]) + 6 * HOUR, end - HOUR / 60)
    label = prediction["ml.prediction.score"] > 0.25
    return {
        "@timestamp": iso(at),
        "event.ingested": iso(at),
        "event.dataset": "ml.outcome",
        "service.name": "bidder",
        "ml.prediction.id": prediction["ml.prediction.id"],
        "ml.outcome.label": label,
        "ml.outcome.value": 10.0 * label,
    }


def fallback(at: str) -> dict[str, Any]:
    """Return the event of one fallback."""
    return {
        "@timestamp": at,
        "event.ingested": at,
        "event.dataset": "ml.fallback",
        "service.name": "api",
        "ml.feature_source.name": "stats",
        "event.reason": "stale",
    }


def numbered(events: Events) -> Events:
    """Number each service's lines in order of time, and lose some of them."""
    numbers: dict[str, int] = defaultdict(int)
    lines = []
    for event in sorted(events, key=lambda event: event["@timestamp"]):
        service = event["service.name"]
        numbers[service] += 1
        name = {"event.sequence": numbers[service], "process.entity_id": service}
        lines.append(event | name | {"event.id": f"{service}-{numbers[service]}"})
    return [line for place, line in enumerate(lines) if place % LOST != LOST - 1]


def documents(cluster: Cluster, namespace: str) -> Documents:
    """Return every profile, finding and label, by its index without the namespace and its id.

    Numbers are rounded, and their digest left out: the last bit of a sum follows from the segments
    into which Elasticsearch happened to divide the index.
    """
    kept = ("profiles", "findings", "labels")
    return {
        (hit["_index"].replace(namespace, ""), hit["_id"]): rounded(hit["_source"])
        for name in kept
        for hit in cluster.scan(f"mlmon-{name}-{namespace}-*", {})
    }


def rounded(value: Any) -> Any:
    """Return a JSON value with numbers of 12 digits, and without the digest of a finding."""
    if isinstance(value, float):
        return float(f"{value:.12g}")
    if isinstance(value, list):
        return [rounded(item) for item in value]
    if isinstance(value, dict):
        kept = value.keys() - {"finding.content_digest"}
        return {name: rounded(value[name]) for name in kept}
    return value


def differing(found: Documents, expected: Documents) -> list[tuple[str, str]]:
    """Return the places of the documents that are not the same in both, a few of them."""
    return sorted(
        place for place in found.keys() | expected.keys() if found.get(place) != expected.get(place)
    )[:5]


@pytest.fixture
def logged(
    cluster: Cluster,
    namespace: str,
    baseline: Baseline,
    ship: Callable[..., None],
) -> Callable[..., str]:
    """Ship events and the baseline into a namespace; return its name."""

    def act(events: Events, name: str = "") -> str:
        into = f"{namespace}{name}"
        ship(events, into=into)
        BaselineStore(cluster, into).write([baseline])
        return into

    return act


def test_deleting_the_logs_of_a_profiled_week_changes_nothing(
    cluster: Cluster,
    start: datetime,
    everything: Callable[[int], Events],
    logged: Callable[..., str],
) -> None:
    """Judged again without a single line of it, every document is the same."""
    week = Window(start, start + 7 * DAY)
    namespace = logged(everything(7 * 24))
    analyze(cluster, namespace, week, now=week.end)
    before = documents(cluster, namespace)
    assert len({document.get("finding.analyzer") for document in before.values()}) > 10
    delete_logs(cluster, namespace)
    again = analyze(cluster, namespace, week, now=week.end + HOUR)
    assert again.failures == {}
    assert sum(again.severities.values()) == sum(count.total for count in again.written.values())
    assert differing(documents(cluster, namespace), before) == []


def test_late_lines_after_the_logs_were_deleted_change_no_verdict(
    cluster: Cluster,
    start: datetime,
    everything: Callable[[int], Events],
    logged: Callable[..., str],
    ship: Callable[..., None],
) -> None:
    """What one adds cannot be told where what it adds to is gone: what was counted stays."""
    period = Window(start, start + HOURS * HOUR)
    events = [event for event in everything(HOURS) if event["event.dataset"] != "ml.outcome"]
    twice = [
        event | {"event.id": f"{event['event.id']}-{copy}"} for event in events for copy in "ab"
    ]
    namespace = logged(twice)
    analyze(cluster, namespace, period, now=period.end)
    before = documents(cluster, namespace)
    delete_logs(cluster, namespace)
    arrived = {"event.ingested": iso(period.end + HOUR)}
    late = [event | arrived for event in events[::10]]
    assert len({event["event.dataset"] for event in late}) > 3
    ship(late, into=namespace)
    again = analyze(cluster, namespace, period, now=period.end + HOUR)
    assert again.failures == {}
    assert again.profiles.keys() >= {"prediction", "access", "job", "sequence"}
    # Lines that arrive in an hour without any are new in that hour of arrival.
    kept = {
        place: document
        for place, document in documents(cluster, namespace).items()
        if document.get("profile.kind") != "clock" or place in before
    }
    assert differing(kept, before) == []


def delete_logs(cluster: Cluster, namespace: str) -> None:
    """Delete every line there is."""
    for stream, (old,) in cluster.data_streams(f"logs-*-{namespace}").items():
        cluster.rollover(stream)
        assert cluster.delete_index(old)
    assert cluster.count(f"logs-*-{namespace}") == 0


def one_run(cluster: Cluster, namespace: str, period: Window) -> None:
    """Judge a period at its end."""
    analyze(cluster, namespace, period, now=period.end)


def one_cycle(cluster: Cluster, namespace: str, period: Window) -> None:
    """Run the first cycle at a period's end."""
    run_cycle(cluster, namespace, period.end, period.start)


@pytest.mark.parametrize("act", [one_run, one_cycle])
def test_a_run_killed_again_and_again(
    act: Callable[[Cluster, str, Window], None],
    cluster: Cluster,
    start: datetime,
    everything: Callable[[int], Events],
    logged: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Killed at every third write until one run ends; every other time it was carried out."""
    events, period = everything(HOURS), Window(start, start + HOURS * HOUR)
    clean = logged(events, "_clean")
    act(cluster, clean, period)
    namespace = logged(events)
    writes = count(1)

    def dying(_method: str, path: str, _body: bytes | None, send: Send) -> TransportApiResponse:
        number = next(writes) if path == "/_bulk" else 0
        if number % 6 == 3:
            raise Killed
        answer = send()
        if number and number % 6 == 0:
            raise Killed
        return answer

    intercept(cluster, monkeypatch, dying)
    killed = 0
    while killed < MOST_KILLED:
        try:
            act(cluster, namespace, period)
            break
        except Killed:
            killed += 1
    monkeypatch.undo()
    assert 2 < killed < MOST_KILLED
    assert differing(documents(cluster, namespace), documents(cluster, clean)) == []


def test_runs_at_the_same_time(
    cluster: Cluster,
    start: datetime,
    everything: Callable[[int], Events],
    logged: Callable[..., str],
) -> None:
    """Two runs at once, one of them over a part of the other's time, write what one run writes."""
    events, period = everything(HOURS), Window(start, start + HOURS * HOUR)
    clean = logged(events, "_clean")
    analyze(cluster, clean, period, now=period.end)
    namespace, together = logged(events), Barrier(2)

    def run(hours: float) -> dict[str, str]:
        with connect(load_settings(elasticsearch_url=cluster.url)) as own:
            together.wait()
            part = Window(start + timedelta(hours=hours), period.end)
            return analyze(own, namespace, part, now=period.end).failures

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(run, (0, 5))) == [{}, {}]
    assert differing(documents(cluster, namespace), documents(cluster, clean)) == []
