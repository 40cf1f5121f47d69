"""The standardised JSON log: adopted with one import and one call."""

from mlmon.logging_config.configuration import configure, open_log, process_log
from mlmon.logging_config.emit.context import context, current_trace_id, traceparent
from mlmon.logging_config.emit.event_log import EventLog
from mlmon.logging_config.emit.redaction import Redaction
from mlmon.logging_config.emit.sampling import Sampling
from mlmon.logging_config.emit.service import FeatureSource, Model, Service
from mlmon.logging_config.errors import ConfigurationError, FieldTypeError
from mlmon.logging_config.sinks.rotation import Rotation
from mlmon.logging_config.sources.asgi import AccessLog
from mlmon.logging_config.sources.evaluation import publish_evaluation
from mlmon.logging_config.sources.jobs import current_run, job, job_run
from mlmon.logging_config.sources.request import set_error_code

__all__ = [
    "AccessLog",
    "ConfigurationError",
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
