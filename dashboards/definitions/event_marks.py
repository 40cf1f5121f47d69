"""Events that charts over time show: what changed at the time, and what was reported."""

from typing import Final

from mlmon.dashboards.model.chart import EventMark
from mlmon.dashboards.model.condition import both, is_
from mlmon.dashboards.model.sources import INCIDENT_EVENTS, MODELS

_SUCCEEDED: Final = is_("event.outcome", "success")

TRAINED: Final = EventMark(
    "Model trained", MODELS, both(is_("event.action", "train"), _SUCCEEDED), "ml.model.version"
)
LOADED: Final = EventMark(
    "Model loaded",
    MODELS,
    both(is_("event.action", "reload"), _SUCCEEDED),
    "ml.model.version",
    "good",
)
NOT_LOADED: Final = EventMark(
    "Model not loaded",
    MODELS,
    both(is_("event.action", "reload"), is_("event.outcome", "failure")),
    "ml.model.version",
    "critical",
)
INCIDENT_OPENED: Final = EventMark(
    "Incident opened",
    INCIDENT_EVENTS,
    is_("change.kind", "opened", "reopened"),
    "incident.title",
    "warning",
)
EVENT_MARKS: Final = (TRAINED, LOADED, NOT_LOADED, INCIDENT_OPENED)
"""What the charts of models and services show."""
