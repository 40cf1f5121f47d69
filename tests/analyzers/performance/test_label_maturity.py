"""How mature a window's labels are follows from older windows, and from nothing else."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from mlmon.analyzers.base.analysis_context import AnalysisContext
from mlmon.analyzers.base.window import DAY, HOUR, Window
from mlmon.analyzers.baselines.baseline import Baseline
from mlmon.analyzers.performance.label_maturity import Coverage, LabelHistory

Make = Callable[..., Any]


def history(traffic: Any, baseline: Baseline, period: Window) -> LabelHistory:
    """The history of the fixture's model."""
    baselines = {baseline.model: baseline}
    predicted = AnalysisContext(period, traffic.predictions, baselines)
    return LabelHistory(predicted, AnalysisContext(period, traffic.labels, baselines), "autobid")


def of_day(traffic: Any, window: Window) -> tuple[tuple[int, int], tuple[int, int]]:
    """Count a window's approved and rejected predictions, and the labeled ones of them."""
    predicted = [
        prediction for prediction in traffic.predictions if window.start <= prediction.window.start
    ]
    predicted = [profile for profile in predicted if profile.window.end <= window.end]
    labeled = [label for label in traffic.labels if window.start <= label.window.start]
    labeled = [profile for profile in labeled if profile.window.end <= window.end]
    approved = sum(profile.approved for profile in predicted)
    return (approved, sum(profile.approved.labeled for profile in labeled)), (
        sum(profile.predictions for profile in predicted) - approved,
        sum(profile.rejected.labeled for profile in labeled),
    )


@pytest.mark.parametrize("share", [0.98, 0.8, 0.3])
def test_a_day_is_measured_by_older_days(
    traffic: Make, baseline: Baseline, start: datetime, share: float
) -> None:
    """The labeled share of the last day against that of days three to seven days older."""
    known = traffic(8 * 24, known=lambda hour: share if hour >= 7 * 24 else 1.0)
    day = Window(start + 7 * DAY, start + 8 * DAY)
    coverage = history(known, baseline, day).coverage(day, *of_day(known, day))
    assert coverage.approved.reached == 1.0
    assert coverage.approved.maturity == pytest.approx(share, abs=0.03)
    assert coverage.mature is (share > 0.95)
    assert coverage.rejected.reached == pytest.approx(0.3, abs=0.03)
    assert coverage.rejected.missing_share == pytest.approx(0.3 * (1 - share), abs=0.03)


def test_a_service_that_learns_half_of_its_outcomes(
    traffic: Make, baseline: Baseline, start: datetime
) -> None:
    """Where older days have half of their labels too, half is all there is to wait for."""
    known = traffic(8 * 24, known=lambda _hour: 0.5)
    day = Window(start + 7 * DAY, start + 8 * DAY)
    coverage = history(known, baseline, day).coverage(day, *of_day(known, day))
    assert coverage.mature
    assert coverage.approved.maturity == pytest.approx(1.0, abs=0.05)


def test_the_first_days_wait_for_every_approved_prediction(
    traffic: Make, baseline: Baseline, start: datetime
) -> None:
    """Without older days all approved predictions count, and rejected ones come as fast."""
    known = traffic(24, known=lambda _hour: 0.6)
    day = Window(start, start + DAY)
    coverage = history(known, baseline, day).coverage(day, *of_day(known, day))
    assert coverage.approved.reached == 1.0
    assert not coverage.mature
    assert coverage.rejected.maturity == pytest.approx(coverage.approved.maturity)


def test_older_days_out_of_reach_do_not_count(
    traffic: Make, baseline: Baseline, start: datetime
) -> None:
    """What lies more than a week or less than three days before changes nothing."""
    full = traffic(8 * 24)
    day = Window(start + 8 * DAY, start + 9 * DAY)
    whole = history(full, baseline, day).reached(day)
    cut = traffic(0)
    cut.predictions.extend(full.predictions[24 : 5 * 24])
    cut.labels.extend(
        label for label in full.labels if start + DAY <= label.window.start < start + 5 * DAY
    )
    assert history(cut, baseline, day).reached(day) == whole


def test_a_few_predictions_are_given_the_benefit() -> None:
    """Nine of ten labels are as good as all, nine hundred of a thousand are not."""
    assert Coverage(10, 9, 1.0).mature
    assert not Coverage(1_000, 900, 1.0).mature
    assert Coverage(0, 0, 1.0).mature
    assert Coverage(0, 0, 1.0).share == 0.0


def test_other_models_do_not_count(traffic: Make, baseline: Baseline, start: datetime) -> None:
    """Another model's predictions are none of this one's."""
    known = traffic(5 * 24, model=("other", "1"))
    period = Window(start, start + 5 * DAY)
    assert history(known, baseline, period).approved(period) == 0
    assert history(known, baseline, period).reached(Window(period.end, period.end + HOUR)) is None
