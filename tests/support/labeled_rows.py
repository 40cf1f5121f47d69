"""Predictions with the hours until their labels, row by row, and the profiles that sum them up."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlmon.analyzers.base.analysis_context import AnalysisContext
from mlmon.analyzers.base.profile_key import ProfileKey, SourceWatermark
from mlmon.analyzers.base.window import HOUR, Window, floor
from mlmon.analyzers.profiles.kinds.label import DELAYS, LabelProfile, Outcomes
from mlmon.analyzers.profiles.kinds.outcome import OutcomeProfile
from mlmon.analyzers.profiles.kinds.prediction import PredictionProfile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from mlmon.analyzers.base.profile_key import Profile

MODEL = ("autobid", "1")


@dataclass(frozen=True)
class Row:
    """An approved prediction: when, hours until its label (None: never), whether contradicted."""

    at: datetime
    delay: float | None
    contradicted: bool = False


def rows(
    start: datetime,
    hours: int,
    per_hour: int,
    delay: Callable[[int], Any],
    contradicted: Callable[[int], int] = lambda _hour: 0,
) -> list[Row]:
    """Return evenly spread predictions; `delay(hour)` gives an array, NaN for no label."""
    made = []
    for hour in range(hours):
        bad = contradicted(hour)
        for index, seconds in enumerate(delay(hour)):
            at = start + (hour + index / per_hour) * HOUR
            made.append(Row(at, None if np.isnan(seconds) else float(seconds), index < bad))
    return made


def context(
    of: list[Row],
    period: Window,
    orphans: Callable[[datetime], int] = lambda _hour: 0,
    model: tuple[str, str] = MODEL,
) -> AnalysisContext[Any]:
    """Count rows the way Elasticsearch does, as an analyzer of labels is given them."""
    others = {"prediction": _predictions(of, model), "outcome": _outcomes(of, orphans, model)}
    return AnalysisContext(period, _labels(of, model), {}, others)


def rounded(delay: float) -> int:
    """Return the hours that a delay counts as."""
    return DELAYS[min(bisect_left(DELAYS, delay), len(DELAYS) - 1)]


def _predictions(of: Iterable[Row], model: tuple[str, str]) -> list[Profile]:
    return [
        PredictionProfile(
            ProfileKey("prediction", window, (*model, "")),
            SourceWatermark(2 * len(found)),
            service="api",
            approved=len(found),
        )
        for window, found in _by_hour((row.at, row) for row in of)
    ]


def _labels(of: Iterable[Row], model: tuple[str, str]) -> list[Profile]:
    return [
        LabelProfile(
            ProfileKey("label", window, (*model, "")),
            SourceWatermark(len(found)),
            approved=Outcomes(
                len(found), delays=Counter(rounded(row.delay or 0.0) for row in found)
            ),
            contradicted=sum(row.contradicted for row in found),
            service="api",
        )
        for window, found in _by_hour((row.at, row) for row in of if row.delay is not None)
    ]


def _outcomes(
    of: Iterable[Row], orphans: Callable[[datetime], int], model: tuple[str, str]
) -> list[Profile]:
    joined_at = ((row.at + row.delay * HOUR, row) for row in of if row.delay is not None)
    return [
        OutcomeProfile(
            ProfileKey("outcome", window),
            SourceWatermark(len(found)),
            delays={model[0]: Counter(rounded(row.delay or 0.0) for row in found)},
            orphans=orphans(window.start),
            service="api",
        )
        for window, found in _by_hour(joined_at)
    ]


def _by_hour(dated: Iterable[tuple[datetime, Row]]) -> list[tuple[Window, list[Row]]]:
    hours: dict[datetime, list[Row]] = {}
    for moment, row in dated:
        hours.setdefault(floor(moment, HOUR), []).append(row)
    return [(Window(start, start + HOUR), found) for start, found in sorted(hours.items())]
