"""Score attribution on shifts whose effect on the score is known."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from mlmon.analyzers.base.analysis_context import AnalysisContext
from mlmon.analyzers.base.finding import Finding, Severity
from mlmon.analyzers.base.window import DAY, HOUR, Window
from mlmon.analyzers.baselines.baseline import Baseline
from mlmon.analyzers.baselines.summary import SCORE, summarise
from mlmon.analyzers.checks.score_attribution import ScoreAttribution
from mlmon.analyzers.checks.score_shift.score_shift import ScoreShift
from mlmon.analyzers.drift.attribution import Attribution, attribute
from mlmon.analyzers.profiles.quantities import merge

Make = Callable[..., list[Any]]
Rows = dict[str, Any]
Draw = Callable[[np.random.Generator, int], Rows]


def model(rows: Rows) -> None:
    """Score rows as a model does: dear bids lose, France wins, a missing rating loses."""
    score = 0.6 - 0.1 * np.log(rows["price"] / 20) + 0.2 * (rows["country"] == "FR")
    rows["score"] = np.clip(score - 0.3 * np.isnan(rows["rating"]), 0.0, 1.0)


@pytest.fixture(scope="session")
def scored(draw_rows: Draw, start: datetime) -> Baseline:
    """A baseline whose scores are the model's."""
    rows = draw_rows(np.random.default_rng(1), 20_000)
    model(rows)
    table = pa.table({SCORE if name == "score" else name: of for name, of in rows.items()})
    return Baseline("autobid", "1", created=start, source="t", **summarise(table))


def judge(profiles: list[Any], baseline: Baseline | None, start: datetime) -> list[Finding]:
    """Return the findings of the end of the first day."""
    baselines = {baseline.model: baseline} if baseline else {}
    period = Window(start + 23 * HOUR, start + DAY)
    return list(ScoreAttribution().evaluate(AnalysisContext(period, profiles, baselines)))


def test_a_shift_of_one_feature(steady_hours: Make, scored: Baseline, start: datetime) -> None:
    """Prices 1.6 times as high lower the mean by 0.1 ln 1.6, and rank first."""

    def dear(_hour: int, rows: Rows) -> None:
        rows["price"] *= 1.6
        model(rows)

    found = judge(steady_hours(24, 200, change=dear, baseline=scored), scored, start)
    first = found[0]
    assert first.subject == "price"
    assert first.value == pytest.approx(-0.1 * np.log(1.6), abs=0.008)
    assert first.low is not None
    assert first.high is not None
    assert first.low <= -0.1 * np.log(1.6) <= first.high
    assert first.severity is Severity.WARNING
    assert first.reason.startswith("price, rank 1 of 3: its shift alone changes the mean score by")
    assert [abs(finding.value or 0) for finding in found[1:]] == pytest.approx([0, 0], abs=0.01)
    assert {finding.severity for finding in found[1:]} == {Severity.OK}


def test_each_kind_of_feature_is_distinguished(
    steady_hours: Make, scored: Baseline, start: datetime
) -> None:
    """With three shifts at once each has its own effect, and they add up to the change."""

    def change(_hour: int, rows: Rows) -> None:
        rows["price"] *= 1.2
        rows["country"][::4] = "FR"
        rows["rating"][1::10] = np.nan
        model(rows)

    profiles = steady_hours(24, 200, change=change, baseline=scored)
    effects = {finding.subject: finding.value for finding in judge(profiles, scored, start)}
    expected = {"price": -0.1 * np.log(1.2), "country": 0.2 * 0.7 / 4, "rating": -0.3 * 0.095}
    assert effects == pytest.approx(expected, abs=0.008)
    attribution = attribute(merge(profiles), scored)
    assert attribution.explained == pytest.approx(attribution.change, abs=0.008)


def test_scores_as_in_training(steady_hours: Make, scored: Baseline, start: datetime) -> None:
    """Without a shift every effect's interval holds zero."""
    profiles = steady_hours(24, change=lambda _hour, rows: model(rows), baseline=scored)
    found = judge(profiles, scored, start)
    assert len(found) == 3
    for finding in found:
        assert finding.severity is Severity.OK
        assert finding.low is not None
        assert finding.high is not None
        assert finding.low < 0 < finding.high


def test_values_training_has_not_seen_are_not_guessed(
    steady_hours: Make, scored: Baseline, start: datetime
) -> None:
    """A quarter of the traffic from a new country may be scored like anything, so it is ok."""

    def new(_hour: int, rows: Rows) -> None:
        model(rows)
        rows["country"][::4] = "XX"

    found = judge(steady_hours(24, change=new, baseline=scored), scored, start)
    (country,) = [finding for finding in found if finding.subject == "country"]
    assert country.severity is Severity.OK
    assert country.low is not None
    assert country.high is not None
    assert country.high - country.low > 0.2


def test_the_shift_of_the_scores_names_its_cause(
    steady_hours: Make, scored: Baseline, start: datetime
) -> None:
    """The score shift's sentence names the feature that moved the mean, and no other."""

    def dear(_hour: int, rows: Rows) -> None:
        rows["price"] *= 2
        model(rows)

    profiles = steady_hours(24, change=dear, baseline=scored)
    context = AnalysisContext(
        Window(start + 23 * HOUR, start + DAY), profiles, {scored.model: scored}
    )
    (shift,) = ScoreShift().evaluate(context)
    assert shift.severity.alarming
    assert ", of which price -0.0" in shift.reason
    assert "country" not in shift.reason
    assert "of it remain unexplained" in shift.reason


def test_a_model_that_scores_otherwise(
    steady_hours: Make, scored: Baseline, start: datetime
) -> None:
    """Where only the scores moved, no feature explains it, and that is reported."""

    def other(_hour: int, rows: Rows) -> None:
        model(rows)
        rows["score"] = rows["score"] * 0.6

    profiles = steady_hours(24, change=other, baseline=scored)
    context = AnalysisContext(
        Window(start + 23 * HOUR, start + DAY), profiles, {scored.model: scored}
    )
    (shift,) = ScoreShift().evaluate(context)
    assert "by no feature's shift" in shift.reason
    [unexplained] = map(int, re.findall(r"(\d+) % of it remain unexplained", shift.reason))
    assert 95 <= unexplained <= 105


def test_effects_that_overlap_are_not_called_explanation() -> None:
    """Effects that add up to more than the change are reported as such."""
    effects = attribute_of(price=-0.2, country=-0.1)
    sentence = Attribution(-0.2, effects).sentence()
    assert sentence.endswith("all features together would make -0.3")


def attribute_of(**values: float) -> dict[str, Any]:
    """Make effects of given sizes."""
    from mlmon.analyzers.statistics.interval import Estimate, Interval

    return {name: Estimate(value, Interval.exactly(value)) for name, value in values.items()}


def test_nothing_to_rank(steady_hours: Make, scored: Baseline, start: datetime) -> None:
    """No baseline, no scores in training, or too few rows: unknown, with the reason."""
    bare = replace(scored, score=None, score_sums={})
    cases = [
        (judge(steady_hours(24, baseline=None), None, start), "There is no baseline"),
        (judge(steady_hours(24, baseline=bare), bare, start), "holds no scores"),
        (judge(steady_hours(24, 1, baseline=scored), scored, start), "100 are needed"),
    ]
    for (finding,), says in cases:
        assert finding.severity is Severity.UNKNOWN
        assert says in finding.reason


def test_a_feature_that_disappeared(steady_hours: Make, scored: Baseline, start: datetime) -> None:
    """Without any price the effect may be anything: training had no row without one."""

    def gone(_hour: int, rows: Rows) -> None:
        model(rows)
        rows["price"][:] = np.nan

    found = judge(steady_hours(24, change=gone, baseline=scored), scored, start)
    (price,) = [finding for finding in found if finding.subject == "price"]
    assert price.severity is Severity.OK
    assert price.low is not None
    assert price.high is not None
    assert price.high - price.low > 0.9
