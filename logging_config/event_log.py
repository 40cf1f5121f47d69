"""The log of one process: emits an event by a typed helper, each in one line."""

from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType, TracebackType
from typing import Any, Final, Literal, Self

from logging_config import context, events
from logging_config.envelope import Envelope
from logging_config.events import Feature, Fields, without_none
from logging_config.failure import error_fields
from logging_config.ids import Ids, make_entity_id
from logging_config.sampling import Sampling, is_sampled
from logging_config.service import FeatureSource, Model
from logging_config.sink import Sink
from logging_config.trace import active_span

Observer = Callable[[str, Mapping[str, Any]], None]
"""Told of each event that was accepted: its dataset and fields."""


_LEVELS_BY_CLASS: Final = MappingProxyType({4: "warning", 5: "error"})


class EventLog:
    """Emits events; each method returns the event's id and raises nothing.

    In development (`strict`) a value of a wrong type raises `FieldTypeError`; elsewhere it is
    written as a label and the line is marked, for a log must not stop the service.
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
        trace = self._trace()
        fields = {
            **trace,
            "ml.prediction.id": prediction_id,
            "ml.model.name": model.name,
            "ml.model.version": model.version,
            "ml.prediction.score": score,
            "ml.prediction.decision": "approved" if approved else "rejected",
        }
        if threshold is not None:
            fields["ml.prediction.threshold"] = threshold
        if features:
            fields |= self._sample(features, trace["trace.id"])
        if sources:
            fields |= events.source_fields(sources)
        return self._write("ml.prediction", "info", "Prediction", fields)

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

    def job_started(self, *, name: str, run_id: str) -> str:
        """A run of a job began (`ml.job`)."""
        fields = {"ml.job.name": name, "ml.job.run_id": run_id, "event.action": "started"}
        return self._emit("ml.job", "info", "Job started", fields)

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
        return self._write("ml.app", level, message, {**self._trace(), **fields}, strict=False)

    def flush(self) -> bool:
        """Wait until all accepted events are written; False if the disk does not take them."""
        return self._sink.flush()

    def close(self) -> None:
        """Write out what is queued and close the sink."""
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
        return self._write(dataset, level, message, {**self._trace(), **without_none(fields)})

    def _write(
        self,
        dataset: str,
        level: str,
        message: Any,
        fields: Fields,
        *,
        strict: bool | None = None,
    ) -> str:
        strict = self._strict if strict is None else strict
        event_id, line = self.envelope.seal(dataset, level, message, fields, strict=strict)
        if self._sink.write(line) and self._observers:
            for observe in self._observers:
                observe(dataset, fields)
        return event_id

    def _trace(self) -> Mapping[str, Any]:
        """The current context, with a trace id in any case."""
        current = context.current()
        if "trace.id" in current:
            return current
        span = active_span()
        return {"trace.id": self._ids.trace()} if span is None else span.to_fields()

    def _sample(self, features: Mapping[str, Feature], trace_id: str) -> Fields:
        share = self._sampling.features
        weight = {} if share >= 1 else {"ml.features.sample_rate": share}
        if not is_sampled(trace_id, share):
            return weight
        embeddings = is_sampled(trace_id, self._sampling.embeddings)
        return weight | events.feature_fields(features, embeddings=embeddings)
