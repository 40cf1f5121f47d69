"""A fault in a small segment is found where all traffic looks right, and calm stays calm."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from mlmon.analyzers.base.analysis_context import AnalysisContext
from mlmon.analyzers.base.finding import Finding, Severity
from mlmon.analyzers.base.profile_key import ProfileKey, SourceWatermark
from mlmon.analyzers.base.window import DAY, HOUR, Window
from mlmon.analyzers.baselines.baseline import Baseline
from mlmon.analyzers.baselines.summary import summarise
from mlmon.analyzers.checks.data_quality import DataQuality
from mlmon.analyzers.checks.feature_drift.feature_drift import FeatureDrift
from mlmon.analyzers.checks.segment_quality import SegmentQuality
from mlmon.analyzers.profiles.kinds.prediction import Categories, PredictionProfile
from mlmon.analyzers.statistics.buckets import Buckets

Rows = dict[str, Any]
Change = Callable[[int, Rows, np.random.Generator], None]
BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
MODEL = ("autobid", "1")
SHARES = {"DE": 0.6, "FR": 0.342, "PT": 0.058}


def draw(rng: np.random.Generator, size: int) -> Rows:
    """Draw rows: a price, a rating of which 5 % are missing, a plan, a country and a score."""
    ratings = rng.normal(4.0, 0.5, size)
    return {
        "price": rng.lognormal(3.0, 0.8, size),
        "rating": np.where(rng.random(size) < 0.05, np.nan, ratings),
        "plan": rng.choice(("free", "paid"), size, p=(0.7, 0.3)).astype(object),
        "country": rng.choice(list(SHARES), size, p=list(SHARES.values())).astype(object),
        "ml.prediction.score": rng.beta(2.0, 5.0, size),
    }


@pytest.fixture(scope="module")
def known() -> Baseline:
    """The baseline of 20,000 rows, divided by country."""
    table = pa.table(draw(np.random.default_rng(1), 20_000))
    return Baseline(*MODEL, created=BEGIN, source="t", **summarise(table, ["country"]))


def counted(rows: Rows, mine: Any, window: Window, of: Baseline, *, series: Any) -> Any:
    """Count some rows over a baseline as Elasticsearch does."""
    return PredictionProfile(
        ProfileKey("prediction", window, series),
        SourceWatermark(int(mine.sum()), window.end),
        service="api",
        rows=int(mine.sum()),
        numeric={
            name: Buckets.from_values(rows[name][mine & ~np.isnan(rows[name])], numbers.edges)
            for name, numbers in of.numeric.items()
        },
        categorical={
            name: Categories(
                Counter({value: n for value, n in found.items() if value in categories.counts}),
                Counter({value: n for value, n in found.items() if value not in categories.counts}),
            )
            for name, categories in of.categorical.items()
            if (found := Counter(rows[name][mine].tolist())) is not None
        },
    )


def judge(
    known: Baseline,
    days: int,
    a_day: int,
    change: Change = lambda _hour, _rows, _rng: None,
    seed: int = 3,
    *,
    in_whole: bool = True,
) -> list[Finding]:
    """Return the findings of some days, from the first full one on."""
    rng, whole, parts = np.random.default_rng(seed), [], []
    for hour in range(24 * days):
        rows = draw(rng, a_day // 24)
        change(hour, rows, rng)
        window = Window(BEGIN + hour * HOUR, BEGIN + (hour + 1) * HOUR)
        everyone = np.ones(a_day // 24, dtype=bool)
        whole.append(counted(rows, everyone, window, known, series=(*MODEL, known.id)))
        for segment in known.segment_features:
            reference, mine = known.of_segment(segment), rows["country"] == segment[8:]
            assert reference is not None
            series = (*MODEL, known.id, segment)
            if mine.any():
                parts.append(counted(rows, mine, window, reference, series=series))
    period = Window(BEGIN + DAY - HOUR, BEGIN + days * DAY)
    baselines = {MODEL: known}
    context = AnalysisContext(period, parts, baselines, {"prediction": whole})
    found = list(SegmentQuality().evaluate(context))
    for analyzer in (DataQuality(), FeatureDrift()) if in_whole else ():
        found += analyzer.evaluate(AnalysisContext(period, whole, baselines))
    return found


def alarms(found: list[Finding], analyzer: str) -> list[Finding]:
    """Return an analyzer's alarms."""
    return [
        finding for finding in found if finding.analyzer == analyzer and finding.severity.alarming
    ]


def no_ratings(since: int) -> Change:
    """Four in five ratings of Portugal are missing from an hour on."""

    def change(hour: int, rows: Rows, rng: np.random.Generator) -> None:
        if hour >= since:
            lost = (rows["country"] == "PT") & (rng.random(len(rows["country"])) < 0.8)
            rows["rating"][lost] = np.nan

    return change


@pytest.mark.parametrize("a_day", [2_400, 24_000])
def test_a_feature_that_is_missing_in_a_small_country_is_found(known: Baseline, a_day: int) -> None:
    """80 % of a feature missing in 5.8 % of the traffic: critical there, within twelve hours."""
    found = judge(known, 4, a_day, no_ratings(48))
    assert not alarms(found, "data_quality")
    of_segments = alarms(found, "segment_quality")
    assert {(finding.metric, finding.segment) for finding in of_segments} == {
        ("missing.rate", "country=PT")
    }
    begin = BEGIN + 48 * HOUR
    first = min(finding.end for finding in of_segments)
    assert HOUR < first - begin <= 12 * HOUR
    last = of_segments[-1]
    assert last.severity is Severity.CRITICAL
    assert last.value == pytest.approx(0.81, abs=0.07)
    assert last.baseline_value == pytest.approx(0.05, abs=0.015)
    assert last.reason.startswith("country=PT: ")
    assert "% of rating is missing" in last.reason
    assert "in training 5.8 %, limit 29 %." in last.reason


def test_numbers_and_categories_that_drift_in_a_small_country_are_found(known: Baseline) -> None:
    """Prices tripled and plans swapped in 5.8 % of the traffic: both named with their segment."""

    def change(hour: int, rows: Rows, _rng: np.random.Generator) -> None:
        if hour >= 24:
            mine = rows["country"] == "PT"
            rows["price"][mine] *= 3.0
            rows["plan"][mine] = "paid"

    found = judge(known, 3, 4_800, change)
    assert not alarms(found, "feature_drift")
    assert not alarms(found, "data_quality")
    by_metric = {finding.metric: finding for finding in alarms(found, "segment_quality")}
    assert "price drifted: " in by_metric["ks.distance"].reason
    assert "plan drifted: " in by_metric["total_variation"].reason
    assert {finding.segment for finding in by_metric.values()} == {"country=PT"}


def test_a_fault_in_all_traffic_is_left_to_the_whole(known: Baseline) -> None:
    """Half of all ratings missing: `data_quality` alarms, and no segment does so again."""

    def change(_hour: int, rows: Rows, rng: np.random.Generator) -> None:
        rows["rating"][rng.random(len(rows["rating"])) < 0.5] = np.nan

    found = judge(known, 2, 2_400, change)
    assert alarms(found, "data_quality")
    assert not alarms(found, "segment_quality")


def test_calm_histories_stay_calm(known: Baseline) -> None:
    """Twelve histories of a week at three sizes: no segment alarms, and each is judged."""
    for a_day in (240, 2_400, 9_600):
        for seed in range(4):
            found = judge(known, 7, a_day, seed=seed, in_whole=False)
            assert not alarms(found, "segment_quality")
    assert {finding.severity for finding in found} == {Severity.OK}
    for metric in ("missing.rate", "out_of_range.rate", "unseen_category.rate", "ks.distance"):
        judged = {finding.segment for finding in found if finding.metric == metric}
        assert judged == set(known.segment_features)


def test_a_segment_too_small_for_calm_is_unknown(known: Baseline) -> None:
    """139 predictions a day of a country are not called free of drift, and say what is needed."""
    found = [
        finding
        for finding in judge(known, 2, 2_400, in_whole=False)
        if finding.segment == "country=PT" and finding.metric == "ks.distance"
    ]
    assert {finding.severity for finding in found} == {Severity.UNKNOWN}
    assert "are needed to detect a distance of 0.2" in found[0].reason


def test_a_segment_with_too_few_predictions_is_counted(known: Baseline) -> None:
    """14 predictions a day of a country are no verdict; the sentence names how many are needed."""
    found = judge(known, 2, 240, in_whole=False)
    (unknown, *_) = [
        finding
        for finding in found
        if finding.analyzer == "segment_quality" and finding.segment is None
    ]
    assert unknown.severity is Severity.UNKNOWN
    assert "1 segment had fewer than 50 predictions" in unknown.reason
    assert "country=PT" in unknown.reason


def test_only_large_segments_are_counted() -> None:
    """A country with 1 % of the rows is not detailed, nor is a ninth one."""
    rng = np.random.default_rng(4)
    rows = draw(rng, 20_000)
    names = [f"C{k:02}" for k in range(12)]
    shares = np.array([0.2, *[0.079] * 10, 0.01])
    rows["country"] = rng.choice(names, 20_000, p=shares / shares.sum()).astype(object)
    made = summarise(pa.table(rows), ["country"])["segment_features"]
    assert len(made) == 8
    assert "country=C11" not in made
    assert "country=C00" in made
    few = summarise(pa.table({name: of[:3_000] for name, of in rows.items()}), ["country"])
    assert all(segment.rows >= 200 for segment in few["segment_features"].values())
    assert few["segment_features"]["country=C00"].rows == int(
        (rows["country"][:3_000] == "C00").sum()
    )
