"""A finding: one analyzer's verdict on one metric of one subject in one window.

It is stored as one document. Its key is made of identity and window; its id adds the revision, so
that late logs and labels add a document, and the same result replaces its own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeAlias

from mlmon.analyzers.base.digest import digest
from mlmon.analyzers.base.identity import IDENTITY_FIELDS, FindingIdentity, Identified
from mlmon.analyzers.base.window import Window, iso, parse_time
from mlmon.formatting import compact_duration

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime


FindingPart: TypeAlias = tuple[str, float, float]
"""Values with their share of the predictions and of the training set."""


class Severity(StrEnum):
    """Severity of a finding; `unknown` means no verdict, with the reason in the finding."""

    OK = "ok"
    UNKNOWN = "unknown"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """Place in the order ok, unknown, warning, critical."""
        return _RANKS[self]

    @property
    def alarming(self) -> bool:
        """Whether a person should look: warning or critical."""
        return self.rank >= Severity.WARNING.rank


_RANKS = {severity: rank for rank, severity in enumerate(Severity)}
NOT_PROVEN = "beyond the limit, not proven"


def not_proven(reason: str) -> str:
    """Return a sentence about a value beyond its limit whose interval reaches within it.

    >>> not_proven("2 of 27 failed; limit 2 %.")
    '2 of 27 failed; limit 2 %; beyond the limit, not proven: it may be sampling error.'
    """
    return f"{reason.removesuffix('.')}; {NOT_PROVEN}: it may be sampling error."


_EXPLAINED = 0.05
"""p-value above which sampling alone explains a value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding(Identified):
    """One verdict.

    Args:
        identity: Analyzer, metric, and what was measured.
        environment: `service.environment`, None where the events name none or several.
        start: Start of the window, UTC, included.
        end: End of the window, UTC, excluded.
        created: When the revision was stored.
        value: The measurement, None where there is none.
        low: Lower end of its interval.
        high: Upper end of its interval.
        p_value: Probability of such a value without a change.
        q_value: The same after Benjamini-Hochberg over the window's tests.
        baseline_id: Baseline compared with.
        baseline_value: The same measurement on the baseline or the past.
        sample_count: Events measured.
        baseline_count: Rows of the baseline, or windows of the past, compared with.
        completeness: Share of the window's events that arrived, None where unknown.
        maturity: Share of the labels to be expected that are known, None where nearly all are or
            the value needs none: an immature value is biased, and late labels revise it.
        warning: Limit of the severity `warning`.
        critical: Limit of the severity `critical`.
        severity: The verdict.
        certain: True where an alarm leaves so little to doubt that its window alone opens an alert
            (`base/certain.py`); else None.
        reason: One sentence a person can act on.
        onset_start: When the problem began, as well as the analyzer knows; None where the
            window is all that is known.
        onset_end: End of the time in which it began.
        lines_since: Since when lines show it, where that is before its onset: of runs that a job
            missed, its last start; else None.
        parts: What is drawn of a distribution: the sample next to training, in ten parts.
        runbook: Path of the page that says what to do.
        revision: 1, and one more each time late logs or labels changed it.
        latest: Whether no later revision exists.
    """

    identity: FindingIdentity
    start: datetime
    end: datetime
    severity: Severity
    reason: str
    environment: str | None = None
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
    maturity: float | None = None
    warning: float | None = None
    critical: float | None = None
    certain: bool | None = None
    runbook: str | None = None
    onset_start: datetime | None = None
    onset_end: datetime | None = None
    lines_since: datetime | None = None
    parts: tuple[FindingPart, ...] | None = None
    revision: int = 1
    latest: bool = True

    @property
    def window(self) -> Window:
        """The time it is about."""
        return Window(self.start, self.end)

    @property
    def near_limit(self) -> bool:
        """Whether the value lies beyond the limit of a warning, its conservative end within."""
        value, warning, critical = self.value, self.warning, self.critical
        if value is None or warning is None or critical is None:
            return False
        # The other end may be open, as that of a percentile of few requests.
        if critical >= warning:
            return self.low is not None and self.low < warning <= value
        return self.high is not None and value <= warning < self.high

    @property
    def calm(self) -> bool:
        """Whether it counts towards the end of an alert.

        It is `ok` and not near its limit, or nothing shows that the value moved: no change explains
        it as well, and only buckets hide whether it lies beyond the limit.
        """
        if not self.near_limit:
            return self.severity is Severity.OK
        complete = self.completeness is None or self.completeness >= 1.0
        explained = self.p_value is not None and self.p_value > _EXPLAINED
        return explained and complete and not self.severity.alarming

    @classmethod
    def of(cls, **values: Any) -> Finding:
        """Return a finding from its attributes, those of its identity among them."""
        about = {name: values.pop(name) for name in IDENTITY_FIELDS if name in values}
        return cls(identity=FindingIdentity(**about), **values)

    @property
    def key(self) -> str:
        """Identity and window, as 20 hexadecimal digits: the same for all revisions."""
        return digest(_KEY(self))

    @property
    def id(self) -> str:
        """The document's `_id`: key and revision."""
        return f"{self.key}-{self.revision}"

    @property
    def content_digest(self) -> str:
        """The content as 20 hexadecimal digits: equal if nothing changed.

        Attributes without a value are left out: a field that a later version of mlmon adds, and
        leaves empty, makes no revision of every finding there is.
        """
        content = zip(CONTENT, _CONTENT(self), strict=True)
        return digest([pair for pair in content if pair[1] is not None])

    def to_document(self) -> dict[str, Any]:
        """Return the document's source: flat keys, without those that have no value."""
        document: dict[str, Any] = {
            field: value
            for field, value in zip(FINDING_FIELDS.values(), _ALL(self), strict=True)
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
        values: dict[str, Any] = {}
        for name, field in FINDING_FIELDS.items():
            if document.get(field) is not None:
                values[name] = _DECODED.get(name, _same)(document[field])
        return cls.of(**values)

    def revised(self, revision: int, created: datetime) -> Finding:
        """Return the finding as the given revision, stored at `created`."""
        return replace(self, revision=revision, created=created, latest=True)


FINDING_FIELDS = {
    **{name: IDENTITY_FIELDS[name] for name in ("analyzer", "metric", "subject", "segment")},
    "service": IDENTITY_FIELDS["service"],
    "environment": "service.environment",
    **{name: IDENTITY_FIELDS[name] for name in ("model_name", "model_version")},
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
    "maturity": "finding.sample.maturity",
    "warning": "finding.limits.warning",
    "critical": "finding.limits.critical",
    "severity": "finding.severity",
    "certain": "finding.certain",
    "reason": "finding.reason",
    "runbook": "finding.runbook",
    "onset_start": "finding.onset.start",
    "onset_end": "finding.onset.end",
    "lines_since": "finding.lines_since",
    "parts": "finding.parts",
    "revision": "finding.revision",
    "latest": "finding.latest",
}
"""The document's field of each attribute."""

_ALL = attrgetter(*FINDING_FIELDS)
_KEY = attrgetter(*IDENTITY_FIELDS, "start", "end")
CONTENT = tuple(name for name in FINDING_FIELDS if name not in {"created", "revision", "latest"})
_CONTENT = attrgetter(*CONTENT)
_DATES = ("start", "end", "created", "onset_start", "onset_end", "lines_since")
_TIMES = {"@timestamp", *(FINDING_FIELDS[name] for name in _DATES)}
# JSON has no such numbers: an end of an interval that is open is left out.
_INFINITE = {math.inf, -math.inf}
_DECODED: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(_DATES, parse_time),
    "severity": Severity,
    "parts": lambda rows: tuple(map(tuple, rows)),
}

if set(FINDING_FIELDS) != {field.name for field in fields(Finding)} - {"identity"} | set(
    IDENTITY_FIELDS
):
    raise TypeError("FINDING_FIELDS and the attributes of Finding differ")


def _same(value: Any) -> Any:
    return value
