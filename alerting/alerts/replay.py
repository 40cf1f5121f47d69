"""The alerts that findings amount to, in memory: the machine of each series, nothing stored."""

from __future__ import annotations

from collections import defaultdict
from itertools import groupby
from typing import TYPE_CHECKING

from mlmon.alerting.alerts.state_machine import AlertStateMachine
from mlmon.alerting.policies.policy import policies

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mlmon.alerting.alerts.alert import Alert
    from mlmon.analyzers.base.finding import Finding


def replayed_alerts(findings: Iterable[Finding]) -> Iterator[Alert]:
    """Yield the alerts of some findings by the policies of their analyzers, open ones too."""
    rules = {policy.id: policy for policy in policies()}
    by_series: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        by_series[finding.series].append(finding)
    for found in by_series.values():
        machine, rule = AlertStateMachine(), rules[found[0].analyzer]
        ordered = sorted(found, key=lambda finding: finding.end)
        for _, together in groupby(ordered, key=lambda finding: finding.end):
            yield from machine.take(rule, list(together))
        if machine.alert is not None:
            yield machine.alert
