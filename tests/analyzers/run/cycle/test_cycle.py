"""Cycles end in the same findings as one run over everything, whatever came late or went wrong."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from threading import Event
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from mlmon.analyzers.base.finding import Severity
from mlmon.analyzers.base.window import DAY, HOUR, Window, iso
from mlmon.analyzers.baselines.baseline import Baseline
from mlmon.analyzers.baselines.store import BaselineStore
from mlmon.analyzers.checks import discover
from mlmon.analyzers.checks.job_health.job_health import CYCLE_JOB
from mlmon.analyzers.profiles.kind import kinds
from mlmon.analyzers.profiles.kinds.job import JobKind
from mlmon.analyzers.profiles.store import ProfileStore
from mlmon.analyzers.run import engine
from mlmon.analyzers.run.cycle import cycle as cycles
from mlmon.analyzers.run.cycle.cycle import run_cycle
from mlmon.analyzers.run.cycle.metrics import CycleMetrics
from mlmon.analyzers.run.cycle.runner import Runner
from mlmon.analyzers.run.cycle.state import Bookmark, BookmarkStore, Lease
from mlmon.analyzers.run.findings_store import FindingStore
from mlmon.analyzers.run.judged import judged
from mlmon.analyzers.run.subscriber import CycleOutcome, Nobody, SubscriberResult
from mlmon.elastic.client.cluster import Cluster
from mlmon.elastic.errors import UserError

Events = list[dict[str, Any]]
Contents = set[tuple[str, str]]

pytestmark = pytest.mark.long

# What one run says of `two_days`: the same for each test, whatever its namespace.
_expected: list[Contents] = []


@pytest.fixture
def two_days(
    predictions_of: Callable[..., Events],
    accesses_of: Callable[..., Events],
    runs_of: Callable[..., Events],
) -> Events:
    """Two days of everything, in order of time; scores fall on the second."""

    def fall(hour: int, rows: dict[str, Any]) -> None:
        if hour >= 30:
            rows["score"][::2] *= 0.1

    events = [
        *predictions_of(48, 12, change=fall),
        *accesses_of(48, 4, status=lambda hour, _index: 500 if hour == 20 else 200),
        *runs_of("refresh", [(float(hour), hour != 40, 30.0) for hour in range(48)]),
    ]
    return sorted(events, key=lambda event: event["@timestamp"])


def stored_contents(cluster: Cluster, namespace: str) -> Contents:
    """Return key and content digest of each latest finding."""
    return contents(FindingStore(cluster, namespace).search())


def contents(found: Iterable[Any]) -> Contents:
    """Return the contents of findings but those that depend on when they were made.

    `clock_skew` judges times of arrival, `alert_quality` what people knew.
    """
    return {
        (finding.key, finding.content_digest)
        for finding in found
        if finding.analyzer not in {"clock_skew", "alert_quality"}
    }


def arriving(events: Events, moment: datetime) -> Events:
    """Return events as they are stored when they arrive at a moment."""
    return [event | {"event.ingested": iso(moment)} for event in events]


@pytest.fixture
def expected(
    cluster: Cluster,
    namespace: str,
    baseline: Baseline,
    two_days: Events,
    start: datetime,
    ship: Callable[..., None],
) -> Callable[[], Contents]:
    """What one run over everything says, from a namespace of its own."""

    def act() -> Contents:
        if not _expected:
            other = f"{namespace}_whole"
            BaselineStore(cluster, other).write([baseline])
            ship(arriving(two_days, start + 2 * DAY), into=other)
            period = Window(start, start + 2 * DAY)
            engine.analyze(cluster, other, period, now=start + 2 * DAY)
            _expected.append(stored_contents(cluster, other))
        return _expected[0]

    return act


def test_cycles_and_one_run_agree(
    cluster: Cluster,
    namespace: str,
    baseline: Baseline,
    two_days: Events,
    start: datetime,
    ship: Callable[..., None],
    expected: Callable[[], Contents],
) -> None:
    """Seven cycles, events that come hours late and a long pause: the findings of one run."""
    BaselineStore(cluster, namespace).write([baseline])
    late = two_days[5::50]
    on_time = [day for day in two_days if day not in late]
    for hour in (5, 11, 12, 17, 40, 48):
        moment = start + hour * HOUR
        due = [event for event in on_time if event["@timestamp"] < iso(moment)]
        ship(arriving(due, moment))
        on_time = on_time[len(due) :]
        if hour == 40:
            ship(arriving([event for event in late if event["@timestamp"] < iso(moment)], moment))
        run_cycle(cluster, namespace, moment, start)
    moment = start + 49 * HOUR
    ship(
        arriving([event for event in late if event["@timestamp"] >= iso(start + 40 * HOUR)], moment)
    )
    run_cycle(cluster, namespace, moment, start)
    known = FindingStore(cluster, namespace).search(until=start + 2 * DAY)
    assert contents(known) == expected()


def test_a_version_that_takes_over_and_is_taken_back(
    cluster: Cluster,
    namespace: str,
    baseline: Baseline,
    predictions_of: Callable[..., Events],
    start: datetime,
    ship: Callable[..., None],
) -> None:
    """It is judged over the whole day's traffic at once; lines that come very late change that."""
    second = replace(baseline, model_version="2")
    events = predictions_of(72, 6)
    for number, made in enumerate(events):
        made |= {"ml.features.embedding.text": [1.0, 2.0, 3.0, 4.0], "ml.features.embedded": "text"}
        if 30 <= number // 6 < 42:
            made["ml.model.version"] = "2"
    late = {50: events[6 * 28 + 1], 72: events[6 * 2 + 1]}
    end = start + 72 * HOUR
    for name in (namespace, other := f"{namespace}_whole"):
        BaselineStore(cluster, name).write([baseline, second])
    ship(arriving(events, end), into=other)
    engine.analyze(cluster, other, Window(start, end), now=end)
    on_time = [event for event in events if event not in late.values()]
    for hour in (28, 36, 50, 72):
        moment = start + hour * HOUR
        due = [event for event in on_time if event["@timestamp"] < iso(moment)]
        ship(arriving([*due, *([late[hour]] if hour in late else [])], moment))
        on_time = on_time[len(due) :]
        run_cycle(cluster, namespace, moment, start)
        if hour == 36:
            day = Window(moment - DAY, moment)
            over = {second.id: second}
            read = ProfileStore(cluster, namespace).read(kinds()["prediction"], day, over)
            assert sum(profile.predictions for profile in read) == 143
    assert differing(cluster, namespace, other) == []


def test_a_clock_that_was_ahead_is_put_right(
    cluster: Cluster,
    namespace: str,
    runs_of: Callable[..., Events],
    start: datetime,
    ship: Callable[..., None],
) -> None:
    """What came after a cycle three days ahead is judged by the next one."""
    events = runs_of("refresh", [(float(hour), hour != 7, 30.0) for hour in range(9)])
    for hour, now in ((4, start + 3 * DAY), (9, start + 9.5 * HOUR)):
        due = [event for event in events if event["@timestamp"] < iso(start + hour * HOUR)]
        ship(arriving(due, start + hour * HOUR))
        events = events[len(due) :]
        run_cycle(cluster, namespace, now, start)
    found = FindingStore(cluster, namespace).search(analyzer="job_health", metric="failed.runs")
    assert {finding.end for finding in found if finding.severity.alarming} >= {start + 8 * HOUR}


def differing(cluster: Cluster, *namespaces: str) -> list[str]:
    """Return what is not said alike in two namespaces."""
    one, two = (stored_contents(cluster, name) for name in namespaces)
    keys = {key for key, _ in one ^ two}
    found = (finding for name in namespaces for finding in FindingStore(cluster, name).search())
    return sorted(
        f"{finding.end} {finding.series} {finding.reason}"
        for finding in found
        if finding.key in keys
    )


def test_a_cycle_that_was_killed_is_made_good(
    cluster: Cluster,
    namespace: str,
    baseline: Baseline,
    two_days: Events,
    start: datetime,
    ship: Callable[..., None],
    expected: Callable[[], Contents],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Killed after its profiles were stored and before anything was judged, the next one judges."""
    BaselineStore(cluster, namespace).write([baseline])
    half = len(two_days) // 2
    ship(arriving(two_days[:half], start + DAY))
    run_cycle(cluster, namespace, start + DAY, start)
    ship(arriving(two_days[half:], start + 2 * DAY))

    def kill(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(cycles.engine, "analyze", kill)
        with pytest.raises(KeyboardInterrupt):
            run_cycle(cluster, namespace, start + 2 * DAY, start)
    run_cycle(cluster, namespace, start + 2 * DAY, start)
    assert stored_contents(cluster, namespace) == expected()


def test_a_kind_that_fails_for_some_cycles_is_made_good(
    cluster: Cluster,
    namespace: str,
    runs_of: Callable[..., Events],
    start: datetime,
    ship: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """While a kind of profiles fails its analyzers say so; the next cycle fixes all of it."""
    events = runs_of("refresh", [(float(hour), hour != 7, 30.0) for hour in range(9)])
    failures = []
    for hour in (4, 6, 8, 12):
        moment = start + hour * HOUR
        due = [event for event in events if event["@timestamp"] < iso(moment)]
        ship(arriving(due, moment))
        events = events[len(due) :]
        with monkeypatch.context() as patched:
            if hour in {6, 8}:
                patched.setattr(JobKind, "make", lambda *_: 1 / 0)
            failures.append(set(run_cycle(cluster, namespace, moment, start).failures))
    assert failures == [set(), {"job_health"}, {"job_health"}, set()]
    other = f"{namespace}_whole"
    everything = runs_of("refresh", [(float(hour), hour != 7, 30.0) for hour in range(9)])
    ship(arriving(everything, start + 12 * HOUR), into=other)
    engine.analyze(cluster, other, Window(start, start + 12 * HOUR), now=start + 12 * HOUR)
    assert stored_contents(cluster, namespace) == stored_contents(cluster, other)


def test_a_cycle_costs_what_is_new(
    cluster: Cluster,
    namespace: str,
    two_days: Events,
    start: datetime,
    ship: Callable[..., None],
) -> None:
    """With nothing new, the next cycle makes no profile and writes no finding of a past window."""
    ship(arriving(two_days, start + 2 * DAY - timedelta(seconds=1)))
    first = run_cycle(cluster, namespace, start + 2 * DAY, start)
    again = run_cycle(cluster, namespace, start + 2 * DAY + timedelta(seconds=5), start)
    assert first.profiles > 100
    assert first.findings > 100
    assert (again.profiles, again.findings, again.failures) == (0, 0, {})
    # A run may be missed at any second: these are asked each time.
    asked = {name for analysis in again.analyses for name in analysis.written}
    assert asked == {analyzer.name for analyzer in discover() if analyzer.at_once}


def test_a_steady_stream_costs_the_same_at_the_end_of_an_hour(
    cluster: Cluster,
    namespace: str,
    accesses_of: Callable[..., Events],
    predictions_of: Callable[..., Events],
    start: datetime,
    ship: Callable[..., None],
) -> None:
    """A cycle judges the windows of its five minutes, at the end of an hour as at its start."""
    events = [*accesses_of(6, 240), *predictions_of(6, 60)]
    events.sort(key=lambda event: str(event["@timestamp"]))
    for number, event in enumerate(events, 1):
        event |= {"process.entity_id": "api-1", "event.sequence": number}
    judged, profiles = [], []
    for minute in (0, 5, 10, 15, 40, 45, 50, 55):
        moment = start + 5 * HOUR + timedelta(minutes=minute, seconds=40)
        due = [event for event in events if event["@timestamp"] < iso(moment)]
        events = events[len(due) :]
        ship(arriving(due, moment))
        cycle = run_cycle(cluster, namespace, moment, start)
        written = (of for analysis in cycle.analyses for of in analysis.written.values())
        judged.append(sum(of.total for of in written))
        profiles.append(cycle.profiles)
    # Windows of five and of fifteen minutes end in each quarter of an hour.
    assert sum(judged[-3:]) == sum(judged[1:4]) > 0
    # Five minutes of requests, counted and by the second, and the hour's numbered lines.
    assert {*profiles[1:4], *profiles[-3:]} == {3}


def test_an_analyzer_that_fails_once_judges_that_time_later(
    cluster: Cluster,
    namespace: str,
    runs_of: Callable[..., Events],
    start: datetime,
    ship: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What it did not judge is judged by the next cycle, though no profile has changed since."""
    ship(arriving(runs_of("refresh", [(float(hour), True, 30.0) for hour in range(9)]), start))
    with monkeypatch.context() as patched:
        patched.setattr("mlmon.analyzers.checks.job_health.job_health.JobHealth.evaluate", fail)
        first = run_cycle(cluster, namespace, start + 9 * HOUR, start)
    assert first.failures.keys() == {"job_health"}
    store = FindingStore(cluster, namespace)
    assert not list(store.search(analyzer="job_health", metric="failed.runs"))
    second = run_cycle(cluster, namespace, start + 9.2 * HOUR, start)
    assert second.failures == {}
    found = [finding.end for finding in store.search(analyzer="job_health", metric="failed.runs")]
    assert found == [start + hour * HOUR for hour in range(1, 10)]
    assert not list(store.search(metric=engine.FAILURE))
    third = run_cycle(cluster, namespace, start + 9.4 * HOUR, start)
    written = [analysis.written.get("job_health") for analysis in third.analyses]
    assert not any(found and (found.created or found.revised) for found in written)


def fail(*_: object, **__: object) -> None:
    """Stand in for work that goes wrong."""
    raise RuntimeError("no luck")


def test_a_cycle_logs_itself_as_a_job(
    cluster: Cluster,
    namespace: str,
    two_days: Events,
    start: datetime,
    ship: Callable[..., None],
) -> None:
    """Its start and end are events of the job's data stream; `/metrics` has the same numbers."""
    ship(arriving(two_days[:200], start + DAY))
    lines: list[str] = []
    measured = CycleMetrics()
    runner = Runner(
        cluster, namespace, "here:1", lambda: start + DAY, lines.append, metrics=measured
    )
    done = runner.once()
    assert done is not None
    registry = CollectorRegistry()
    registry.register(measured)
    value = registry.get_sample_value
    assert value("mlmon_cycles_total", {"outcome": "success"}) == 1
    assert value("mlmon_profiles_total") == done.profiles > 0
    assert value("mlmon_findings_total") == done.findings > 0
    checks = {
        severity: value("mlmon_checks", {"severity": severity.value}) for severity in Severity
    }
    assert checks == done.checks
    assert sum(filter(None, checks.values())) == judged(cluster, namespace).series
    cluster.refresh(f"logs-ml.job-{namespace}")
    query = {"query": {"term": {"ml.job.name": CYCLE_JOB}}, "sort": ["event.sequence"]}
    hits = cluster.search(f"logs-ml.job-{namespace}", query)["hits"]["hits"]
    assert [hit["_source"].get("event.outcome") for hit in hits] == [None, "success"]
    assert hits[1]["_source"]["ml.job.records"] == done.profiles
    assert len(lines) == 1


def test_a_cycle_that_fails_is_logged_and_lets_the_next_one_in(
    cluster: Cluster, namespace: str, start: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run is logged as failed with its error, and the lease is given back."""

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("no luck")

    runner = Runner(cluster, namespace, "here:1", lambda: start, lambda _line: None)
    monkeypatch.setattr("mlmon.analyzers.run.cycle.runner.run_cycle", fail)
    with pytest.raises(RuntimeError, match="no luck"):
        runner.once()
    (cycles,) = (found for found in runner.metrics.collect() if found.name == "mlmon_cycles")
    numbers = {sample.labels["outcome"]: sample.value for sample in cycles.samples}
    assert numbers == {"success": 0, "failure": 1}
    cluster.refresh(f"logs-ml.job-{namespace}")
    query = {"query": {"term": {"event.outcome": "failure"}}}
    (hit,) = cluster.search(f"logs-ml.job-{namespace}", query)["hits"]["hits"]
    assert hit["_source"]["error.message"] == "no luck"
    assert Lease(cluster, namespace, "there:2").take(start) is None


def test_a_second_process_stands_aside(cluster: Cluster, namespace: str, start: datetime) -> None:
    """While another runs the cycles, none is run, and the holder is named."""
    Lease(cluster, namespace, "there:2").take(start)
    lines: list[str] = []
    runner = Runner(cluster, namespace, "here:1", lambda: start, lines.append)
    assert runner.once() is None
    assert "there:2" in lines[0]


def test_it_stops_when_asked(cluster: Cluster, namespace: str, start: datetime) -> None:
    """Told to stop during a cycle, it finishes that one and begins no other."""
    stopping, lines = Event(), []

    def stop_after(line: str) -> None:
        lines.append(line)
        stopping.set()

    BookmarkStore(cluster, namespace).write(Bookmark(start, start, start), start)
    runner = Runner(cluster, namespace, "here:1", lambda: start, stop_after)
    runner.until(stopping, timedelta(seconds=1))
    assert len(lines) == 1
    assert "judged to" in lines[0]


@pytest.mark.parametrize("error", [RuntimeError("no luck"), UserError("nobody is there")])
def test_cycles_go_on_after_one_that_failed(
    cluster: Cluster,
    namespace: str,
    start: datetime,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
) -> None:
    """The error that stopped it is reported, and the next one is run."""
    stopping, lines = Event(), []

    def fail(*_: object, **__: object) -> None:
        raise error

    def stop_after(line: str) -> None:
        lines.append(line)
        stopping.set()

    BookmarkStore(cluster, namespace).write(Bookmark(start, start, start), start)
    runner = Runner(cluster, namespace, "here:1", lambda: start, stop_after)
    monkeypatch.setattr("mlmon.analyzers.run.cycle.runner.run_cycle", fail)
    runner.until(stopping, timedelta(seconds=1))
    assert len(lines) == 1
    assert str(error) in lines[0]
    assert "tried again" in lines[0]


def test_a_failed_delivery_is_a_failed_run_of_the_job(
    cluster: Cluster, namespace: str, start: datetime
) -> None:
    """The cycle's findings are kept, and mlmon's own job record says what was not delivered."""

    class MailIsDown(Nobody):
        """Cannot deliver."""

        def findings_changed(self, *_: object) -> SubscriberResult:
            return SubscriberResult("mail is down", failed=True)

    runner = Runner(
        cluster, namespace, "here:1", lambda: start, lambda _line: None, subscriber=MailIsDown()
    )
    cycle = runner.once()
    assert cycle is not None
    assert cycle.failed
    cluster.refresh(f"logs-ml.job-{namespace}")
    query = {"query": {"term": {"event.outcome": "failure"}}}
    (hit,) = cluster.search(f"logs-ml.job-{namespace}", query)["hits"]["hits"]
    assert hit["_source"]["error.message"] == "mail is down"


def test_the_subscriber_knows_how_each_cycle_ended(
    cluster: Cluster, namespace: str, start: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that was not completed judged nothing, and what stopped it is the reason."""
    outcomes: list[tuple[str, bool]] = []

    class Notes(Nobody):
        """Notes how cycles end."""

        def cycle_ended(self, outcome: CycleOutcome) -> SubscriberResult:
            outcomes.append((outcome.failure, outcome.judged))
            return SubscriberResult()

    runner = Runner(
        cluster, namespace, "here:1", lambda: start, lambda _line: None, subscriber=Notes()
    )
    assert runner.once()
    with monkeypatch.context() as patch:
        patch.setattr("mlmon.analyzers.run.cycle.runner.run_cycle", fail)
        with pytest.raises(RuntimeError):
            runner.once()
    assert outcomes == [("", True), ("RuntimeError: no luck", False)]
