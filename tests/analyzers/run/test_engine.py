"""A whole run on Elasticsearch: what it finds, and that it may be repeated, cut and interrupted."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mlmon.analyzers.base.analysis_context import AnalysisContext
from mlmon.analyzers.base.finding import Finding, Severity
from mlmon.analyzers.base.window import DAY, HOUR, WEEK, Window, iso
from mlmon.analyzers.baselines.baseline import Baseline
from mlmon.analyzers.baselines.store import BaselineStore
from mlmon.analyzers.checks import discover
from mlmon.analyzers.checks.service_health.service_health import ServiceHealth
from mlmon.analyzers.run import engine
from mlmon.analyzers.run.engine import Analysis, analyze
from mlmon.analyzers.run.findings_store import FindingStore, WrittenFindings
from mlmon.elastic.client.cluster import Cluster
from mlmon.elastic.errors import ClusterError, ClusterUnreachableError, UserError

pytestmark = pytest.mark.long

Events = list[dict[str, Any]]
DAYS = 2
QUIET = 34
"""Hours before the first request."""


@pytest.fixture
def logged(
    cluster: Cluster,
    namespace: str,
    baseline: Baseline,
    start: datetime,
    predictions_of: Callable[..., Events],
    accesses_of: Callable[..., Events],
    runs_of: Callable[..., Events],
    ship: Callable[[Events], None],
) -> Cluster:
    """Two days of logs, with scores that fall on the second; its requests, with a burst of errors.

    Each five minutes of requests are profiles and findings to write: they begin in the 35th hour.
    """

    def fall(hour: int, rows: dict[str, Any]) -> None:
        if hour >= 36:
            rows["score"][::2] *= 0.1

    hours = DAYS * 24
    ship(predictions_of(hours, 12, change=fall))
    ship(
        accesses_of(
            hours - QUIET,
            24,
            first=start + QUIET * HOUR,
            status=lambda hour, index: 500 if (hour + QUIET, index % 2) == (40, 0) else 200,
        )
    )
    ship(runs_of("refresh", [(float(hour), True, 30.0) for hour in range(hours)]))
    BaselineStore(cluster, namespace).write([baseline])
    return cluster


@pytest.fixture
def run_on_requests(
    cluster: Cluster,
    namespace: str,
    start: datetime,
    accesses_of: Callable[..., Events],
    ship: Callable[[Events], None],
) -> Callable[..., Analysis]:
    """Judge the hours from `first` to `last`, of which only six hours of requests are logged."""
    ship(accesses_of(6, 60))

    def act(first: float = 0, last: float = 6, **known: Any) -> Analysis:
        period = Window(start + timedelta(hours=first), start + timedelta(hours=last))
        return analyze(cluster, namespace, period, **({"now": start + 900 * DAY} | known))

    return act


@pytest.fixture
def run(logged: Cluster, namespace: str, start: datetime) -> Callable[..., Analysis]:
    """Judge the hours from `first` to `last`."""

    def act(first: float = 0, last: float = DAYS * 24, **known: Any) -> Analysis:
        period = Window(start + timedelta(hours=first), start + timedelta(hours=last))
        return analyze(logged, namespace, period, now=start + 9 * DAY, **known)

    return act


def written(cluster: Cluster, namespace: str) -> dict[str, dict[str, Any]]:
    """Return every profile and finding by id."""
    patterns = (f"mlmon-profiles-{namespace}-*", f"mlmon-findings-{namespace}-*")
    return {hit["_id"]: hit["_source"] for pattern in patterns for hit in cluster.scan(pattern, {})}


def test_a_run_finds_what_is_wrong(
    run: Callable[..., Analysis],
    logged: Cluster,
    namespace: str,
    start: datetime,
    baseline: Baseline,
) -> None:
    """Both troubles are found, nothing before them, and a second run writes nothing new."""
    first = run()
    alarms = list(FindingStore(logged, namespace).search(severity=Severity.WARNING))
    assert {(alarm.analyzer, alarm.metric) for alarm in alarms} == {
        ("service_health", "http.5xx.rate"),
        ("score_shift", "ks.distance"),
    }
    assert min(alarm.end for alarm in alarms) > start + 36 * HOUR
    assert first.failures == {}
    made = +Counter(first.profiles)
    # Days of so few rows are not counted again in finer buckets.
    assert "refinement" not in made
    requests = dict.fromkeys(("access", "pulse"), 12 * (48 - QUIET))
    # A profile for each segment of each hour that had predictions.
    assert 48 <= made.pop("segment_feature") <= 48 * len(baseline.segment_features)
    assert made == {"prediction": 48, "segment": 48, "job": 48, "clock": 48, **requests}
    before = written(logged, namespace)
    second = run()
    assert not any(second.profiles.values())
    total = sum(second.written.values(), WrittenFindings())
    assert (total.created, total.revised, second.withdrawn) == (0, 0, 0)
    assert written(logged, namespace) == before


def test_runs_in_parts_end_in_the_same_documents(
    run: Callable[..., Analysis], logged: Cluster, namespace: str
) -> None:
    """Judged in parts that overlap, last part first, the findings are those of the whole."""
    run(30, 48)
    run(0, 31)
    parts = written(logged, namespace)
    run()
    assert written(logged, namespace) == parts


def test_a_run_killed_in_the_middle(
    run: Callable[..., Analysis],
    logged: Cluster,
    namespace: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Killed while profiling and again while judging, the next run ends in the same documents."""
    put, requests = Cluster.put, iter(range(1_000))

    class Killed(BaseException):
        """Ends a run the way a signal does."""

    def dying(self: Cluster, documents: Any) -> Any:
        if next(requests) in (2, 9):
            raise Killed
        return put(self, documents)

    monkeypatch.setattr(Cluster, "put", dying)
    for _ in range(2):
        with pytest.raises(Killed):
            run()
    run()
    monkeypatch.undo()
    fixed = written(logged, namespace)
    assert not any(run().profiles.values())
    assert written(logged, namespace) == fixed
    latest = [document for document in fixed.values() if document.get("finding.latest")]
    assert len(latest) == len({document["finding.id"] for document in latest})


def test_late_events_make_revisions(
    run: Callable[..., Analysis],
    logged: Cluster,
    namespace: str,
    start: datetime,
    accesses_of: Callable[..., Events],
    ship: Callable[[Events], None],
) -> None:
    """Errors that come late change the findings of their windows; what was known before stays."""
    run()
    late = accesses_of(1, 60, first=start + 37 * HOUR, status=lambda _hour, _index: 500)
    ship([event | {"event.ingested": iso(start + 5 * DAY)} for event in late])
    analysis = run()
    assert +Counter(analysis.profiles) == {"access": 12, "pulse": 12}
    assert analysis.written["service_health"].revised > 0
    assert analysis.written["score_shift"].revised == 0
    rates = [
        finding
        for finding in FindingStore(logged, namespace).search(
            since=start + 37 * HOUR, until=start + 38 * HOUR, analyzer="service_health"
        )
        if finding.metric == "http.5xx.rate"
    ]
    assert {(rate.severity, rate.revision) for rate in rates} == {(Severity.CRITICAL, 2)}
    kept = written(logged, namespace)
    assert all(f"{rate.key}-1" in kept for rate in rates)


class Failing(ServiceHealth):
    """An analyzer with a defect that shows after its first findings."""

    name = "failing"

    def evaluate(self, context: AnalysisContext[Any]) -> Iterator[Finding]:
        """Yield one finding and fail."""
        yield self.unknown("http.5xx.rate", "/predict", context.period, "It is not known.")
        raise ZeroDivisionError("division by zero")


def test_one_failing_analyzer_leaves_the_others(
    run_on_requests: Callable[..., Analysis], cluster: Cluster, namespace: str
) -> None:
    """Its failure is a finding of its own, what it found before it and the others' are there."""
    analysis = run_on_requests(analyzers=[Failing(), ServiceHealth()])
    assert analysis.failures == {"failing": "ZeroDivisionError: division by zero"}
    store = FindingStore(cluster, namespace)
    failed = {finding.metric: finding for finding in store.search(analyzer="failing")}
    assert failed[engine.FAILURE].severity is Severity.UNKNOWN
    assert "division by zero" in failed[engine.FAILURE].reason
    assert "http.5xx.rate" in failed
    assert len(list(store.search(analyzer="service_health"))) > 6


@pytest.fixture
def block_writes(cluster: Cluster) -> Callable[..., None]:
    """Let an index take no documents, or take them again."""

    def block(index: str, *, refuse: bool) -> None:
        settings = {"index.blocks.write": refuse}
        cluster._client.indices.put_settings(index=index, settings=settings)

    return block


@pytest.fixture
def job_logs_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the cluster refuse whatever is asked of the logs of jobs."""
    search = Cluster.search

    def refusing(self: Cluster, index: str, body: dict[str, Any]) -> dict[str, Any]:
        if index.startswith("logs-ml.job"):
            raise ClusterError("shards failed: disk is broken", "Fix it.", status=500)
        return search(self, index, body)

    monkeypatch.setattr(Cluster, "search", refusing)


@pytest.mark.usefixtures("job_logs_refused")
def test_a_kind_that_cannot_be_profiled_leaves_the_others(
    run: Callable[..., Analysis],
    logged: Cluster,
    namespace: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its analyzers say what it was, the others judge; once fixed, nothing is left of it."""
    analysis = run()
    assert analysis.failures == {
        "job_health": "profiles of kind job: ClusterError: shards failed: disk is broken"
    }
    store = FindingStore(logged, namespace)
    (failed,) = store.search(analyzer="job_health")
    assert (failed.metric, failed.severity) == (engine.FAILURE, Severity.UNKNOWN)
    assert "disk is broken" in failed.reason
    alarms = {finding.analyzer for finding in store.search(severity=Severity.WARNING)}
    assert alarms == {"service_health", "score_shift"}
    monkeypatch.undo()
    fixed = run()
    assert fixed.failures == {}
    assert fixed.withdrawn == 1
    assert engine.FAILURE not in {finding.metric for finding in store.search(analyzer="job_health")}


def test_a_cluster_that_is_away_ends_the_run(
    run_on_requests: Callable[..., Analysis], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not reported as a fault of each analyzer: there is nowhere to report to."""

    def away(*_: object, **__: object) -> None:
        raise ClusterUnreachableError("nobody answers")

    monkeypatch.setattr("mlmon.analyzers.profiles.profiler.Profiler.update", away)
    with pytest.raises(ClusterUnreachableError):
        run_on_requests()


def test_findings_that_are_refused_leave_the_others(
    run_on_requests: Callable[..., Analysis],
    cluster: Cluster,
    namespace: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An analyzer whose findings are refused is reported; those of others are stored."""
    put = Cluster.put

    def refusing(self: Cluster, documents: Any) -> Any:
        kept = list(documents)
        if any(hit.source.get("finding.metric") == "latency.mean" for hit in kept):
            raise ClusterError("1 document was refused", "Look at it.")
        return put(self, kept)

    monkeypatch.setattr(Cluster, "put", refusing)
    analysis = run_on_requests(analyzers=[ServiceHealth(), Failing()])
    assert set(analysis.failures) == {"service_health", "failing"}
    store = FindingStore(cluster, namespace)
    (refused,) = store.search(analyzer="service_health")
    assert "1 document was refused" in refused.reason
    assert len(list(store.search(analyzer="failing"))) == 2


def test_an_index_that_takes_no_findings(
    run_on_requests: Callable[..., Analysis],
    cluster: Cluster,
    namespace: str,
    block_writes: Callable[..., None],
) -> None:
    """The run says of each analyzer that nothing could be stored; the next one makes it good."""
    run_on_requests(analyzers=[Failing()])
    (index,) = cluster.indices(f"mlmon-findings-{namespace}-*")
    block_writes(index, refuse=True)
    refused = run_on_requests(analyzers=[ServiceHealth(), Failing()])
    assert "index write" in refused.failures["service_health"]
    assert "failing" in refused.failures
    assert refused.to_json()["findings"]["created"] == 0
    block_writes(index, refuse=False)
    fixed = run_on_requests(analyzers=[ServiceHealth()])
    assert fixed.failures == {}
    assert fixed.written["service_health"].created > 6


def test_findings_of_all_analyzers_are_stored_together(
    run_on_requests: Callable[..., Analysis], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many analyzers there are: one search for what is known, one for what is gone."""
    searched: list[str] = []
    search = Cluster.search

    def noted(self: Cluster, index: str, body: Any, **options: Any) -> Any:
        searched.append(index)
        return search(self, index, body, **options)

    monkeypatch.setattr(Cluster, "search", noted)
    assert len(run_on_requests().written) == len(discover())
    assert len([index for index in searched if index.startswith("mlmon-findings-")]) == 2


def test_a_failure_that_was_fixed_is_withdrawn(
    run_on_requests: Callable[..., Analysis],
    cluster: Cluster,
    namespace: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After a run in which the analyzer works, its failure is no longer a latest finding."""
    run_on_requests(analyzers=[Failing()])
    monkeypatch.setattr(Failing, "evaluate", ServiceHealth.evaluate)
    assert run_on_requests(analyzers=[Failing()]).withdrawn == 2
    found = list(FindingStore(cluster, namespace).search(analyzer="failing"))
    assert engine.FAILURE not in {finding.metric for finding in found}


def test_rules_hold_for_findings_that_are_not_stored(
    run_on_requests: Callable[..., Analysis],
    cluster: Cluster,
    namespace: str,
    start: datetime,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What would be found with another reference is found under the rules of mlmon.toml."""
    run_on_requests(analyzers=[ServiceHealth()])
    period, now = Window(start, start + 6 * HOUR), start + 900 * DAY

    def found() -> set[str]:
        judged = engine.judged_with(cluster, namespace, period, now, [ServiceHealth()], [])
        return {finding.metric for finding in judged}

    everything = found()
    assert "http.5xx.rate" in everything
    config = tmp_path / "mlmon.toml"
    dropped = 'analyzer = "service_health"\nmetric = "http.5xx.rate"\nenabled = false\n'
    config.write_text(f"[[analyzers.rules]]\n{dropped}")
    monkeypatch.setenv("MLMON_CONFIG", str(config))
    assert found() == everything - {"http.5xx.rate"}


def test_nothing_was_logged(cluster: Cluster, namespace: str, start: datetime) -> None:
    """A namespace without events is an error that says how to fill it."""
    with pytest.raises(UserError) as caught:
        analyze(cluster, namespace, Window(start, start + DAY), now=start + DAY)
    assert "mlmon ship" in caught.value.hint


def test_a_window_without_data(run_on_requests: Callable[..., Analysis], start: datetime) -> None:
    """A period before or long after all events is an error that says when there are some."""
    for first, last in ((-400, -300), (2_000, 2_100)):
        with pytest.raises(UserError) as caught:
            run_on_requests(first, last)
        assert iso(start) in caught.value.hint


@pytest.mark.parametrize("hours", [(5, 5), (5, 4)])
def test_no_time_at_all(
    cluster: Cluster, namespace: str, start: datetime, hours: tuple[int, int]
) -> None:
    """A period that ends before it begins, or is still to come, is refused."""
    first, last = (start + hour * HOUR for hour in hours)
    with pytest.raises(UserError, match="no time"):
        analyze(cluster, namespace, Window(first, last), now=start + DAY)
    with pytest.raises(UserError, match="no time"):
        analyze(cluster, namespace, Window(start + DAY, start + 2 * DAY), now=start)


def test_only_windows_that_have_ended_are_judged(
    run_on_requests: Callable[..., Analysis], cluster: Cluster, namespace: str, start: datetime
) -> None:
    """A period that reaches into the future is judged up to now."""
    now = start + timedelta(hours=4.5)
    assert run_on_requests(now=now).period.end == now
    found = list(FindingStore(cluster, namespace).search())
    assert max(finding.end for finding in found) <= now
    assert {finding.created for finding in found} == {now}


def test_silence_is_found_afterwards(
    cluster: Cluster,
    namespace: str,
    start: datetime,
    accesses_of: Callable[..., Events],
    ship: Callable[..., None],
) -> None:
    """A service that logs nothing at all is reported, in a period without a single request.

    An hour of sixty requests usually is too little to be sure that not one in twenty is left, which
    would be critical: chance brings none where eight were due once in two thousand times.
    """
    ship(accesses_of(24 * 4, 60))
    period = Window(start + 6 * DAY, start + 6 * DAY + 6 * HOUR)
    analyze(cluster, namespace, period, now=start + 30 * DAY, analyzers=[ServiceHealth()])
    found = list(FindingStore(cluster, namespace).search(metric="traffic.rph"))
    assert [finding.end for finding in found] == [
        start + 6 * DAY + hour * HOUR for hour in range(1, 7)
    ]
    assert {(finding.value, finding.severity) for finding in found} == {(0.0, Severity.WARNING)}


def test_the_same_hour_of_past_weeks_is_read(
    cluster: Cluster,
    namespace: str,
    start: datetime,
    accesses_of: Callable[..., Events],
    ship: Callable[..., None],
) -> None:
    """Of four weeks just the hours that are compared are profiled, and the days before."""
    for week in range(5):
        ship(accesses_of(2, 30, first=start + week * WEEK + 10 * HOUR))
    hour = Window(start + 4 * WEEK + 10 * HOUR, start + 4 * WEEK + 11 * HOUR)
    far = Window(start + 2 * WEEK + 12 * HOUR, start + 2 * WEEK + 14 * HOUR)
    ship(accesses_of(2, 30, first=far.start))
    analyze(cluster, namespace, hour, now=hour.end, analyzers=[ServiceHealth()])
    profiles = written(cluster, namespace).values()
    hours = {
        profile["event.start"][:13]
        for profile in profiles
        if profile.get("profile.kind") == "access"
    }
    weeks = {iso(hour.start - week * WEEK)[:13] for week in range(5)}
    assert weeks <= hours
    assert iso(far.start)[:13] not in hours


def test_all_analyzers_are_asked(run_on_requests: Callable[..., Analysis]) -> None:
    """Without a choice, every analyzer that is found takes part."""
    assert list(run_on_requests().written) == [analyzer.name for analyzer in discover()]
