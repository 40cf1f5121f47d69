"""Two times of traffic, or one and its training set, compared from stored profiles."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats
from scipy.spatial.distance import jensenshannon
from typer.testing import CliRunner, Result

from mlmon.analyzers.base.finding import Severity
from mlmon.analyzers.base.profile_key import ProfileKey, SourceWatermark
from mlmon.analyzers.base.window import HOUR, Window, iso
from mlmon.analyzers.baselines.baseline import Baseline
from mlmon.analyzers.baselines.store import BaselineStore
from mlmon.analyzers.baselines.summary import SCORE, summarise
from mlmon.analyzers.commands import app
from mlmon.analyzers.compare.comparison import (
    SCORES,
    ComparedSide,
    ComparisonRow,
    compare,
    of_traffic,
    of_training,
)
from mlmon.analyzers.compare.traffic import compared
from mlmon.analyzers.drift.chosen_tests import ChosenTests
from mlmon.analyzers.drift.methods import drift_methods
from mlmon.analyzers.drift.methods import kolmogorov_smirnov as ks
from mlmon.analyzers.profiles.kind import kinds
from mlmon.analyzers.profiles.kinds.prediction import KIND, Categories, PredictionProfile
from mlmon.analyzers.profiles.quantities import merge
from mlmon.analyzers.profiles.store import PROFILES_PER_PAGE, ProfileStore, merge_stored
from mlmon.analyzers.statistics.buckets import Buckets
from mlmon.analyzers.statistics.interval import Interval
from mlmon.elastic.client.cluster import Cluster
from mlmon.elastic.errors import UserError

Make = Callable[..., list[Any]]
Rows = dict[str, Any]
Run = Callable[..., Result]
MODEL = ("autobid", "1")


def by_feature(rows: list[ComparisonRow]) -> dict[str, ComparisonRow]:
    """Return rows by their feature."""
    return {row.feature: row for row in rows}


def side(hours: list[Any], baseline: Baseline, name: str = "now") -> ComparedSide:
    """Return hours over one baseline's edges as a side."""
    return of_traffic(name, [merge(hours)], {baseline.id: baseline})


@pytest.fixture(scope="session")
def retrained(baseline: Baseline, draw_rows: Callable[..., Rows]) -> Baseline:
    """The next version: trained on other rows, so with edges of its own, and on one country less.

    Ratings, which it was not trained on, are no feature of it.
    """
    rows = draw_rows(np.random.default_rng(4), 5_000)
    rows["country"] = np.where(rows["country"] == "FR", "DE", rows["country"])
    del rows["rating"]
    table = pa.table({SCORE if name == "score" else name: of for name, of in rows.items()})
    later = baseline.created + 24 * HOUR
    return Baseline("autobid", "2", created=later, source="2.parquet", **summarise(table))


def two_versions(
    steady_hours: Make, baseline: Baseline, retrained: Baseline, raw: list[Rows]
) -> list[Any]:
    """Two days of either version, each over its own edges, the last but one day over both.

    Prices rise by a half with the third day. The rows are appended to `raw`, hour by hour.
    """

    def kept(hour: int, rows: Rows) -> None:
        if hour >= 48:
            rows["price"] = rows["price"] * 1.5
        raw.append(rows)

    hours = steady_hours(96, change=kept)
    profiles = []
    for hour, (rows, profile) in enumerate(zip(raw, hours, strict=True)):
        model = (baseline if hour < 48 else retrained).model
        over = [baseline] if hour < 24 else [baseline, retrained] if hour < 48 else [retrained]
        profiles += [profiled(profile.window, rows, of, model) for of in over]
    return profiles


def profiled(window: Window, rows: Rows, baseline: Baseline, model: tuple[str, str]) -> Any:
    """Return the profile of rows over a baseline's edges."""
    known = {name: of.counts for name, of in baseline.categorical.items()}
    countries = Counter(map(str, rows["country"]))
    return PredictionProfile(
        ProfileKey(KIND, window, (*model, baseline.id)),
        SourceWatermark(len(rows["price"]), window.end),
        score=Buckets.from_values(rows["score"], baseline.score.edges if baseline.score else ()),
        numeric={
            name: replace(Buckets.from_values(rows[name], of.edges), missing=0)
            for name, of in baseline.numeric.items()
        },
        categorical={
            "country": Categories(
                Counter({name: n for name, n in countries.items() if name in known["country"]}),
                Counter({name: n for name, n in countries.items() if name not in known["country"]}),
            )
        },
    )


def test_times_of_two_versions_agree_with_scipy_on_their_rows(
    cluster: Cluster,
    namespace: str,
    steady_hours: Make,
    baseline: Baseline,
    retrained: Baseline,
    start: datetime,
) -> None:
    """A time that spans both versions, and one before: every distance holds that of the raw rows.

    Each prediction is counted once, although a day is profiled over both versions' edges.
    """
    raw: list[Rows] = []
    store = ProfileStore(cluster, namespace)
    store.write(two_versions(steady_hours, baseline, retrained, raw), start)
    store.refresh()
    BaselineStore(cluster, namespace).write([baseline, retrained])
    hours = Window(start + 36 * HOUR, start + 96 * HOUR), Window(start, start + 30 * HOUR)
    found = compared(cluster, namespace, *hours, (None, None))
    assert found.before is not None
    assert (found.traffic.predictions, found.before.predictions) == (6_000, 3_000)
    assert found.baseline.id == retrained.id
    assert "over the edges of versions 1 and 2" in found.title
    assert found.to_json()["baseline.ids"] == [baseline.id, retrained.id]
    rows = by_feature(list(found.rows))
    assert set(rows) == {"price", "country", SCORES}
    for feature, column in (("price", "price"), (SCORES, "score")):
        now, before = (
            np.concatenate([row[column] for row in part]) for part in (raw[36:], raw[:30])
        )
        drift = rows[feature].drift
        assert drift is not None
        exact = stats.ks_2samp(now, before).statistic
        hidden = Interval(drift.low, drift.high)
        assert hidden.contains(exact)
        # What chance may add, and two hundredths that edges leave open, at either end.
        assert hidden.width < 2 * ks.critical_distance(6_000, 3_000, 0.001) + 0.04
    assert (rows["price"].severity, rows[SCORES].severity) == (Severity.WARNING, Severity.OK)
    share = [
        np.mean(np.concatenate([row["country"] for row in part]) == "FR")
        for part in (raw[36:], raw[:30])
    ]
    country = rows["country"].drift
    assert country is not None
    assert country.low <= abs(share[0] - share[1]) <= country.high < 0.1


def test_the_drift_tests_agree_with_scipy_on_their_rows(
    steady_hours: Make, baseline: Baseline
) -> None:
    """Wasserstein and Jensen-Shannon hold scipy's values, PSI the one of its formula."""
    raw: dict[bool, list[Rows]] = {False: [], True: []}

    def kept(hour: int, rows: Rows) -> None:
        if hour >= 24:
            rows["price"] = rows["price"] * 1.3
            rows["country"] = np.where(rows["country"] == "US", "XX", rows["country"])
        raw[hour >= 24].append(rows)

    hours = steady_hours(48, change=kept)
    by_test = {
        name: by_feature(
            compare(side(hours[24:], baseline), side(hours[:24], baseline), ChosenTests(method))
        )
        for name, method in drift_methods().items()
    }
    now, before = (np.concatenate([row["price"] for row in raw[of]]) for of in (True, False))
    moved = by_test["wasserstein"]["price"].drift
    assert moved is not None
    assert moved.low <= stats.wasserstein_distance(now, before) / before.std(ddof=1) <= moved.high
    index = by_test["psi"]["price"].drift
    assert index is not None
    assert index.p_value < 1e-6
    counts = [Counter(np.concatenate([row["country"] for row in raw[of]])) for of in (True, False)]
    shares = [[count_[name] / 2_400 for name in ("DE", "FR", "US", "XX")] for count_ in counts]
    known = by_test["jensen_shannon"]["country"].drift
    assert known is not None
    assert known.value == pytest.approx(jensenshannon(*shares, base=2), abs=1e-9)
    # Wasserstein is for numbers: categories keep the test they have by default.
    assert by_test["wasserstein"]["country"].test == "total_variation"
    smoothed = [(np.array(share) * 2_400 + 0.5) / (2_400 + 2) for share in shares]
    psi = sum((p - q) * np.log(p / q) for p, q in zip(*smoothed, strict=True))
    assert by_test["psi"]["country"].to_json()["value"] == pytest.approx(psi)


def test_a_version_without_baseline_is_counted_out(
    cluster: Cluster, namespace: str, steady_hours: Make, baseline: Baseline, start: datetime
) -> None:
    """Predictions over no baseline's edges cannot be compared; the title says how many they are."""
    hours = steady_hours(48)
    bare = [
        PredictionProfile(ProfileKey(KIND, hour.window, ("autobid", "0", "")), hour.watermark)
        for hour in hours[:24]
    ]
    store = ProfileStore(cluster, namespace)
    store.write([*bare, *hours[24:]], start)
    store.refresh()
    BaselineStore(cluster, namespace).write([baseline])
    found = compared(cluster, namespace, Window(start, start + 48 * HOUR), None, (None, None))
    assert (found.traffic.predictions, found.traffic.uncounted) == (2_400, 2_400)
    assert found.title.endswith("; 2,400 more over no baseline's")
    with pytest.raises(UserError, match=r"No predictions of autobid .* over a baseline"):
        compared(cluster, namespace, Window(start, start + 24 * HOUR), None, (None, None))


def test_what_moved_is_ranked_first(steady_hours: Make, baseline: Baseline) -> None:
    """Doubled prices stand at the top as critical; all else is as in training, scores included."""

    def doubled(_hour: int, rows: Rows) -> None:
        rows["price"] *= 2

    rows = compare(side(steady_hours(48, change=doubled), baseline), of_training(baseline))
    assert rows[0].feature == "price"
    assert rows[0].severity is Severity.CRITICAL
    assert {row.feature for row in rows[1:]} == {"rating", "country", SCORES}
    assert {row.severity for row in rows[1:]} == {Severity.OK}


def test_two_times_agree_with_scipy_on_their_rows(steady_hours: Make, baseline: Baseline) -> None:
    """The interval of each distance holds scipy's two-sample distance of the raw rows."""
    raw: dict[bool, list[Any]] = {False: [], True: []}

    def kept(hour: int, rows: Rows) -> None:
        if hour >= 24:
            rows["price"] = rows["price"] * 1.3
        raw[hour >= 24].append(rows["price"])

    hours = steady_hours(48, change=kept)
    rows = compare(side(hours[24:], baseline), side(hours[:24], baseline, "the first day"))
    exact = stats.ks_2samp(*(np.concatenate(raw[late]) for late in (True, False))).statistic
    row = by_feature(rows)["price"]
    assert row.drift is not None
    assert row.drift.low <= exact <= row.drift.high
    assert "in the first day" in row.moved
    assert "training" not in row.moved


def test_a_feature_without_values_is_reported_not_judged(
    steady_hours: Make, baseline: Baseline
) -> None:
    """A feature that nobody sends any more is unknown, stands last, and says so."""

    def gone(_hour: int, rows: Rows) -> None:
        rows["rating"] = np.full(rows["rating"].shape, np.nan)

    rows = compare(side(steady_hours(24, change=gone), baseline), of_training(baseline))
    assert (rows[-1].feature, rows[-1].severity) == ("rating", Severity.UNKNOWN)
    assert rows[-1].moved == "no values now"


def test_totals_are_the_sum_of_the_latest_revisions(
    cluster: Cluster, namespace: str, steady_hours: Make, baseline: Baseline, start: datetime
) -> None:
    """Over more profiles than are added at once, some made again, both ways of reading agree."""
    first = steady_hours(PROFILES_PER_PAGE + 20, per_hour=5)
    again = [
        replace(profile, revision=2, approved=profile.approved + 7) for profile in first[10:20]
    ]
    store = ProfileStore(cluster, namespace)
    store.write([*first, *again], start)
    store.refresh()
    period = Window(start, start + len(first) * HOUR)
    known = {baseline.id: baseline}
    (summed,) = merge_stored(kinds()[KIND], store.stored(KIND, period), known)
    expected = merge([*first[:10], *again, *first[20:]])
    assert summed.approved == expected.approved
    assert summed.predictions == expected.predictions == 5 * len(first)
    assert {name: buckets.counts for name, buckets in summed.numeric.items()} == {
        name: buckets.counts for name, buckets in expected.numeric.items()
    }
    assert summed.categorical == expected.categorical


@pytest.fixture
def run(
    cluster: Cluster,
    namespace: str,
    steady_hours: Make,
    baseline: Baseline,
    start: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    """Run `mlmon compare` where prices double with the second day."""

    def doubled(hour: int, rows: Rows) -> None:
        rows["price"] *= 1 + (hour >= 24)

    BaselineStore(cluster, namespace).write([baseline])
    store = ProfileStore(cluster, namespace)
    store.write(steady_hours(48, change=doubled), start)
    store.refresh()
    monkeypatch.setenv("MLMON_ELASTICSEARCH_URL", cluster.url)
    monkeypatch.setenv("MLMON_NAMESPACE", namespace)
    return lambda *words: CliRunner().invoke(app, ["compare", *words])


def test_the_command_compares_with_the_time_before(run: Run, start: datetime) -> None:
    """As text and as JSON: prices moved between the days, nothing else did."""
    days = [iso(start + 24 * day * HOUR) for day in range(3)]
    words = ["--since", days[1], "--until", days[2], "--with-since", days[0]]
    answer = json.loads(run(*words, "--json").stdout)
    assert answer["predictions"] == 2_400
    assert answer["with"] == days[:2]
    assert [row["severity"] for row in answer["rows"]] == ["critical", "ok", "ok", "ok"]
    title, price, *_ = run(*words).stdout.splitlines()
    # There are no logs to count again, so the profiles stand.
    assert run(*words, "--refine").stdout.splitlines()[1] == price
    by_psi = json.loads(run(*words, "--test", "psi", "--json").stdout)["rows"]
    assert {row["test"] for row in by_psi} == {"psi"}
    assert [row["severity"] for row in by_psi] == ["critical", "ok", "ok", "ok"]
    assert title.startswith("2,400 predictions on 2026-03-03 (UTC), compared with those on 2026")
    assert price.startswith("price ")
    assert "█" in price
    assert "in the time before" in price


def test_a_time_without_profiles_is_reported(run: Run, start: datetime) -> None:
    """Where nothing was profiled the command says how to profile it, and fails."""
    result = run("--since", iso(start - 9 * HOUR), "--until", iso(start - 2 * HOUR))
    assert isinstance(result.exception, UserError)
    assert "mlmon analyze --since" in str(result.exception.hint)
    turned = run("--since", iso(start + HOUR), "--until", iso(start))
    assert isinstance(turned.exception, UserError)


def test_the_version_that_served_last_is_compared(
    cluster: Cluster, namespace: str, run: Run, baseline: Baseline, start: datetime
) -> None:
    """A baseline made later, of a version that has not served, is not taken by default."""
    other = replace(baseline, model_version="2", created=baseline.created + HOUR)
    assert other.id != baseline.id
    BaselineStore(cluster, namespace).write([other])
    words = ["--since", iso(start), "--until", iso(start + 48 * HOUR), "--json"]
    assert json.loads(run(*words).stdout)["ml.model.version"] == baseline.model_version
    asked = json.loads(run(*words, "--model-version", "2").stdout)
    assert (asked["baseline.id"], asked["predictions"]) == (other.id, 4_800)


def test_a_model_without_baseline_is_reported(run: Run) -> None:
    """An unknown model has nothing to be compared over."""
    result = run("--model", "none")
    assert isinstance(result.exception, UserError)
    assert "no baseline of none" in result.exception.message
