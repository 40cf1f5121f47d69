"""The standardised JSON log: adopted with one import and one call."""

from logging_config.configuration import configure, open_log, process_log
from logging_config.context import context, current_trace_id, traceparent
from logging_config.errors import ConfigurationError, FieldTypeError
from logging_config.evaluation import publish_evaluation
from logging_config.event_log import EventLog
from logging_config.jobs import current_run, job, job_run
from logging_config.middleware import AccessLog
from logging_config.redaction import Redaction
from logging_config.request import set_error_code
from logging_config.rotation import Rotation
from logging_config.sampling import Sampling
from logging_config.service import FeatureSource, Model, Service

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
