"""The course of a series: its findings one by one, and the episodes they amount to.

- It opens when the rule begins to hold, and grows as severe as the rule comes to hold. It does not
  grow milder: what was critical is told as critical until it is over.
- It ends when `clear` windows in a row were `ok` and the rule no longer holds.
- `unknown` says nothing: it neither opens an episode nor ends one, however long it goes on, and the
  windows before and after it are neighbours. What still is judged is still there.
- Where nothing at all is said, neither `ok` nor `unknown`, the series is gone: a model version was
  replaced, a feature removed. Its episode ends by absence, `Rule.silence` after the last word.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from mlmon.alerting.episode import Ending, Episode, opened
from mlmon.analyzers.base.finding import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from mlmon.alerting.rules import Rule


@dataclass(slots=True)
class Course:
    """A series on its way through time.

    Args:
        begin: Findings of windows that end by then only count; what came of them is known.
        episode: The episode that was open then, None if there was none.
    """

    begin: datetime | None = None
    episode: Episode | None = None
    _counting: list[Finding] = field(default_factory=list)

    def take(self, rule: Rule, findings: Sequence[Finding]) -> list[Episode]:
        """Go on to the next moment at which windows end; return the episodes that end by then.

        Args:
            rule: The series' rule.
            findings: The series' findings of windows that end together, later than those before.
        """
        end = findings[0].end
        alarms = [finding for finding in findings if finding.severity.rank >= rule.on.rank]
        self._counting = [each for each in self._counting if end < rule.counts_until(each)]
        self._counting += alarms
        if self.begin is not None and end <= self.begin:
            return []
        over = self.past(end)
        level = rule.level(self._counting)
        if self.episode is None and level is not None:
            self.episode = opened(rule, self._counting, level)
        elif self.episode is not None:
            self.episode = _gone_on(self.episode, alarms, findings, level)
        if self.episode is not None:
            known = max(rule.expires(finding) for finding in findings)
            expires = max(self.episode.expires, known)
            self.episode = replace(self.episode, last_finding=end, expires=expires)
            if level is None and self.episode.calm >= rule.clear:
                over.append(self.episode.ending_as(Ending.CALM, end))
                self.episode = None
        return over

    def past(self, moment: datetime) -> list[Episode]:
        """Return the episode that has ended by absence before a moment, if one has."""
        if self.episode is None or moment <= self.episode.expires:
            return []
        over = self.episode.ending_as(Ending.ABSENCE, self.episode.expires)
        self.episode = None
        return [over]


def _gone_on(
    episode: Episode, alarms: list[Finding], findings: Sequence[Finding], level: Severity | None
) -> Episode:
    """Return an open episode after one more moment."""
    if alarms:
        episode = replace(
            episode,
            findings=episode.findings + len(alarms),
            last_alarm=alarms[-1].end,
            calm=0,
        )
    elif any(finding.severity is Severity.OK for finding in findings):
        episode = replace(episode, calm=episode.calm + 1)
    if alarms and level is not None and level.rank > episode.severity.rank:
        reason = max(alarms, key=lambda alarm: alarm.severity.rank).reason
        episode = replace(episode, severity=level, severity_since=findings[0].end, reason=reason)
    return episode
