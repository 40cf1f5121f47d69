"""The log of one process: each typed method writes one event as one line."""

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import wraps
from threading import RLock, get_ident
from types import MappingProxyType, TracebackType
from typing import Any, Concatenate, Final, Literal, ParamSpec, Self

from mlmon.logging_config.emit import events, messages
from mlmon.logging_config.emit.context import correlation_fields
from mlmon.logging_config.emit.event_encoder import EventEncoder
from mlmon.logging_config.emit.events import EventFields, Feature, error_fields
from mlmon.logging_config.emit.ids import Ids
from mlmon.logging_config.emit.levels import LOG_LEVELS, find_level
from mlmon.logging_config.emit.sampling import Sampling, is_sampled
from mlmon.logging_config.emit.service import FeatureSource, Model
from mlmon.logging_config.errors import FieldTypeError, warn, warn_once
from mlmon.logging_config.interruptions import is_interruption
from mlmon.logging_config.schema.fields import REQUIRED_FIELDS
from mlmon.logging_config.sinks.sink import CLOSE_TIMEOUT_S, Sink, stream_writers

Observer = Callable[[str, Mapping[str, Any]], None]
"""Called with the dataset and fields of each event that was accepted."""

_P = ParamSpec("_P")
_NOTICE_INTERVAL_S: Final = 1.0

_LEVELS_BY_CLASS: Final = MappingProxyType({4: "warning", 5: "error"})


class DropCounter:
    """Counts the events dropped since the last notice; at most one notice a second."""

    __slots__ = ("_lock", "_next_notice", "pending")

    def __init__(self) -> None:
        self._lock = RLock()  # a signal handler may take the count while its thread adds to it
        self._next_notice = 0.0
        self.pending = 0

    def add(self, events: int = 1) -> None:
        """Count dropped events."""
        with self._lock:
            self.pending += events

    def is_due(self) -> bool:
        """Whether events were dropped and the last notice is a second old."""
        return self.pending > 0 and time.monotonic() >= self._next_notice

    def take(self) -> int:
        """Return the count and set it to 0."""
        with self._lock:
            pending, self.pending = self.pending, 0
            self._next_notice = time.monotonic() + _NOTICE_INTERVAL_S
            return pending


def _never_raises(
    dataset: str,
) -> Callable[
    [Callable[Concatenate["EventLog", _P], str]], Callable[Concatenate["EventLog", _P], str]
]:
    """Make a typed method write its arguments as labels where they cannot make up the event."""

    def decorate(
        method: Callable[Concatenate["EventLog", _P], str],
    ) -> Callable[Concatenate["EventLog", _P], str]:
        @wraps(method)
        def call(log: "EventLog", /, *args: _P.args, **given: _P.kwargs) -> str:
            try:
                return method(log, *args, **given)
            except FieldTypeError:
                raise
            except BaseException as error:
                if is_interruption(error):
                    raise
                return log._write_arguments(dataset, args, given, error)  # noqa: SLF001 -- a method's decorator

        return call

    return decorate


class EventLog:
    """Writes events; each method returns the event's id and raises nothing.

    In development (`strict`) a value of a wrong type raises `FieldTypeError`; elsewhere it is
    written as a label and named in `ml.log.changes`.

    Args:
        encoder: encodes the lines.
        sink: receives the lines.
        ids: generates trace ids.
        sampling: shares of traces whose features are written.
        observers: called with each accepted event; an error of an observer is logged once.
        strict: raise on a value of a wrong type.
    """

    def __init__(
        self,
        encoder: EventEncoder,
        sink: Sink,
        *,
        ids: Ids | None = None,
        sampling: Sampling | None = None,
        observers: tuple[Observer, ...] = (),
        strict: bool = False,
    ) -> None:
        self.encoder = encoder
        self._sink = sink
        self._ids = ids or Ids()
        self._sampling = sampling or Sampling()
        self._observers = observers
        self._strict = strict
        self._drops = DropCounter()
        self._failed_observers: list[Observer] = []

    @_never_raises("ml.prediction")
    def prediction(
        self,
        *,
        prediction_id: str,
        model: Model,
        score: float,
        approved: bool,
        threshold: float | None = None,
        features: Mapping[str, Feature] | None = None,
        sources: Mapping[str, FeatureSource] | None = None,
    ) -> str:
        """A model scored something (`ml.prediction`)."""
        decision = "approved" if approved else "rejected"
        fields = {
            **correlation_fields(self._ids),
            "ml.prediction.id": prediction_id,
            "ml.model.name": model.name,
            "ml.model.version": model.version,
            "ml.prediction.score": score,
            "ml.prediction.decision": decision,
        }
        if threshold is not None:
            fields["ml.prediction.threshold"] = threshold
        if features:
            self._add_features(fields, features)
        if sources:
            fields |= events.source_fields(sources, self.encoder.clock)
        message = messages.prediction(prediction_id, decision, score, threshold)
        return self._write("ml.prediction", "info", message, fields, composed=True)

    @_never_raises("ml.access")
    def access(
        self,
        *,
        method: str,
        path: str,
        status_code: int,
        duration_ns: int | None = None,
        error_code: str | None = None,
        error: BaseException | None = None,
    ) -> str:
        """An HTTP request was answered (`ml.access`); a warning from 400, an error from 500 on.

        A request with an `error` is an error with any status, such as a stream that broke off.
        """
        fields = {
            "http.request.method": method,
            "url.path": path,
            "http.response.status_code": status_code,
            "event.duration": duration_ns,
            "error.code": error_code,
        }
        level = _LEVELS_BY_CLASS.get(status_code // 100, "info")
        if error is not None:
            level = "error"
            fields |= error_fields(error)
        message = messages.access(
            method, path, status_code, duration_ns, error_code, fields.get("error.type")
        )
        return self._emit("ml.access", level, message, fields)

    @_never_raises("ml.bid")
    def bid(
        self,
        *,
        bid_id: str,
        prediction_id: str,
        value: float | None = None,
        approved_by_model: bool | None = None,
        score: float | None = None,
        threshold: float | None = None,
    ) -> str:
        """A bid was placed (`ml.bid`); `value` in the service's currency.

        The prediction's score and threshold are written in the message only.
        """
        fields = {
            "ml.bid.id": bid_id,
            "ml.prediction.id": prediction_id,
            "ml.bid.value": value,
            "ml.bid.approved_by_model": approved_by_model,
        }
        message = messages.bid(bid_id, approved_by_model, score, threshold)
        return self._emit("ml.bid", "info", message, fields)

    @_never_raises("ml.outcome")
    def outcome(
        self,
        *,
        prediction_id: str,
        label: bool,
        value: float | None = None,
        created: datetime | None = None,
    ) -> str:
        """An outcome became known (`ml.outcome`), at the time `created`."""
        fields = {
            "ml.prediction.id": prediction_id,
            "ml.outcome.label": label,
            "ml.outcome.value": value,
            "event.created": created,
        }
        message = messages.outcome(prediction_id, label, value)
        return self._emit("ml.outcome", "info", message, fields)

    @_never_raises("ml.fallback")
    def fallback(
        self, *, source: str, age_s: float | None = None, reason: str | None = None
    ) -> str:
        """Defaults replaced a stale or missing feature source (`ml.fallback`)."""
        fields = {
            "ml.feature_source.name": source,
            "ml.feature_source.age_s": age_s,
            "event.reason": reason,
        }
        message = messages.fallback(source, age_s, reason)
        return self._emit("ml.fallback", "warning", message, fields)

    @_never_raises("ml.store")
    def feature_store(
        self,
        *,
        source: str,
        entity: str,
        total: int,
        covered: int,
        age_p50_s: float | None = None,
        age_p90_s: float | None = None,
    ) -> str:
        """A store of pre-computed features was measured (`ml.store`), as by the job that fills it.

        Args:
            source: feature source, as in `fallback` and in a prediction's sources.
            entity: what the values belong to, such as `profile` or `job`.
            total: entities that exist.
            covered: those of them that have values.
            age_p50_s: median age of the values.
            age_p90_s: age that 90 % of the values do not pass.
        """
        fields = {
            "ml.feature_source.name": source,
            "ml.store.entity": entity,
            "ml.store.total": total,
            "ml.store.covered": covered,
            "ml.store.age_p50_s": age_p50_s,
            "ml.store.age_p90_s": age_p90_s,
        }
        message = messages.feature_store(source, entity, total, covered)
        return self._emit("ml.store", "info", message, fields)

    @_never_raises("ml.job")
    def job_started(self, *, name: str, run_id: str) -> str:
        """A run of a job started (`ml.job`)."""
        fields = {"ml.job.name": name, "ml.job.run_id": run_id, "event.action": "started"}
        return self._emit("ml.job", "info", messages.job_started(name), fields)

    @_never_raises("ml.job")
    def job_ended(
        self,
        *,
        name: str,
        run_id: str,
        succeeded: bool,
        duration_ns: int | None = None,
        records: int | None = None,
        error: BaseException | str | None = None,
    ) -> str:
        """A run of a job ended (`ml.job`)."""
        fields = {
            "ml.job.name": name,
            "ml.job.run_id": run_id,
            "event.action": "ended",
            "event.duration": duration_ns,
            "ml.job.records": records,
            **events.outcome_fields(succeeded=succeeded),
            **error_fields(error),
        }
        message = messages.job_ended(
            name, succeeded, duration_ns, records, fields.get("error.type")
        )
        return self._emit("ml.job", "info" if succeeded else "error", message, fields)

    @_never_raises("ml.model")
    def model_event(
        self,
        *,
        action: Literal["train", "evaluate", "reload"],
        succeeded: bool,
        model: Model | None = None,
        evaluation: Mapping[str, float] | None = None,
        duration_ns: int | None = None,
        error: BaseException | str | None = None,
    ) -> str:
        """A model was trained, evaluated or reloaded (`ml.model`)."""
        fields = {
            "event.action": action,
            "event.duration": duration_ns,
            **events.model_fields(model),
            **events.outcome_fields(succeeded=succeeded),
            **events.evaluation_fields(evaluation or {}),
            **error_fields(error),
        }
        message = messages.model_event(
            action,
            succeeded,
            fields.get("ml.model.name"),
            fields.get("ml.model.version"),
            fields.get("error.type"),
        )
        return self._emit("ml.model", "info" if succeeded else "error", message, fields)

    def app(
        self,
        level: str | int,
        message: Any,
        fields: Mapping[Any, Any],
        *,
        time_ns: int | None = None,
    ) -> str:
        """Any other event (`ml.app`): known fields are kept, all other keys become labels.

        Args:
            level: its severity; `logging`'s other names and numbers are known too, and anything
                else counts as `info` and is kept as a label.
            message: what happened.
            fields: the fields and labels.
            time_ns: its time in nanoseconds since the epoch where it is logged later.
        """
        ids = correlation_fields(self._ids)
        if type(level) is not str or level not in LOG_LEVELS:
            found = find_level(level)
            ids = ids if found else {**ids, "given_level": level}
            level = found or "info"
        try:
            given = {**ids, **fields}
        except BaseException as raised:
            if is_interruption(raised):
                raise
            given = {**ids, "fields": fields}
        return self._write("ml.app", level, message, given, strict=False, time_ns=time_ns)

    def flush(self) -> bool:
        """Wait until all accepted events are written; False if that takes too long."""
        return self._sink.flush()

    def close(self, timeout_s: float = CLOSE_TIMEOUT_S) -> None:
        """Write all queued events and close the sink; a later event opens it again.

        Args:
            timeout_s: seconds to wait; what is not written by then is counted on standard error.
        """
        deadline = time.monotonic() + timeout_s
        self._sink.close(timeout_s)
        if self._drops.pending:
            self._write_drop_notice()
            self._sink.close(max(deadline - time.monotonic(), 0.0))
        if dropped := self._drops.take():
            warn(f"{dropped} events were dropped: the output did not accept them")

    def before_fork(self) -> None:
        """Finish the current write, so that a forked child starts in a consistent state."""
        self._sink.before_fork()

    def after_fork(self, *, in_child: bool) -> None:
        """Continue; the encoder of a child has started again by itself."""
        self._sink.after_fork(in_child=in_child)
        if in_child:
            self._drops = DropCounter()  # the parent reports what was dropped before

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _emit(self, dataset: str, level: str, message: str, fields: EventFields) -> str:
        """Write an event without optional fields that are None."""
        required = REQUIRED_FIELDS[dataset]
        known = {n: value for n, value in fields.items() if value is not None or n in required}
        fields = {**correlation_fields(self._ids), **known}
        return self._write(dataset, level, message, fields, composed=True)

    def _write(
        self,
        dataset: str,
        level: str,
        message: Any,
        fields: dict[str, Any],
        *,
        strict: bool | None = None,
        composed: bool = False,
        time_ns: int | None = None,
    ) -> str:
        if stream_writers and get_ident() in stream_writers:
            warn_once("an event that standard output logs when a line is written to it is dropped")
            return ""
        strict = self._strict if strict is None else strict
        event_id, line = self.encoder.encode(
            dataset, level, message, fields, strict=strict, composed=composed, time_ns=time_ns
        )
        if not self._sink.write(line):
            self._drops.add()
            return event_id
        if self._drops.pending and self._drops.is_due():
            self._write_drop_notice()
        if self._observers:
            self._notify_observers(dataset, fields)
        return event_id

    def _notify_observers(self, dataset: str, fields: Mapping[str, Any]) -> None:
        for observe in self._observers:
            self._notify(observe, dataset, fields)

    def _notify(self, observe: Observer, dataset: str, fields: Mapping[str, Any]) -> None:
        try:
            observe(dataset, fields)
        except BaseException as error:
            if is_interruption(error):
                raise
            if observe not in self._failed_observers:
                self._failed_observers.append(observe)
                message = (
                    f"The observer {type(observe).__name__} failed; further failures are not logged"
                )
                self.app("error", message, error_fields(error))

    def _write_drop_notice(self) -> None:
        """Write how many events were dropped; if this event is dropped too, count it as well."""
        dropped = self._drops.take()
        fields = dict(correlation_fields(self._ids))
        message = f"{dropped:,} events were dropped: the queue or the disk was full"
        _, line = self.encoder.encode("ml.app", "warning", message, fields, dropped=dropped)
        if self._sink.write(line):
            self._notify_observers("ml.app", {**fields, "ml.log.dropped": dropped})
        else:
            self._drops.add(dropped + 1)

    def _write_arguments(
        self, dataset: str, args: tuple[Any, ...], given: dict[str, Any], error: BaseException
    ) -> str:
        """Write a method's arguments as labels, because they do not make up its event.

        Raises:
            FieldTypeError: in development.
        """
        if self._strict:
            raise FieldTypeError(f"{type(error).__name__}: {error}") from error
        positional = {"args": args} if args else {}
        fields = {
            **correlation_fields(self._ids),
            **given,
            **positional,
            **error_fields(error),
        }
        return self._write(
            dataset, "error", f"{dataset} event with wrong arguments", fields, strict=False
        )

    def _add_features(self, fields: EventFields, features: Mapping[str, Feature]) -> None:
        """Add the features if the trace is sampled."""
        sampling, trace_id = self._sampling, fields["trace.id"]
        if sampling.features < 1:
            fields["ml.features.sample_rate"] = sampling.features
        if is_sampled(trace_id, sampling.features):
            embeddings = is_sampled(trace_id, sampling.embeddings)
            events.add_features(fields, features, embeddings=embeddings)
            if self.encoder.hides_features:
                fields.update(self.encoder.hidden_features(fields))
