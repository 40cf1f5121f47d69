"""Labeled decisions in order, and where each of them belongs."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from mlmon.analyzers.base.analysis_context import AnalysisContext
from mlmon.analyzers.base.window import DAY, HOUR, Window
from mlmon.analyzers.baselines.baseline import Baseline
from mlmon.analyzers.checks.concept_drift.error_history import (
    ERROR_REACH,
    RESTART,
    ErrorHistory,
    begin_of,
)


@pytest.fixture
def labels(
    make_label_profile: Callable[..., Any], baseline: Baseline, start: datetime
) -> AnalysisContext[Any]:
    """Three hours of decisions: 2 wrong of 3, none, 1 wrong of 2; and one hour of version 2."""
    known = {0: "110", 1: "", 3: "01"}
    profiles = [
        replace(
            make_label_profile(
                Window(start + hour * HOUR, start + (hour + 1) * HOUR), [0.5], [True], baseline
            ),
            errors=errors,
        )
        for hour, errors in known.items()
    ]
    window = Window(start + 4 * HOUR, start + 5 * HOUR)
    profiles.append(make_label_profile(window, [0.5], [False], baseline, model=("autobid", "2")))
    return AnalysisContext(Window(start, start + DAY), profiles, {baseline.model: baseline})


def test_decisions_are_joined_in_order(labels: AnalysisContext[Any], start: datetime) -> None:
    """The stream is one version's hours in a row, and each place knows its hour."""
    history = ErrorHistory.of(labels, ("autobid", "1"), labels.period)
    assert history.stream == [1, 1, 0, 0, 1]
    assert [history.hour(place) for place in range(5)] == [start] * 3 + [start + 3 * HOUR] * 2
    assert [history.place(start + hours * HOUR) for hours in range(5)] == [0, 3, 3, 3, 5]
    assert history.rate(0, 5) == (3, 5)
    assert history.rate(2, 4) == (0, 2)


def test_nothing_labeled_is_an_empty_history(labels: AnalysisContext[Any], start: datetime) -> None:
    """A version without labels has no decisions and no changes."""
    history = ErrorHistory.of(labels, ("autobid", "9"), labels.period)
    assert history.stream == []
    assert history.place(start + DAY) == 0
    assert history.latest("DDM", 0) is None


@pytest.mark.parametrize("days", [0, 1, 13.99, 14, 20, 100.5])
def test_a_history_begins_at_a_fixed_place(start: datetime, days: float) -> None:
    """It begins 14 to 28 days before, at a multiple of 14 days that moves only every 14 days."""
    moment = start + timedelta(days=days)
    begin = begin_of(moment)
    assert RESTART <= moment - begin < ERROR_REACH
    assert begin_of(begin + RESTART) == begin
