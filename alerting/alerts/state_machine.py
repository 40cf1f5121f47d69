"""The machine of a series: its findings one by one, and the alerts they amount to.

- It opens when the rule begins to hold, and grows as severe as the rule comes to hold. It does not
  grow milder: what was critical is reported as critical until it is over.
- It ends when `clear` windows in a row were `ok` and the rule no longer holds. A window whose value
  still lies beyond its limit, and is `ok` only because sampling may explain that, neither ends it
  nor starts the count again: the same limit does not open and close an alert on a constant value.
- `unknown` changes nothing: it neither opens nor ends an alert, however long it goes on, and the
  windows before and after it are neighbours. What still is judged is still there.
- Where there are no findings at all, neither `ok` nor `unknown`, nobody judged that all is well, so
  the alert stays open. It ends as replaced, `Policy.silence` after the last finding, where its
  model version is no longer judged and another one is. Else it is closed after `UNSEEN`.
- Its problem began after the last window that was `ok` began. A window that reaches farther back,
  because a day held too little, may point at an earlier fault that is over. Its begin is then
  known to that time only, until a finding in alarm knows it better.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from mlmon.alerting.alerts.alert import Alert, Ending, excess, opened, worst
from mlmon.analyzers.base.finding import Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlmon.alerting.policies.policy import Policy
    from mlmon.analyzers.base.finding import Finding
    from mlmon.analyzers.base.window import Window


Replacement = Callable[[Alert], datetime | None]
"""Given an alert of which nothing was seen until it expired: when another version of its model was
judged first; None where none was, or its own still is."""


def no_replacement(_alert: Alert) -> None:
    """Know of no other version."""


@dataclass(slots=True)
class AlertStateMachine:
    """A series on its way through time.

    Args:
        begin: Findings of windows that end by then only count; what came of them is known.
        alert: The alert that was open then, None if there was none.
        replaced: Finds what took an alert's place.
    """

    begin: datetime | None = None
    alert: Alert | None = None
    replaced: Replacement = no_replacement
    _counting: list[Finding] = field(default_factory=list)
    _ok_windows: list[Window] = field(default_factory=list)

    def take(self, rule: Policy, findings: Sequence[Finding]) -> list[Alert]:
        """Go on to the next moment at which windows end; return the alerts that end by then.

        Args:
            rule: The series' rule.
            findings: The series' findings of windows that end together, later than those before.
        """
        end = findings[0].end
        alarms = [finding for finding in findings if finding.severity.rank >= rule.least.rank]
        self._counting = [finding for finding in self._counting if end < rule.counts_until(finding)]
        self._counting += alarms
        self._ok_windows = [window for window in self._ok_windows if window.end >= end - rule.reach]
        self._ok_windows += [
            finding.window
            for finding in findings
            if rule.overlapping(finding.window)
            and finding.severity is Severity.OK
            and not finding.near_limit
        ]
        if self.begin is not None and end <= self.begin:
            return []
        over = self.past(end)
        level = rule.level(self._counting)
        if self.alert is None and level is not None:
            self.alert = opened(rule, self._counting, level, self._ok_windows)
        elif self.alert is not None:
            self.alert = _continued(self.alert, alarms, findings, level, self._counting)
        if self.alert is not None:
            known = max(rule.expires(finding) for finding in findings)
            expires = max(self.alert.expires, known)
            self.alert = replace(self.alert, last_finding=end, expires=expires)
            if level is None and self.alert.calm >= rule.clear:
                over.append(self.alert.ending_as(Ending.CALM, end))
                self.alert = None
        return over

    def past(self, moment: datetime) -> list[Alert]:
        """Return the alert that has ended before a moment without a finding, if one has."""
        if self.alert is None or moment <= self.alert.expires:
            return []
        ending, at = Ending.ABSENCE, self.alert.unseen_until
        found = self.replaced(self.alert)
        if found is not None and (replaced := max(found, self.alert.expires)) <= at:
            ending, at = Ending.REPLACED, replaced
        if moment <= at:
            return []
        over = self.alert.ending_as(ending, at)
        self.alert = None
        return [over]


def _continued(
    alert: Alert,
    alarms: list[Finding],
    findings: Sequence[Finding],
    level: Severity | None,
    counting: Sequence[Finding],
) -> Alert:
    """Return an open alert after one more moment.

    Args:
        alert: The alert before.
        alarms: The findings of the moment that count.
        findings: All findings of the moment.
        level: The level at which the rule holds now.
        counting: The findings that count now, those of the moment among them.
    """
    if alarms:
        alert = replace(
            alert,
            findings=alert.findings + len(alarms),
            last_alarm=alarms[-1].end,
            latest_reason=alarms[-1].reason,
            calm=0,
        )
        alert = _known_better(alert, alarms)
    elif any(finding.calm for finding in findings):
        alert = replace(alert, calm=alert.calm + 1)
    if alarms and level is not None and level.rank > alert.severity.rank:
        grown = replace(
            alert,
            severity=level,
            severity_since=findings[0].end,
            severity_reason=worst(alarms).reason,
        )
        # The first that was so severe may have been worse than the one that decided it.
        as_severe = [finding for finding in counting if finding.severity.rank >= level.rank]
        alert = _as_bad_as(grown, as_severe)
    elif alarms and (shown := worst(alarms)).severity.rank >= alert.severity.rank:
        alert = _as_bad_as(alert, [shown]) if excess(shown) > alert.excess else alert
    return alert


def _known_better(alert: Alert, alarms: Sequence[Finding]) -> Alert:
    """Return an alert with the onset of a finding that knows it more closely.

    Lines that show it are taken at the opening only: they decide what the alert belongs to.
    """
    for finding in alarms:
        start, end = finding.onset_start, finding.onset_end
        if start is None or end is None or start == end:
            continue
        within = alert.onset_start <= start and end <= alert.onset_end
        if within and end - start < alert.onset_end - alert.onset_start:
            alert = replace(alert, onset_start=start, onset_end=end)
    return alert


def _as_bad_as(alert: Alert, alarms: Sequence[Finding]) -> Alert:
    """Return an alert with the values of its worst finding."""
    shown = worst(alarms)
    return replace(alert, excess=excess(shown), reason=shown.reason, reason_end=shown.end)
