"""Which drift test judges which feature, as the table `[analyzers.feature_drift]` chooses it.

By default numbers are judged by the Kolmogorov-Smirnov test and categories by total variation.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from mlmon.analyzers.drift.methods import drift_methods, kolmogorov_smirnov, total_variation
from mlmon.elastic.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from mlmon.analyzers.drift.method import DriftMethod

TABLE = "analyzers.feature_drift"
_EXAMPLE = (
    f'Write, for example:\n[{TABLE}]\ntest = "psi"\n[{TABLE}.features.price]\ntest = "wasserstein"'
)


@dataclass(frozen=True, slots=True)
class ChosenTests:
    """The drift test of each feature.

    Args:
        overall: The test of all features whose type it compares; None for the default tests.
        features: The tests of single features, by name.
    """

    overall: DriftMethod | None = None
    features: Mapping[str, DriftMethod] = field(default_factory=dict)

    def numeric(self, feature: str) -> DriftMethod:
        """Return the test of a feature that holds numbers."""
        general = self.overall if self.overall and self.overall.numeric else None
        return self.features.get(feature) or general or kolmogorov_smirnov.METHOD

    def categorical(self, feature: str) -> DriftMethod:
        """Return the test of a feature that holds categories."""
        general = self.overall if self.overall and self.overall.categorical else None
        return self.features.get(feature) or general or total_variation.METHOD


def chosen_tests(table: Mapping[str, Any]) -> ChosenTests:
    """Read the table: `test` for all features, `features.<name>.test` for one.

    Raises:
        UserError: A key or a test is unknown; the message names the nearest.
    """
    _require_keys(table, {"test", "features"}, TABLE)
    features = table.get("features", {})
    if not isinstance(features, dict) or not all(isinstance(of, dict) for of in features.values()):
        raise UserError(
            f"[{TABLE}.features] of mlmon.toml holds something else than tables", _EXAMPLE
        )
    for name, of in features.items():
        _require_keys(of, {"test"}, f"{TABLE}.features.{name}")
    return ChosenTests(
        drift_test(table["test"], f"[{TABLE}]") if "test" in table else None,
        {
            name: drift_test(of["test"], f"[{TABLE}.features.{name}]")
            for name, of in features.items()
            if "test" in of
        },
    )


def drift_test(name: object, where: str) -> DriftMethod:
    """Return the drift test of a name.

    Args:
        name: As the user wrote it.
        where: Where, for the error.

    Raises:
        UserError: There is no such test.
    """
    methods = drift_methods()
    if isinstance(name, str) and name in methods:
        return methods[name]
    raise UserError(
        f"{where} names the unknown drift test {name!r}{_nearest(str(name), methods)}",
        f"The drift tests are {', '.join(methods)}: see docs/drift-tests.md.",
    )


def _require_keys(table: Mapping[str, Any], known: Collection[str], where: str) -> None:
    for key in table:
        if key not in known:
            raise UserError(
                f"[{where}] of mlmon.toml holds {key}, which nothing reads{_nearest(key, known)}",
                _EXAMPLE,
            )


def _nearest(name: str, known: Collection[str]) -> str:
    close = get_close_matches(name, list(known), 1, cutoff=0.4)
    return f"; did you mean {close[0]}?" if close else ""
