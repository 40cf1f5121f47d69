"""The alerts that findings amount to, in memory: the machine of each series, nothing stored."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from itertools import groupby
from typing import TYPE_CHECKING

from mlmon.alerting.alerts.state_machine import AlertStateMachine
from mlmon.alerting.policies.policy import policies
from mlmon.analyzers.base.finding import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from mlmon.alerting.alerts.alert import Alert
    from mlmon.analyzers.base.finding import Finding


def replayed_alerts(findings: Iterable[Finding]) -> Iterator[Alert]:
    """Yield the alerts of some findings by the policies of their analyzers, open ones too."""
    replay = AlertReplay()
    replay.take(findings)
    yield from replay.alerts()


class AlertReplay:
    """Findings on their way to alerts, period by period, so that memory stays flat."""

    def __init__(self) -> None:
        self._rules = {policy.id: policy for policy in policies()}
        self._machines: dict[str, AlertStateMachine] = {}
        self._ended: list[Alert] = []
        self._judged: dict[tuple[str, str | None], dict[str | None, list[datetime]]] = {}

    def take(self, findings: Iterable[Finding]) -> None:
        """Take findings of an analyzer, or of several, that end later than those taken before."""
        by_series: dict[str, list[Finding]] = defaultdict(list)
        for finding in sorted(findings, key=lambda finding: finding.end):
            by_series[finding.series].append(finding)
            if finding.severity is not Severity.UNKNOWN and finding.model_version is not None:
                versions = self._judged.setdefault((finding.analyzer, finding.model_name), {})
                ends = versions.setdefault(finding.model_version, [])
                if not ends or ends[-1] < finding.end:
                    ends.append(finding.end)
        for series, found in by_series.items():
            if series not in self._machines:
                self._machines[series] = AlertStateMachine(replaced=self._replacement)
            machine, rule = self._machines[series], self._rules[found[0].analyzer]
            for _, together in groupby(found, key=lambda finding: finding.end):
                self._ended += machine.take(rule, list(together))

    def alerts(self, until: datetime | None = None) -> list[Alert]:
        """Return the alerts, open ones too.

        Args:
            until: Until when was judged; what was not seen for long enough by then has ended.
        """
        for machine in self._machines.values():
            if until is not None:
                self._ended += machine.past(until)
        standing = [machine.alert for machine in self._machines.values()]
        return [*self._ended, *(alert for alert in standing if alert is not None)]

    def _replacement(self, alert: Alert) -> datetime | None:
        """Return when another version of an alert's model was judged first after it.

        None where its own version was still judged: then only its series is gone.
        """
        versions = self._judged.get((alert.analyzer, alert.model_name), {})
        own = _first_after(versions.get(alert.model_version, []), alert.last_finding)
        if alert.model_version is None or (own is not None and own <= alert.expires):
            return None
        found = [
            first
            for version, ends in versions.items()
            if version != alert.model_version
            if (first := _first_after(ends, alert.last_finding)) is not None
        ]
        return min(found, default=None)


def _first_after(ends: list[datetime], moment: datetime) -> datetime | None:
    place = bisect_right(ends, moment)
    return ends[place] if place < len(ends) else None
