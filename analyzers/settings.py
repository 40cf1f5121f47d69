"""Settings of the analyzers: the table `[analyzers]` of `mlmon.toml`."""

import pkgutil
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from mlmon.elastic.section import SettingsSection
from mlmon.elastic.settings_file import unknown_name


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


class FeatureDriftSettings(BaseModel):
    """The drift tests of `feature_drift`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

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
    rules: tuple[LimitRule, ...] = Field(
        (),
        description="limits per analyzer, metric, subject, model and segment; of several that "
        "match, the last counts",
    )
