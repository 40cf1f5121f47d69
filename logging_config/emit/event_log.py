"""The log of one process: emits an event by a typed helper, each in one line."""

from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType, TracebackType
from typing import Any, Final, Literal, Self

from mlmon.logging_config.emit import events
from mlmon.logging_config.emit.context import correlation
from mlmon.logging_config.emit.envelope import Envelope
from mlmon.logging_config.emit.events import Feature, Fields
from mlmon.logging_config.emit.failure import error_fields
from mlmon.logging_config.emit.ids import Ids, make_entity_id
from mlmon.logging_config.emit.losses import Losses
from mlmon.logging_config.emit.salvage import total
from mlmon.logging_config.emit.sampling import Sampling, is_sampled
from mlmon.logging_config.emit.service import FeatureSource, Model
from mlmon.logging_config.errors import FieldTypeError
from mlmon.logging_config.schema.fields import REQUIRED
from mlmon.logging_config.sinks.file_sink import Sink

Observer = Callable[[str, Mapping[str, Any]], None]
"""Told of each event that was accepted: its dataset and fields."""


_LEVELS_BY_CLASS: Final = MappingProxyType({4: "warning", 5: "error"})


class EventLog:
    """Emits events; each method returns the event's id and raises nothing.

    In development (`strict`) a value of a wrong type raises `FieldTypeError`; elsewhere it is
    written as a label and the line is marked, for a log must not stop the service.

    Args:
        envelope: makes the lines.
        sink: takes them.
        ids: makes trace ids.
        sampling: shares of traces whose features are written.
        observers: told of each accepted event; what one raises is logged, once.
        strict: raise on a value of a wrong type.
    """

    def __init__(
        self,
        envelope: Envelope,
        sink: Sink,
        *,
        ids: Ids | None = None,
        sampling: Sampling | None = None,
        observers: tuple[Observer, ...] = (),
        strict: bool = False,
    ) -> None:
        self.envelope = envelope
        self._sink = sink
        self._ids = ids or Ids()
        self._sampling = sampling or Sampling()
        self._observers = observers
        self._strict = strict
        self._losses = Losses()
        self._failed_observers: list[Observer] = []

    @total("ml.prediction")
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
        fields = {
            **correlation(self._ids),
            "ml.prediction.id": prediction_id,
            "ml.model.name": model.name,
            "ml.model.version": model.version,
            "ml.prediction.score": score,
            "ml.prediction.decision": "approved" if approved else "rejected",
        }
        if threshold is not None:
            fields["ml.prediction.threshold"] = threshold
        if features:
            self._add_features(fields, features)
        if sources:
            fields |= events.source_fields(sources, self.envelope.clock)
        return self._write("ml.prediction", "info", "Prediction", fields)

    @total("ml.access")
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
        """An HTTP request was answered (`ml.access`); a warning from 400, an error from 500 on."""
        fields = {
            "http.request.method": method,
            "url.path": path,
            "http.response.status_code": status_code,
            "event.duration": duration_ns,
            "error.code": error_code,
        }
        level = _LEVELS_BY_CLASS.get(status_code // 100, "info")
        return self._emit("ml.access", level, "Request", fields | error_fields(error))

    @total("ml.bid")
    def bid(
        self,
        *,
        bid_id: str,
        prediction_id: str,
        value: float | None = None,
        approved_by_model: bool | None = None,
    ) -> str:
        """A bid was placed (`ml.bid`); `value` in the service's currency."""
        fields = {
            "ml.bid.id": bid_id,
            "ml.prediction.id": prediction_id,
            "ml.bid.value": value,
            "ml.bid.approved_by_model": approved_by_model,
        }
        return self._emit("ml.bid", "info", "Bid", fields)

    @total("ml.outcome")
    def outcome(
        self,
        *,
        prediction_id: str,
        label: bool,
        value: float | None = None,
        created: datetime | None = None,
    ) -> str:
        """What came true was learnt (`ml.outcome`); `created` is when it became known."""
        fields = {
            "ml.prediction.id": prediction_id,
            "ml.outcome.label": label,
            "ml.outcome.value": value,
            "event.created": created,
        }
        return self._emit("ml.outcome", "info", "Outcome", fields)

    @total("ml.fallback")
    def fallback(
        self, *, source: str, age_s: float | None = None, reason: str | None = None
    ) -> str:
        """Defaults stood in for a stale or missing source (`ml.fallback`)."""
        fields = {
            "ml.feature_source.name": source,
            "ml.feature_source.age_s": age_s,
            "event.reason": reason,
        }
        return self._emit("ml.fallback", "warning", "Fallback to defaults", fields)

    @total("ml.job")
    def job_started(self, *, name: str, run_id: str) -> str:
        """A run of a job began (`ml.job`)."""
        fields = {"ml.job.name": name, "ml.job.run_id": run_id, "event.action": "started"}
        return self._emit("ml.job", "info", "Job started", fields)

    @total("ml.job")
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
        level, message = ("info", "Job succeeded") if succeeded else ("error", "Job failed")
        return self._emit("ml.job", level, message, fields)

    @total("ml.model")
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
        level, message = ("info", "succeeded") if succeeded else ("error", "failed")
        return self._emit("ml.model", level, f"Model {action} {message}", fields)

    def app(self, level: str, message: Any, fields: Mapping[Any, Any]) -> str:
        """Anything else (`ml.app`): the fields of the table are kept, all others become labels."""
        ids = correlation(self._ids)
        try:
            given = {**ids, **fields}
        except Exception:  # noqa: BLE001 -- a mapping's own methods may raise anything
            given = {**ids, "fields": fields}
        return self._write("ml.app", level, message, given, strict=False)

    def salvage(self, dataset: str, given: dict[str, Any], error: Exception) -> str:
        """Write an event's arguments as labels, for they do not make up its fields.

        Raises:
            FieldTypeError: in development.
        """
        if self._strict:
            raise FieldTypeError(f"{type(error).__name__}: {error}") from error
        fields = {**correlation(self._ids), **given, **error_fields(error)}
        return self._write(dataset, "error", "Event with wrong arguments", fields, strict=False)

    def flush(self) -> bool:
        """Wait until all accepted events are written; False if the disk does not take them."""
        return self._sink.flush()

    def close(self) -> None:
        """Write out what is queued and close the sink; a later event opens it again."""
        if self._losses.pending and self._sink.flush():
            self._tell_losses()
        self._sink.close()

    def before_fork(self) -> None:
        """Come to rest, so that a child finds nothing half done."""
        self._sink.before_fork()

    def after_fork(self, *, in_child: bool) -> None:
        """Go on; a child counts its own events, under an id of its own."""
        self._sink.after_fork(in_child=in_child)
        if in_child:
            self.envelope.start(make_entity_id())
            self._ids = Ids()
            self._losses = Losses()  # what was lost before is its parent's to tell

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _emit(self, dataset: str, level: str, message: str, fields: Fields) -> str:
        """Write an event without the fields that are not known; a required one is missed."""
        required = REQUIRED[dataset]
        known = {n: value for n, value in fields.items() if value is not None or n in required}
        return self._write(dataset, level, message, {**correlation(self._ids), **known})

    def _write(
        self,
        dataset: str,
        level: str,
        message: Any,
        fields: dict[str, Any],
        *,
        strict: bool | None = None,
    ) -> str:
        strict = self._strict if strict is None else strict
        event_id, line = self.envelope.seal(dataset, level, message, fields, strict=strict)
        if not self._sink.write(line):
            self._losses.count()
            return event_id
        if self._losses.pending and self._losses.due():
            self._tell_losses()
        if self._observers:
            self._tell_observers(dataset, fields)
        return event_id

    def _tell_observers(self, dataset: str, fields: Mapping[str, Any]) -> None:
        for observe in self._observers:
            self._tell(observe, dataset, fields)

    def _tell(self, observe: Observer, dataset: str, fields: Mapping[str, Any]) -> None:
        try:
            observe(dataset, fields)
        except Exception as error:  # noqa: BLE001 -- the event is written, whatever an observer does
            if observe not in self._failed_observers:
                self._failed_observers.append(observe)
                message = f"The observer {type(observe).__name__} failed; later failures are silent"
                self.app("error", message, error_fields(error))

    def _tell_losses(self) -> None:
        """Write how many events were dropped; if that is dropped too, it is told later."""
        lost = self._losses.take()
        fields = {**correlation(self._ids), "ml.log.dropped": lost}
        _, line = self.envelope.seal("ml.app", "warning", "Events were dropped", fields)
        if self._sink.write(line):
            self._tell_observers("ml.app", fields)
        else:
            self._losses.count(lost + 1)

    def _add_features(self, fields: Fields, features: Mapping[str, Feature]) -> None:
        """Add features, if the trace is among those sampled."""
        sampling, trace_id = self._sampling, fields["trace.id"]
        if sampling.features < 1:
            fields["ml.features.sample_rate"] = sampling.features
        if is_sampled(trace_id, sampling.features):
            embeddings = is_sampled(trace_id, sampling.embeddings)
            events.add_features(fields, features, embeddings=embeddings)
