"""The message of each typed event: a sentence for people.

Each is composed of values of the event's own fields, numbers and fixed words, so that it is
searched for secrets only where a field had to be changed. No value raises: a message that cannot be
composed is replaced by the name of the event.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, Final, ParamSpec

from mlmon.logging_config.interruptions import is_interruption
from mlmon.logging_config.schema.fields import MAX_CACHED

_P = ParamSpec("_P")
_NS_PER_S: Final = 1_000_000_000
_thresholds: dict[Any, str] = {}
_VERBS: Final = {"train": "training", "evaluate": "evaluation", "reload": "reload"}


def _or(fallback: str) -> Callable[[Callable[_P, str]], Callable[_P, str]]:
    """Return the fallback where a value's own methods raise."""

    def decorate(compose: Callable[_P, str]) -> Callable[_P, str]:
        @wraps(compose)
        def call(*args: _P.args, **kwargs: _P.kwargs) -> str:
            try:
                return compose(*args, **kwargs)
            except BaseException as raised:
                if is_interruption(raised):
                    raise
                return fallback

        return call

    return decorate


def prediction(prediction_id: Any, decision: str, score: Any, threshold: Any) -> str:
    """Return `prediction 319 rejected (0.156 < 0.4)`."""
    try:
        if threshold is None:
            return f"prediction {prediction_id} {decision} (score {score:.3g})"
        limit = _thresholds.get(threshold) or _format_threshold(threshold)
        sign = "<" if score < threshold else ">="
        message = f"prediction {prediction_id} {decision} ({score:.3g} {sign} {limit})"
    except BaseException as raised:
        if is_interruption(raised):
            raise
        return "prediction"
    return message


def _format_threshold(threshold: Any) -> str:
    """Format a threshold, and cache it: a model has one."""
    text = _thresholds[threshold] = f"{threshold:.3g}"
    if len(_thresholds) > MAX_CACHED:
        _thresholds.clear()
    return text


def access(
    method: Any, path: Any, status_code: Any, duration_ns: Any, error_code: Any, error_type: Any
) -> str:
    """Return `POST /ml/predict 500 in 3.0 s (stats_database_timeout)`."""
    try:
        message = f"{method} {path} {status_code}"
        if duration_ns is not None:
            message += f" in {_duration(duration_ns / _NS_PER_S)}"
        if reason := error_code or error_type:
            message += f" ({reason})"
    except BaseException as raised:
        if is_interruption(raised):
            raise
        return "request"
    return message


@_or("bid")
def bid(bid_id: Any, approved: Any, score: Any, threshold: Any) -> str:
    """Return `bid 319 placed although the model rejected it (0.156 < 0.4)`."""
    compared = ""
    if score is not None and threshold is not None:
        sign = "<" if score < threshold else ">="
        compared = f" ({score:.3g} {sign} {threshold:.3g})"
    if approved is False:
        return f"bid {bid_id} placed although the model rejected it{compared}"
    return f"bid {bid_id} placed{compared}"


@_or("outcome")
def outcome(prediction_id: Any, label: Any, value: Any) -> str:
    """Return `outcome of prediction 319: true, value 12.5`."""
    worth = "" if value is None else f", value {value:.6g}"
    return f"outcome of prediction {prediction_id}: {'true' if label else 'false'}{worth}"


@_or("fallback")
def fallback(source: Any, age_s: Any, reason: Any) -> str:
    """Return `defaults used for profile_statistics: stale, 2.0 h old`."""
    age = "" if age_s is None else f"{_duration(age_s)} old"
    why = ", ".join(filter(None, (reason, age)))
    return f"defaults used for {source}{f': {why}' if why else ''}"


@_or("feature store measured")
def feature_store(source: Any, entity: Any, total: Any, covered: Any) -> str:
    """Return `profile_statistics covers 588 of 600 profile entities`."""
    return f"{source} covers {covered:,} of {total:,} {entity} entities"


@_or("job started")
def job_started(name: Any) -> str:
    """Return `job train started`."""
    return f"job {name} started"


@_or("job ended")
def job_ended(name: Any, succeeded: Any, duration_ns: Any, records: Any, error_type: Any) -> str:
    """Return `job train succeeded in 12.0 s, 1,200 records` or `job train failed in …`."""
    duration = "" if duration_ns is None else f" in {_duration(duration_ns / _NS_PER_S)}"
    if succeeded:
        counted = "" if records is None else f", {records:,} records"
        return f"job {name} succeeded{duration}{counted}"
    return f"job {name} failed{duration}{f' ({error_type})' if error_type else ''}"


@_or("model event")
def model_event(action: Any, succeeded: Any, name: Any, version: Any, error_type: Any) -> str:
    """Return `reload of model autobid 7 succeeded`."""
    model = "" if name is None else f" of model {name} {version}"
    result = "succeeded" if succeeded else "failed"
    reason = f" ({error_type})" if error_type and not succeeded else ""
    return f"{_VERBS.get(action, action)}{model} {result}{reason}"


def _duration(seconds: float) -> str:
    """Format a duration: `0.4 ms`, `120 ms`, `3.0 s`, `12 min`, `2.0 h`."""
    if seconds < 1:
        return f"{seconds * 1000:.3g} ms"
    if seconds < 120:  # noqa: PLR2004 -- two minutes
        return f"{seconds:.1f} s"
    if seconds < 7200:  # noqa: PLR2004 -- two hours
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
