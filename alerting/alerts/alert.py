"""An alert: the time from when a rule began to hold for a series until it was calm again."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from mlmon.analyzers.base.alert_policy import UNSEEN
from mlmon.analyzers.base.digest import digest
from mlmon.analyzers.base.finding import Finding, Severity
from mlmon.analyzers.base.identity import FindingIdentity, Identified
from mlmon.analyzers.base.window import Window, iso, parse_time
from mlmon.analyzers.pages.names import title_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from mlmon.alerting.policies.policy import Policy
    from mlmon.analyzers.base.alert_policy import CauseLayer


class AlertStatus(StrEnum):
    """The state of an alert; `withdrawn`: late logs or labels show that there was none."""

    OPEN = "open"
    RESOLVED = "resolved"
    WITHDRAWN = "withdrawn"


class Ending(StrEnum):
    """Why an alert ended.

    Its windows were ok again; or its model version is no longer judged, and another one is; or
    nothing was seen of it for so long that it was closed without an all clear.
    """

    CALM = "calm"
    REPLACED = "replaced"
    ABSENCE = "absence"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert(Identified):
    """One alert, from its opening to its end.

    Args:
        rule: The rule that held.
        identity: Analyzer, metric, and what was measured: the series it held for.
        layer: The rule's place in the chain of causes.
        environment: `service.environment`, None where the events name none or several.
        since: Begin of the first window that counted when it opened, or of what it added to the one
            before where windows overlap.
        opened: End of the window with which the rule held.
        severity: The worst level at which the rule has held in it.
        severity_since: Since when it is that severe.
        first_start: Begin of the first window that counted.
        first_end: End of that window.
        onset_start: When its problem began, as well as its first findings show.
        onset_end: End of the time in which it began.
        lines_since: Since when lines show it, where that is before its onset.
        excess: How far beyond its limits the worst finding lies: 0 at the warning limit, 1 at the
            critical one.
        reason: The sentence of its worst finding: the most severe, then the farthest beyond.
        reason_end: End of that finding's window.
        latest_reason: The sentence of its last finding in alarm.
        opened_reason: The sentence of the finding with which it opened.
        severity_reason: The sentence of the finding with which it became as severe as it is.
        runbook: Where it is written what to do.
        findings: Findings in it that counted.
        last_alarm: End of the last of them.
        last_finding: End of the last finding of the series, of any severity.
        calm: Windows that were ok since the last that counted.
        expires: When the series counts as replaced if no finding follows and another version of
            its model is judged.
        ended: When it ended, None while it is open.
        ending: Why.
        withdrawn: Whether late data show that there was no alert.
    """

    rule: str
    identity: FindingIdentity
    layer: CauseLayer
    environment: str | None = None
    since: datetime
    opened: datetime
    severity: Severity
    severity_since: datetime
    first_start: datetime
    first_end: datetime
    onset_start: datetime
    onset_end: datetime
    lines_since: datetime | None = None
    excess: float
    reason: str
    reason_end: datetime
    latest_reason: str
    opened_reason: str
    severity_reason: str
    runbook: str | None = None
    findings: int
    last_alarm: datetime
    last_finding: datetime
    calm: int = 0
    expires: datetime
    ended: datetime | None = None
    ending: Ending | None = None
    withdrawn: bool = False

    @property
    def id(self) -> str:
        """The alert's id: rule, series, and when it opened, which no two alerts share."""
        return digest((self.rule, self.series, self.opened))

    @property
    def title(self) -> str:
        """The subject in alarm, such as `Missing values of client_rating, autobid 3`."""
        return title_of(self.identity)

    @property
    def status(self) -> AlertStatus:
        """Whether it is open."""
        if self.withdrawn:
            return AlertStatus.WITHDRAWN
        return AlertStatus.OPEN if self.ended is None else AlertStatus.RESOLVED

    @property
    def worst_finding(self) -> Finding:
        """Its worst finding, as far as links need it: without its value and its limits."""
        return Finding(
            identity=self.identity,
            start=self.reason_end - (self.first_end - self.first_start),
            end=self.reason_end,
            severity=self.severity,
            reason=self.reason,
        )

    @property
    def unseen_until(self) -> datetime:
        """Until when it stays open if no finding follows and nothing takes its place."""
        return max(self.expires, self.last_finding + UNSEEN)

    @property
    def changed(self) -> datetime:
        """Time of the last opening, worsening or end, in the data's time: the same on every run."""
        return self.ended or self.severity_since

    def overlaps(self, other: Alert) -> bool:
        """Return whether both were open at one time."""
        return (other.ended is None or other.ended > self.opened) and (
            self.ended is None or self.ended > other.opened
        )

    def severity_at(self, moment: datetime) -> Severity:
        """Return how severe it was at a moment at which it was open."""
        return self.severity if moment >= self.severity_since else Severity.WARNING

    def to_document(self) -> dict[str, Any]:
        """Return the alert's document: flat keys, without those that have no value."""
        document: dict[str, Any] = {"@timestamp": self.changed, "finding.series": self.series}
        document |= self.identity.fields()
        document |= zip(ALERT_FIELDS.values(), _ALL(self), strict=True)
        document["alert.id"], document["alert.status"] = self.id, self.status
        for name in _TIMES & document.keys():
            document[name] = document[name] and iso(document[name])
        del document[ALERT_FIELDS["withdrawn"]]
        return {name: value for name, value in document.items() if value is not None}

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Alert:
        """Read what `to_document` wrote; other fields are passed over."""
        values = {
            name: _DECODED.get(name, _same)(document[field])
            for name, field in ALERT_FIELDS.items()
            if document.get(field) is not None
        }
        # Alerts of versions that did not look for the onset know its window only.
        values.setdefault("onset_start", values["first_start"])
        values.setdefault("onset_end", values["first_end"])
        values["identity"] = FindingIdentity.from_document(document)
        values["withdrawn"] = document["alert.status"] == AlertStatus.WITHDRAWN
        return cls(**values)

    def ending_as(self, ending: Ending, at: datetime) -> Alert:
        """Return it ended."""
        return replace(self, ended=at, ending=ending)


ALERT_FIELDS = {
    "rule": "alert.name",
    "layer": "alert.layer",
    "environment": "service.environment",
    "since": "event.start",
    "opened": "event.created",
    "severity": "finding.severity",
    "severity_since": "alert.severity_since",
    "first_start": "alert.first_window.start",
    "first_end": "alert.first_window.end",
    "onset_start": "alert.onset.start",
    "onset_end": "alert.onset.end",
    "lines_since": "alert.lines_since",
    "excess": "alert.excess",
    "reason": "finding.reason",
    "reason_end": "alert.worst_at",
    "latest_reason": "alert.latest_reason",
    "opened_reason": "alert.opened_reason",
    "severity_reason": "alert.severity_reason",
    "runbook": "finding.runbook",
    "findings": "alert.findings",
    "last_alarm": "alert.last_alarm",
    "last_finding": "alert.last_finding",
    "calm": "alert.calm",
    "expires": "alert.expires",
    "ended": "event.end",
    "ending": "alert.ending",
    "withdrawn": "alert.withdrawn",
}
"""The document's field of each attribute but the identity; `alert.status` holds `withdrawn`."""

_FARTHEST = 1e6
"""The excess of a value without bound."""

_ALL = attrgetter(*ALERT_FIELDS)
_DATES = (
    "first_start",
    "first_end",
    "onset_start",
    "onset_end",
    "lines_since",
    "reason_end",
    "since",
    "opened",
    "severity_since",
    "last_alarm",
    "last_finding",
    "expires",
    "ended",
)
_TIMES = {"@timestamp", *(ALERT_FIELDS[name] for name in _DATES)}
_DECODED: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(_DATES, parse_time),
    "severity": Severity,
    "ending": Ending,
}

if {*ALERT_FIELDS, "identity"} != {field.name for field in fields(Alert)}:
    raise TypeError("FIELDS and the attributes of Alert differ")


def _same(value: Any) -> Any:
    return value


def opened(
    rule: Policy, counting: Sequence[Finding], level: Severity, ok: Sequence[Window] = ()
) -> Alert:
    """Return the alert that opens with the findings that count, of which the last is the newest.

    Args:
        rule: The rule that holds.
        counting: The findings that count, by their ends.
        level: The level at which it holds.
        ok: Windows shortly before that were ok, of those that overlap the one before.
    """
    newest, first = counting[-1], min(counting, key=lambda finding: finding.end)
    shown = worst([finding for finding in counting if finding.severity.rank >= level.rank])
    onset = _after_ok(min(_onset(rule, finding) for finding in counting), first, ok)
    return Alert(
        rule=rule.id,
        identity=newest.identity,
        layer=rule.layer,
        environment=newest.environment,
        since=min(rule.begin(finding) for finding in counting),
        opened=newest.end,
        severity=level,
        severity_since=newest.end,
        first_start=first.start,
        first_end=first.end,
        onset_start=onset.start,
        onset_end=onset.end,
        lines_since=min(filter(None, (one.lines_since for one in counting)), default=None),
        excess=excess(shown),
        reason=shown.reason,
        reason_end=shown.end,
        latest_reason=newest.reason,
        opened_reason=newest.reason,
        severity_reason=newest.reason,
        runbook=newest.runbook,
        findings=len(counting),
        last_alarm=newest.end,
        last_finding=newest.end,
        expires=newest.end,
    )


def _onset(rule: Policy, finding: Finding) -> Window:
    """Return when what a finding says began: as it says, else in what is new in its window."""
    if finding.onset_start is None or finding.onset_end is None:
        return Window(rule.begin(finding), finding.end)
    return Window(finding.onset_start, finding.onset_end)


def _after_ok(onset: Window, first: Finding, ok: Sequence[Window]) -> Window:
    """Return an onset that lies after the begin of the last window that was ok.

    What began before it, and lasts, would have filled it. That holds for an estimate from windows
    that overlap; a line that shows when it began needs no such bound.
    """
    last = max((window.start for window in ok if window.end < first.end), default=None)
    if last is None or onset.start >= last or onset.start == onset.end:
        return onset
    return Window(last, max(onset.end, first.end))


def worst(findings: Sequence[Finding]) -> Finding:
    """Return the most severe finding, of several the one farthest beyond its limits, the newest."""
    return max(findings, key=lambda finding: (finding.severity.rank, excess(finding), finding.end))


def excess(finding: Finding) -> float:
    """Return how far a finding lies beyond its limits: 0 at the warning limit, 1 at the critical.

    Without a value or limits to compare with, only the severity counts.
    """
    value, warning, critical = finding.value, finding.warning, finding.critical
    if value is None or warning is None or critical is None or warning == critical:
        return float(finding.severity is Severity.CRITICAL)
    if finding.severity.alarming and value < 0 < warning < critical:
        value = -value  # of a metric whose values below zero are as bad
    beyond = (value - warning) / (critical - warning)
    return beyond if math.isfinite(beyond) else _FARTHEST
