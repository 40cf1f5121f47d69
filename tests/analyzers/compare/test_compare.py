"""Two times of traffic, or one and its training set, compared from stored profiles."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import pytest
from scipy import stats
from typer.testing import CliRunner, Result

from analyzers.baseline.baseline import Baseline
from analyzers.baseline.store import BaselineStore
from analyzers.commands import app
from analyzers.compare.comparison import SCORE, Row, compare, of_traffic, of_training
from analyzers.finding import Severity
from analyzers.profile.prediction_totals import AT_ONCE, prediction_totals
from analyzers.profile.predictions import KIND, total
from analyzers.profile.store import ProfileStore
from analyzers.window import HOUR, Window, iso
from elastic.cluster import Cluster
from elastic.errors import UserError

Make = Callable[..., list[Any]]
Rows = dict[str, Any]
Run = Callable[..., Result]
MODEL = ("autobid", "1")


def by_feature(rows: list[Row]) -> dict[str, Row]:
    """Return rows by their feature."""
    return {each.feature: each for each in rows}


def test_what_moved_is_ranked_first(steady_hours: Make, baseline: Baseline) -> None:
    """Doubled prices stand at the top as critical; all else is as in training, scores included."""

    def doubled(_hour: int, rows: Rows) -> None:
        rows["price"] *= 2

    rows = compare(total(steady_hours(48, change=doubled)), of_training(baseline))
    assert rows[0].feature == "price"
    assert rows[0].severity is Severity.CRITICAL
    assert {each.feature for each in rows[1:]} == {"rating", "country", SCORE}
    assert {each.severity for each in rows[1:]} == {Severity.OK}


def test_two_times_agree_with_scipy_on_their_rows(steady_hours: Make) -> None:
    """The interval of each distance holds scipy's two-sample distance of the raw rows."""
    raw: dict[bool, list[Any]] = {False: [], True: []}

    def kept(hour: int, rows: Rows) -> None:
        if hour >= 24:
            rows["price"] = rows["price"] * 1.3
        raw[hour >= 24].append(rows["price"])

    hours = steady_hours(48, change=kept)
    rows = compare(total(hours[24:]), of_traffic("the first day", total(hours[:24])))
    exact = stats.ks_2samp(*(np.concatenate(raw[late]) for late in (True, False))).statistic
    row = by_feature(rows)["price"]
    assert row.drift is not None
    assert row.drift.low <= exact <= row.drift.high
    assert "in the first day" in row.moved
    assert "training" not in row.moved


def test_a_feature_without_values_is_said_not_judged(
    steady_hours: Make, baseline: Baseline
) -> None:
    """A feature that nobody sends any more is unknown, stands last, and says so."""

    def gone(_hour: int, rows: Rows) -> None:
        rows["rating"] = np.full(rows["rating"].shape, np.nan)

    rows = compare(total(steady_hours(24, change=gone)), of_training(baseline))
    assert (rows[-1].feature, rows[-1].severity) == ("rating", Severity.UNKNOWN)
    assert rows[-1].moved == "no values now"


def test_totals_are_the_sum_of_the_latest_revisions(
    cluster: Cluster, namespace: str, steady_hours: Make, baseline: Baseline, start: datetime
) -> None:
    """Over more profiles than are added at once, some made anew, both ways of reading agree."""
    first = steady_hours(AT_ONCE + 20, per_hour=5)
    anew = [replace(each, revision=2, approved=each.approved + 7) for each in first[10:20]]
    store = ProfileStore(cluster, namespace)
    store.write([*first, *anew], start)
    store.refresh()
    period = Window(start, start + len(first) * HOUR)
    known = {baseline.id: baseline}
    (summed,) = prediction_totals(store.stored(KIND, period), known)
    expected = total([*first[:10], *anew, *first[20:]])
    assert summed.approved == expected.approved
    assert summed.predictions == expected.predictions == 5 * len(first)
    assert {name: each.counts for name, each in summed.numeric.items()} == {
        name: each.counts for name, each in expected.numeric.items()
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
    days = [iso(start + 24 * each * HOUR) for each in range(3)]
    words = ["--from", days[1], "--to", days[2], "--with-from", days[0]]
    answer = json.loads(run(*words, "--json").stdout)
    assert answer["predictions"] == 2_400
    assert answer["with"] == days[:2]
    assert [each["severity"] for each in answer["rows"]] == ["critical", "ok", "ok", "ok"]
    title, price, *_ = run(*words).stdout.splitlines()
    assert title.startswith("2,400 predictions on 2026-03-03 (UTC), compared with those on 2026")
    assert price.startswith("price ")
    assert "█" in price
    assert "in the time before" in price


def test_a_time_without_profiles_is_said(run: Run, start: datetime) -> None:
    """Where nothing was profiled the command says how to profile it, and fails."""
    result = run("--from", iso(start - 9 * HOUR), "--to", iso(start - 2 * HOUR))
    assert isinstance(result.exception, UserError)
    assert "mlmon analyze --from" in str(result.exception.hint)
    turned = run("--from", iso(start + HOUR), "--to", iso(start))
    assert isinstance(turned.exception, UserError)


def test_the_version_that_served_last_is_compared(
    cluster: Cluster, namespace: str, run: Run, baseline: Baseline, start: datetime
) -> None:
    """A baseline made later, of a version that has not served, is not taken by default."""
    other = replace(baseline, model_version="2", created=baseline.created + HOUR)
    assert other.id != baseline.id
    BaselineStore(cluster, namespace).write([other])
    words = ["--from", iso(start), "--to", iso(start + 48 * HOUR), "--json"]
    assert json.loads(run(*words).stdout)["ml.model.version"] == baseline.model_version
    result = run(*words, "--model-version", "2")
    assert isinstance(result.exception, UserError)
    assert "There are those of autobid 1" in str(result.exception.hint)


def test_a_model_without_baseline_is_said(run: Run) -> None:
    """An unknown model has nothing to be compared over."""
    result = run("--model", "none")
    assert isinstance(result.exception, UserError)
    assert "no baseline of none" in result.exception.message
