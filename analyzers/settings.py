"""Settings of the analyzers: the table `[analyzers]` of `mlmon.toml`."""

import pkgutil
from datetime import timedelta
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from mlmon.elastic.section import SettingsSection
from mlmon.elastic.settings_file import unknown_name
from mlmon.formatting import parse_duration


def drift_test_names() -> list[str]:
    """Return the names of the drift tests, without importing them."""
    return _modules("drift/methods")


def known_drift_test(name: str) -> str:
    """Return the name of a drift test.

    Raises:
        ValueError: There is no such test; the message names the nearest.
    """
    return _one_of(drift_test_names(), "drift test", name)


def _modules(folder: str) -> list[str]:
    path = Path(__file__).parent / folder
    return sorted(module.name for module in pkgutil.iter_modules([str(path)]))


def _one_of(names: list[str], kind: str, name: str) -> str:
    if name not in names:
        raise ValueError(unknown_name(kind, name, names))
    return name


DriftTestName = Annotated[str, AfterValidator(known_drift_test)]


class FeatureTest(BaseModel):
    """The drift test of one feature."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    test: DriftTestName = Field(description="drift test of this feature (docs/drift-tests.md)")


def ascending(lengths: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """Return lengths of windows.

    Raises:
        ValueError: There is none, or they do not grow.
    """
    if lengths is not None:
        parsed = [parse_duration(length) for length in lengths]
        if not parsed or parsed != sorted(set(parsed)):
            raise ValueError("give at least one length, the shortest first")
    return lengths


TrafficWindows = Annotated[
    tuple[Literal["5m", "15m", "1h", "6h", "1d"], ...] | None, AfterValidator(ascending)
]
GrowingWindows = Annotated[
    tuple[Literal["1d", "2d", "3d", "7d", "14d"], ...] | None, AfterValidator(ascending)
]


class TrafficWindowSettings(BaseModel):
    """The windows of an analyzer whose traffic decides how long they are."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    windows: TrafficWindows = Field(
        None,
        description="lengths it may choose from, such as 15m, 1h and 1d: the shortest that holds "
        "events enough; by default 5m, 15m, 1h, 6h and 1d",
    )


class GrowingWindowSettings(BaseModel):
    """The windows of a drift analyzer: a day, and longer ones where that is too little."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    windows: GrowingWindows = Field(
        None,
        description="lengths to which the day grows until there is a verdict, such as 2d and 7d; "
        "1d alone: never; by default 2d, 3d, 7d and 14d",
    )


class FeatureDriftSettings(GrowingWindowSettings):
    """The drift tests and windows of `feature_drift`."""

    test: DriftTestName | None = Field(
        None,
        description="drift test of every feature whose type it compares (docs/drift-tests.md); "
        "by default kolmogorov_smirnov for numbers, total_variation for categories",
    )
    features: dict[str, FeatureTest] = Field(
        default_factory=dict, description="features that have a drift test of their own"
    )


def analyzer_names() -> list[str]:
    """Return the names of the analyzers, without importing them."""
    return _modules("checks")


def known_analyzer(name: str) -> str:
    """Return the name of an analyzer.

    Raises:
        ValueError: There is no such analyzer; the message names the nearest.
    """
    return _one_of(analyzer_names(), "analyzer", name)


class LimitRule(BaseModel):
    """Limits of some findings, or that they are not wanted."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    analyzer: Annotated[str, AfterValidator(known_analyzer)] = Field(
        description="analyzer it is for (`mlmon analyzers`)"
    )
    metric: str = Field("*", description="metric it is for; `*` and `?` stand for any characters")
    subject: str = Field("*", description="feature, path, job or other subject it is for, likewise")
    model: str = Field("*", description="model it is for, likewise")
    segment: str = Field("*", description="segment it is for, such as `country=DE`, likewise")
    enabled: bool = Field(default=True, description="false leaves these findings out")
    warning: float | None = Field(None, description="limit of the severity `warning`")
    critical: float | None = Field(None, description="limit of the severity `critical`")


class AnalyzersSettings(SettingsSection):
    """Settings of the analyzers: facts about the models they judge."""

    section: ClassVar = "analyzers"

    segments: tuple[str, ...] = Field(
        (), description="features that divide a model's traffic into segments"
    )
    feature_drift: FeatureDriftSettings | None = Field(
        None, description="how `feature_drift` compares features"
    )
    score_shift: GrowingWindowSettings | None = Field(None, description="windows of `score_shift`")
    embedding_drift: GrowingWindowSettings | None = Field(
        None, description="windows of `embedding_drift`"
    )
    service_health: TrafficWindowSettings | None = Field(
        None, description="windows of `service_health`"
    )
    data_quality: TrafficWindowSettings | None = Field(
        None, description="windows of `data_quality`"
    )
    fallback_rate: TrafficWindowSettings | None = Field(
        None, description="windows of `fallback_rate`"
    )
    completeness: TrafficWindowSettings | None = Field(
        None, description="windows of `completeness`"
    )
    rules: tuple[LimitRule, ...] = Field(
        (),
        description="limits per analyzer, metric, subject, model and segment; of several that "
        "match, the last counts",
    )

    def windows_of(self, analyzer: str) -> tuple[timedelta, ...] | None:
        """Return the lengths of windows that the file allows an analyzer; None where it does not.

        Args:
            analyzer: Its name.
        """
        chosen = getattr(self, analyzer, None)
        lengths = chosen.windows if isinstance(chosen, _WITH_WINDOWS) else None
        return None if lengths is None else tuple(map(parse_duration, lengths))


_WITH_WINDOWS = (TrafficWindowSettings, GrowingWindowSettings)
