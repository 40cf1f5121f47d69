"""Which drift test judges which feature, as `[analyzers.feature_drift]` of mlmon.toml chooses it.

By default numbers are judged by the Kolmogorov-Smirnov test and categories by total variation.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from mlmon.analyzers.drift.methods import drift_methods, kolmogorov_smirnov, total_variation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlmon.analyzers.drift.method import DriftMethod
    from mlmon.analyzers.settings import FeatureDriftSettings


@dataclass(frozen=True, slots=True)
class ChosenTests:
    """The drift test of each feature.

    Args:
        overall: The test of all features whose type it compares; None for the default tests.
        features: The tests of single features, by name.
    """

    overall: DriftMethod | None = None
    features: Mapping[str, DriftMethod] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: FeatureDriftSettings | None) -> Self:
        """Return the tests that settings name; without settings the default ones."""
        if settings is None:
            return cls()
        methods = drift_methods()
        return cls(
            methods[settings.test] if settings.test else None,
            {name: methods[chosen.test] for name, chosen in settings.features.items()},
        )

    def numeric(self, feature: str | None = None) -> DriftMethod:
        """Return the test of a feature that holds numbers; without a name that of the others."""
        general = self.overall if self.overall and self.overall.numeric else None
        return self.features.get(feature or "") or general or kolmogorov_smirnov.METHOD

    def categorical(self, feature: str | None = None) -> DriftMethod:
        """Return the test of a feature that holds categories; without a name that of the others."""
        general = self.overall if self.overall and self.overall.categorical else None
        return self.features.get(feature or "") or general or total_variation.METHOD

    def methods(self) -> list[DriftMethod]:
        """Return every test that may judge a feature, each once."""
        found = [self.numeric(), self.categorical(), *self.features.values()]
        return list({method.name: method for method in found}.values())
