"""What holds at a moment: the decision that Kibana's rules and Watcher's watches take as well."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from mlmon.alerting.policies.policy import Policy
    from mlmon.analyzers.base.finding import Finding, Severity


def firing(rule: Policy, findings: Iterable[Finding], at: datetime) -> dict[str, Severity]:
    """Return the series for which a rule holds at a moment, each with its level.

    Args:
        rule: The rule.
        findings: The latest findings, of any analyzer and in any order.
        at: The moment; windows that end later are not known then.
    """
    counting: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        if finding.analyzer == rule.id and finding.end <= at < rule.counts_until(finding):
            counting[finding.series].append(finding)
    levels = {series: rule.level(found) for series, found in counting.items()}
    return {series: level for series, level in levels.items() if level is not None}
