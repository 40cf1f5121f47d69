"""Which alerts show which true incident of a scenario."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlmon.alerting.alerts.alert import Alert
    from mlmon.analyzers.run.ground_truth import TrueIncident


def shows(alert: Alert, true: TrueIncident) -> bool:
    """Return whether an alert is of an expected metric and overlaps a true incident's time."""
    end = alert.ended or datetime.max.replace(tzinfo=UTC)
    return (
        alert.since < true.time.end
        and end > true.time.start
        and any(
            (expected.analyzer, expected.metric) == (alert.identity.analyzer, alert.identity.metric)
            and expected.subject in (None, alert.identity.subject)
            for expected in true.expect
        )
    )
