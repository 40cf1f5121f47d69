"""Coverage and age of a store of pre-computed features, from what its job logs."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from mlmon.analyzers.base.analysis_context import AnalysisContext
from mlmon.analyzers.base.finding import Finding, Severity
from mlmon.analyzers.base.window import DAY, HOUR, Window
from mlmon.analyzers.checks.store_coverage import StoreCoverage
from mlmon.analyzers.profiles.kinds.feature_store import profiles

OK, WARNING, CRITICAL = Severity.OK, Severity.WARNING, Severity.CRITICAL


def measured(
    start: datetime,
    hours: int,
    covered: Callable[[int], int] = lambda _hour: 588,
    age: Callable[[int], float] = lambda _hour: 0.0,
    total: int = 600,
) -> list[Any]:
    """Return profiles of a store that is measured a minute after each full hour."""
    lines = [
        {
            "@timestamp": (at := start + hour * HOUR + timedelta(minutes=1)).isoformat(),
            "event.ingested": at.isoformat(),
            "service.name": "trainer",
            "ml.feature_source.name": "stats",
            "ml.store.entity": "profile",
            "ml.store.total": total,
            "ml.store.covered": covered(hour),
            "ml.store.age_p50_s": 0.0,
            "ml.store.age_p90_s": age(hour),
        }
        for hour in range(hours)
    ]
    return list(profiles(lines))


def judge(stored: list[Any], start: datetime, end: datetime) -> dict[str, list[Finding]]:
    """Return the findings of a period by metric."""
    found: dict[str, list[Finding]] = {}
    for finding in StoreCoverage().evaluate(AnalysisContext(Window(start, end), stored)):
        found.setdefault(finding.metric, []).append(finding)
    return found


def test_a_store_that_is_filled_every_hour_is_calm(start: datetime) -> None:
    """Two weeks at 588 of 600 profiles, refreshed hourly: no alarm, and both limits are named."""
    found = judge(measured(start, 14 * 24), start, start + 14 * DAY)
    for metric in ("coverage.rate", "age.p90"):
        assert len(found[metric]) == 14 * 24
        assert {finding.severity for finding in found[metric]} == {OK}
    assert found["coverage.rate"][-1].value == pytest.approx(0.98)
    assert "98 % of 600 profiles" in found["coverage.rate"][-1].reason
    assert "limit 94 %" in found["coverage.rate"][-1].reason
    assert found["age.p90"][-1].value == pytest.approx(59 / 60)
    assert "limit 2 h" in found["age.p90"][-1].reason


@pytest.mark.parametrize(("covered", "severity"), [(570, OK), (540, WARNING), (420, CRITICAL)])
def test_entities_that_lose_their_values_are_found(
    start: datetime, covered: int, severity: Severity
) -> None:
    """Of 600 profiles 588 have values, then fewer, which no prediction need ask for."""
    stored = measured(start, 10 * 24, lambda hour: covered if hour >= 9 * 24 else 588)
    found = judge(stored, start + 9 * DAY, start + 9 * DAY + HOUR)
    (finding,) = found["coverage.rate"]
    assert finding.severity is severity, finding.reason
    assert finding.value == pytest.approx(covered / 600)
    assert finding.baseline_value == pytest.approx(0.98)
    assert finding.service == "trainer"


def test_a_coverage_that_is_low_by_design_is_calm_until_it_halves(start: datetime) -> None:
    """A store of a quarter of the profiles is as meant; at an eighth it is not."""
    stored = measured(start, 10 * 24, lambda hour: 70 if hour >= 9 * 24 else 150)
    found = judge(stored, start + DAY, start + 10 * DAY)["coverage.rate"]
    calm, fallen = found[: 8 * 24], found[8 * 24 :]
    assert {finding.severity for finding in calm} == {OK}
    assert {finding.severity for finding in fallen[:24]} == {WARNING}


def test_a_store_that_is_no_longer_refreshed_grows_old(start: datetime) -> None:
    """The job stops after nine days: a warning two hours later, critical after six, no coverage."""
    found = judge(measured(start, 9 * 24), start + 9 * DAY, start + 10 * DAY)
    assert "coverage.rate" not in found
    ages = found["age.p90"]
    assert [finding.value for finding in ages[:2]] == pytest.approx([1 + 59 / 60, 2 + 59 / 60])
    assert [finding.severity for finding in ages[:6]] == [OK, *[WARNING] * 4, CRITICAL]
    assert "limit 6 h" in ages[5].reason
    assert "usually" in ages[5].reason


def test_a_refresh_that_leaves_a_part_out_is_found(start: datetime) -> None:
    """A fifth of the values is no longer renewed: the median stays, the age of 90 % grows."""
    old = measured(start, 10 * 24, age=lambda hour: max(0.0, (hour - 9 * 24) * 3600.0))
    found = judge(old, start + 9 * DAY, start + 10 * DAY)
    assert found["age.p90"][-1].severity is CRITICAL
    assert max(finding.value or 0.0 for finding in found["age.median"]) < 1.0


def test_a_measurement_without_a_share_is_unknown(start: datetime) -> None:
    """More entities with values than exist, or none that exist: no verdict, with the reason."""
    for total in (0, 500):
        found = judge(measured(start, 1, total=total), start, start + HOUR)
        (finding,) = found["coverage.rate"]
        assert finding.severity is Severity.UNKNOWN
        assert "log how many exist" in finding.reason
