"""Every source there is, from the tables that the index templates are made from."""

from typing import Final

from mlmon.dashboards.model.condition import is_
from mlmon.dashboards.model.source import Source
from mlmon.elastic.indices.index_tables import DEAD_LETTERS, SHIPPING, TABLES
from mlmon.elastic.indices.templates import DEAD_LETTER_STREAM, SHIPPING_STREAM
from mlmon.logging_config.schema.fields import DATASETS, Field


def _everything() -> tuple[Field, ...]:
    """Return the fields of all datasets, each once."""
    return tuple({field.name: field for fields in DATASETS.values() for field in fields}.values())


def _dataset(name: str, title: str) -> Source:
    return Source(name, title, f"logs-ml.{name}-{{namespace}}", DATASETS[f"ml.{name}"])


LOGS: Final = Source("logs", "All events", "logs-ml.*-{namespace}", _everything())
PREDICTIONS: Final = _dataset("prediction", "Predictions")
REQUESTS: Final = _dataset("access", "Requests")
BIDS: Final = _dataset("bid", "Bids")
OUTCOMES: Final = _dataset("outcome", "Outcomes")
FALLBACKS: Final = _dataset("fallback", "Fallbacks")
JOBS: Final = _dataset("job", "Job runs")
MODELS: Final = _dataset("model", "Model events")
DEAD: Final = Source(
    "dead_letter", "Rejected lines", f"{DEAD_LETTER_STREAM}-{{namespace}}", DEAD_LETTERS
)
SHIPPED: Final = Source("shipping", "Shipping", f"{SHIPPING_STREAM}-{{namespace}}", SHIPPING)
FINDINGS: Final = Source(
    "findings",
    "Findings",
    "mlmon-findings-{namespace}-*",
    TABLES["mlmon-findings"],
    is_("finding.latest", True),
)
ALERTS: Final = Source(
    "alerts", "Alerts", "mlmon-alerts-{namespace}", TABLES["mlmon-alerts"], time=None
)
LABELS: Final = Source(
    "labels", "Labelled predictions", "mlmon-labels-{namespace}-*", TABLES["mlmon-labels"]
)

SOURCES: Final = (
    LOGS,
    PREDICTIONS,
    REQUESTS,
    BIDS,
    OUTCOMES,
    FALLBACKS,
    JOBS,
    MODELS,
    DEAD,
    SHIPPED,
    FINDINGS,
    ALERTS,
    LABELS,
)
"""All of them, in the order people read them."""
