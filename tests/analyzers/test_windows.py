"""The lengths of windows are the user's: mlmon.toml narrows those an analyzer chooses from."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from mlmon.analyzers.base.analysis_context import AnalysisContext
from mlmon.analyzers.base.window import DAY, HOUR, MINUTE, Window
from mlmon.analyzers.baselines.baseline import Baseline
from mlmon.analyzers.checks import discover
from mlmon.analyzers.checks.data_quality import DataQuality
from mlmon.analyzers.checks.feature_drift.feature_drift import FeatureDrift
from mlmon.analyzers.checks.score_shift.score_shift import ScoreShift
from mlmon.analyzers.commands import app
from mlmon.analyzers.references.cadence import window_length, windows
from mlmon.analyzers.settings import AnalyzersSettings
from mlmon.elastic.errors import WrongValueError

Make = Callable[..., list[Any]]


@pytest.fixture
def configure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Write the settings' file that counts."""

    def write(text: str) -> Path:
        file = tmp_path / "mlmon.toml"
        file.write_text(text)
        monkeypatch.setenv("MLMON_CONFIG", str(file))
        return file

    return write


def test_windows_are_set_by_analyzer(configure: Callable[[str], Path]) -> None:
    """Each analyzer named in the file has its lengths, the others keep theirs."""
    configure(
        '[analyzers.service_health]\nwindows = ["15m", "1h"]\n'
        '[analyzers.feature_drift]\ntest = "psi"\nwindows = ["1d", "7d"]\n'
    )
    found = {analyzer.name: analyzer.windows for analyzer in discover.__wrapped__()}
    assert found["service_health"] == (15 * MINUTE, HOUR)
    assert found["feature_drift"] == (DAY, 7 * DAY)
    assert found["score_shift"] == (2 * DAY, 3 * DAY, 7 * DAY, 14 * DAY)
    assert found["job_health"] == ()


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('windows = ["10m"]', "'5m', '15m', '1h', '6h' or '1d'"),
        ("windows = []", "at least one length"),
        ('windows = ["1h", "15m"]', "the shortest first"),
        ('window = ["1h"]', "did you mean 'windows'"),
    ],
)
def test_a_wrong_length_is_an_error(configure: Callable[[str], Path], line: str, says: str) -> None:
    """A length that cannot be, an order that is none and a misspelt key name what can be."""
    configure(f"[analyzers.service_health]\n{line}\n")
    with pytest.raises(WrongValueError) as error:
        AnalyzersSettings.load()
    assert says in f"{error.value.message} {error.value.hint}"


def test_only_the_lengths_that_are_allowed_are_chosen(start: datetime) -> None:
    """With traffic for five minutes the shortest allowed is taken, with little the longest."""
    allowed = (15 * MINUTE, 6 * HOUR)
    assert window_length(10**6, 30, lengths=allowed) == 15 * MINUTE
    assert window_length(100, 30, lengths=allowed) == 6 * HOUR
    assert window_length(3, 30, lengths=allowed) == 6 * HOUR
    assert window_length(0, 30, lengths=allowed) == 6 * HOUR
    # Profiles of an hour are not divided.
    assert window_length(10**6, 30, HOUR, (5 * MINUTE, 15 * MINUTE)) == HOUR
    for a_minute, length in ((1_000, 15 * MINUTE), (0, 6 * HOUR)):
        period = Window(start + DAY, start + 2 * DAY)
        found = list(
            windows(
                period, lambda window, n=a_minute: n * window.seconds // 60, 30, lengths=allowed
            )
        )
        assert {window.length for window in found} == {length}
        assert len(found) == DAY // length


def test_an_analyzer_judges_by_its_windows(
    steady_hours: Make, baseline: Baseline, start: datetime
) -> None:
    """`data_quality` of 2,400 predictions a day by six hours instead of one."""
    analyzer = DataQuality()
    analyzer.windows = (6 * HOUR, DAY)
    period = Window(start + DAY, start + 2 * DAY)
    context = AnalysisContext(period, steady_hours(48), {baseline.model: baseline})
    assert {finding.window.length for finding in analyzer.evaluate(context)} == {6 * HOUR}


def test_a_day_grows_to_the_windows_that_are_allowed(
    steady_hours: Make, baseline: Baseline, start: datetime
) -> None:
    """165 predictions a day get a verdict after a week where only that is allowed, or never."""

    def few(hour: int, rows: dict[str, Any]) -> None:
        keep = 165 * (hour % 24 + 1) // 24 - 165 * (hour % 24) // 24
        for name in rows:
            rows[name] = rows[name][:keep]

    profiles = steady_hours(7 * 24, 10, few)
    period = Window(start + 7 * DAY - HOUR, start + 7 * DAY)
    context = AnalysisContext(period, profiles, {baseline.model: baseline})
    for make in (FeatureDrift, ScoreShift):
        for lengths, expected in (((DAY, 7 * DAY), {7 * DAY}), ((DAY,), {DAY})):
            analyzer = make()
            analyzer.windows = lengths
            found = list(analyzer.evaluate(context))
            assert {finding.window.length for finding in found} == expected


def test_what_is_in_force_is_shown_with_its_source(configure: Callable[[str], Path]) -> None:
    """`mlmon analyzers` lists windows, and says that they are default ones or from which file."""
    file = configure("")
    discover.cache_clear()
    text = CliRunner().invoke(app, ["analyzers"]).stdout
    assert "windows: 5m, 15m, 1h, 6h, 1d, the shortest that carries a verdict (default)" in text
    configure('[analyzers.service_health]\nwindows = ["15m", "1h"]\n')
    discover.cache_clear()
    try:
        shown = CliRunner().invoke(app, ["analyzers"]).stdout
        as_json = CliRunner().invoke(app, ["analyzers", "service_health", "--json"]).stdout
    finally:
        discover.cache_clear()
    assert f"windows: 15m, 1h, the shortest that carries a verdict ({file})" in shown
    assert '"windows": {"lengths": ["15m", "1h"]' in as_json
