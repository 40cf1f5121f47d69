"""Every analyzer keeps the contract, whoever wrote it."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlmon.analyzers.base.alert_policy import LAYERS
from mlmon.analyzers.base.analysis_context import AnalysisContext
from mlmon.analyzers.base.analyzer import Analyzer
from mlmon.analyzers.base.finding import Finding, Severity
from mlmon.analyzers.base.profile_key import ProfileKey, SourceWatermark
from mlmon.analyzers.base.window import DAY, HOUR, MINUTE, Window
from mlmon.analyzers.baselines.baseline import Baseline
from mlmon.analyzers.checks import discover
from mlmon.analyzers.profiles.by_service import OfService
from mlmon.analyzers.profiles.kind import kinds
from mlmon.analyzers.profiles.kinds.clock import ClockProfile, Dates
from mlmon.analyzers.profiles.kinds.fallback import FallbackProfile
from mlmon.analyzers.profiles.kinds.feature_store import profiles as store_profiles
from mlmon.analyzers.profiles.kinds.job import profiles as job_profiles
from mlmon.analyzers.profiles.kinds.model import profiles as model_profiles
from mlmon.analyzers.references.cadence import CADENCES
from mlmon.formatting import duration
from tests.support.contexts import context_of
from tests.support.labeled_rows import context as labeled_context
from tests.support.labeled_rows import rows
from tests.support.numbered_lines import profiles_of, written
from tests.support.pulses import pulse_profiles

pytestmark = pytest.mark.long

ROOT = Path(__file__).parent.parent.parent
ANALYZERS = discover()
DAYS = 4
BEGIN = datetime(2026, 3, 2, tzinfo=UTC)

Profiles = dict[str, Sequence[Any]]
Build = Callable[[], Profiles]

# Built once each: they are the same for each test, and take longer than most.
_built: dict[str, Profiles] = {}
_judged: dict[str, dict[str, Finding]] = {}

each_analyzer = pytest.mark.parametrize("analyzer", ANALYZERS, ids=lambda analyzer: analyzer.name)


@pytest.fixture
def context(
    request: pytest.FixtureRequest, baseline: Baseline
) -> Callable[[Analyzer[Any], Window], AnalysisContext[Any]]:
    """Give an analyzer four days of the kinds it needs, with troubles in them.

    The fixture `troubled_<kind>` builds a kind, with others where these must fit to it.
    """

    def troubled(kind: str) -> Profiles:
        if kind not in _built:
            build: Build = request.getfixturevalue(f"troubled_{kind}")
            _built[kind] = build()
        return _built[kind]

    def give(analyzer: Analyzer[Any], period: Window) -> AnalysisContext[Any]:
        profiles: Profiles = {}
        # Kinds that bring others to fit replace those that stand alone.
        for built in sorted((troubled(needs.kind) for needs in analyzer.needs), key=len):
            profiles |= built
        return context_of(analyzer, period, profiles, {baseline.model: baseline})

    return give


@pytest.fixture
def troubled_prediction(steady_hours: Callable[..., list[Any]]) -> Build:
    """Wrong prices, a new country, missing ratings, stale sources, and a day of low scores."""

    def trouble(hour: int, rows: dict[str, Any]) -> None:
        if 60 <= hour < 70:
            rows["price"][::2] *= 1_000
            rows["country"][::2] = "XX"
            rows["rating"][::3] = float("nan")
        if 60 <= hour < 84:
            rows["score"][::2] *= 0.1

    return lambda: {
        "prediction": steady_hours(
            DAYS * 24,
            change=trouble,
            stale=lambda hour: 90 if 60 <= hour < 70 else 1,
            ages=lambda hour: 9e4 if 60 <= hour < 70 else 600.0,
        )
    }


@pytest.fixture
def troubled_segment(segment_hours: Callable[..., list[Any]]) -> Build:
    """Scores that collapse for twenty hours."""

    def collapse(hour: int, rows: dict[str, Any]) -> None:
        if 60 <= hour < 80:
            rows["score"] *= 0.1

    return lambda: {"segment": segment_hours(DAYS * 24, change=collapse)}


@pytest.fixture
def troubled_label(traffic: Callable[..., Any], start: datetime) -> Build:
    """Two weeks of labels to compare with; what a score means is reversed for a day."""

    def build() -> Profiles:
        labeled = traffic(
            (DAYS + 10) * 24,
            first=start - 10 * DAY,
            chance=lambda hour, scores: (1 - scores) / 3 if 300 <= hour < 324 else scores,
        )
        return {
            "prediction": labeled.predictions,
            "segment": labeled.segments,
            "label": labeled.labels,
        }

    return build


@pytest.fixture
def troubled_outcome(start: datetime) -> Build:
    """Weeks of outcomes to compare with, which stop for the last two days."""

    def build() -> Profiles:
        first, chance = start - 21 * DAY, np.random.default_rng(5)
        found = rows(
            first,
            (DAYS + 21) * 24,
            30,
            lambda hour: chance.exponential(5.0, 30) if hour < 23 * 24 else np.full(30, np.nan),
        )
        given = labeled_context(found, Window(start, start + DAYS * DAY))
        kinds_of_labels = ("prediction", "outcome")
        return (
            {"label": given.profiles}
            | {kind: given.of(kind).profiles for kind in kinds_of_labels}
            | {"segment": []}
        )

    return build


@pytest.fixture
def troubled_fallback() -> Build:
    """Ten hours full of fallbacks."""
    return lambda: {
        "fallback": [
            FallbackProfile(
                ProfileKey("fallback", window),
                SourceWatermark(1),
                reasons={OfService("api", "stats"): Counter(stale=90 if 60 <= hour < 70 else 1)},
            )
            for hour, window in hours()
        ]
    }


@pytest.fixture
def troubled_segment_feature(baseline: Baseline, steady_hours: Callable[..., list[Any]]) -> Build:
    """Ten hours in which the ratings of Germany are missing, in its own profiles alone."""

    def lost(hour: int, rows: dict[str, Any]) -> None:
        rows["country"][:] = "DE"
        if 60 <= hour < 70:
            rows["rating"][:] = float("nan")

    def build() -> Profiles:
        reference = baseline.of_segment("country=DE")
        assert reference is not None
        series = (*baseline.model, baseline.id, "country=DE")
        return {
            "segment_feature": [
                replace(
                    hour,
                    profile_key=replace(hour.profile_key, kind="segment_feature", series=series),
                    score=None,
                    numeric={
                        name: hour.numeric[name].coarsened(of.edges)
                        for name, of in reference.numeric.items()
                    },
                    categorical={},
                )
                for hour in steady_hours(DAYS * 24, change=lost)
            ]
        }

    return build


@pytest.fixture
def troubled_store() -> Build:
    """A store that is measured every hour, loses half of its entities, and is then left alone."""
    events = [
        {
            "@timestamp": (BEGIN + hour * HOUR).isoformat(),
            "event.ingested": (BEGIN + hour * HOUR).isoformat(),
            "service.name": "trainer",
            "ml.feature_source.name": "stats",
            "ml.store.entity": "profile",
            "ml.store.total": 600,
            "ml.store.covered": 300 if hour >= 60 else 590,
            "ml.store.age_p50_s": 1.0,
            "ml.store.age_p90_s": 60.0,
        }
        for hour in range(70)
    ]
    return lambda: {"store": list(store_profiles(events))}


@pytest.fixture
def troubled_clock() -> Build:
    """Ten hours in which lines arrive that are dated days ahead."""
    return lambda: {
        "clock": [
            ClockProfile(
                ProfileKey("clock", window),
                SourceWatermark(100),
                services={"api": Dates(100, 10 if 60 <= hour < 70 else 0, BEGIN + 9 * DAY)},
            )
            for hour, window in hours()
        ]
    }


@pytest.fixture
def troubled_refinement() -> Build:
    """Nothing was counted finer."""
    return lambda: {"refinement": []}


@pytest.fixture
def troubled_embedding(embedding_hours: Callable[..., list[Any]]) -> Build:
    """Ten hours of vectors far from training's."""
    return lambda: {
        "embedding": embedding_hours(
            DAYS * 24, change=lambda hour, vectors: vectors + 2.0 * (60 <= hour < 70)
        )
    }


@pytest.fixture
def troubled_access(access_profiles: Callable[..., list[Any]]) -> Build:
    """Eight days before that have twice the requests, and five hours without a loaded model."""
    before = 8 * 288

    def build() -> Profiles:
        profiles = access_profiles(
            DAYS + 8,
            requests=lambda index: 24 if index < before else 12,
            answer=lambda index: {503: 4} if 700 <= index - before < 760 else {},
        )
        return {"access": [_moved(profile, 8 * DAY) for profile in profiles]}

    return build


def _moved(profile: Any, back: timedelta) -> Any:
    """Return a profile of an earlier window."""
    key, window = profile.profile_key, profile.window
    earlier = Window(window.start - back, window.end - back)
    return replace(profile, profile_key=replace(key, window=earlier))


@pytest.fixture
def troubled_pulse() -> Build:
    """A request every fifteen seconds; of two paths one fails for ten minutes, then both for five.

    A week lies before, so that a silence of a quarter of an hour is found.
    """

    def failing(at: datetime) -> set[str]:
        if BEGIN + 60 * HOUR <= at < BEGIN + 60 * HOUR + 10 * MINUTE:
            return {"/predict"}
        both = BEGIN + 64 * HOUR + 50 * MINUTE
        return {"/predict", "/rank"} if both <= at < both + 5 * MINUTE else set()

    def build() -> Profiles:
        moments = (
            BEGIN - 8 * DAY + number * timedelta(seconds=15) for number in range(12 * 4 * 1_440)
        )
        quiet = BEGIN + 70 * HOUR
        return {
            "pulse": pulse_profiles(
                (at, path, 503 if path in failing(at) else 200)
                for number, at in enumerate(moments)
                if not quiet <= at < quiet + 15 * MINUTE
                for path in ("/predict", "/rank")
            )
        }

    return build


@pytest.fixture
def troubled_job(runs_of: Callable[..., list[dict[str, Any]]]) -> Build:
    """A job that fails at times, and runs no more after 70 hours."""
    runs = [(float(hour), hour % 30 != 7, 30) for hour in range(70)]
    return lambda: {"job": list(job_profiles(runs_of("refresh", runs)))}


@pytest.fixture
def troubled_model(model_events: Callable[..., list[dict[str, Any]]]) -> Build:
    """Retrained every eight hours, worse each time; the fourth version is never loaded."""

    def events() -> Iterator[dict[str, Any]]:
        for version in range(1, 10):
            hour, name = 8.0 * version, str(version)
            yield from model_events("train", hour, name)
            yield from model_events("evaluate", hour, name, {"f1": 0.7 - version / 50})
            yield from model_events("reload", hour + 1, name, succeeded=version < 4)

    return lambda: {"model": list(model_profiles(events()))}


@pytest.fixture
def troubled_sequence() -> Build:
    """From the 3,000th line on every other one of a hundred is lost, and a hundred are late."""

    def build() -> Profiles:
        lines = [
            *written("a", range(1, 4_801), DAYS * 24),
            *written("b", range(3, 63), 60, service="jobs"),
        ]
        kept = (
            replace(line, seconds=4_000.0 if 3_100 <= line.number < 3_200 else 2.0)
            for line in lines
            if not 3_000 <= line.number < 3_100 or line.number % 2
        )
        return {"sequence": profiles_of(kept)}

    return build


def hours() -> Iterator[tuple[int, Window]]:
    """Yield each hour of the four days with its number."""
    for hour in range(DAYS * 24):
        yield hour, Window(BEGIN + hour * HOUR, BEGIN + (hour + 1) * HOUR)


@pytest.fixture
def whole(
    analyzer: Analyzer[Any],
    context: Callable[[Analyzer[Any], Window], AnalysisContext[Any]],
    start: datetime,
) -> dict[str, Finding]:
    """The findings of an analyzer over the four days at once."""
    if analyzer.name not in _judged:
        period = Window(start, start + DAYS * DAY)
        _judged[analyzer.name] = judged(analyzer, context(analyzer, period))
    return _judged[analyzer.name]


def core(profile: Any, baseline: Baseline, *more: str) -> Any:
    """Return the core of a profile and more parts of it, as they are read from the store."""
    kind, body = kinds()[profile.profile_key.kind], profile.body()
    parts = {name: body[name] for name in (*kind.core, *more)}
    known = {baseline.id: baseline}
    return kind.read(profile.profile_key, profile.watermark, profile.revision, parts, known)


def judged(analyzer: Analyzer[Any], context: AnalysisContext[Any]) -> dict[str, Finding]:
    """Return the findings by key; no two may share one."""
    findings = list(analyzer.evaluate(context))
    by_key = {finding.key: finding for finding in findings}
    assert len(by_key) == len(findings)
    return by_key


def test_analyzers_are_found_by_import() -> None:
    """The modules of the package that define an analyzer are found, in order of their names."""
    names = [analyzer.name for analyzer in ANALYZERS]
    defining = sorted(
        path.stem
        for path in (ROOT / "analyzers" / "checks").rglob("*.py")
        if re.search(r"^class \w+\(Analyzer\[", path.read_text(), re.MULTILINE)
    )
    assert names == defining
    assert len(names) >= 6


@each_analyzer
def test_what_it_declares(analyzer: Analyzer[Any]) -> None:
    """A question, metrics of different names with limits in order, a layer, a page."""
    assert analyzer.question.endswith("?")
    for metric in analyzer.metrics:
        limits = metric.limits
        assert (limits.warning <= limits.critical) == (limits.bad == "above")
    assert len(analyzer.limits) == len(analyzer.metrics)
    assert all(metric.question.endswith("?") for metric in analyzer.metrics)
    assert not any(metric.title.endswith("?") for metric in analyzer.metrics)
    assert analyzer.alert_policy.layer in LAYERS
    assert analyzer.runbook


@each_analyzer
def test_troubles_are_found_and_reported(
    analyzer: Analyzer[Any], whole: dict[str, Finding]
) -> None:
    """Each finding is complete: a declared metric, a sentence, a value unless unknown."""
    findings = whole.values()
    assert any(finding.severity.alarming for finding in findings)
    for finding in findings:
        assert finding.analyzer == analyzer.name
        assert finding.metric in analyzer.limits
        assert finding.reason.endswith(".")
        assert len(finding.reason) < 500
        assert finding.start < finding.end
        assert finding.service or finding.severity is Severity.UNKNOWN
        assert finding.value is not None or finding.severity is Severity.UNKNOWN
        if finding.low is not None and finding.high is not None and finding.value is not None:
            assert finding.low - 1e-9 <= finding.value <= finding.high + 1e-9


@each_analyzer
def test_every_verdict_names_the_limit_it_used(
    analyzer: Analyzer[Any], whole: dict[str, Finding]
) -> None:
    """Of every judged metric the sentence holds the finding's own limit, as people write it."""
    for finding in whole.values():
        limit = finding.critical if finding.severity is Severity.CRITICAL else finding.warning
        if finding.severity is Severity.UNKNOWN or limit is None:
            continue
        assert analyzer.limits[finding.metric].judged
        named = re.search(r"\blimit (?:of )?(-?\d[\d.,]*\d|\d)(?: (\S+))?", finding.reason)
        assert named, finding.reason
        if duration(limit) in finding.reason or duration(limit * 3600) in finding.reason:
            continue
        value = float(named[1].replace(",", "")) / (100 if (named[2] or "").startswith("%") else 1)
        # Shares are written with two digits.
        assert value == pytest.approx(limit, rel=0.06), finding.reason


@each_analyzer
def test_its_alert_knows_how_its_windows_follow(
    analyzer: Analyzer[Any], whole: dict[str, Finding]
) -> None:
    """Overlapping windows of a series end `AlertPolicy.step` apart; others have a standard length.

    Rules count a finding for a number of steps. Short windows that are certain are extra. What is
    judged at once lies a minute before its verdict, and one such finding is enough.
    """
    ends: dict[str, dict[datetime, datetime]] = {}
    for finding in whole.values():
        if finding.certain:
            assert finding.window.length in analyzer.early
            assert finding.severity.alarming
            continue
        if finding.window.length == MINUTE and analyzer.alert_policy.step is None:
            assert analyzer.alert_policy.after == 1
            assert finding.severity.alarming
            continue
        windows = ends.setdefault(finding.series, {})
        assert finding.end not in windows
        windows[finding.end] = finding.start
        assert analyzer.alert_policy.step or finding.window.length in CADENCES
    pairs = [pair for windows in ends.values() for pair in pairwise(sorted(windows.items()))]
    if analyzer.alert_policy.step is None:
        overlapping = [pair for pair in pairs if pair[1][1] < pair[0][0]]
        assert not overlapping, "windows overlap: declare AlertPolicy.step"
    else:
        apart = [later - earlier for (earlier, _), (later, _) in pairs]
        # Where one finding is enough, the first may come between two steps.
        at_once = analyzer.alert_policy.after == 1
        assert analyzer.alert_policy.step == min(
            length for length in apart if not at_once or length >= MINUTE
        )


@each_analyzer
@pytest.mark.parametrize("hours", [31, 48, 65.5])
def test_parts_judge_as_the_whole(
    analyzer: Analyzer[Any],
    context: Callable[[Analyzer[Any], Window], AnalysisContext[Any]],
    whole: dict[str, Finding],
    start: datetime,
    hours: float,
) -> None:
    """Judging a period at once or in parts gives the same findings, to the last letter."""
    cut, end = start + timedelta(hours=hours), start + DAYS * DAY
    first = judged(analyzer, context(analyzer, Window(start, cut)))
    second = judged(analyzer, context(analyzer, Window(cut, end)))
    assert first.keys().isdisjoint(second)
    assert first | second == whole


@each_analyzer
def test_the_core_of_old_profiles_is_enough(
    analyzer: Analyzer[Any],
    context: Callable[[Analyzer[Any], Window], AnalysisContext[Any]],
    baseline: Baseline,
    start: datetime,
) -> None:
    """The findings of the last hour are the same if old profiles hold no more than their core."""
    period = Window(start + DAYS * DAY - HOUR, start + DAYS * DAY)
    given = context(analyzer, period)

    def old(profile: Any) -> bool:
        kind = kinds()[profile.profile_key.kind]
        return bool(kind.core) and profile.window.start < period.start - kind.complete_for

    def cored(profiles: Sequence[Any]) -> Sequence[Any]:
        return [core(profile, baseline) if old(profile) else profile for profile in profiles]

    def with_part(part: str) -> Sequence[Any]:
        return [
            core(profile, baseline, part) if old(profile) else profile for profile in given.profiles
        ]

    others = {kind: cored(of) for kind, of in given.others.items()}
    less = AnalysisContext(
        period, cored(given.profiles), given.baselines, others, with_part, given.earlier
    )
    assert judged(analyzer, less) == judged(analyzer, given)


@each_analyzer
def test_nothing_known_is_nothing_reported(analyzer: Analyzer[Any], start: datetime) -> None:
    """Without any profile and baseline there is no finding and no error."""
    assert not list(analyzer.evaluate(AnalysisContext(Window(start, start + DAY), [])))
