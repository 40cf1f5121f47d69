"""A finding: what one analyzer says about one metric of one subject in one window.

It is stored as one document. Its key names what it is about; its id adds the revision, so that
new knowledge (late logs, late labels) adds a document and the same knowledge replaces its own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeAlias

from mlmon.analyzers.base.digest import digest
from mlmon.analyzers.base.series import series_name
from mlmon.analyzers.base.window import Window, iso, parse_time
from mlmon.formatting import compact_duration

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime


Part: TypeAlias = tuple[str, float, float]
"""Which values, their share of the predictions, and their share of the training set."""


class Severity(StrEnum):
    """How bad a finding is; `unknown` says that nothing can be said, and its reason says why."""

    OK = "ok"
    UNKNOWN = "unknown"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """Place in the order ok, unknown, warning, critical."""
        return list(Severity).index(self)

    @property
    def alarming(self) -> bool:
        """Whether a person should look: warning or critical."""
        return self.rank >= Severity.WARNING.rank


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One verdict.

    Args:
        analyzer: Name of the analyzer.
        metric: What was measured, as the Findings table of ARCHITECTURE.md names it.
        subject: What it was measured of: a path, a feature, a source, a job.
        segment: Part of the traffic, None for all of it.
        service: `service.name` of the events.
        environment: `service.environment`, None where they name none or several.
        model_name: Model, None where the metric belongs to none.
        model_version: Its version.
        start: Begin of the window, UTC, included.
        end: End of the window, UTC, excluded.
        created: When it was learnt.
        value: The measurement, None where there is none.
        low: Lower end of its interval.
        high: Upper end of its interval.
        p_value: Chance of such a value without a change.
        q_value: The same after Benjamini-Hochberg over the window's tests.
        baseline_id: Baseline compared with.
        baseline_value: The same measurement on the baseline or the past.
        sample_count: Events measured.
        baseline_count: Rows of the baseline, or windows of the past, compared with.
        completeness: Share of the window's events that arrived, None where unknown.
        warning: Limit of the severity `warning`.
        critical: Limit of the severity `critical`.
        severity: The verdict.
        reason: One sentence a person can act on.
        parts: What is drawn of a distribution: the sample next to training, in ten parts.
        runbook: Where it is written what to do.
        revision: 1, and one more for each change of knowledge.
        latest: Whether no later revision exists.
    """

    analyzer: str
    metric: str
    subject: str | None
    start: datetime
    end: datetime
    severity: Severity
    reason: str
    segment: str | None = None
    service: str | None = None
    environment: str | None = None
    model_name: str | None = None
    model_version: str | None = None
    created: datetime | None = None
    value: float | None = None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    q_value: float | None = None
    baseline_id: str | None = None
    baseline_value: float | None = None
    sample_count: int | None = None
    baseline_count: int | None = None
    completeness: float | None = None
    warning: float | None = None
    critical: float | None = None
    runbook: str | None = None
    parts: tuple[Part, ...] | None = None
    revision: int = 1
    latest: bool = True

    @property
    def window(self) -> Window:
        """The time it is about."""
        return Window(self.start, self.end)

    @property
    def series(self) -> str:
        """What it is about without the window, in words: findings of one series follow in time."""
        return series_name(
            self.analyzer,
            self.metric,
            subject=self.subject,
            segment=self.segment,
            service=self.service,
            model=self.model_name,
            version=self.model_version,
        )

    @property
    def key(self) -> str:
        """What it is about, as 20 hexadecimal digits: the same for all revisions."""
        return digest(_ABOUT(self))

    @property
    def id(self) -> str:
        """The document's `_id`: key and revision."""
        return f"{self.key}-{self.revision}"

    @property
    def content_digest(self) -> str:
        """What it says, as 20 hexadecimal digits: equal if nothing new is known.

        What has no value takes no part: a field that a later version of mlmon adds, and leaves
        empty, makes no revision of every finding there is.
        """
        said = zip(SAID, _SAID(self), strict=True)
        return digest([each for each in said if each[1] is not None])

    def to_document(self) -> dict[str, Any]:
        """Return the document's source: flat keys, without those that have no value."""
        document: dict[str, Any] = {
            field: value
            for field, value in zip(FIELDS.values(), _ALL(self), strict=True)
            if value is not None and value not in _INFINITE
        }
        document["@timestamp"] = self.end
        for field in _TIMES & document.keys():
            document[field] = iso(document[field])
        document["finding.id"] = self.key
        document["finding.series"] = self.series
        document["finding.content_digest"] = self.content_digest
        document["finding.window"] = compact_duration(self.window.length)
        return document

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Finding:
        """Read what `to_document` wrote; unknown fields are passed over."""
        values: dict[str, Any] = {"subject": None}
        for name, field in FIELDS.items():
            if document.get(field) is not None:
                values[name] = _DECODED.get(name, _same)(document[field])
        return cls(**values)

    def revised(self, revision: int, created: datetime) -> Finding:
        """Return the finding as the given revision, learnt at `created`."""
        return replace(self, revision=revision, created=created, latest=True)


FIELDS = {
    "analyzer": "finding.analyzer",
    "metric": "finding.metric",
    "subject": "finding.subject",
    "segment": "finding.segment",
    "service": "service.name",
    "environment": "service.environment",
    "model_name": "ml.model.name",
    "model_version": "ml.model.version",
    "start": "event.start",
    "end": "event.end",
    "created": "event.created",
    "value": "finding.value",
    "low": "finding.low",
    "high": "finding.high",
    "p_value": "finding.p_value",
    "q_value": "finding.q_value",
    "baseline_id": "finding.baseline.id",
    "baseline_value": "finding.baseline.value",
    "sample_count": "finding.sample.count",
    "baseline_count": "finding.sample.baseline_count",
    "completeness": "finding.sample.completeness",
    "warning": "finding.limits.warning",
    "critical": "finding.limits.critical",
    "severity": "finding.severity",
    "reason": "finding.reason",
    "runbook": "finding.runbook",
    "parts": "finding.parts",
    "revision": "finding.revision",
    "latest": "finding.latest",
}
"""The document's field of each attribute."""

_ALL = attrgetter(*FIELDS)
_ABOUT = attrgetter(
    "analyzer",
    "metric",
    "subject",
    "segment",
    "service",
    "model_name",
    "model_version",
    "start",
    "end",
)
SAID = tuple(name for name in FIELDS if name not in {"created", "revision", "latest"})
_SAID = attrgetter(*SAID)
_TIMES = {"@timestamp", "event.start", "event.end", "event.created"}
# JSON has no such numbers: an end of an interval that is open is left out.
_INFINITE = {math.inf, -math.inf}
_DECODED: dict[str, Callable[[Any], Any]] = {
    "start": parse_time,
    "end": parse_time,
    "created": parse_time,
    "severity": Severity,
    "parts": lambda rows: tuple(map(tuple, rows)),
}

if set(FIELDS) != {field.name for field in fields(Finding)}:
    raise TypeError("FIELDS and the attributes of Finding differ")


def _same(value: Any) -> Any:
    return value
