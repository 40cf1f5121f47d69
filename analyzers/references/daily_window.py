"""The day before a moment, over which drift is judged every hour.

Traffic differs by the hour, so a window shorter than a day would differ from the training set for
no other reason. A day holds every hour once; it is judged every hour, so a large shift is detected
long before the day is full of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mlmon.analyzers.base.window import DAY, HOUR, Window
from mlmon.analyzers.event_logs.aggregations import UNNAMED
from mlmon.formatting import moment, span

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlmon.analyzers.base.analysis_context import AnalysisContext
    from mlmon.analyzers.baselines.baseline import Baseline
    from mlmon.analyzers.profiles.kinds.prediction import PredictionProfile

DAILY_LOOKBACK = DAY
EVALUATION_INTERVAL = 6 * HOUR
"""Step between the days judged where no verdict is needed within the hour."""

COVERED = timedelta(hours=18)
"""Part of the day that must lie after the start of the logs for the day to count as complete."""


@dataclass(frozen=True)
class DailyWindow:
    """A model version in service at the end of a day, and the day's predictions.

    Args:
        window: The day.
        model: Name and version.
        baseline: The version's baseline, None if there is none.
        own: Its own predictions, by hour.
        traffic: All versions' predictions over this version's baseline, by hour.
    """

    window: Window
    model: tuple[str, str]
    baseline: Baseline | None
    own: Sequence[PredictionProfile]
    traffic: Sequence[PredictionProfile]

    @property
    def title(self) -> str:
        """Name and version in a sentence."""
        return " ".join(self.model)

    @cached_property
    def about(self) -> dict[str, Any]:
        """Attributes of every finding of the day: the model and its baseline."""
        name, version = self.model
        return {
            "service": next((profile.service for profile in self.own if profile.service), None),
            "model_name": name,
            "model_version": version,
            "baseline_id": self.baseline.id if self.baseline else None,
        }

    def skip_reason(self) -> str | None:
        """Return why nothing can be compared, None if it can."""
        if UNNAMED in self.model:
            return (
                f"{sum(profile.predictions for profile in self.own):,} predictions "
                f"{span(self.window)} "
                "name no model version: log `ml.model.name` and "
                "`ml.model.version`."
            )
        if not self.own:
            return f"{self.title} made no predictions {span(self.window)}."
        if self.baseline is None:
            return (
                f"There is no baseline for {self.title}: make it with `mlmon baseline create` "
                "from its training set."
            )
        if not any(profile.baseline_id == self.baseline.id for profile in self.own):
            return (
                f"The predictions of {self.title} {span(self.window)} were profiled over another "
                "baseline and their logs are gone, so they cannot be compared with this one."
            )
        return None

    def incomplete(self) -> str | None:
        """Return why the day is not complete, None if it is."""
        begin = min(profile.window.start for profile in self.traffic)
        if begin <= self.window.end - COVERED:
            return None
        return (
            f"Predictions are known since {moment(begin)} only; drift is judged over a full day, "
            "because hours differ."
        )


def daily_windows(
    context: AnalysisContext[PredictionProfile], step: timedelta = HOUR
) -> Iterator[DailyWindow]:
    """Yield the day before each multiple of `step`, for each model version then in service."""
    for window in context.windows(DAY, step):
        profiles = context.within(window)
        if profiles:
            for model in _in_service(profiles):
                yield daily_window(window, model, context)
        else:
            for model in _newest(context):
                yield DailyWindow(window, model, context.baselines[model], (), ())


def daily_window(
    window: Window, model: tuple[str, str], context: AnalysisContext[PredictionProfile]
) -> DailyWindow:
    """Return what a model version predicted in a window."""
    profiles = context.within(window)
    baseline = context.baseline(model, window.end)
    of_model = [profile for profile in profiles if profile.model == model]
    if baseline is None:
        return DailyWindow(window, model, None, of_model, ())
    traffic = [
        profile
        for profile in profiles
        if profile.model[0] == model[0] and profile.baseline_id == baseline.id
    ]
    compared = [profile for profile in traffic if profile.model == model]
    return DailyWindow(window, model, baseline, compared or of_model, traffic)


def _in_service(profiles: Sequence[PredictionProfile]) -> list[tuple[str, str]]:
    """Return the versions that predicted in the last hour of their model with predictions."""
    last = {profile.model[0]: profile.window.start for profile in profiles}
    return sorted(
        {profile.model for profile in profiles if profile.window.start == last[profile.model[0]]}
    )


def _newest(context: AnalysisContext[PredictionProfile]) -> list[tuple[str, str]]:
    """Return the version of each model whose baseline was made last."""
    ordered = sorted(
        context.baselines.values(), key=lambda baseline: (baseline.created, baseline.id)
    )
    return sorted({baseline.model_name: baseline.model for baseline in ordered}.values())
