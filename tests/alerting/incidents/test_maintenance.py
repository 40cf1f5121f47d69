"""Maintenance windows hold when they should and never for ever."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from mlmon.alerting.incidents.maintenance import Maintenance, held_until
from mlmon.alerting.incidents.record import IncidentRecord
from tests.support.incident_records import incident_of

SUNDAY = datetime(2026, 11, 29, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)


def incident(opened: datetime) -> IncidentRecord:
    """Return an incident of a model."""
    return incident_of(opened=opened, model_name="autobid")


def test_a_weekly_window_comes_every_week() -> None:
    """It holds from Sunday two o'clock for three hours, and at no other time."""
    window = Maintenance(name="retraining", every="Sun 02:00", length="3h")
    for week in range(-2, 3):
        begin = SUNDAY + timedelta(weeks=week)
        assert window.ends(begin) == begin + 3 * HOUR
        assert window.ends(begin + 3 * HOUR) is None
        assert window.ends(begin - timedelta(seconds=1)) is None
    assert window.ends(SUNDAY + timedelta(days=1)) is None


def test_a_daily_window_may_pass_midnight() -> None:
    """At half past midnight a window from 23:00 for two hours still holds."""
    window = Maintenance(name="backup", every="23:00", length="2h")
    begin = datetime(2026, 11, 30, 23, tzinfo=UTC)
    assert window.ends(begin + 1.5 * HOUR) == begin + 2 * HOUR
    assert window.ends(begin + 2.5 * HOUR) is None


def test_only_what_opened_in_it_is_held() -> None:
    """An incident that was open before the window began is nobody's maintenance."""
    windows = [Maintenance(name="m", every="Sun 02:00", length="3h", models=("auto*",))]
    inside = incident(SUNDAY + HOUR)
    assert held_until(windows, inside, SUNDAY + 2 * HOUR) == SUNDAY + 3 * HOUR
    assert held_until(windows, inside, SUNDAY + 3 * HOUR) is None
    assert held_until(windows, incident(SUNDAY - HOUR), SUNDAY + HOUR) is None
    other = [Maintenance(name="m", every="Sun 02:00", length="3h", models=("pricing",))]
    assert held_until(other, inside, SUNDAY + HOUR) is None


@pytest.mark.parametrize(
    "known",
    [
        {"length": "3h"},
        {"every": "Sun 02:00", "start": SUNDAY, "length": "3h"},
        {"every": "Someday 02:00", "length": "3h"},
        {"every": "Sun noon", "length": "3h"},
        {"every": "Sun 02:00", "length": "3d"},
        {"every": "Sun 02:00", "length": "long"},
        {"start": datetime(2026, 11, 29), "length": "1h"},  # noqa: DTZ001 - that is the mistake
        {"every": "Sun 02:00", "length": "3h", "model": "x"},
    ],
)
def test_a_window_that_makes_no_sense_is_refused(known: dict[str, object]) -> None:
    """Neither once nor again, both, an unknown day, endless, without a zone, a misspelt key."""
    with pytest.raises(ValidationError):
        Maintenance.model_validate({"name": "m"} | known)
