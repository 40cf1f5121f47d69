"""Every source there is, from the tables that the index templates are made from."""

from typing import Final

from mlmon.dashboards.model.condition import Exists, is_
from mlmon.dashboards.model.source import DataSource
from mlmon.elastic.indices import names
from mlmon.elastic.indices.index_tables import DEAD_LETTERS, SHIPPING_TABLE, TABLES
from mlmon.elastic.indices.names import all_logs, all_months, data_stream, index_name
from mlmon.logging_config.schema.fields import DATASETS, Field

_NAMESPACE: Final = "{namespace}"
"""Stands for the namespace until a source is used in one."""


def _everything() -> tuple[Field, ...]:
    """Return the fields of all datasets, each once."""
    return tuple({field.name: field for fields in DATASETS.values() for field in fields}.values())


def _dataset(name: str, title: str) -> DataSource:
    return DataSource(name, title, data_stream(f"ml.{name}", _NAMESPACE), DATASETS[f"ml.{name}"])


LOGS: Final = DataSource("logs", "All events", all_logs(_NAMESPACE), _everything())
PREDICTIONS: Final = _dataset("prediction", "Predictions")
REQUESTS: Final = _dataset("access", "Requests")
BIDS: Final = _dataset("bid", "Bids")
OUTCOMES: Final = _dataset("outcome", "Outcomes")
FALLBACKS: Final = _dataset("fallback", "Fallbacks")
STORES: Final = _dataset("store", "Feature stores")
JOBS: Final = _dataset("job", "Job runs")
MODELS: Final = _dataset("model", "Model events")
DEAD: Final = DataSource(
    "dead_letter", "Rejected lines", data_stream(names.DEAD_LETTER, _NAMESPACE), DEAD_LETTERS
)
SHIPPED: Final = DataSource(
    "shipping", "Shipping", data_stream(names.SHIPPING, _NAMESPACE), SHIPPING_TABLE
)
FINDING_DOCUMENTS: Final = DataSource(
    "findings",
    "Findings",
    all_months(names.FINDINGS, _NAMESPACE),
    TABLES[names.FINDINGS],
    is_("finding.latest", True),
)
ALERT_DOCUMENTS: Final = DataSource(
    "alerts", "Alerts", index_name(names.ALERTS, _NAMESPACE), TABLES[names.ALERTS], time=None
)
INCIDENT_DOCUMENTS: Final = DataSource(
    "incidents",
    "Incidents",
    index_name(names.INCIDENTS, _NAMESPACE),
    TABLES[names.INCIDENTS],
    time=None,
)
INCIDENT_EVENTS: Final = DataSource(
    "incident_changes",
    "Incident changes",
    index_name(names.INCIDENT_CHANGES, _NAMESPACE),
    TABLES[names.INCIDENT_CHANGES],
)
MESSAGES: Final = DataSource(
    "messages",
    "Messages",
    index_name(names.DELIVERIES, _NAMESPACE),
    TABLES[names.DELIVERIES],
)
JUDGED: Final = DataSource(
    "judged",
    "Checks judged",
    index_name(names.STATE, _NAMESPACE),
    TABLES[names.STATE],
    Exists("judged.last"),
    time=None,
)
LABEL_DOCUMENTS: Final = DataSource(
    "labels", "Labeled predictions", all_months(names.LABELS, _NAMESPACE), TABLES[names.LABELS]
)

SOURCES: Final = (
    LOGS,
    PREDICTIONS,
    REQUESTS,
    BIDS,
    OUTCOMES,
    FALLBACKS,
    STORES,
    JOBS,
    MODELS,
    DEAD,
    SHIPPED,
    FINDING_DOCUMENTS,
    ALERT_DOCUMENTS,
    INCIDENT_DOCUMENTS,
    INCIDENT_EVENTS,
    MESSAGES,
    JUDGED,
    LABEL_DOCUMENTS,
)
"""All of them, in the order people read them."""
