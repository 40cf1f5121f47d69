"""The standardized JSON log of a service: one import and one call of `configure`."""

from typing import TYPE_CHECKING, Any

from mlmon.logging_config.configuration import configure, open_log, process_log
from mlmon.logging_config.emit.context import context, current_trace_id, traceparent
from mlmon.logging_config.emit.event_log import EventLog
from mlmon.logging_config.emit.redaction import Redaction
from mlmon.logging_config.emit.sampling import Sampling
from mlmon.logging_config.emit.service import FeatureSource, Model, Service
from mlmon.logging_config.errors import ConfigurationError, FieldTypeError
from mlmon.logging_config.sinks.file_sink import Rotation
from mlmon.logging_config.sources.asgi import AccessLog
from mlmon.logging_config.sources.evaluation import publish_evaluation
from mlmon.logging_config.sources.jobs import current_run, job, job_run
from mlmon.logging_config.sources.request import set_error_code
from mlmon.logging_config.sources.stdlib import ContextFilter

if TYPE_CHECKING:
    from mlmon.logging_config.sources.formatter import EventFormatter

__all__ = [
    "AccessLog",
    "ConfigurationError",
    "ContextFilter",
    "EventFormatter",
    "EventLog",
    "FeatureSource",
    "FieldTypeError",
    "Model",
    "Redaction",
    "Rotation",
    "Sampling",
    "Service",
    "configure",
    "context",
    "current_run",
    "current_trace_id",
    "job",
    "job_run",
    "open_log",
    "process_log",
    "publish_evaluation",
    "set_error_code",
    "traceparent",
]


def __getattr__(name: str) -> Any:
    """Import `EventFormatter` when it is used: python-json-logger is slow to import."""
    if name == "EventFormatter":
        from mlmon.logging_config.sources.formatter import EventFormatter

        return EventFormatter
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
