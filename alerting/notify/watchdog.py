"""A dead man's switch: it speaks while mlmon judges, and its silence is the alarm.

An alert `mlmon_watchdog` with a life of three cycles goes to Alertmanager, to be routed to a
receiver that alarms when it ends; a heartbeat URL is called. Both happen after a cycle that was
completed and judged something, unless an analyzer failed in that cycle and the one before.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from mlmon.alerting.notify.notifier import TIMEOUT_S
from mlmon.analyzers.base.window import iso

if TYPE_CHECKING:
    from datetime import datetime

    from pydantic import SecretStr

    from mlmon.alerting.notify.alertmanager import Payload

CYCLES = 3
"""So many cycles may be missed before the watchdog's alert ends."""
EVERY = timedelta(minutes=5)
"""Time between cycles where it is not known: `mlmon run --once` does not know the next one."""


def watchdog(namespace: str, now: datetime, life: timedelta) -> Payload:
    """Return the alert that shows that mlmon judges.

    Args:
        namespace: Environment.
        now: When a cycle ended.
        life: For how long it stands without another cycle.
    """
    return {
        "labels": {"alertname": "mlmon_watchdog", "namespace": namespace},
        "annotations": {"summary": "mlmon judges; when this ends, it has stopped."},
        "startsAt": iso(now),
        "endsAt": iso(now + life),
    }


def beat(url: SecretStr) -> str | None:
    """Ask the heartbeat's URL; return why that failed, None where it did not."""
    import httpx

    try:
        answer = httpx.get(url.get_secret_value(), timeout=TIMEOUT_S, trust_env=False)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return f"heartbeat: {type(error).__name__}"
    return None if answer.is_success else f"heartbeat: HTTP {answer.status_code}"
