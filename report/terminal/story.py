"""Sentences for the events of one prediction, request, bid or job run, in time order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from mlmon.analyzers.base.window import parse_time
from mlmon.formatting import NANOSECONDS, duration, number, percent
from mlmon.report.terminal.line import printable, short, time_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mlmon.analyzers.base.finding import Finding
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
    """Yield what happened: how the model came to be, the events, and what was found wrong then."""
    for event in gathered.origin:
        yield _sentence(event, {})
    predicted = {
        event["ml.prediction.id"]: event
        for event in gathered.events
        if event.get("event.dataset") == "ml.prediction"
    }
    for event in gathered.events:
        yield _sentence(event, predicted)
    for finding in gathered.findings:
        yield _found(finding)


def _sentence(event: Mapping[str, Any], predicted: Mapping[str, Mapping[str, Any]]) -> Sentence:
    describe = _DESCRIPTIONS.get(str(event.get("event.dataset")), _anything)
    text, details = describe(event, predicted)
    return Sentence(
        time_of(event),
        printable(str(event.get("service.name", ""))),
        printable(text),
        str(event.get("log.level", "info")),
        tuple(printable(detail) for detail in (*details, *_failure_details(event))),
    )


Description = tuple[str, list[str]]


def _prediction(event: Mapping[str, Any], _: Mapping[str, Any]) -> Description:
    score, threshold = event["ml.prediction.score"], event.get("ml.prediction.threshold")
    against = ""
    if threshold is not None:
        against = f" {'≥' if score >= threshold else '<'} {number(threshold)}"
    model = f"{event.get('ml.model.name')} {event.get('ml.model.version')}"
    text = f"{model} scored {score:.3f}{against}: {event.get('ml.prediction.decision')}"
    return text, [*_features(event), *_sources(event)]


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
        yield f"missing: {', '.join(missing) if isinstance(missing, list) else missing}"


def _sources(event: Mapping[str, Any]) -> Iterator[str]:
    for name, status in event.items():
        if name.startswith(_SOURCE) and name.endswith(".status"):
            source = name.removeprefix(_SOURCE).removesuffix(".status")
            age = event.get(f"{_SOURCE}{source}.age_s")
            old = "" if age is None else f", {duration(age)} old"
            yield f"source: {source} {status}{old}"


def _access(event: Mapping[str, Any], _: Mapping[str, Any]) -> Description:
    took = event.get("event.duration")
    code = event.get("error.code")
    return (
        f"{event.get('http.request.method')} {event.get('url.path')} answered "
        f"{event.get('http.response.status_code')}"
        + (f" in {number(took, NANOSECONDS)}" if took is not None else "")
        + (f" ({code})" if code else "")
    ), []


def _bid(event: Mapping[str, Any], _: Mapping[str, Any]) -> Description:
    value = event.get("ml.bid.value")
    approved = event.get("ml.bid.approved_by_model")
    why = ", approved by the model" if approved else ", although the model rejected it"
    worth = f" of {number(value)}" if value is not None else ""
    return f"bid{worth} placed{'' if approved is None else why}", []


def _outcome(event: Mapping[str, Any], predicted: Mapping[str, Mapping[str, Any]]) -> Description:
    label, value = event.get("ml.outcome.label"), event.get("ml.outcome.value")
    worth = f", worth {number(value)}" if value else ""
    text = f"outcome: {'success' if label else 'no success'}{worth}"
    prediction = predicted.get(str(event.get("ml.prediction.id")))
    if prediction is None:
        return f"{text} (its prediction is not in the logs)", []
    later = parse_time(event["@timestamp"]) - parse_time(prediction["@timestamp"])
    score = prediction["ml.prediction.score"]
    return f"{text}, {duration(later)} after a score of {percent(score)}", []


def _fallback(event: Mapping[str, Any], _: Mapping[str, Any]) -> Description:
    age = event.get("ml.feature_source.age_s")
    old = "" if age is None else f", {duration(age)} old"
    name, reason = event.get("ml.feature_source.name"), event.get("event.reason", "unknown")
    return f"defaults in place of {name}: {reason}{old}", []


def _job(event: Mapping[str, Any], _: Mapping[str, Any]) -> Description:
    outcome, took = event.get("event.outcome"), event.get("event.duration")
    if outcome is None:
        return f"{event.get('ml.job.name')} started", []
    ended = "succeeded" if outcome == "success" else "failed"
    records = event.get("ml.job.records")
    return (
        f"{event.get('ml.job.name')} {ended}"
        + (f" after {number(took, NANOSECONDS)}" if took is not None else "")
        + (f", {records:,} records" if records is not None else "")
    ), []


def _model(event: Mapping[str, Any], _: Mapping[str, Any]) -> Description:
    action = event.get("event.action")
    ended = "failed" if event.get("event.outcome") == "failure" else "succeeded"
    model = " ".join(str(event[n]) for n in ("ml.model.name", "ml.model.version") if n in event)
    metrics = [
        f"{name.removeprefix(_EVALUATION)} {number(value)}"
        for name, value in event.items()
        if name.startswith(_EVALUATION)
    ]
    run = event.get("ml.job.run_id")
    details = [", ".join(metrics)] if metrics else []
    if run:
        details.append(f"by run {run} of {event.get('ml.job.name', 'a job')}")
    return f"{action} of {model or 'a model'} {ended}", details


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
        printable(f"{finding.analyzer} {finding.metric}: {finding.reason}"),
        "critical" if finding.severity.value == "critical" else "warning",
    )
