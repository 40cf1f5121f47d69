"""Sentences for the events of one prediction, request, bid or job run, in time order."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from mlmon.formatting import NANOSECONDS, duration, number, one_line, percent
from mlmon.report.terminal.line import UNKNOWN_TIME, event_time, short, time_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from mlmon.analyzers.base.finding import Finding
    from mlmon.elastic.json_object import Json
    from mlmon.report.terminal.gathering import Gathered

_FEATURES: Final = "ml.features."
_SOURCE: Final = "ml.feature_source."
_EVALUATION: Final = "ml.evaluation."


@dataclass(frozen=True, slots=True)
class Sentence:
    """One thing that happened.

    Args:
        time: As written.
        service: Which service logged it.
        text: The sentence.
        level: Log level.
        details: One line per detail.
    """

    time: str
    service: str
    text: str
    level: str = "info"
    details: tuple[str, ...] = ()


def story(gathered: Gathered) -> Iterator[Sentence]:
    """Yield what happened in order of time: the model's origin, the events, findings about them.

    A finding stands at the end of its window, from when on it could be known.
    """
    predicted = {
        str(event["ml.prediction.id"]): event
        for event in gathered.events
        if event.get("event.dataset") == "ml.prediction" and "ml.prediction.id" in event
    }
    sentences = [
        (event_time(event) or UNKNOWN_TIME, _sentence(event, predicted))
        for event in _distinct((*gathered.origin, *gathered.events))
    ]
    sentences += [(finding.end, _found(finding)) for finding in gathered.findings]
    for _, sentence in sorted(sentences, key=itemgetter(0)):
        yield sentence


def _distinct(events: Iterable[Json]) -> Iterator[Json]:
    """Yield each event once: those of a job run may also be a model's origin."""
    seen: set[str] = set()
    for event in events:
        id_ = event.get("event.id")
        if not isinstance(id_, str) or id_ not in seen:
            yield event
        seen.add(str(id_))


def _sentence(event: Mapping[str, Any], predicted: Mapping[str, Mapping[str, Any]]) -> Sentence:
    describe = _DESCRIPTIONS.get(str(event.get("event.dataset")), _anything)
    text, details = describe(event, predicted)
    return Sentence(
        time_of(event),
        one_line(str(event.get("service.name", ""))),
        one_line(text),
        str(event.get("log.level", "info")),
        tuple(one_line(detail) for detail in (*details, *_failure_details(event))),
    )


Description = tuple[str, list[str]]


def _prediction(event: Mapping[str, Any], _: Mapping[str, Any]) -> Description:
    score = finite_number(event, "ml.prediction.score")
    threshold = finite_number(event, "ml.prediction.threshold")
    decision = event.get("ml.prediction.decision")
    if score is None:
        text = f"{_model_of(event)}: score missing"
    else:
        against = ""
        if threshold is not None:
            against = f" {'≥' if score >= threshold else '<'} {number(threshold)}"
        text = f"{_model_of(event)} scored {score:.3f}{against}"
    if decision is not None:
        text += f"{', ' if score is None else ': '}{decision}"
    return text, [*_features(event), *_sources(event)]


def finite_number(event: Mapping[str, Any], name: str) -> float | None:
    """Return a field's value if it is a finite number; any event may lack any field."""
    value = event.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return value if isfinite(value) else None
    except OverflowError:  # an integer beyond a double
        return None


def _model_of(event: Mapping[str, Any]) -> str:
    names = (event.get("ml.model.name"), event.get("ml.model.version"))
    return " ".join(str(name) for name in names if name is not None) or "a model"


def _features(event: Mapping[str, Any]) -> Iterator[str]:
    for kind in ("numeric", "categorical"):
        prefix = f"{_FEATURES}{kind}."
        found = sorted(
            f"{name.removeprefix(prefix)} {short(value)}"
            for name, value in event.items()
            if name.startswith(prefix)
        )
        if found:
            yield f"{kind}: {', '.join(found)}"
    prefix = f"{_FEATURES}embedding."
    for name, value in event.items():
        if name.startswith(prefix) and isinstance(value, list):
            yield f"embedding: {name.removeprefix(prefix)} of {len(value)} numbers"
    missing = event.get("ml.features.missing")
    if missing:
        yield f"missing: {', '.join(map(str, missing)) if isinstance(missing, list) else missing}"


def _sources(event: Mapping[str, Any]) -> Iterator[str]:
    for name, status in event.items():
        if name.startswith(_SOURCE) and name.endswith(".status"):
            source = name.removeprefix(_SOURCE).removesuffix(".status")
            age = finite_number(event, f"{_SOURCE}{source}.age_s")
            old = "" if age is None else f", {duration(age)} old"
            yield f"source: {source} {status}{old}"


def _access(event: Mapping[str, Any], _: Mapping[str, Any]) -> Description:
    took = finite_number(event, "event.duration")
    code = event.get("error.code")
    return (
        f"{event.get('http.request.method', 'request')} {event.get('url.path', '(path missing)')} "
        f"answered {event.get('http.response.status_code', '(status missing)')}"
        + (f" in {number(took, NANOSECONDS)}" if took is not None else "")
        + (f" ({code})" if code else "")
    ), []


def _bid(event: Mapping[str, Any], _: Mapping[str, Any]) -> Description:
    value = finite_number(event, "ml.bid.value")
    approved = event.get("ml.bid.approved_by_model")
    why = ", approved by the model" if approved else ", although the model rejected it"
    worth = f" of {number(value)}" if value is not None else ""
    return f"bid{worth} placed{'' if approved is None else why}", []


def _outcome(event: Mapping[str, Any], predicted: Mapping[str, Mapping[str, Any]]) -> Description:
    label, value = event.get("ml.outcome.label"), finite_number(event, "ml.outcome.value")
    worth = f", worth {number(value)}" if value else ""
    known = {True: "success", False: "no success"}
    text = f"outcome: {known[label] if isinstance(label, bool) else 'label missing'}{worth}"
    prediction = predicted.get(str(event.get("ml.prediction.id")))
    if prediction is None:
        return f"{text} (its prediction is not in the logs)", []
    ended, begun = event_time(event), event_time(prediction)
    later = f"{duration(ended - begun)} " if ended and begun else ""
    score = finite_number(prediction, "ml.prediction.score")
    after = "a prediction without a score" if score is None else f"a score of {percent(score)}"
    return f"{text}, {later}after {after}", []


def _fallback(event: Mapping[str, Any], _: Mapping[str, Any]) -> Description:
    age = finite_number(event, "ml.feature_source.age_s")
    old = "" if age is None else f", {duration(age)} old"
    name = event.get("ml.feature_source.name", "a feature source")
    return f"defaults in place of {name}: {event.get('event.reason', 'unknown')}{old}", []


def _job(event: Mapping[str, Any], _: Mapping[str, Any]) -> Description:
    outcome, took = event.get("event.outcome"), finite_number(event, "event.duration")
    name = event.get("ml.job.name", "a job")
    if outcome is None:
        ended = event.get("event.action") == "ended"
        return f"{name} {'ended, outcome missing' if ended else 'started'}", []
    ended_as = "succeeded" if outcome == "success" else "failed"
    records = finite_number(event, "ml.job.records")
    return (
        f"{name} {ended_as}"
        + (f" after {number(took, NANOSECONDS)}" if took is not None else "")
        + (f", {records:,} records" if records is not None else "")
    ), []


def _model(event: Mapping[str, Any], _: Mapping[str, Any]) -> Description:
    action, outcome = event.get("event.action", "event"), event.get("event.outcome")
    ended = {"success": "succeeded", "failure": "failed"}.get(
        str(outcome), "ended, outcome missing"
    )
    metrics = [
        f"{name.removeprefix(_EVALUATION)} {number(finite_number(event, name))}"
        for name in event
        if name.startswith(_EVALUATION)
    ]
    run = event.get("ml.job.run_id")
    details = [", ".join(metrics)] if metrics else []
    if run:
        details.append(f"by run {run} of {event.get('ml.job.name', 'a job')}")
    return f"{action} of {_model_of(event)} {ended}", details


def _anything(event: Mapping[str, Any], _: Mapping[str, Any]) -> Description:
    return str(event.get("message", "")), []


_DESCRIPTIONS: Final[
    Mapping[str, Callable[[Mapping[str, Any], Mapping[str, Any]], Description]]
] = {
    "ml.prediction": _prediction,
    "ml.access": _access,
    "ml.bid": _bid,
    "ml.outcome": _outcome,
    "ml.fallback": _fallback,
    "ml.job": _job,
    "ml.model": _model,
}


def _failure_details(event: Mapping[str, Any]) -> Iterator[str]:
    kind, message = event.get("error.type"), event.get("error.message")
    if kind or message:
        yield ": ".join(str(part) for part in (kind, message) if part)
    trace = event.get("error.stack_trace")
    if trace:
        yield from str(trace).splitlines()[-6:]


def _found(finding: Finding) -> Sentence:
    return Sentence(
        f"{finding.end:%Y-%m-%d %H:%M:%S}",
        "mlmon",
        one_line(f"{finding.analyzer} {finding.metric}: {finding.reason}"),
        "critical" if finding.severity.value == "critical" else "warning",
    )
