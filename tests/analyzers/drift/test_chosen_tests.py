"""The drift tests that mlmon.toml chooses."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlmon.analyzers.drift.chosen_tests import ChosenTests
from mlmon.analyzers.drift.methods import drift_methods
from mlmon.analyzers.settings import AnalyzersSettings, drift_test_names
from mlmon.elastic.errors import WrongValueError


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLMON_CONFIG", raising=False)


def chosen(text: str) -> ChosenTests:
    """Read a settings file."""
    Path("mlmon.toml").write_text(text)
    return ChosenTests.of(AnalyzersSettings.load().feature_drift)


def test_the_settings_know_every_method() -> None:
    """The names are those of the methods, though settings import none of them."""
    assert drift_test_names() == list(drift_methods())


def test_the_default_tests() -> None:
    """Without settings numbers are judged by Kolmogorov-Smirnov, categories by total variation."""
    tests = chosen("")
    assert tests.numeric("price").name == "kolmogorov_smirnov"
    assert tests.categorical("country").name == "total_variation"
    assert [method.name for method in tests.methods()] == ["kolmogorov_smirnov", "total_variation"]


def test_one_test_for_all_and_another_for_one_feature() -> None:
    """A feature's own test goes before the one for all."""
    tests = chosen(
        '[analyzers.feature_drift]\ntest = "psi"\n'
        '[analyzers.feature_drift.features.price]\ntest = "wasserstein"\n'
    )
    assert tests.numeric("price").name == "wasserstein"
    assert (tests.numeric("age").name, tests.categorical("country").name) == ("psi", "psi")
    assert [method.name for method in tests.methods()] == ["psi", "wasserstein"]


def test_a_test_for_numbers_leaves_categories_their_default() -> None:
    """Wasserstein compares no categories."""
    tests = chosen('[analyzers.feature_drift]\ntest = "wasserstein"\n')
    assert tests.numeric("price").name == "wasserstein"
    assert tests.categorical("country").name == "total_variation"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[analyzers.feature_drift]\ntest = "psy"', "unknown drift test 'psy' (did you mean 'psi'"),
        (
            '[analyzers.feature_drift.features.price]\ntest = "waserstein"',
            "unknown drift test 'waserstein' (did you mean 'wasserstein'",
        ),
        ('[analyzers.feature_drift]\ntset = "psi"', "unknown setting 'tset' (did you mean 'test'"),
    ],
)
def test_a_wrong_choice_names_the_nearest(text: str, problem: str) -> None:
    """An unknown test or key is an error that says what was meant."""
    with pytest.raises(WrongValueError) as caught:
        chosen(text)
    assert problem in caught.value.message
