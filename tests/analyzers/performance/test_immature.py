"""Windows whose labels are still coming in are marked as such, in a field and in the sentence."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from mlmon.analyzers.base.finding import Finding
from mlmon.analyzers.base.window import DAY, Window
from mlmon.analyzers.baselines.baseline import Baseline
from mlmon.analyzers.checks.business_value import BusinessValue
from mlmon.analyzers.checks.concept_drift.concept_drift import ConceptDrift
from mlmon.analyzers.checks.live_performance.live_performance import LivePerformance
from mlmon.analyzers.checks.segment_performance.segment_performance import SegmentPerformance

ANALYZERS = (LivePerformance, SegmentPerformance, ConceptDrift, BusinessValue)


@pytest.mark.parametrize("analyzer", ANALYZERS)
def test_an_unfinished_day_is_marked(
    analyzer: type[Any], traffic: Callable[..., Any], baseline: Baseline, start: datetime
) -> None:
    """Of the last day 60 % of the labels have come: 0.6 in each finding; older days have none."""
    days = 12
    made = traffic(days * 24, known=lambda hour: 0.6 if hour >= (days - 1) * 24 else 1.0)
    whole = Window(start + (days - 2) * DAY, start + days * DAY)
    found: list[Finding] = list(analyzer().evaluate(made.context(baseline, whole)))
    last = [finding for finding in found if finding.end == whole.end]
    before = [finding for finding in found if finding.end <= whole.end - DAY]
    valued = [finding for finding in last if finding.value is not None and finding.maturity]
    assert valued
    for finding in valued:
        assert finding.maturity == pytest.approx(0.6, abs=0.1)
        if finding.metric not in {"error.rise", "segment.roc_auc"}:
            assert "expected" in finding.reason
    assert before
    assert {finding.maturity for finding in before} == {None}


def test_it_is_stored_and_read_again(
    traffic: Callable[..., Any], baseline: Baseline, start: datetime
) -> None:
    """The field is in the finding's document, and absent from those of mature windows."""
    made = traffic(12 * 24, known=lambda hour: 0.6 if hour >= 11 * 24 else 1.0)
    period = Window(start + 10 * DAY, start + 12 * DAY)
    found = list(LivePerformance().evaluate(made.context(baseline, period)))
    documents = [finding.to_document() for finding in found]
    marked = [document for document in documents if "finding.sample.maturity" in document]
    assert 0 < len(marked) < len(documents)
    assert [Finding.from_document(document) for document in documents] == found
