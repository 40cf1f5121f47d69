"""The standardised JSON log: adopted with one import and one call."""

from logging_config.configuration import configure, open_log, process_log
from logging_config.context import context, current_trace_id, traceparent
from logging_config.errors import ConfigurationError, FieldTypeError
from logging_config.event_log import EventLog
from logging_config.redaction import Redaction
from logging_config.rotation import Rotation
from logging_config.sampling import Sampling
from logging_config.service import FeatureSource, Model, Service

__all__ = [
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
    "current_trace_id",
    "open_log",
    "process_log",
    "traceparent",
]
