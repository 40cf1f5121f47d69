"""The names of data streams and indices; the namespace (environment) is part of each.

Log lines go to data streams named as the `logs-*-*` scheme asks, `logs-<dataset>-<namespace>`
(https://www.elastic.co/docs/reference/fleet/data-streams). What mlmon makes of them goes to indices
of its own: `mlmon-<kind>-<namespace>`, with the month at the end where they grow.
"""

from datetime import datetime
from typing import Final

DEAD_LETTER: Final = "mlmon.dead_letter"
"""Dataset of the lines that could not be stored."""
SHIPPING: Final = "mlmon.shipping"
"""Dataset of the shippers' health."""

PROFILES: Final = "mlmon-profiles"
BASELINES: Final = "mlmon-baselines"
LABELS: Final = "mlmon-labels"
WAITING: Final = "mlmon-waiting"
FINDINGS: Final = "mlmon-findings"
ALERTS: Final = "mlmon-alerts"
INCIDENTS: Final = "mlmon-incidents"
INCIDENT_CHANGES: Final = "mlmon-incident_changes"
DELIVERIES: Final = "mlmon-deliveries"
NOTICES: Final = "mlmon-notices"
REFERENCES: Final = "mlmon-references"
STATE: Final = "mlmon-state"

BOOKMARK: Final = "bookmark"
"""Id of the document in `STATE` with the progress of `mlmon run`."""
JUDGED: Final = "judged"
"""Id of the state document that says how many checks could not be judged, and why."""

_STREAM: Final = "logs-"


def stream_prefix(dataset: str) -> str:
    """Return the data streams of a dataset without their namespace, as templates name them."""
    return f"{_STREAM}{dataset}"


def data_stream(dataset: str, namespace: str) -> str:
    """Return the data stream of a dataset."""
    return f"{_STREAM}{dataset}-{namespace}"


def all_logs(namespace: str) -> str:
    """Return the pattern of the data streams of a service's log, of every dataset."""
    return data_stream("ml.*", namespace)


def index_name(kind: str, namespace: str) -> str:
    """Return the one index of a kind that has one, such as `BASELINES`."""
    return f"{kind}-{namespace}"


def month_index(kind: str, namespace: str, when: datetime) -> str:
    """Return the index of a month, of a kind that has one for each, such as `PROFILES`."""
    return f"{kind}-{namespace}-{when:%Y.%m}"


def all_months(kind: str, namespace: str) -> str:
    """Return the pattern of the indices of all months."""
    return f"{kind}-{namespace}-*"


def everything(namespace: str) -> str:
    """Return the pattern of all data streams and indices of a namespace."""
    return ",".join(
        [
            all_logs(namespace),
            data_stream("mlmon.*", namespace),
            index_name("mlmon-*", namespace),
            all_months("mlmon-*", namespace),
        ]
    )
